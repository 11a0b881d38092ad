"""Intervals whose ends are rounded outwards, so that the true value lies between them.

Source: Moore, "Interval Analysis", 1966. An end is a raw number of mpmath (`mpf._mpf_`): its
exponent is an integer without bound, so exp(1e308) and exp(−1e308) are numbers like others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from mpmath import libmp

#: The lower and the upper end.
Interval: TypeAlias = tuple[Any, Any]

WHOLE: Interval = (libmp.fninf, libmp.finf)
#: A condition that may hold or not, and the values of a sine.
EITHER, UNIT = (libmp.fzero, libmp.fone), (libmp.fnone, libmp.fone)
#: Beyond ±2^FARTHEST, exp and the functions made of it are bounded, not computed: their exponents
#: would have more bits than this. Neither is a sine: it would need as many bits of π.
FARTHEST = 1 << 16
#: The words with values from −1 to 1 and no limit where their argument is unbounded.
PERIODIC = frozenset({"sin", "cos"})


class Intervals:
    """Arithmetic on intervals with ends of `precision` bits: a method for each word of formulas.

    A comparison is True, False, or [0, 1] where the intervals leave it open. Numbers no further
    apart than `floor` are equal.
    """

    def __init__(self, precision: int, floor: Any = libmp.fzero) -> None:
        self.precision = precision
        self.floor = floor

    def literal(self, leaf: str | float) -> Interval:
        if leaf == "π":
            return libmp.mpf_pi(self.precision, "f"), libmp.mpf_pi(self.precision, "c")
        if isinstance(leaf, str):
            low, high = (libmp.from_str(leaf, self.precision, side) for side in "fc")
            return low, high
        return degenerate(libmp.from_int(leaf) if isinstance(leaf, int) else libmp.from_float(leaf))

    def add(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_add(u, v, self.precision))

    def subtract(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_sub(u, v, self.precision))

    def multiply(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_mul(u, v, self.precision))

    def divide(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_div(u, v, self.precision))

    def reciprocal(self, u: Interval) -> Interval:
        return self.divide(degenerate(libmp.fone), u)

    def power(self, u: Interval, n: Interval) -> Interval:
        return _interval(libmp.mpi_pow_int(u, int(libmp.to_int(n[0])), self.precision))

    def exp(self, u: Interval) -> Interval:
        return self._increasing(_exp, u)

    def expm1(self, u: Interval) -> Interval:
        return self._increasing(_expm1, u)

    def log(self, u: Interval) -> Interval:
        return self._logarithm(libmp.mpf_log, u, libmp.fzero)

    def log1p(self, u: Interval) -> Interval:
        return self._logarithm(_log1p, u, libmp.fnone)

    def sqrt(self, u: Interval) -> Interval:
        low, high = (libmp.mpf_sign(end) >= 0 for end in u)
        return (
            libmp.mpf_sqrt(u[0], self.precision, "f") if low else libmp.fzero,
            libmp.mpf_sqrt(u[1], self.precision, "c") if high else libmp.finf,
        )

    def tanh(self, u: Interval) -> Interval:
        return self._increasing(libmp.mpf_tanh, u)

    def sinh(self, u: Interval) -> Interval:
        return self._increasing(_sinh, u)

    def cosh(self, u: Interval) -> Interval:
        return self._increasing(_cosh, self.absolute(u))

    def erf(self, u: Interval) -> Interval:
        return self._increasing(_erf, u)

    def erfc(self, u: Interval) -> Interval:
        return self._increasing(_erfc_of_negative, (libmp.mpf_neg(u[1]), libmp.mpf_neg(u[0])))

    def atan(self, u: Interval) -> Interval:
        return self._increasing(libmp.mpf_atan, u)

    def sin(self, u: Interval) -> Interval:
        return self._periodic(libmp.mpf_sin, u, libmp.fhalf)

    def cos(self, u: Interval) -> Interval:
        return self._periodic(libmp.mpf_cos, u, libmp.fzero)

    def absolute(self, u: Interval) -> Interval:
        return _interval(libmp.mpi_abs(u, self.precision))

    def sign(self, u: Interval) -> Interval:
        low, high = (libmp.from_int(libmp.mpf_sign(end)) for end in u)
        return low, high

    def maximum(self, u: Interval, v: Interval) -> Interval:
        return _larger(u[0], v[0]), _larger(u[1], v[1])

    def minimum(self, u: Interval, v: Interval) -> Interval:
        return _smaller(u[0], v[0]), _smaller(u[1], v[1])

    def where(self, condition: bool | Interval, then: Interval, other: Interval) -> Interval:
        if isinstance(condition, bool):
            return then if condition else other
        return hull(then, other)

    def above(self, u: Interval, v: Interval) -> bool | Interval:
        if libmp.mpf_gt(u[0], v[1]):
            return True
        if libmp.mpf_le(u[1], v[0]):
            return False
        low, high = hull(u, v)
        return False if libmp.mpf_le(libmp.mpf_sub(high, low, 20, "u"), self.floor) else EITHER

    def not_above(self, u: Interval, v: Interval) -> bool | Interval:
        higher = self.above(u, v)
        return not higher if isinstance(higher, bool) else higher

    def _increasing(
        self, near: Callable[[Any, int], Any], u: Interval, farthest: float = FARTHEST
    ) -> Interval:
        """An increasing function, bounded beyond ±2^farthest by its limits at ±∞."""
        low, high = u
        if magnitude(low) > farthest:
            low = libmp.fninf if low[0] else _FAR
        if magnitude(high) > farthest:
            high = libmp.mpf_neg(_FAR) if high[0] else libmp.finf
        below = near(low, self.precision + 10)
        above = below if low == high else near(high, self.precision + 10)
        return self._outwards(below, low, "f"), self._outwards(above, high, "c")

    def _logarithm(self, near: Callable[[Any, int], Any], u: Interval, pole: Any) -> Interval:
        """An end at the pole or below it claims nothing: −∞ may be reached, or no value exist."""
        if libmp.mpf_gt(u[0], pole):
            return self._increasing(near, u, math.inf)
        if libmp.mpf_le(u[1], pole):
            return WHOLE
        return libmp.fninf, self._increasing(near, (u[1], u[1]), math.inf)[1]

    def _periodic(self, near: Callable[[Any, int], Any], u: Interval, offset: Any) -> Interval:
        """A function with the extrema (−1)^k at π·(k + offset), k = 0, ±1, ±2, …"""
        size = max(map(magnitude, u))
        if size > FARTHEST or is_unbounded(u):
            return UNIT
        precision = self.precision + max(size, 0) + 10
        pi = libmp.mpf_pi(precision, "f"), libmp.mpf_pi(precision, "c")
        turns = libmp.mpi_div(u, pi, precision)
        low, high = libmp.mpi_sub(turns, (offset, offset), precision)
        first, last = libmp.mpf_ceil(low), libmp.mpf_floor(high)
        if libmp.mpf_lt(first, last):
            return UNIT
        ends = [near(end, self.precision + 10) for end in u]
        low = self._outwards(_smaller(*ends), u[0], "f")
        high = self._outwards(_larger(*ends), u[0], "c")
        if first == last:
            extremum = libmp.fnone if int(libmp.to_int(first)) % 2 else libmp.fone
            low, high = hull((low, high), degenerate(extremum))
        return _larger(low, libmp.fnone), _smaller(high, libmp.fone)

    def _outwards(self, result: Any, value: Any, side: str) -> Any:
        """A function's result at a value with its last bits given away, to the side asked.

        mpmath's own rounding to a side is not strict.
        """
        if not value[1] and result[1] <= 1:  # exact: 0, ±1, 2 or ±∞, of an argument 0 or ±∞
            return result
        slack = libmp.mpf_shift(libmp.mpf_abs(result), -self.precision)
        widen = libmp.mpf_add if side == "c" else libmp.mpf_sub
        return widen(result, slack, self.precision, side)


class Limits(Intervals):
    """Arithmetic on limits: an interval holds every limit point of a value as x grows.

    An end may be approached from either side. So it decides no comparison with what touches it,
    1/0 may be of either sign, and 0·∞ and ∞ − ∞ may be anything.
    """

    def multiply(self, u: Interval, v: Interval) -> Interval:
        for factor, other in ((u, v), (v, u)):
            if touches_zero(factor) and is_unbounded(other):
                return WHOLE
        return super().multiply(u, v)

    def divide(self, u: Interval, v: Interval) -> Interval:
        return self.multiply(u, self.reciprocal(v))

    def reciprocal(self, u: Interval) -> Interval:
        return WHOLE if touches_zero(u) else super().divide(degenerate(libmp.fone), u)

    def sqrt(self, u: Interval) -> Interval:
        low, high = super().sqrt(u)
        return low, libmp.finf if touches_zero(u) else high

    def sign(self, u: Interval) -> Interval:
        return UNIT if touches_zero(u) else super().sign(u)

    def above(self, u: Interval, v: Interval) -> bool | Interval:
        if libmp.mpf_gt(u[0], v[1]):
            return True
        return False if libmp.mpf_lt(u[1], v[0]) else EITHER


_FAR = libmp.from_man_exp(1, FARTHEST)


def degenerate(value: Any) -> Interval:
    """The interval of one raw number: both ends are that number."""
    return value, value


def magnitude(value: Any) -> int:
    """The n for which 2^(n−1) ≤ |value| < 2^n; negative for 0 and ±∞, which have none."""
    _, _, exponent, bitcount = value
    return int(exponent + bitcount)


def hull(u: Interval, v: Interval) -> Interval:
    """The smallest interval that holds both."""
    return _smaller(u[0], v[0]), _larger(u[1], v[1])


def touches_zero(u: Interval) -> bool:
    """Whether 0 is in the interval, its ends included."""
    return bool(libmp.mpf_sign(u[0]) <= 0 <= libmp.mpf_sign(u[1]))


def is_unbounded(u: Interval) -> bool:
    """Whether an end is infinite."""
    return u[0] in WHOLE or u[1] in WHOLE


def _interval(ends: Any) -> Interval:
    low, high = ends
    return low, high


def _smaller(u: Any, v: Any) -> Any:
    return u if libmp.mpf_le(u, v) else v


def _larger(u: Any, v: Any) -> Any:
    return v if libmp.mpf_le(u, v) else u


# What follows is right to a few units of the last of so many bits, relative to the result.


def _exp(value: Any, precision: int) -> Any:
    """exp(u) = 2ⁿ·exp(u − n·log 2). mpmath multiplies out eⁿ for an integer u, taking seconds."""
    size = magnitude(value)
    if size < 64 or not value[1]:
        return libmp.mpf_exp(value, precision)
    wide = precision + size + 20
    log2 = libmp.mpf_ln2(wide)
    n = int(libmp.to_int(libmp.mpf_div(value, log2, wide)))
    rest = libmp.mpf_sub(value, libmp.mpf_mul(libmp.from_int(n), log2), wide)
    return libmp.mpf_shift(libmp.mpf_exp(rest, precision), n)


def _expm1(value: Any, precision: int) -> Any:
    """exp(u) − 1, with the digits that cancel; for |u| < 2^−precision, u itself."""
    lost = -magnitude(value) if value[1] else 0
    if lost > precision + 10:
        return value
    return libmp.mpf_sub(_exp(value, precision + max(lost, 0) + 10), libmp.fone, precision)


def _log1p(value: Any, precision: int) -> Any:
    """log(1 + u), with 1 + u exact where that counts; for |u| < 2^−precision, u itself."""
    if value[1] and magnitude(value) < -precision - 10:
        return value
    wide = 2 * precision + 20 + max(value[3], 0)
    return libmp.mpf_log(libmp.mpf_add(libmp.fone, value, wide), precision)


def _sinh(value: Any, precision: int) -> Any:
    if not value[1] or magnitude(value) < 5:
        return libmp.mpf_sinh(value, precision)
    large = _exp(libmp.mpf_abs(value), precision + 10)
    half = libmp.mpf_sub(large, libmp.mpf_div(libmp.fone, large, precision), precision)
    return libmp.mpf_shift(libmp.mpf_neg(half) if value[0] else half, -1)


def _cosh(value: Any, precision: int) -> Any:
    large = _exp(libmp.mpf_abs(value), precision + 10)
    inverse = libmp.mpf_div(libmp.fone, large, precision)
    return libmp.mpf_shift(libmp.mpf_add(large, inverse, precision), -1)


def _erf(value: Any, precision: int) -> Any:
    """1 − erfc(|u|) with no more digits of erfc than show in it; erf's own series is slow there."""
    size = libmp.mpf_abs(value)
    if not 2 < magnitude(value) < 16:
        return libmp.mpf_erf(value, precision)
    # erfc(u) < exp(−u²) = 2^(−1.44…·u²)
    shown = max(precision - int(1.44 * libmp.to_int(size) ** 2), 0) + 10
    near = libmp.mpf_sub(libmp.fone, libmp.mpf_erfc(size, shown), precision)
    return libmp.mpf_neg(near) if value[0] else near


def _erfc_of_negative(value: Any, precision: int) -> Any:
    """erfc(−u), which increases."""
    if not value[1] or magnitude(value) <= 2:
        return libmp.mpf_erfc(libmp.mpf_neg(value), precision)
    if not value[0]:
        return libmp.mpf_add(libmp.fone, _erf(value, precision), precision)
    if magnitude(value) < 16:
        return libmp.mpf_erfc(libmp.mpf_neg(value), precision)
    return _erfc_far(libmp.mpf_neg(value), precision)


def _erfc_far(u: Any, precision: int) -> Any:
    """exp(−u²)/(u·√π)·(1 − 1/(2u²) + 1·3/(2u²)² − …), each term less than 2^−30 of the last."""
    wide = precision + 20
    square = libmp.mpf_mul(u, u)
    ratio = libmp.mpf_div(libmp.fnone, libmp.mpf_shift(square, 1), wide)
    term = total = libmp.fone
    for odd in range(1, 2 * wide // 30 + 2, 2):
        term = libmp.mpf_mul(libmp.mpf_mul_int(term, odd, wide), ratio, wide)
        total = libmp.mpf_add(total, term, wide)
    scale = libmp.mpf_mul(u, libmp.mpf_sqrt(libmp.mpf_pi(wide), wide), wide)
    decay = _exp(libmp.mpf_neg(square), wide)
    return libmp.mpf_div(libmp.mpf_mul(decay, total, wide), scale, precision)
