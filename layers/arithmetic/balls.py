"""Balls: arrays of double-double numbers hi + lo, each with a radius that bounds its error.

The bounds rest on one assumption: float64 +, −, ×, ÷ and √ are rounded correctly, so that a
rounding is off by u = 2⁻⁵³ of the result at most (IEEE 754). hi + lo is a result of `two_sum`, so
|lo| ≤ u·|hi|. Every operation adds to the radius the effect of its inputs' radii and a bound on its
own roundings. Sums and products bound each rounding by its own result (Wilkinson, "Rounding errors
in algebraic processes", 1963), because lo may be far smaller than u·hi: in 1 − 10⁻⁴⁰ it holds all
digits of 10⁻⁴⁰, and these remain where the 1 cancels.

An infinite radius says that the value is a number. A nan says that there may be no value. Overflow,
poles and undecided comparisons have such radii: nothing is claimed, and intervals settle the value.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arithmetic.double_double import two_product, two_sum

#: 2u: this times a result bounds the rounding of the result, even if the product is subnormal.
U = 2.0**-52
#: A factor that covers the roundings of a radius, fewer than 2⁸ in each operation.
UP = 1 + 2.0**-40
#: Bounds on the relative errors of roots and quotients, which are 7u² and 13u² at most.
WIDE, WIDER = 2.0**-102, 2.0**-101
#: Parts of a result may underflow, by 2⁻¹⁰⁷⁴ each. Their sum is below DUST times the result, and
#: below TINY where the result is smaller than SMALL.
SMALL, DUST, TINY = 2.0**-700, 2.0**-360, 2.0**-1060
#: A lower bound on |hi + lo| relative to |hi|.
ALMOST = 1 - 2.0**-50


class Ball(NamedTuple):
    """hi + lo, ± radius."""

    hi: Any
    lo: Any = 0.0
    radius: Any = 0.0

    @property
    def apart(self) -> Any:
        """Whether the ball is exactly 0, or does not contain 0."""
        return (np.abs(self.hi) * ALMOST > self.radius) | (self.radius == 0)


class Choice(NamedTuple):
    """A condition: whether it holds, and where that is proven."""

    holds: Any
    sure: Any


ONE = Ball(1.0)


@cache
def literal(leaf: str | float) -> Ball:
    """The ball of a number in a formula, with all its digits."""
    if leaf == "π":
        return Ball(3.141592653589793, 1.2246467991473532e-16, 2.0**-106)
    try:
        exact = Fraction(leaf)
        hi = float(exact)
    except OverflowError:  # infinite, or beyond float64
        return Ball(0.0, 0.0, np.nan)
    lo = float(exact - Fraction(hi))
    rest = abs(exact - Fraction(hi) - Fraction(lo))
    return Ball(hi, lo, float(rest) * UP + TINY if rest else 0.0)


def add(a: Ball, b: Ball) -> Ball:
    top, rest = two_sum(a.hi, b.hi)
    low = a.lo + b.lo
    below = rest + low
    # top + rest is exact, and so are sums of subnormal size: `low` and `below` are rounded.
    radius = a.radius + b.radius + U * (np.abs(low) + np.abs(below))
    return Ball(*two_sum(top, below), radius * UP)


def negative(a: Ball) -> Ball:
    return Ball(-a.hi, -a.lo, a.radius)


def subtract(a: Ball, b: Ball) -> Ball:
    return add(a, negative(b))


def multiply(a: Ball, b: Ball | Choice) -> Ball:
    if isinstance(b, Choice):
        return where(b, a, literal(0))
    for factor, unit in ((a, b), (b, a)):
        if _is(unit, 1.0):
            return factor
        if _is(unit, -1.0):
            return negative(factor)
    top, rest = two_product(a.hi, b.hi)
    left, right = a.hi * b.lo, a.lo * b.hi
    below = rest + (left + right)
    # `left`, `right` and their sum are rounded, then `below`; lo·lo is left out.
    lost = U * (np.abs(left) + np.abs(right) + np.abs(below)) + np.abs(a.lo * b.lo)
    top, below = two_sum(top, below)
    size, a_size, b_size = np.abs(top), np.abs(a.hi), np.abs(b.hi)
    radius = a_size * b.radius + b_size * a.radius + a.radius * b.radius + (lost + DUST * size)
    if np.any(size < SMALL):
        radius = radius + np.where((size < SMALL) & ~is_zero(a) & ~is_zero(b), TINY, 0)
    product = Ball(top, below, radius * UP)
    if np.all(radius < np.inf):
        return product
    # 0 times a number is 0, also if the number has no known bound.
    is_0 = is_zero(a) & ~np.isnan(b.radius) | is_zero(b) & ~np.isnan(a.radius)
    return Ball(*(np.where(is_0, 0, part) for part in product))


def _is(a: Ball, number: float) -> bool:
    return isinstance(a.hi, float) and a == (number, 0.0, 0.0)


def is_zero(a: Ball) -> Any:
    return np.equal(a.hi, 0) & np.equal(a.radius, 0)


def divide(a: Ball, b: Ball) -> Ball:
    if _is(b, 2.0):
        return multiply(a, Ball(0.5))
    quotient = np.divide(a.hi, b.hi)  # Python's own floats raise an exception for 1/0
    top, rest = two_product(quotient, b.hi)
    # a.hi − top is exact, and rest is the rounding of top. The remainder is 3.1u·a at most, with an
    # error of 6u²·a; dividing it by hi alone adds an error of 2.1u: 13u² in all.
    more = ((a.hi - top) - rest + (a.lo - quotient * b.lo)) / b.hi
    hi, lo = two_sum(quotient, more)
    size = np.abs(hi)
    # The error of (A + α)/(B + β) is at most (|α| + |A/B|·|β|)/(|B| − |β|).
    gap = np.abs(b.hi) * ALMOST - b.radius
    radius = (a.radius + size * b.radius) / gap + WIDER * size
    small = ((np.abs(a.hi) < SMALL) | (size < SMALL)) & ~is_zero(a)
    if np.any(small):
        radius = radius + np.where(small, TINY + TINY / np.abs(b.hi), 0)
    return Ball(hi, lo, np.where(gap > 0, radius * UP, np.nan))


def reciprocal(a: Ball) -> Ball:
    return divide(ONE, a)


def power(a: Ball, n: Ball) -> Ball:
    """The product of the squares a, a², a⁴, … that the bits of n pick."""
    bits = f"{int(n.hi):b}"
    product = a
    for bit in bits[1:]:
        product = multiply(product, product)
        product = multiply(product, a) if bit == "1" else product
    return product


def sqrt(a: Ball) -> Ball:
    """√(a + α) is off by |α|/√a at most. At 0 the slope has a pole, and nothing is claimed."""
    root = np.sqrt(a.hi)
    top, rest = two_product(root, root)
    # (a − root²)/(2·root) for (a − root²)/(√a + root): 7u² of the root, as for a quotient.
    more = ((a.hi - top) - rest + a.lo) / (2 * root)
    hi, lo = two_sum(root, more)
    sure = (a.hi * ALMOST > a.radius) & (a.hi > SMALL)
    # Next to the largest number the parts of root² overflow and hi is −inf; the radius uses |hi|.
    return Ball(hi, lo, np.where(sure, (a.radius / root + WIDE * np.abs(hi)) * UP, np.nan))


def absolute(a: Ball) -> Ball:
    """||a| − |b|| ≤ |a − b|, so the radius stays."""
    return Ball(np.abs(a.hi), np.where(a.hi < 0, -a.lo, a.lo), a.radius)


def sign(a: Ball) -> Ball:
    return Ball(np.where(a.apart, np.sign(a.hi), 0), 0.0, np.where(a.apart, 0, a.radius * 0 + 1))


def above(a: Ball, b: Ball) -> Choice:
    by = subtract(a, b)
    return Choice(by.hi > 0, by.apart)


def not_above(a: Ball, b: Ball) -> Choice:
    higher = above(a, b)
    return Choice(np.logical_not(higher.holds), higher.sure)


def where(condition: Choice, a: Ball, b: Ball) -> Ball:
    """a where the condition holds, else b."""
    hi, lo, radius = (np.where(condition.holds, *pair) for pair in zip(a, b, strict=True))
    return Ball(hi, lo, np.where(condition.sure, radius, np.nan))


def maximum(a: Ball, b: Ball) -> Ball:
    return where(above(a, b), a, b)


def minimum(a: Ball, b: Ball) -> Ball:
    return where(above(b, a), a, b)


def nothing_claimed(a: Ball, *_: Ball) -> Ball:
    """The ball of a word that has none: its radius is nan, so intervals must settle the value."""
    return Ball(np.zeros_like(a.hi), 0.0, np.full_like(a.hi, np.nan, dtype=float))
