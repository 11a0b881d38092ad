"""Intervals of any precision, with ends that are rounded outward.

An interval is a pair (low, high) of mpmath's raw floats. Every function returns an interval that
contains all values of the function on its arguments. A comparison that the arguments leave open is
[0, 1]. Exponents are whole numbers without bound: exp(1e308) and exp(-1e308) are ordinary numbers.

Source: Moore, "Interval analysis", 1966.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from mpmath import libmp

Interval: TypeAlias = tuple[Any, Any]

#: sin and cos of a number of 2 to this or more are read as [−1, 1]: reducing it takes as many bits.
LONGEST = 1 << 14
EVERYTHING: Interval = (libmp.fninf, libmp.finf)
ZERO_TO_ONE: Interval = (libmp.fzero, libmp.fone)
WITHIN_ONE: Interval = (libmp.fnone, libmp.fone)


class Intervals:
    """The words of the vocabulary on intervals with ends of `precision` bits.

    Two numbers that are closer than `floor`, a raw mpmath float, are equal in comparisons. sin and
    cos of a number of 2^longest or more are read as [−1, 1].
    """

    def __init__(self, precision: int, floor: Any, longest: int = LONGEST) -> None:
        self.precision, self.floor, self.longest = precision, floor, longest

    def literal(self, leaf: str | float) -> Interval:
        """A number: an int and a float are exact, a decimal's text is rounded outward."""
        if leaf == "π":
            return libmp.mpf_pi(self.precision, "f"), libmp.mpf_pi(self.precision, "c")
        if isinstance(leaf, str):
            return (
                libmp.from_str(leaf, self.precision, "f"),
                libmp.from_str(leaf, self.precision, "c"),
            )
        return point(libmp.from_int(leaf) if isinstance(leaf, int) else libmp.from_float(leaf))

    def add(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_add(u, v, self.precision))

    def subtract(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_sub(u, v, self.precision))

    def multiply(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_mul(u, v, self.precision))

    def divide(self, u: Interval, v: Interval) -> Interval:
        return _interval(libmp.mpi_div(u, v, self.precision))

    def reciprocal(self, u: Interval) -> Interval:
        return self.divide(point(libmp.fone), u)

    def power(self, u: Interval, n: Interval) -> Interval:
        return _interval(libmp.mpi_pow_int(u, int(libmp.to_int(n[0])), self.precision))

    def exp(self, u: Interval) -> Interval:
        return self._increasing(_exp, u)

    def expm1(self, u: Interval) -> Interval:
        return self._increasing(_expm1, u)

    def log(self, u: Interval) -> Interval:
        return self._increasing(_log, u)

    def log1p(self, u: Interval) -> Interval:
        return self._increasing(_log1p, u)

    def sqrt(self, u: Interval) -> Interval:
        return self._increasing(_sqrt, u)

    def sinh(self, u: Interval) -> Interval:
        return self._increasing(_sinh, u)

    def cosh(self, u: Interval) -> Interval:
        """cosh is even, and increasing in |u|."""
        return self._increasing(_cosh, self.absolute(u))

    def tanh(self, u: Interval) -> Interval:
        return self._increasing(_tanh, u)

    def atan(self, u: Interval) -> Interval:
        return self._increasing(_atan, u)

    def erf(self, u: Interval) -> Interval:
        return self._increasing(_erf, u)

    def erfc(self, u: Interval) -> Interval:
        """erfc is decreasing."""
        return _erfc(u[1], self.precision, "f"), _erfc(u[0], self.precision, "c")

    def sin(self, u: Interval) -> Interval:
        return self._wave(_sin, u, libmp.fhalf)

    def cos(self, u: Interval) -> Interval:
        return self._wave(_cos, u, libmp.fzero)

    def absolute(self, u: Interval) -> Interval:
        return _interval(libmp.mpi_abs(u, self.precision))

    def sign(self, u: Interval) -> Interval:
        low, high = (libmp.from_int(libmp.mpf_sign(end)) for end in u)
        return low, high

    def maximum(self, u: Interval, v: Interval) -> Interval:
        return larger(u[0], v[0]), larger(u[1], v[1])

    def minimum(self, u: Interval, v: Interval) -> Interval:
        return smaller(u[0], v[0]), smaller(u[1], v[1])

    def above(self, u: Interval, v: Interval) -> bool | Interval:
        """Whether u > v; [0, 1] if the intervals leave it open."""
        if libmp.mpf_gt(u[0], v[1]):
            return True
        if libmp.mpf_le(u[1], v[0]):
            return False
        low, high = hull(u, v)
        equal = libmp.mpf_le(libmp.mpf_sub(high, low, 20, "u"), self.floor)
        return False if equal else ZERO_TO_ONE

    def not_above(self, u: Interval, v: Interval) -> bool | Interval:
        """Whether u ≤ v; [0, 1] if the intervals leave it open."""
        is_above = self.above(u, v)
        return not is_above if isinstance(is_above, bool) else is_above

    def where(self, condition: bool | Interval, u: Interval, v: Interval) -> Interval:
        """u or v; an open condition gives the smallest interval that contains both."""
        if isinstance(condition, bool):
            return u if condition else v
        return hull(u, v)

    def _increasing(self, end: Callable[[Any, int, str], Any], u: Interval) -> Interval:
        return end(u[0], self.precision, "f"), end(u[1], self.precision, "c")

    def _wave(self, value: Callable[[Any, int, str], Any], u: Interval, peak: Any) -> Interval:
        """sin or cos, whose value at (n + peak)·π is (−1)ⁿ: an extremum for each n inside u."""
        bits = max(magnitude(end) for end in u)
        if bits > self.longest or not {*u}.isdisjoint(EVERYTHING):
            return WITHIN_ONE
        precision = self.precision + max(bits, 0)
        pi = libmp.mpf_pi(precision, "f"), libmp.mpf_pi(precision, "c")
        turns = libmp.mpi_sub(libmp.mpi_div(u, pi, precision), point(peak), precision)
        first, last = libmp.mpf_ceil(turns[0]), libmp.mpf_floor(turns[1])
        if libmp.mpf_lt(first, last):
            return WITHIN_ONE
        ends = [(value(end, self.precision, "f"), value(end, self.precision, "c")) for end in u]
        low, high = hull(*ends)
        if first == last:
            low, high = (libmp.fnone, high) if libmp.to_int(first) % 2 else (low, libmp.fone)
        return larger(low, libmp.fnone), smaller(high, libmp.fone)


def point(value: Any) -> Interval:
    """The interval of one raw number."""
    return value, value


def hull(u: Interval, v: Interval) -> Interval:
    """The smallest interval that contains both."""
    return smaller(u[0], v[0]), larger(u[1], v[1])


def smaller(u: Any, v: Any) -> Any:
    """The smaller of two raw numbers."""
    return u if libmp.mpf_le(u, v) else v


def larger(u: Any, v: Any) -> Any:
    """The larger of two raw numbers."""
    return v if libmp.mpf_le(u, v) else u


def magnitude(value: Any) -> int:
    """The n for which 2^(n−1) ≤ |value| < 2^n."""
    _, _, exponent, bits = value
    return int(exponent + bits)


def _interval(ends: Any) -> Interval:
    low, high = ends
    return low, high


def _outward(function: Callable[[Any, int], Any]) -> Callable[[Any, int, str], Any]:
    """An end of `function`, rounded outward by its last bits: mpmath's directed rounding of
    functions is not strict.
    """

    def end(value: Any, precision: int, side: str) -> Any:
        near = function(value, precision + 10)
        slack = libmp.mpf_shift(libmp.mpf_abs(near), -precision)
        widen = libmp.mpf_add if side == "c" else libmp.mpf_sub
        return widen(near, slack, precision, side)

    return end


def _exact_at_0(
    end: Callable[[Any, int, str], Any], value_at_0: Any
) -> Callable[[Any, int, str], Any]:
    """`end`, with the exact value of the function at 0."""
    return lambda value, precision, side: (
        value_at_0 if value == libmp.fzero else end(value, precision, side)
    )


def _exp_near(value: Any, precision: int) -> Any:
    """exp(u) = 2ⁿ·exp(u − n·log 2). mpmath multiplies out eⁿ for a whole u, which takes seconds."""
    size = magnitude(value)
    if size < 64 or not value[1]:
        return libmp.mpf_exp(value, precision)
    wide = precision + 2 * size
    log2 = libmp.mpf_ln2(wide)
    n = int(libmp.to_int(libmp.mpf_div(value, log2, wide)))
    rest = libmp.mpf_sub(value, libmp.mpf_mul(libmp.from_int(n), log2), wide)
    return libmp.mpf_shift(libmp.mpf_exp(rest, precision), n)


def _expm1_near(value: Any, precision: int) -> Any:
    """exp(u) − 1, where exp(u) has as many more bits as cancel; next to 0 it is u."""
    if magnitude(value) < -precision:
        return value
    cancelled = max(-magnitude(value), 0) + 10
    return libmp.mpf_sub(_exp_near(value, precision + cancelled), libmp.fone, precision)


def _sinh_near(value: Any, precision: int) -> Any:
    """(expm1(u) + expm1(u)/exp(u))/2, in which nothing cancels for u ≥ 0; sinh is odd."""
    size = libmp.mpf_abs(value)
    rise = _expm1_near(size, precision + 10)
    fall = libmp.mpf_div(rise, libmp.mpf_add(rise, libmp.fone, precision + 10), precision + 10)
    near = libmp.mpf_shift(libmp.mpf_add(rise, fall, precision), -1)
    return libmp.mpf_neg(near) if value[0] else near


def _cosh_near(value: Any, precision: int) -> Any:
    rise = _exp_near(value, precision + 10)
    fall = libmp.mpf_div(libmp.fone, rise, precision + 10)
    return libmp.mpf_shift(libmp.mpf_add(rise, fall, precision), -1)


def _erf_near(value: Any, precision: int) -> Any:
    """1 − erfc(|u|) with the bits of erfc that show in it; erf's own series is slow there."""
    size = libmp.mpf_abs(value)
    if not 2 < magnitude(value) < 16:
        return libmp.mpf_erf(value, precision)
    # erfc(u) < exp(−u²) = 2^(−1.44…·u²)
    shown = max(precision - int(1.44 * libmp.to_int(size) ** 2), 0) + 10
    near = libmp.mpf_sub(libmp.fone, libmp.mpf_erfc(size, shown), precision)
    return libmp.mpf_neg(near) if value[0] else near


def _log1p_near(value: Any, precision: int) -> Any:
    """log(1 + u); next to 0 it is u, and 1 + u would need as many bits as u is small."""
    if magnitude(value) < -precision:
        return value
    wide = precision if magnitude(value) > 64 else 0
    return libmp.mpf_log(libmp.mpf_add(value, libmp.fone, wide), precision)


def _log(end: Any, precision: int, side: str) -> Any:
    """An end that is not above 0 bounds nothing: the logarithm has a pole at 0."""
    if libmp.mpf_sign(end) > 0:
        return _log_outward(end, precision, side)
    return EVERYTHING[side == "c"]


def _log1p(end: Any, precision: int, side: str) -> Any:
    """An end that is not above −1 bounds nothing: the logarithm has a pole there."""
    if libmp.mpf_gt(end, libmp.fnone):
        return _log1p_outward(end, precision, side)
    return EVERYTHING[side == "c"]


def _erfc(end: Any, precision: int, side: str) -> Any:
    """Beyond 2¹⁶ erfc lies between 0 and exp(−u²)."""
    if magnitude(end) < 16 or end[0]:
        return _erfc_outward(end, precision, side)
    return libmp.fzero if side == "f" else _exp(libmp.mpf_neg(libmp.mpf_mul(end, end)), 20, side)


def _sqrt(end: Any, precision: int, side: str) -> Any:
    if libmp.mpf_sign(end) >= 0:
        return libmp.mpf_sqrt(end, precision, side)
    return libmp.fzero if side == "f" else libmp.finf


_exp = _exact_at_0(_outward(_exp_near), libmp.fone)
_expm1 = _exact_at_0(_outward(_expm1_near), libmp.fzero)
_sinh = _exact_at_0(_outward(_sinh_near), libmp.fzero)
_cosh = _exact_at_0(_outward(_cosh_near), libmp.fone)
_log_outward = _outward(libmp.mpf_log)
_log1p_outward = _exact_at_0(_outward(_log1p_near), libmp.fzero)
_tanh = _outward(libmp.mpf_tanh)
_atan = _outward(libmp.mpf_atan)
_erf = _outward(_erf_near)
_erfc_outward = _outward(
    lambda value, precision: (
        libmp.mpf_erfc(value, precision) if magnitude(value) < 16 else libmp.from_int(2)
    )
)
_sin = _outward(libmp.mpf_sin)
_cos = _outward(libmp.mpf_cos)
