"""Numbers as balls: arrays hi + lo and a radius, within which the truth is proven to lie.

The proof rests on this alone: float64 +, −, ×, ÷ and √ are rounded correctly, u = 2⁻⁵³ of the
result at most, as IEEE 754 has it. hi + lo is what `two_sum` gives, so |lo| ≤ u·|hi|. Every
operation adds to the radius what its inputs' radii come to and a bound of its own roundings. Sums
and products bound each rounding by its own result (Wilkinson, "Rounding errors in algebraic
processes", 1963), for lo may be far less than u·hi: in 1 − 10⁻⁴⁰ it has all digits of 10⁻⁴⁰, and
they are left where the 1 cancels.

Where a radius is infinite there is some number, where it is nan there may be none. So overflow,
poles and open decisions end: nothing is claimed, and others must find the truth.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arithmetic.double_double import two_product, two_sum

#: 2u: a product with it, subnormal even, bounds the rounding of a result.
U = 2.0**-52
#: Makes good what the roundings of a radius may have taken from it, fewer than 2⁸ each time.
UP = 1 + 2.0**-40
#: Bounds on the relative errors of roots and quotients, of which 7u² and 13u² are spent.
WIDE, WIDER = 2.0**-102, 2.0**-101
#: What underflows in parts of a result, 2⁻¹⁰⁷⁴ each, is less than DUST of it, or where that is
#: smaller than SMALL, less than TINY.
SMALL, DUST, TINY = 2.0**-700, 2.0**-360, 2.0**-1060
#: What hi stands for less than all of |hi + lo|.
ALMOST = 1 - 2.0**-50


class Ball(NamedTuple):
    """hi + lo, ± radius."""

    hi: Any
    lo: Any = 0.0
    radius: Any = 0.0

    @property
    def apart(self) -> Any:
        """Whether it is exactly 0, or surely not 0."""
        return (np.abs(self.hi) * ALMOST > self.radius) | (self.radius == 0)


class Choice(NamedTuple):
    """A condition: whether it holds, and where that is sure."""

    holds: Any
    sure: Any


ONE = Ball(1.0)


@cache
def literal(leaf: str | float) -> Ball:
    """A number of a formula, nothing of it lost."""
    if leaf == "π":
        return Ball(3.141592653589793, 1.2246467991473532e-16, 2.0**-106)
    try:
        exact = Fraction(leaf)
        hi = float(exact)
    except OverflowError:  # it is infinite, or as good as that
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
    for one, other in ((a, b), (b, a)):
        if _is(other, 1.0):
            return one
        if _is(other, -1.0):
            return negative(one)
    top, rest = two_product(a.hi, b.hi)
    one, other = a.hi * b.lo, a.lo * b.hi
    below = rest + (one + other)
    # `one`, `other` and their sum are rounded, then `below`; lo·lo is left out.
    lost = U * (np.abs(one) + np.abs(other) + np.abs(below)) + np.abs(a.lo * b.lo)
    top, below = two_sum(top, below)
    size, a_size, b_size = np.abs(top), np.abs(a.hi), np.abs(b.hi)
    radius = a_size * b.radius + b_size * a.radius + a.radius * b.radius + (lost + DUST * size)
    if np.any(size < SMALL):
        radius = radius + np.where((size < SMALL) & ~_is_0(a) & ~_is_0(b), TINY, 0)
    found = Ball(top, below, radius * UP)
    if np.all(radius < np.inf):
        return found
    # 0 times a number that there is, however large, is 0.
    none = _is_0(a) & ~np.isnan(b.radius) | _is_0(b) & ~np.isnan(a.radius)
    return Ball(*(np.where(none, 0, one) for one in found))


def _is(a: Ball, number: float) -> bool:
    return isinstance(a.hi, float) and a == (number, 0.0, 0.0)


def _is_0(a: Ball) -> Any:
    return np.equal(a.hi, 0) & np.equal(a.radius, 0)


def divide(a: Ball, b: Ball) -> Ball:
    if _is(b, 2.0):
        return multiply(a, Ball(0.5))
    quotient = a.hi / b.hi
    top, rest = two_product(quotient, b.hi)
    # a.hi − top is exact, rest is what remains of it. The remainder is 3.1u·a at most and off by
    # 6u²·a; dividing it by hi alone is off by 2.1u more: 13u² in all.
    more = ((a.hi - top) - rest + (a.lo - quotient * b.lo)) / b.hi
    hi, lo = two_sum(quotient, more)
    size = np.abs(hi)
    # (A + α)/(B + β) is off by no more than (|α| + |A/B|·|β|)/(|B| − |β|).
    gap = np.abs(b.hi) * ALMOST - b.radius
    radius = (a.radius + size * b.radius) / gap + WIDER * size
    small = ((np.abs(a.hi) < SMALL) | (size < SMALL)) & ~_is_0(a)
    if np.any(small):
        radius = radius + np.where(small, TINY + TINY / np.abs(b.hi), 0)
    return Ball(hi, lo, np.where(gap > 0, radius * UP, np.nan))


def reciprocal(a: Ball) -> Ball:
    return divide(ONE, a)


def power(a: Ball, n: Ball) -> Ball:
    found = a
    for _ in range(int(n.hi) - 1):
        found = multiply(found, a)
    return found


def sqrt(a: Ball) -> Ball:
    """√(a + α) is off by |α|/√a at most; 0 is left to others, as the slope there is a pole."""
    root = np.sqrt(a.hi)
    top, rest = two_product(root, root)
    # (a − root²)/(2·root) for (a − root²)/(√a + root): 7u² of the root, as for a quotient.
    more = ((a.hi - top) - rest + a.lo) / (2 * root)
    hi, lo = two_sum(root, more)
    sure = (a.hi * ALMOST > a.radius) & (a.hi > SMALL)
    # Next to the largest number the parts of root² overflow, and hi is −inf: the radius is not.
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
    return Choice(~higher.holds, higher.sure)


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
