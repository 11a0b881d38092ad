"""Double-double numbers: the unevaluated sum hi + lo of two float64, for twice the precision.

An exponential multiplies the relative error of its argument by that argument: exp(−700) of an
argument that was rounded once is off by hundreds of ULP. A sum or a product of this file keeps its
rounding error in lo.

Source: Dekker, "A floating-point technique for extending the available precision", 1971; Knuth,
"The Art of Computer Programming", vol. 2, 4.2.2.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array, scratch
from actgrad.layers.casting import round_into
from actgrad.layers.parameter import Number

DoubleDouble: TypeAlias = tuple[float, float]

#: Below this argument exp is near the subnormals, where it loses digits.
DEEP = -690.0
#: Below this size the lo of a product is subnormal and no longer exact.
SMALL = 2.0**-900
#: The bits of a float64 that are 0 where it is halfway between two numbers of a narrower dtype.
TIE = 0x0FFFFFFF


def double_double(value: Number) -> DoubleDouble:
    """A constant as hi + lo, right to 106 bits."""
    hi = float(value)
    return hi, float(Fraction(value) - Fraction(hi))


def two_sum(a: Array, b: Array | float) -> tuple[Array, Array]:
    """a + b exactly; where it overflows, lo is nan."""
    hi = a + b
    part = hi - a
    return hi, (a - (hi - part)) + (b - part)


def two_product(a: Array, b: Array | float) -> tuple[Array, Array]:
    """a·b exactly, unless lo is subnormal; where |a| or |b| > 2⁹⁹⁶, lo is nan."""
    hi = a * b
    a_top, a_rest = _halves(a)
    b_top, b_rest = _halves(b)
    return hi, ((a_top * b_top - hi) + a_top * b_rest + a_rest * b_top) + a_rest * b_rest


def _halves(a: Array | float) -> tuple[Array | float, Array | float]:
    wide = 134217729.0 * a
    top = wide - (wide - a)
    return top, a - top


def scaled(values: Array, factor: DoubleDouble, out: Array) -> None:
    """Fill `out` with values·factor, rounded once to out's dtype."""
    if out.dtype == np.float64:
        if factor[1]:
            rounded(*_times(values, factor), out)
        else:
            np.multiply(values, factor[0], out=out)
        return
    (hi,) = scratch(1, values.size)
    np.multiply(values, factor[0], out=hi, dtype=np.float64)
    round_into(hi, out)
    # Next to a tie of the narrower dtype, where 28 bits are about 0, the rounding of hi may decide.
    low = np.add(hi.view(np.int64), 2) & TIE
    unsure = np.flatnonzero(low <= 4)
    mended = np.empty(unsure.size, out.dtype)
    rounded(*_times(values[unsure].astype(np.float64), factor), mended)
    out[unsure] = mended


def _times(values: Array, factor: DoubleDouble) -> tuple[Array, Array]:
    hi, lo = two_product(values, factor[0])
    return hi, lo + values * factor[1]


def rounded(hi: Array, lo: Array, out: Array) -> None:
    """Fill `out` with hi + lo, rounded once to its dtype; a lo that is not exact counts as 0."""
    round_into(single(hi, lo, out.dtype), out)


def single(hi: Array, lo: Array, dtype: np.dtype[Any]) -> Array:
    """The float64 numbers that round to the dtype as hi + lo does; as in `rounded`."""
    # Adding −0 keeps the sign of a zero.
    lo = np.where((np.abs(lo) > 0) & (np.abs(hi) > SMALL), lo, -0.0)
    top = hi + lo
    if dtype != np.float64:
        # Only next to a tie of the narrower dtype, where 28 bits are 0, can the rest decide.
        rest = (hi - top) + lo
        unsure = np.flatnonzero(((top.view(np.int64) & TIE) == 0) & (np.abs(rest) > 0))
        top[unsure] = np.nextafter(top[unsure], np.copysign(np.inf, rest[unsure]))
    return np.asarray(top)


def deepen(value: Array, argument: Array, factor: Array | float) -> Array:
    """`value` = factor·exp(argument), computed again where the argument is below DEEP.

    There exp(argument) may be subnormal and lose digits. exp(argument/2) is not, and is used twice.
    """
    deep = np.flatnonzero(argument < DEEP)
    if deep.size:
        half = np.exp(argument[deep] / 2)
        value[deep] = half * np.broadcast_to(factor, value.shape)[deep] * half
    return value
