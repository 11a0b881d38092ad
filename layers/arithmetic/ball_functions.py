"""exp, log, tanh, erf, sin and their kin on balls: series about points of a table, with bounds.

Nothing depends on the accuracy of NumPy's exp and log. The tables are rounded from mpmath's
numbers of many more digits, so each entry is right to u of itself, and as hi + lo to u².
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from mpmath import libmp, mp

from actgrad.layers.arithmetic.balls import (
    ONE,
    SMALL,
    TINY,
    UP,
    Ball,
    Choice,
    U,
    absolute,
    add,
    divide,
    is_zero,
    literal,
    multiply,
    negative,
    sqrt,
    subtract,
    where,
)
from actgrad.layers.arithmetic.double_double import two_product, two_sum
from actgrad.layers.arrays import Array

#: exp is tabled at STEPS points an octave; beyond ±FARTHEST nothing is claimed.
STEPS, FARTHEST = 128, 680.0
#: An upper bound on exp(−FARTHEST) and on erfc(FAR).
NOTHING = 2.0**-970
#: R is tabled between 0 and FAR, in PIECES intervals a unit with TERMS Taylor coefficients each.
PIECES, FAR, TERMS = 16, 26.0, 12
#: The table of R is made in units of 2^-BITS, with terms up to h^LAST of the step h = 1/PIECES.
BITS, LAST = 220, 45
#: sin and cos are tabled at POINTS points a unit, MOST on either side of 0. Beyond ±LARGEST nothing
#: is claimed: a multiple of the first part of π/2 must be exact.
POINTS, MOST, LARGEST = 64, 51, 2.0**20


def _double_double(value: Any) -> tuple[float, float]:
    hi = float(value)
    return hi, float(value - hi)


@cache
def _powers() -> tuple[Array, list[float]]:
    """2^(j/STEPS) as hi + lo, and log(2)/STEPS in three parts, the first two of 32 bits."""
    with mp.workprec(250):
        table = np.array([_double_double(mp.mpf(2) ** (mp.mpf(j) / STEPS)) for j in range(STEPS)]).T
        rest = mp.log(2) / STEPS
        parts = []
        for bits in (32, 32, 53):
            parts.append(float(mp.make_mpf(libmp.mpf_pos(rest._mpf_, bits, "d"))))
            rest -= parts[-1]
    return table.copy(), parts


def exp(a: Ball) -> Ball:
    """2^(k/STEPS)·exp(r) with |r| < 0.00272, so that k·(the first two parts) are exact."""
    (table_hi, table_lo), parts = _powers()
    hi = np.clip(a.hi, -FARTHEST, FARTHEST)
    k = np.rint(hi * (STEPS / math.log(2)))
    first, lost = two_sum(hi, -(k * parts[0]))
    r, more = two_sum(first, -(k * parts[1]))
    third = k * parts[2]
    rest = (lost + more) + (a.lo - third)
    # Four roundings of sums and of `third`; the sum of the parts is off by less than 2⁻¹²⁴.
    mass = np.abs(lost) + np.abs(more) + np.abs(a.lo) + np.abs(third)
    # q = exp(r) − 1 − r, rounded four times; the rest of the series is below r⁶/20000 of q, 2⁻⁶⁵.
    q = r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r / 5040)))))
    # exp(rest) − 1 = rest + θ·rest².
    low = q + (rest + rest * (r + q))
    off = 8 * U * (np.abs(q) + mass) + mass * mass + np.abs(k) * 2.0**-124
    j = k.astype(np.int64)
    top, part = np.take(table_hi, j & (STEPS - 1)), np.take(table_lo, j & (STEPS - 1))
    product, lack = two_product(top, r)
    whole, below = two_sum(top, product)
    scaled = top * low
    # At most seven times u of these: five roundings, the table's own, and part·low, left out.
    mass = np.abs(below) + np.abs(lack) + np.abs(scaled) + np.abs(part)
    whole, below = two_sum(whole, below + (lack + (scaled + (part + part * r))))
    factor = ((j // STEPS + 1023) << 52).view(np.float64)
    # |exp(a + δ) − exp(a)| ≤ exp(a)·(δ + δ²) for δ ≤ 1.
    radius = (2 * off + 4 * U * mass + whole * (a.radius + a.radius * a.radius)) * factor
    unknown = (np.abs(a.hi) > FARTHEST) | (a.radius > 1)
    under = a.hi + a.radius < -FARTHEST
    radius = np.where(unknown, np.inf, radius * UP + TINY)
    return Ball(
        np.where(unknown, 0, whole * factor),
        np.where(unknown, 0, below * factor),
        np.where(np.isnan(a.radius), np.nan, np.where(under, NOTHING, radius)),
    )


def expm1(a: Ball) -> Ball:
    """exp(a) − 1; next to 0 the radius includes the digits that cancel."""
    return subtract(exp(a), ONE)


def sinh(a: Ball) -> Ball:
    """(exp(a) − exp(−a))/2; next to 0 the radius includes the digits that cancel."""
    return multiply(subtract(exp(a), exp(negative(a))), literal(0.5))


def cosh(a: Ball) -> Ball:
    """(exp(a) + exp(−a))/2."""
    return multiply(add(exp(a), exp(negative(a))), literal(0.5))


def log(a: Ball) -> Ball:
    """y + log(a·exp(−y)) for a guess y: its second part is log(1 + d) = d − d²/2 + θ·d³."""
    guess = np.where(a.hi > 0.5, np.log1p((a.hi - 1) + a.lo), np.log(a.hi))
    d = subtract(multiply(a, exp(Ball(-guess))), ONE)
    size = np.abs(d.hi)
    # |d| < 2⁻³⁸: log's slope at 1 + d is within 2⁻³⁷ of 1.
    off = size**3 + 2 * U * size**2 + 2.0**-37 * d.radius + TINY
    value = add(add(Ball(guess), d), Ball(-(d.hi * d.hi) / 2, 0.0, off))
    sure = (a.hi > 0) & a.apart & (size < 2.0**-39) & (d.radius < 2.0**-39)
    return value._replace(radius=np.where(sure, value.radius, np.nan))


def log1p(a: Ball) -> Ball:
    """log(1 + a); next to 0 the radius includes the digits that 1 + a lacks."""
    return log(add(ONE, a))


def real_power(a: Ball, b: Ball) -> Ball:
    """exp(b·log(a)) for a > 0; nothing is claimed elsewhere."""
    return exp(multiply(b, log(a)))


@cache
def _odd() -> list[float]:
    """The coefficients of x³, x⁵, … in tanh(x), from tanh′ = 1 − tanh²."""
    terms = [Fraction(0), Fraction(1)]
    for n in range(1, 17):
        square = sum((terms[i] * terms[n - i] for i in range(n + 1)), Fraction(0))
        terms.append(-square / (n + 1))
    return [float(term) for term in terms[3::2]]


def tanh(a: Ball) -> Ball:
    """±(1 − 2t/(1 + t)) with t = exp(−2|a|), and its series where |a| < 1/16."""
    size = absolute(a)
    t = exp(multiply(size, literal(-2)))
    twice = multiply(t, literal(2))
    far = subtract(ONE, divide(twice, add(ONE, t)))
    back = Choice(a.hi < 0, np.True_)
    far = where(back, negative(far), far)
    square = a.hi * a.hi
    series = np.zeros_like(square)
    for coefficient in reversed(_odd()):
        series = series * square + coefficient
    bend = a.hi * square * series
    # Eight roundings; the terms left out are 2⁻⁷⁰ of the first; lo·tanh²(a) ≤ u·a³ is left out.
    below = a.lo + bend
    off = U * np.abs(below) + 16 * U * np.abs(bend)
    small = (np.abs(bend) < SMALL) & (np.not_equal(a.hi, 0) | np.greater(a.radius, 0))
    # The slope is 1 at most.
    radius = (a.radius + off + np.where(small, TINY, 0)) * UP
    return where(Choice(size.hi < 1 / 16, np.True_), Ball(*two_sum(a.hi, below), radius), far)


@cache
def _table() -> Array:
    """R = exp(x²)·erfc(x) in the middle of each piece: R and R′ as hi, lo, then R″/2, R‴/6, …

    The differential equation R′ = 2x·R − 2/√π gives each coefficient from the two before. The sum
    of the series a step h lower is R in the piece below. Such a step divides the error of R by
    exp(2x·h). The numbers are integers, in units of 2^-BITS.
    """
    top = int(PIECES * FAR) - 1
    with mp.workprec(2 * BITS):
        x = mp.mpf(2 * top + 1) / (2 * PIECES)
        value = int(mp.ldexp(mp.exp(x * x) * mp.erfc(x), BITS))
        kappa = int(mp.ldexp(2 / mp.sqrt(mp.pi), BITS))
    rows = []
    for i in range(top, -1, -1):
        terms = [value, (2 * i + 1) * value // PIECES - kappa]
        # |R⁽ⁿ⁾/n!|·h^n is below 2^-BITS/4 at the last.
        for n in range(1, LAST):
            terms.append(((2 * i + 1) * terms[n] + 2 * PIECES * terms[n - 1]) // (PIECES * (n + 1)))
        rows.append([*_parts(terms[0]), *_parts(terms[1]), *(_parts(t)[0] for t in terms[2:TERMS])])
        value = 0
        for term in reversed(terms):
            value = term - value // PIECES
    return np.array(rows[::-1]).T.copy()


def _parts(value: int) -> tuple[float, float]:
    """value·2^-BITS as hi + lo."""
    hi = value / (1 << BITS)
    return hi, (value - int(math.ldexp(hi, BITS))) / (1 << BITS)


def erf(a: Ball) -> Ball:
    """±(1 − erfc(|a|)); far from 0 hi is ±1, and lo has 53 bits of the rest."""
    value = subtract(ONE, _complement(absolute(a)))
    return where(Choice(a.hi < 0, np.True_), negative(value), value)


def erfc(a: Ball) -> Ball:
    """erfc(|a|) for a ≥ 0, with all its digits; 2 − erfc(|a|) elsewhere."""
    rest = _complement(absolute(a))
    return where(Choice(a.hi < 0, np.True_), subtract(literal(2), rest), rest)


def _complement(size: Ball) -> Ball:
    """erfc of a number ≥ 0: exp(−a²)·R(a), and at most NOTHING beyond FAR."""
    near = multiply(exp(negative(multiply(size, size))), _scaled(size))
    far = size.hi - size.radius > FAR
    beyond = Choice(far, far | (size.hi <= FAR))
    return where(beyond, Ball(0.0, 0.0, NOTHING), near)


def _scaled(a: Ball) -> Ball:
    """R(x) = (2/√π)·∫exp(−t² − 2xt)dt over t > 0, for 0 ≤ x ≤ FAR, where |R⁽ⁿ⁾/n!| ≤ 1/Γ(n/2 + 1).

    In pieces of 2·2⁻⁵ the series is off by 2⁻⁶⁹ at most.
    """
    hi = np.clip(a.hi, 0, FAR)
    piece = np.minimum((hi * PIECES).astype(np.int64), int(PIECES * FAR) - 1)
    value, value_lo, slope, slope_lo, *bends = (
        np.take(row, piece, mode="clip") for row in _table()
    )
    step, lost = two_sum(hi, -((2 * piece + 1) / (2 * PIECES)))
    lost = lost + a.lo
    near = step + lost
    bend = np.zeros_like(near)
    for coefficient in reversed(bends):
        bend = bend * near + coefficient
    bend = bend * near * near
    product, lack = two_product(slope, step)
    top, rest = two_sum(value, product)
    below = rest + (lack + ((value_lo + (slope_lo * step + slope * lost)) + bend))
    # R″/2 and the terms after it are 1.03 at most: fewer than 16 roundings of that, times step².
    radius = 10 * U * near * near + 2.0**-68 + 1.2 * a.radius
    return Ball(*two_sum(top, below), radius * UP)


@cache
def _quarter() -> list[float]:
    """π/2 in three parts, the first two of 32 bits; the rest is below 2⁻¹¹⁶."""
    with mp.workprec(250):
        rest, parts = mp.pi / 2, []
        for bits in (32, 32, 53):
            parts.append(float(mp.make_mpf(libmp.mpf_pos(rest._mpf_, bits, "d"))))
            rest -= parts[-1]
    return parts


@cache
def _sines() -> Array:
    """sin as hi and lo, then cos as hi and lo, at −MOST/POINTS, …, MOST/POINTS."""
    rows = []
    with mp.workprec(250):
        for i in range(-MOST, MOST + 1):
            values = mp.sin(mp.mpf(i) / POINTS), mp.cos(mp.mpf(i) / POINTS)
            rows.append([part for v in values for part in (float(v), float(v - float(v)))])
    return np.array(rows).T.copy()


def sin(a: Ball) -> Ball:
    """The sine; nothing is claimed beyond ±LARGEST."""
    return _turned(a, 0)


def cos(a: Ball) -> Ball:
    """The sine of a quarter turn more; nothing is claimed beyond ±LARGEST."""
    return _turned(a, 1)


def tan(a: Ball) -> Ball:
    """sin(a)/cos(a)."""
    return divide(sin(a), cos(a))


def atan(a: Ball) -> Ball:
    """y + atan(d) for a guess y: d is the tangent of what y lacks."""
    guess = Ball(np.arctan(a.hi))
    sine, cosine = sin(guess), cos(guess)
    below = add(cosine, multiply(a, sine))
    d = divide(subtract(multiply(a, cosine), sine), below)
    return _corrected(guess, d, below.hi > 0)


def asin(a: Ball) -> Ball:
    """y + asin(d) for a guess y: d is the sine of what y lacks. At ±1 nothing is claimed."""
    guess = Ball(np.arcsin(a.hi))
    d = subtract(multiply(a, cos(guess)), multiply(_leg(a), sin(guess)))
    return _corrected(guess, d, np.abs(a.hi) < 1)


def acos(a: Ball) -> Ball:
    """y + asin(d) for a guess y: d is the sine of what y lacks. At ±1 nothing is claimed."""
    guess = Ball(np.arccos(a.hi))
    d = subtract(multiply(_leg(a), cos(guess)), multiply(a, sin(guess)))
    return _corrected(guess, d, np.abs(a.hi) < 1)


def _leg(a: Ball) -> Ball:
    """√(1 − a²), the cosine of asin(a)."""
    return sqrt(multiply(subtract(ONE, a), add(ONE, a)))


def _corrected(guess: Ball, d: Ball, sure: Any) -> Ball:
    """guess + asin(d) or guess + atan(d), each d + θ·d³/2, for a guess that is good to 2⁻³⁹."""
    size = np.abs(d.hi)
    off = 2 * size**3 + 2.0**-60 * d.radius + np.where(is_zero(d), 0, TINY)
    value = add(guess, d._replace(radius=d.radius + off))
    sure = sure & (size < 2.0**-39) & (d.radius < 2.0**-39)
    return value._replace(radius=np.where(sure, value.radius, np.nan))


def _turned(a: Ball, quarters: int) -> Ball:
    """sin(a + quarters·π/2) as ±sin(r) or ±cos(r), where a = k·π/2 + r and |r| ≤ π/4."""
    parts = _quarter()
    near = np.abs(a.hi) <= LARGEST
    hi, lo = np.where(near, a.hi, 0.0), np.where(near, a.lo, 0.0)
    k = np.rint(hi * (2 / np.pi))
    first, lost = two_sum(hi, -(k * parts[0]))
    second, more = two_sum(first, -(k * parts[1]))
    third = k * parts[2]
    r, rest = two_sum(second, (lost + more) + (lo - third))
    # Three roundings of sums and one of `third`.
    mass = np.abs(lost) + np.abs(more) + np.abs(lo) + np.abs(third)
    off = 4 * U * mass + np.abs(k) * 2.0**-116
    turns = k.astype(np.int64) + quarters
    value = _about(r, rest, (turns & 1) == 1)
    sign = np.where(turns & 2, -1.0, 1.0)
    radius = (value.radius + off + a.radius) * UP + TINY
    radius = np.where(near & (a.radius <= 1), radius, np.inf)
    is_root = np.equal(a.hi, 0) & np.equal(a.radius, 0) & (quarters == 0)
    radius = np.where(is_root, 0.0, radius)
    radius = np.where(np.isnan(a.radius) | ~np.isfinite(a.hi), np.nan, radius)
    return Ball(sign * value.hi, sign * value.lo, radius)


def _about(r: Array, rest: Array, is_cos: Array) -> Ball:
    """sin(r + rest), or cos where `is_cos`, by the addition theorem about a point of the table."""
    i = np.rint(r * POINTS)
    step = r - i / POINTS  # exact
    sine, sine_lo, cosine, cosine_lo = np.take(
        _sines(), i.astype(np.int64) + MOST, axis=1, mode="clip"
    )
    value, value_lo = np.where(is_cos, cosine, sine), np.where(is_cos, cosine_lo, sine_lo)
    slope, slope_lo = np.where(is_cos, -sine, cosine), np.where(is_cos, -sine_lo, cosine_lo)
    square = step * step
    # cos(step) − 1 and sin(step) − step; the terms left out are 2⁻⁷⁴ of step at most.
    fall = square * (-1 / 2 + square * (1 / 24 + square * (-1 / 720 + square / 40320)))
    bend = step * square * (-1 / 6 + square * (1 / 120 - square / 5040))
    product, lack = two_product(slope, step)
    top, below = two_sum(value, product)
    parts = [
        value_lo,
        lack,
        slope_lo * step,
        slope * rest,
        value * fall,
        slope * bend,
        -value * step * rest,
    ]
    mass = np.abs(below) + sum(map(np.abs, parts))
    size = np.abs(step)
    # At most eight roundings of each part and of the sums; terms of rest·step² are left out.
    radius = 8 * U * mass + 2 * np.abs(rest) * square + 2.0**-74 * size
    return Ball(*two_sum(top, below + sum(parts)), radius)
