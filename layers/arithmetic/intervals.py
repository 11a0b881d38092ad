"""Intervals whose ends are rounded outwards, so that the true value lies between them.

Source: Moore, "Interval Analysis", 1966. An end is a raw number of mpmath (`mpf._mpf_`): its
exponent is an integer without bound, so exp(1e308) and exp(−1e308) are numbers like others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from mpmath import libmp
from mpmath.libmp.libmpf import mpf_min_max

#: The lower and the upper end.
Interval: TypeAlias = tuple[Any, Any]

WHOLE: Interval = (libmp.fninf, libmp.finf)
#: A condition that may hold or not, and the values of a sine.
EITHER, UNIT = (libmp.fzero, libmp.fone), (libmp.fnone, libmp.fone)
#: Numbers that agree to so many bits are equal in a comparison.
SAME = 1200
#: Beyond ±2^FARTHEST, exp and the functions made of it are bounded, not computed: their exponents
#: would have more bits than this. Neither is a sine: it would need as many bits of π.
FARTHEST = 1 << 16
#: The words without a limit where their argument is unbounded, and the values that they have there.
PERIODIC = {"sin": UNIT, "cos": UNIT, "tan": WHOLE}
#: A function of a raw number, right to a few units of the last of the bits asked.
Near: TypeAlias = Callable[[Any, int], Any]
_FAR = libmp.from_man_exp(1, FARTHEST)


def degenerate(value: Any) -> Interval:
    """The interval of one raw number: both ends are that number."""
    return value, value


def magnitude(value: Any) -> int:
    """The n for which 2^(n−1) ≤ |value| < 2^n; 0 for 0 and negative for ±∞, which have none."""
    _, _, exponent, bitcount = value
    return int(exponent + bitcount)


def hull(*intervals: Interval) -> Interval:
    """The smallest interval that holds them all."""
    low, high = mpf_min_max([end for interval in intervals for end in interval])
    return low, high


def touches_zero(u: Interval) -> bool:
    """Whether 0 is in the interval, its ends included."""
    return bool(libmp.mpf_sign(u[0]) <= 0 <= libmp.mpf_sign(u[1]))


def is_unbounded(u: Interval) -> bool:
    """Whether an end is infinite."""
    return u[0] in WHOLE or u[1] in WHOLE


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
    """log(1 + u), with enough digits of 1 + u for a small u; for |u| < 2^−precision, u itself."""
    if value[1] and magnitude(value) < -precision - 10:
        return value
    wide = 2 * precision + 20 + max(value[3], 0)
    return libmp.mpf_log(libmp.mpf_add(libmp.fone, value, wide), precision)


def _cosh(value: Any, precision: int, combine: Any = libmp.mpf_add) -> Any:
    """(exp(u) + exp(−u))/2, or their difference/2 if `combine` subtracts."""
    large = _exp(value, precision + 10)
    small = libmp.mpf_div(libmp.fone, large, precision + 10)
    return libmp.mpf_shift(combine(large, small, precision), -1)


def _sinh(value: Any, precision: int) -> Any:
    if magnitude(value) < 5:
        return libmp.mpf_sinh(value, precision)
    return _cosh(value, precision, libmp.mpf_sub)


def _erf(value: Any, precision: int) -> Any:
    """±(1 − erfc(|u|)), with the digits of erfc that affect it; the series of erf is slow there."""
    size = libmp.mpf_abs(value)
    if not 2 < magnitude(value) < 16:
        return libmp.mpf_erf(value, precision)
    # erfc(u) < exp(−u²) = 2^(−1.44…·u²)
    shown = max(precision - int(1.44 * libmp.to_int(size) ** 2), 0) + 10
    near = libmp.mpf_sub(libmp.fone, libmp.mpf_erfc(size, shown), precision)
    return libmp.mpf_neg(near) if value[0] else near


def _erfc(value: Any, precision: int) -> Any:
    """From 2¹⁵ on exp(−u²)/(u·√π)·(1 − 1/(2u²) + 1·3/(2u²)² − …), each term < 2^−30 of the last."""
    if value[0] and magnitude(value) > 2:
        return libmp.mpf_add(libmp.fone, _erf(libmp.mpf_neg(value), precision), precision)
    if magnitude(value) < 16:
        return libmp.mpf_erfc(value, precision)
    wide = precision + 20
    square = libmp.mpf_mul(value, value)
    ratio = libmp.mpf_div(libmp.fnone, libmp.mpf_shift(square, 1), wide)
    term = total = libmp.fone
    for odd in range(1, 2 * wide // 30 + 2, 2):
        term = libmp.mpf_mul(libmp.mpf_mul_int(term, odd, wide), ratio, wide)
        total = libmp.mpf_add(total, term, wide)
    scale = libmp.mpf_mul(value, libmp.mpf_sqrt(libmp.mpf_pi(wide), wide), wide)
    decay = _exp(libmp.mpf_neg(square), wide)
    return libmp.mpf_div(libmp.mpf_mul(decay, total, wide), scale, precision)


def _outwards(result: Any, value: Any, precision: int, side: str) -> Any:
    """A function's result at a value, moved to the side asked by more than its error.

    mpmath's own rounding to a side is not strict.
    """
    if not value[1] and result[1] <= 1:  # exact: 0, ±1, 2 or ±∞, of an argument 0 or ±∞
        return result
    slack = libmp.mpf_shift(libmp.mpf_abs(result), -precision)
    widen = libmp.mpf_add if side == "c" else libmp.mpf_sub
    return widen(result, slack, precision, side)


def _arithmetic(operation: Callable[..., Any]) -> Callable[..., Interval]:
    """An operation that mpmath has on intervals."""
    return lambda self, *inputs: operation(*inputs, self.precision)


def _increasing(near: Near, farthest: float = FARTHEST) -> Callable[..., Interval]:
    """An increasing function, bounded beyond ±2^farthest by its limits at ±∞."""
    # exp(2^FARTHEST) takes milliseconds, and every number beyond it asks for it.
    at_farthest = lru_cache(near)

    def at(value: Any, precision: int) -> Any:
        return (at_farthest if magnitude(value) > farthest else near)(value, precision)

    def read(self: Intervals, u: Interval) -> Interval:
        low, high = u
        if magnitude(low) > farthest:
            low = libmp.fninf if low[0] else _FAR
        if magnitude(high) > farthest:
            high = libmp.mpf_neg(_FAR) if high[0] else libmp.finf
        below = at(low, self.precision + 10)
        above = below if low == high else at(high, self.precision + 10)
        return (
            _outwards(below, low, self.precision, "f"),
            _outwards(above, high, self.precision, "c"),
        )

    return read


def _logarithm(near: Near, pole: Any) -> Callable[..., Interval]:
    """With an end at the pole or below it nothing is claimed: the value may be −∞, or not exist."""
    increasing = _increasing(near, math.inf)

    def read(self: Intervals, u: Interval) -> Interval:
        if libmp.mpf_gt(u[0], pole):
            return increasing(self, u)
        if libmp.mpf_le(u[1], pole):
            return WHOLE
        return libmp.fninf, increasing(self, degenerate(u[1]))[1]

    return read


def _periodic(near: Near, offset: Any) -> Callable[..., Interval]:
    """A function with the extrema (−1)^k at π·(k + offset), k = 0, ±1, ±2, …"""

    def read(self: Intervals, u: Interval) -> Interval:
        size = max(map(magnitude, u))
        if size > FARTHEST or is_unbounded(u):
            return UNIT
        precision = self.precision + max(size, 0) + 10
        pi = libmp.mpf_pi(precision, "f"), libmp.mpf_pi(precision, "c")
        turns = libmp.mpi_div(u, pi, precision)
        low, high = libmp.mpi_sub(turns, degenerate(offset), precision)
        first, last = libmp.mpf_ceil(low), libmp.mpf_floor(high)
        if libmp.mpf_lt(first, last):
            return UNIT
        low, high = mpf_min_max([near(end, self.precision + 10) for end in u])
        low = _outwards(low, u[0], self.precision, "f")
        high = _outwards(high, u[0], self.precision, "c")
        if first == last:
            extremum = libmp.fnone if int(libmp.to_int(first)) % 2 else libmp.fone
            low, high = hull((low, high), degenerate(extremum))
        return mpf_min_max([low, libmp.fnone])[1], mpf_min_max([high, libmp.fone])[0]

    return read


def _asin(value: Any, precision: int) -> Any:
    """asin(u). At ±1 it is ±π/2, for which mpmath sums a slow series."""
    if libmp.mpf_abs(value) != libmp.fone:
        return libmp.mpf_asin(value, precision)
    quarter = libmp.mpf_shift(libmp.mpf_pi(precision), -1)
    return libmp.mpf_neg(quarter) if value[0] else quarter


def _arc(near: Near, side: int) -> Callable[..., Interval]:
    """asin or acos on the part of an interval from −1 to 1; `side` is the sign of its slope."""

    def read(self: Intervals, u: Interval) -> Interval:
        if libmp.mpf_gt(u[0], libmp.fone) or libmp.mpf_lt(u[1], libmp.fnone):
            return WHOLE
        low, high = mpf_min_max([u[0], libmp.fnone])[1], mpf_min_max([u[1], libmp.fone])[0]
        low, high = (low, high) if side > 0 else (high, low)
        below, above = (near(end, self.precision + 10) for end in (low, high))
        return (
            _outwards(below, low, self.precision, "f"),
            _outwards(above, high, self.precision, "c"),
        )

    return read


class Intervals:
    """Arithmetic on intervals with ends of `precision` bits: a method for each word of formulas.

    A comparison is True, False, or [0, 1] where the intervals leave it open. Numbers no further
    apart than `floor`, or than 2^−SAME of themselves, are equal.
    """

    def __init__(self, precision: int, floor: Any = libmp.fzero) -> None:
        self.precision = precision
        self.floor = floor

    add = _arithmetic(libmp.mpi_add)
    subtract = _arithmetic(libmp.mpi_sub)
    multiply = _arithmetic(libmp.mpi_mul)
    divide = _arithmetic(libmp.mpi_div)
    absolute = _arithmetic(libmp.mpi_abs)
    exp = _increasing(_exp)
    expm1 = _increasing(_expm1)
    log = _logarithm(libmp.mpf_log, libmp.fzero)
    log1p = _logarithm(_log1p, libmp.fnone)
    tanh = _increasing(libmp.mpf_tanh)
    sinh = _increasing(_sinh)
    erf = _increasing(_erf)
    atan = _increasing(libmp.mpf_atan)
    sin = _periodic(libmp.mpf_sin, libmp.fhalf)
    cos = _periodic(libmp.mpf_cos, libmp.fzero)
    asin = _arc(_asin, 1)
    acos = _arc(libmp.mpf_acos, -1)

    def tan(self, u: Interval) -> Interval:
        return self.divide(self.sin(u), self.cos(u))

    def cosh(self, u: Interval) -> Interval:
        return _increasing(_cosh)(self, self.absolute(u))

    def erfc(self, u: Interval) -> Interval:
        falling = _increasing(lambda end, precision: _erfc(libmp.mpf_neg(end), precision))
        return falling(self, libmp.mpi_neg(u))

    def literal(self, leaf: str | float) -> Interval:
        if leaf == "π":
            return libmp.mpf_pi(self.precision, "f"), libmp.mpf_pi(self.precision, "c")
        if isinstance(leaf, str):
            low, high = (libmp.from_str(leaf, self.precision, side) for side in "fc")
            return low, high
        return degenerate(libmp.from_int(leaf) if isinstance(leaf, int) else libmp.from_float(leaf))

    def reciprocal(self, u: Interval) -> Interval:
        return self.divide(degenerate(libmp.fone), u)

    def power(self, u: Interval, n: Interval) -> Any:
        return libmp.mpi_pow_int(u, int(libmp.to_int(n[0])), self.precision)

    def real_power(self, u: Interval, v: Interval) -> Interval:
        """exp(v·log(u)) of the part of u that is not negative.

        An exponent of whole halves is a power of √u, which is exact where √u is.
        """
        low, high = u
        halves = libmp.mpf_shift(v[0], 1)
        if v[0] == v[1] and halves[2] >= 0 and magnitude(halves) < 20 and not is_unbounded(v):
            exponent = int(libmp.to_int(halves))
            power = libmp.mpi_pow_int(self.sqrt(u), exponent, self.precision)
            return WHOLE if libmp.mpf_sign(high) < 0 else power
        if libmp.mpf_sign(low) > 0:
            return self.exp(self.multiply(v, self.log(u)))
        if libmp.mpf_sign(high) < 0 or touches_zero(v):
            return WHOLE
        is_falling = libmp.mpf_sign(v[0]) < 0
        if high == libmp.fzero:
            return WHOLE if is_falling else degenerate(high)
        least, most = self.exp(self.multiply(v, self.log(degenerate(high))))
        return (least, libmp.finf) if is_falling else (libmp.fzero, most)

    def sqrt(self, u: Interval) -> Interval:
        low, high = (libmp.mpf_sign(end) >= 0 for end in u)
        return (
            libmp.mpf_sqrt(u[0], self.precision, "f") if low else libmp.fzero,
            libmp.mpf_sqrt(u[1], self.precision, "c") if high else libmp.finf,
        )

    def sign(self, u: Interval) -> Interval:
        low, high = (libmp.from_int(libmp.mpf_sign(end)) for end in u)
        return low, high

    def maximum(self, u: Interval, v: Interval) -> Interval:
        low, high = (mpf_min_max(ends)[1] for ends in zip(u, v, strict=True))
        return low, high

    def minimum(self, u: Interval, v: Interval) -> Interval:
        low, high = (mpf_min_max(ends)[0] for ends in zip(u, v, strict=True))
        return low, high

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
        gap = libmp.mpf_sub(high, low, 20, "u")
        smaller = min(libmp.mpf_abs(low), libmp.mpf_abs(high), key=magnitude)
        same = libmp.mpf_le(gap, self.floor) or libmp.mpf_le(gap, libmp.mpf_shift(smaller, -SAME))
        return False if same else EITHER

    def not_above(self, u: Interval, v: Interval) -> bool | Interval:
        higher = self.above(u, v)
        return not higher if isinstance(higher, bool) else higher


class Limits(Intervals):
    """Arithmetic on limits: an interval holds every limit point of a value as x grows.

    An end may be approached from either side. Therefore a comparison of limits that touch is
    undecided, 1/0 may be of either sign, and 0·∞ and ∞ − ∞ may be anything.
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
