"""Distances from the truth, in units in the last place, where every float has an answer.

One ULP is the spacing of a dtype's numbers in the truth's binade: 2^(e − p + 1) for a truth of
2^e ≤ |t| < 2^(e+1) and a dtype of p bits. Below the smallest normal number it stays what it is
there, and beyond the largest binade what it is in that one. So a correctly rounded result is off
by ½ at most, everywhere: at binade edges the truth decides, not the result.

A truth of 2^emax·(2 − 2^−p) or more rounds to infinity; a finite result is wrong there, and an
infinite one everywhere else.

Source: Muller et al., "Handbook of floating-point arithmetic", 2018, 2.3.2.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from mpmath import libmp, mp, mpf

from actgrad.layers.arrays import Array

#: What is less than 2^−SAME of a power of two below it counts as that, and has its ULP.
SAME = 100
#: Stand for the exponent of what is smaller than any dtype's numbers, and of 0 itself.
NOWHERE, ZERO = -5000, -5001


class FloatFormat(NamedTuple):
    """A binary floating-point dtype: its bits of precision and the exponents of normal numbers."""

    dtype: np.dtype[Any]
    precision: int
    least: int
    most: int

    @classmethod
    def of(cls, dtype: np.dtype[Any]) -> FloatFormat:
        """The format of a dtype that layers compute in."""
        if dtype.name == "bfloat16":
            return cls(dtype, 8, -126, 127)
        about = np.finfo(dtype)
        return cls(dtype, int(about.nmant) + 1, int(about.minexp), int(about.maxexp) - 1)

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return math.ldexp(1.0, self.least)

    @property
    def quantum(self) -> float:
        """The smallest subnormal number."""
        return math.ldexp(1.0, self.least - self.precision + 1)

    @property
    def overflow(self) -> float:
        """From here on a truth rounds to infinity; inf in float64, which cannot hold it."""
        if self.most > 1022:
            return math.inf
        return math.ldexp(2 - 2.0**-self.precision, self.most)

    @property
    def bits(self) -> np.dtype[Any]:
        """The unsigned integers that hold its bits."""
        return np.dtype(f"u{self.dtype.itemsize}")


class Truths(NamedTuple):
    """Exact values, each as the float64 next to it and what that lacks.

    A value that rounds to ±inf in the dtype is ±inf; a 0 has the sign of the result it stands for.
    """

    value: Array
    #: The n for which 2^n ≤ |truth| < 2^(n+1), but for 2^−SAME of it.
    exponent: Array
    #: truth − value, in ULP.
    offset: Array
    #: How far from that the truth may be, in ULP; what is not finite says that it is not known.
    radius: Any = 0.0
    #: Whether the truth may lie in the binade next to `exponent`'s.
    torn: Any = False


def truth_of(truth: mpf, kind: FloatFormat) -> tuple[float, int, float]:
    """One exact value as `Truths` holds it."""
    raw = truth._mpf_
    sign, mantissa, exponent, bitcount = raw
    if not mantissa:
        if raw == libmp.fzero:
            return 0.0, ZERO, 0.0
        return float(truth), kind.most, 0.0
    below = (1 << bitcount) - mantissa <= (1 << bitcount) >> SAME
    place = exponent + bitcount - 1 + below
    side = -1.0 if sign else 1.0
    if place > kind.most or (place == kind.most and _rounds_to_infinity(truth, kind)):
        return side * math.inf, kind.most, 0.0
    if place < NOWHERE:
        return side * 0.0, NOWHERE, 0.0
    value = math.copysign(float(truth), side)
    lacking = libmp.mpf_sub(raw, libmp.from_float(value))
    spacing = max(place, kind.least) - kind.precision + 1
    return value, place, float(libmp.to_float(libmp.mpf_shift(lacking, -spacing)))


def _rounds_to_infinity(truth: mpf, kind: FloatFormat) -> bool:
    limit = libmp.from_man_exp((1 << (kind.precision + 1)) - 1, kind.most - kind.precision)
    return bool(libmp.mpf_ge(libmp.mpf_abs(truth._mpf_), limit))


def nearest(truth: mpf, kind: FloatFormat) -> float:
    """The number of the dtype that is nearest to an exact value, of two the even one."""
    value, place, _ = truth_of(truth, kind)
    if not math.isfinite(value) or place <= NOWHERE:
        return value
    spacing = max(place, kind.least) - kind.precision + 1
    whole = libmp.mpf_nint(libmp.mpf_shift(truth._mpf_, -spacing))
    rounded = float(mp.make_mpf(libmp.mpf_shift(whole, spacing)))
    return math.copysign(rounded, value)


def errors(got: Array, truths: Truths, kind: FloatFormat) -> Array:
    """|got − truth| in ULP, for finite truths and results as float64; else inf or nan."""
    return np.asarray(np.abs(in_ulp(got - truths.value, truths.exponent, kind) - truths.offset))


def in_ulp(size: Any, exponent: Array, kind: FloatFormat) -> Array:
    """A distance in ULP of truths of those exponents."""
    shift = kind.precision - 1 - np.clip(exponent, kind.least, kind.most)
    return np.asarray(np.ldexp(size, shift.astype(np.int32)))


def in_bits(value: float, kind: FloatFormat) -> str:
    """A number of the dtype by its bits: `0x3f80`."""
    bits = int(np.array(value).astype(kind.dtype).reshape(1).view(kind.bits)[0])
    return f"0x{bits:0{2 * kind.dtype.itemsize}x}"


def ordered(values: Array, kind: FloatFormat) -> Array:
    """Whole numbers in the order of the dtype's numbers, one apart where these are neighbours.

    −0 and 0 are both 0, and nan lies beyond the infinities.
    """
    bits = values.view(kind.bits).astype(np.int64)
    if kind.dtype.itemsize == 8:
        return np.where(bits < 0, -(bits & np.int64(2**63 - 1)), bits)
    top = 1 << (8 * kind.dtype.itemsize - 1)
    return np.where(bits >= top, top - bits, bits)


def unordered(places: Array, kind: FloatFormat) -> Array:
    """The dtype's numbers in those places of `ordered`."""
    top = np.uint64(1 << (8 * kind.dtype.itemsize - 1))
    size = np.abs(places).astype(np.uint64)
    return np.where(places < 0, size | top, size).astype(kind.bits).view(kind.dtype)
