"""Errors in units in the last place (ULP), defined for every float.

One ULP is the distance from the dtype's number n that is nearest to the exact value t to the next
number on the side of the result. Except at a power of two this is the spacing in the binade of t:
2^(e − p + 1) for 2^e ≤ |t| < 2^(e+1) and a dtype of p bits. Where n is a power of two, the spacing
below it is half of that above. Below the smallest normal number the ULP is the spacing of the
subnormal numbers. Beyond the largest binade it is the spacing in that binade. The error of a result
is therefore ½ ULP at most if and only if no number of the dtype is nearer to t.

A value overflows if it would round to a number beyond the largest one: in a dtype whose largest
number is 2^emax·(2 − 2^(1−p)), from 2^emax·(2 − 2^−p) on. The largest number of float8_e4m3fn is
448, and the next would be 480; the tie 464 goes to 448, whose last bit is 0. Overflow gives an
infinity, or in the 8-bit floats nan or the largest number, as chosen. Any other result is wrong
there, and an infinite result is wrong everywhere else.

The only 0 of the fnuz dtypes has no sign, so a value of either sign may underflow to it.

Source: Muller et al., "Handbook of floating-point arithmetic", 2018, 2.3.2. Its definitions by
Harrison and by Kahan have one unit at a power of two, whichever side the result is on.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from mpmath import libmp, mp, mpf

from actgrad.layers.arithmetic import balls
from actgrad.layers.arrays import Array, finfo
from actgrad.layers.casting import overflow_of

#: A value that is below a power of two by less than 2^−SAME of it has the exponent of that power.
#: Its errors in ULP are the same with both exponents.
SAME = 100
#: The exponent of a value that is smaller than every dtype's numbers, and the exponent of 0.
NOWHERE, ZERO = -5000, -5001


class FloatFormat(NamedTuple):
    """A binary floating-point dtype: its bits of precision and the exponents of normal numbers."""

    dtype: np.dtype[Any]
    precision: int
    least: int
    most: int
    #: The largest number.
    largest: float
    #: What a value beyond it becomes: "nan", "saturate" (the largest number) or "inf".
    overflow_gives: str = "inf"
    #: Whether it has a 0 of either sign.
    has_signed_zero: bool = True

    @classmethod
    def of(cls, dtype: np.dtype[Any]) -> FloatFormat:
        """The format of a dtype that layers compute in, with the `overflow_of` that dtype."""
        about, gives = finfo(dtype), overflow_of(dtype)
        exponents = int(about.minexp), int(about.maxexp) - 1
        is_unsigned = dtype.name.endswith("fnuz")
        precision = int(about.nmant) + 1
        return cls(dtype, precision, *exponents, float(about.max), gives, not is_unsigned)

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
        """The tie between the largest number and what would be the next; inf for float64."""
        return math.inf if self.most > 1022 else self.largest + math.ldexp(1, self._half)

    @property
    def tie_overflows(self) -> bool:
        """Whether that tie overflows: the largest number ends in a 1."""
        return self._whole % 2 == 1

    @property
    def beyond(self) -> float:
        """What a value of this size gives: an infinity, nan or the largest number."""
        return {"nan": math.nan, "saturate": self.largest, "inf": math.inf}[self.overflow_gives]

    @property
    def has_infinity(self) -> bool:
        """Whether the encoding after that of the largest number is an infinity."""
        return self._whole + 1 == 2**self.precision and self.has_signed_zero

    @property
    def _half(self) -> int:
        """The n of half of the largest spacing, 2^n."""
        return self.most - self.precision

    @property
    def _whole(self) -> int:
        """The largest number in the largest spacing."""
        return int(math.ldexp(self.largest, -self._half - 1))

    def overflows(self, truth: mpf) -> bool:
        """Whether an exact value rounds to a number beyond the largest one."""
        tie = libmp.from_man_exp(2 * self._whole + 1, self._half)
        order = libmp.mpf_cmp(libmp.mpf_abs(truth._mpf_), tie)
        return bool(order > 0 or (order == 0 and self.tie_overflows))

    def ulp_exponent(self, exponent: int) -> int:
        """The n of the ULP, 2^n, of exact values with this exponent."""
        return min(max(exponent, self.least), self.most) - self.precision + 1

    @property
    def bits(self) -> np.dtype[Any]:
        """The unsigned integers that hold its bits."""
        return np.dtype(f"u{self.dtype.itemsize}")


class Truths(NamedTuple):
    """Exact values, each as the nearest float64 and its distance from it.

    A value that overflows in the dtype is ±inf. A 0 has the sign of the result it belongs to.
    """

    value: Array
    #: The n for which 2^n ≤ |truth| < 2^(n+1); SAME states the exception.
    exponent: Array
    #: truth − value, in ULP.
    offset: Array
    #: A bound on the error of the exact value, in ULP; not finite where it is not known.
    radius: Any = 0.0
    #: Whether the exact value may be on either side of a power of two: `exponent` may be 1 off.
    straddles: Any = False


def truth_of(truth: mpf, float_format: FloatFormat) -> tuple[float, int, float]:
    """One exact value as `Truths` has it: value, exponent and offset."""
    raw = truth._mpf_
    sign, mantissa, exponent, bitcount = raw
    if not mantissa:
        if raw == libmp.fzero:
            return 0.0, ZERO, 0.0
        return float(truth), float_format.most, 0.0
    below = (1 << bitcount) - mantissa <= (1 << bitcount) >> SAME
    place = exponent + bitcount - 1 + below
    side = -1.0 if sign else 1.0
    if place > float_format.most or (place == float_format.most and float_format.overflows(truth)):
        return side * math.inf, float_format.most, 0.0
    if place < NOWHERE:
        return side * 0.0, NOWHERE, 0.0
    value = math.copysign(float(truth), side)
    lacking = libmp.mpf_sub(raw, libmp.from_float(value))
    offset = libmp.mpf_shift(lacking, -float_format.ulp_exponent(place))
    return value, place, float(libmp.to_float(offset))


def truths(ball: balls.Ball, signs: Array, float_format: FloatFormat) -> Truths:
    """The centres of the balls as truths, with their radii; a 0 gets the sign of `signs`."""
    hi, lo, radius = (np.broadcast_to(np.asarray(part, float), signs.shape) for part in ball)
    with np.errstate(all="ignore"):
        size, low, radius = np.abs(hi), np.copysign(1, hi) * lo, radius * balls.UP
        bits = size.view(np.int64)
        power = (bits & (0x7FF << 52)).view(np.float64)
        # Both differences are exact; adding the second term rounds once.
        over, under = (size - power) + (low + power * 2.0**-SAME), (2 * power - size) - low
        straddles = (radius > 0) & ((np.abs(over) <= radius) | (np.abs(under) <= radius))
        is_zero = (hi == 0) & (radius == 0)
        exponent = np.where(is_zero, ZERO, (bits >> 52) - 1023 - (over < 0))
        above = (size - float_format.overflow) + low
        unknown = ~np.isfinite(hi + lo) | (radius > 0) & (
            (size <= radius) | (np.abs(above) <= radius)
        )
        value = np.where(is_zero, np.copysign(0, signs), hi)
        beyond = above >= 0 if float_format.tie_overflows else above > 0
        value = np.where(beyond, np.copysign(np.inf, hi), value)
        offset, off = in_ulp(lo, exponent, float_format), in_ulp(radius, exponent, float_format)
    return Truths(value, exponent, offset, np.where(unknown, np.inf, off), straddles)


def spacing(truth: mpf, float_format: FloatFormat) -> mpf:
    """One ULP of the dtype at an exact value."""
    _, place, _ = truth_of(truth, float_format)
    return mpf(2) ** float_format.ulp_exponent(place)


def nearest(truth: mpf, float_format: FloatFormat) -> float:
    """The number of the dtype that is nearest to an exact value; ties go to even."""
    value, place, _ = truth_of(truth, float_format)
    if not math.isfinite(value) or place <= NOWHERE:
        return value
    ulp = float_format.ulp_exponent(place)
    whole = libmp.mpf_nint(libmp.mpf_shift(truth._mpf_, -ulp))
    rounded = float(mp.make_mpf(libmp.mpf_shift(whole, ulp)))
    return math.copysign(rounded, value)


def errors(got: Array, truths: Truths, float_format: FloatFormat) -> Array:
    """|got − truth| in ULP for finite values, got being float64; else inf or nan."""
    return np.asarray(distances(got, truths, float_format) * units(got, truths, float_format)[0])


def distances(got: Array, truths: Truths, float_format: FloatFormat) -> Array:
    """|got − truth| in spacings of the truth's binade; for what is not finite, inf or nan."""
    off = in_ulp(got - truths.value, truths.exponent, float_format) - truths.offset
    return np.asarray(np.abs(off))


def units(got: Array, truths: Truths, float_format: FloatFormat) -> tuple[Any, Any]:
    """How many ULP the spacing in the truth's binade is, and whether the radius leaves that open.

    It is 2 or ½ where the nearest number is a power of two with the result on its other side.
    """
    # The results of these exponents and no others have another spacing on one side.
    normal = np.clip(truths.exponent, float_format.least, float_format.most)
    low, size = np.ldexp(1.0, normal), np.abs(got)
    indices = np.flatnonzero((size < low) | (size / 2 > low))
    if not indices.size:
        return 1.0, False
    exponent, low = truths.exponent[indices], low[indices]
    value, offset = truths.value[indices], truths.offset[indices]
    over = in_ulp(np.abs(value) - low, exponent, float_format) + np.copysign(1, value) * offset
    below = (size[indices] < low) & (exponent > float_format.least)
    above = (exponent >= float_format.least) & (exponent < float_format.most) & ~below
    to_power = np.where(below, over, 2.0 ** (float_format.precision - 1) - over)
    radius = np.broadcast_to(truths.radius, got.shape)[indices]
    factors, is_open = np.ones(got.shape), np.zeros(got.shape, bool)
    factors[indices] = np.where(to_power <= 0.5, np.where(below, 2.0, np.where(above, 0.5, 1.0)), 1)
    is_open[indices] = (below | above) & (np.abs(to_power - 0.5) <= radius)
    return factors, is_open


def is_nearest(got: Array, truths: Truths, float_format: FloatFormat) -> Array:
    """Whether each finite result is the number nearest to the truth, of two the even one.

    Both of the two count where the radius leaves open whether the truth is between them.
    """
    unit, _ = units(got, truths, float_format)
    distance = in_ulp(got - truths.value, truths.exponent, float_format) * unit
    offset = truths.offset * unit
    side = np.sign(distance - offset)
    # Near ½ both sides are exact, where the distance itself would be rounded to ½.
    more, less = side * distance - 0.5, side * offset
    odd = got.astype(float_format.dtype).view(float_format.bits) & 1
    return np.asarray((more < less) | ((more == less) & ((odd == 0) | (truths.radius > 0))))


def in_ulp(size: Any, exponent: Array, float_format: FloatFormat) -> Array:
    """A distance in ULP, for exact values of these exponents."""
    shift = float_format.precision - 1 - np.clip(exponent, float_format.least, float_format.most)
    return np.asarray(np.ldexp(size, shift.astype(np.int32)))


def in_bits(value: float, float_format: FloatFormat) -> str:
    """The bits of a number of the dtype, in hexadecimal: `0x3f80`."""
    bits = int(np.array(value).astype(float_format.dtype).reshape(1).view(float_format.bits)[0])
    return f"0x{bits:0{2 * float_format.dtype.itemsize}x}"


def ordered(values: Array, float_format: FloatFormat) -> Array:
    """Whole numbers in the order of the dtype's numbers; neighbours are one apart.

    −0 and 0 are both 0. nan is beyond the infinities, or beyond the largest number.
    """
    bits = values.view(float_format.bits).astype(np.int64)
    if float_format.dtype.itemsize == 8:
        return np.where(bits < 0, -(bits & np.int64(2**63 - 1)), bits)
    top = 1 << (8 * float_format.dtype.itemsize - 1)
    is_negative = bits >= top if float_format.has_signed_zero else bits > top
    return np.where(is_negative, top - bits, bits)


def largest_place(float_format: FloatFormat) -> int:
    """The place of the largest number in the order of `ordered`."""
    return int(
        ordered(np.array([float_format.largest]).astype(float_format.dtype), float_format)[0]
    )


def unordered(places: Array, float_format: FloatFormat) -> Array:
    """The dtype's numbers for whole numbers of `ordered`."""
    top = np.uint64(1 << (8 * float_format.dtype.itemsize - 1))
    size = np.abs(places).astype(np.uint64)
    return np.where(places < 0, size | top, size).astype(float_format.bits).view(float_format.dtype)
