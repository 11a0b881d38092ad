"""A formula of one number on arrays: its value and its gradient, correctly rounded.

Balls enclose every result. Where both ends of a ball round to one number of the dtype, that number
is the result. Elsewhere intervals settle it: over half a binade of x at once far from 0, and then x
by x. A result that is nearer to the middle of two numbers than 2^−1100 of itself counts as that
middle, and goes to the even one.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from mpmath import isnan, mp, mpf

from actgrad.layers.arithmetic import balls, single
from actgrad.layers.arrays import Array
from actgrad.layers.casting import nearest_numbers
from actgrad.layers.exact.domain import BALL_DOMAIN, undefined
from actgrad.layers.exact.ulp import ZERO, FloatFormat, Truths, truth_of
from actgrad.layers.exact.values import BITS, LEAST, MANY, Row, bounds, exact, exact_rows
from actgrad.layers.formula import BALLS, Formula, Node, Sweep, arrays, words

#: Numbers that balls enclose at a time: their arrays stay in the L2 cache.
BATCH = 1 << 13
#: The largest relative radius of a slope that is kept for backward, and that of an exact slope.
KEPT, SHARP = 2.0**-55, 2.0**-100
#: A result that is nearer to the middle of two numbers than this, in ULP of float64, is computed to
#: TIE_BITS bits.
NEAR_TIE, TIE_BITS = 2.0**-38, 1200
#: The bits of a float64 that are 0 where it is halfway between two numbers of a narrower dtype.
TIE = 0x0FFFFFFF
#: From here on, intervals are tried over half a binade of x at a time, in so many bits: first in
#: few, then in as many as tell every float64 from 0.
FAR, STRETCH_PRECISIONS = 16.0, (128, 2600)
#: Half a binade: the float64 numbers that differ in the last 51 bits alone.
STRETCH_BITS = 51
#: A slope with a smaller exponent is kept as a 0 of its sign with the radius FAINT. A dout below
#: MODERATE leaves dx below half of the smallest float64.
FAINT_EXPONENT, FAINT, MODERATE = -1145, 2.0**-1074, 2.0**64
#: An x beside 0. Values and slopes that approach 0 as x does are less than NEARLY_0 there.
BESIDE_0, NEARLY_0 = 2.0**-200, 2.0**-20
#: After so many exact results, all are dropped.
MOST_ROWS = 1 << 14
#: The words that choose a branch.
CONDITIONS = (words.above, words.not_above)
WIDE = np.dtype(np.float64)
FLOAT64 = FloatFormat.of(WIDE)

#: A value, and the hi, lo and radius of a slope.
Settled: TypeAlias = "tuple[float, tuple[float, float, float]]"


class Outcome(NamedTuple):
    """The values of a formula at a block of x, and its slopes for the way back."""

    value: Array
    slope: balls.Ball
    #: Where the formula has no value, and where it has a value but no slope, at a finite x.
    no_value: Array
    no_slope: Array


class Rounded:
    """The correctly rounded value and gradient of a formula of one number.

    `domain` is a formula of the same input, outside whose domain the first one has no value either.
    """

    def __init__(self, formula: Formula, domain: Formula | None = None) -> None:
        self.formula, self.domain = formula, domain or formula
        #: What is settled for half a binade of x, or for an infinite x, in a dtype.
        self._stretches: dict[tuple[int, str], Settled | None] = {}
        self._limits: dict[tuple[float, str], Settled] = {}
        self._signs_at: dict[float, list[float]] = {}
        #: The latest exact results, by x + i·dout: a plot asks for the same x several times.
        self._rows: dict[complex, Row] = {}

    def forward(self, x: Array, dtype: np.dtype[Any]) -> Outcome:
        """The values at x, in float64, each rounded to the dtype once, and the slopes there."""
        parts = [self._batch(x[i : i + BATCH], dtype) for i in range(0, x.size, BATCH)]
        values, slopes, *without = zip(*parts, strict=True)
        slope = balls.Ball(*map(np.concatenate, zip(*slopes, strict=True)))
        return Outcome(np.concatenate(values), slope, *map(np.concatenate, without))

    def backward(self, x: Array, slope: balls.Ball, dout: Array, dtype: np.dtype[Any]) -> Array:
        """dx, in float64, each rounded to the dtype once, for the slopes of `forward` at x."""
        hi, radius = slope.hi, slope.radius
        with np.errstate(all="ignore"):
            product = balls.multiply(balls.Ball(*slope), balls.Ball(dout))
            dx, sure = rounded_ball(full(product, x.size), dtype)
            plain = hi * dout
            is_limit = ((hi == 0) | np.isinf(hi)) & (radius == 0)
            is_faint = (hi == 0) & (radius == FAINT) & (np.abs(dout) < MODERATE)
            is_infinite = np.isinf(dout) & ~(is_limit & (hi == 0))
            is_nan = np.isnan(hi) | np.isnan(dout)
            special = is_limit | is_faint | is_infinite | is_nan
            # 0·∞ is the limit of products that are all 0.
            product_of_0 = is_limit & np.isnan(plain) & ~is_nan
            plain[product_of_0] = np.copysign(0, np.copysign(1, hi) * dout)[product_of_0]
            dx = np.where(special, plain, np.where(dx == 0, np.copysign(0, plain), dx))
        open_ = np.flatnonzero(~(sure | special))
        if open_.size:
            dx[open_] = self._exact_gradients(x[open_], dout[open_], dtype)
        return dx

    def _batch(self, x: Array, dtype: np.dtype[Any]) -> Outcome:
        is_nan, finite = np.isnan(x), np.isfinite(x)
        with np.errstate(all="ignore"):
            sweep = Sweep(self.formula, BALLS, {self.formula.inputs[0]: balls.Ball(x)}, [balls.ONE])
            value = full(sweep.value(self.formula.outputs[0]), x.size)
            slope = full(sweep.gradient(self.formula.inputs[0]), x.size)
            for node in self.domain.nodes:
                sweep.value(node)
            no_value = undefined(self.domain, sweep.values, BALL_DOMAIN) & finite
            rounded_value, sure = rounded_ball(value, dtype)
            known = slope.radius <= np.abs(slope.hi) * KEPT
            if self.domain is not self.formula:
                # A radius that is nan says that there may be no value.
                known &= ~np.isnan(full(sweep.value(self.domain.outputs[0]), x.size).radius)
        is_0 = np.flatnonzero((value.hi == 0) | (slope.hi == 0))
        if is_0.size:
            signs = self._plain(x[is_0])
            for part, sign in zip((rounded_value, slope.hi), signs, strict=True):
                part[is_0] = np.where(part[is_0] == 0, np.copysign(0, sign), part[is_0])
        rounded_value[no_value | is_nan] = slope.hi[no_value | is_nan] = np.nan
        settled = (sure & known & finite) | no_value | is_nan
        no_slope = np.zeros(x.size, bool)
        open_ = np.flatnonzero(~settled)
        if open_.size:
            rounded_value[open_], better = self._settled(x[open_], dtype)
            for part, exact_part in zip(slope, better, strict=True):
                part[open_] = exact_part
            if self.domain is not self.formula:
                outside = [i for i in open_ if finite[i] and isnan(exact(self.domain, x[i])[0])]
                rounded_value[outside] = slope.hi[outside] = np.nan
            no_value[open_] = np.isnan(rounded_value[open_]) & finite[open_]
            no_slope = np.isnan(slope.hi) & finite & ~no_value
        return Outcome(rounded_value, slope, no_value, no_slope)

    def _plain(self, x: Array) -> tuple[Array, Array]:
        """Value and slope in plain float64 arithmetic, for the signs of zeros.

        exp(x) − 1 is 0 there for x = −0. The limits from the side of x replace such zeros.
        """
        sweep = self._plain_sweep(x)
        results = sweep.value(self.formula.outputs[0]), sweep.gradient(self.formula.inputs[0])
        value, slope = (np.array(np.broadcast_to(np.nan_to_num(each), x.shape)) for each in results)
        for side in (0.0, -0.0):
            there = np.flatnonzero((x == 0) & (np.signbit(x) == np.signbit(side)))
            if there.size:
                for part, sign in zip((value, slope), self._signs_near(side), strict=True):
                    part[there] = sign * BESIDE_0 if sign else part[there]
        return value, slope

    def _plain_sweep(self, x: Array) -> Sweep[Any]:
        # A product with the constant 0 is 0 for every x, and −0 for none.
        known: dict[Node, Any] = {
            node: 0.0
            for node in self.formula.nodes
            if node.operation is words.multiply and any(map(is_zero, node.inputs))
        }
        known[self.formula.inputs[0]] = x
        with np.errstate(all="ignore"):
            return Sweep(self.formula, arrays(WIDE), known, [np.ones(x.size)])

    def _signs_near(self, x: float) -> list[float]:
        """The signs of value and slope near x = 0 or x = ±∞, on the side of x; 0 if not known.

        Those near 0 count only where value and slope approach 0, and x = 0 takes the same branch.
        """
        is_0 = x == 0
        near = math.copysign(BESIDE_0 if is_0 else FAR, x)
        if near not in self._signs_at:
            results = exact(self.formula, near, 1, BITS)
            signs = [float(each > 0) - float(each < 0) for each in results]
            if is_0:
                plain = self._plain_sweep(np.array([x, near]))
                choices = (node for node in self.formula.nodes if node.operation in CONDITIONS)
                is_same = all(len({*np.ravel(plain.values[node])}) == 1 for node in choices)
                small = [is_same and abs(each) < NEARLY_0 for each in results]
                signs = [sign * is_small for sign, is_small in zip(signs, small, strict=True)]
            self._signs_at[near] = signs
        return self._signs_at[near]

    def _settled(self, x: Array, dtype: np.dtype[Any]) -> tuple[Array, balls.Ball]:
        """Values and slopes by intervals, each distinct x once."""
        bits, where = np.unique(x.view(np.int64), return_inverse=True)
        distinct = bits.view(np.float64)
        known: dict[int, Settled] = {}
        for i, number in enumerate(distinct.tolist()):
            if math.isinf(number):
                known[i] = self._limit(number, dtype)
            elif abs(number) >= FAR and (settled := self._stretch(number, dtype)) is not None:
                known[i] = settled
        left = [i for i in range(distinct.size) if i not in known]
        known |= dict(zip(left, self._exact(distinct[left], dtype), strict=True))
        values, slopes = zip(*(known[i] for i in range(distinct.size)), strict=True)
        return np.array(values)[where], balls.Ball(*np.array(slopes).T[:, where])

    def _exact(self, x: Array, dtype: np.dtype[Any]) -> list[Settled]:
        if not x.size:
            return []
        value, gradient = self._truths(x, np.ones(x.size))
        signs = self._signs(x, value, gradient)
        self._decide_ties(value, 0, x, np.ones(x.size), dtype)
        values = rounded_truths(value, signs[0], dtype)
        slope = truth_balls(gradient, signs[1])
        slope.hi[np.isnan(values)] = np.nan
        return list(zip(values.tolist(), rows_of(slope), strict=True))

    def _signs(self, x: Array, *truths: Truths) -> list[Array]:
        """The signs of value and slope where they are 0, or too small for the bits of truths."""
        signs = [sign.copy() for sign in self._plain(x)]
        for i in np.flatnonzero(np.any([truth.exponent == ZERO for truth in truths], axis=0)):
            results = exact(self.formula, x[i], 1, TIE_BITS)
            # Where 1 − tanh² cancels, no interval tells the sign; it is that of x nearer to 0.
            far = self._signs_near(x[i]) if FAR <= abs(x[i]) < np.inf else (0.0, 0.0)
            for sign, result, beyond in zip(signs, results, far, strict=True):
                if not isnan(result):
                    sign[i] = float(result > 0) - float(result < 0) or beyond or sign[i]
        return signs

    def _truths(self, x: Array, dout: Array) -> tuple[Truths, Truths]:
        """The exact value and gradient for each pair; no other process takes part."""
        pairs = list(map(complex, x.tolist(), dout.tolist()))
        if len(self._rows) > MOST_ROWS:
            self._rows = {}
        rows = self._rows  # Another thread may begin a new one.
        new = [pair for pair in pairs if pair not in rows]
        for i in range(0, len(new), MANY - 1):
            part = new[i : i + MANY - 1]
            rows.update(zip(part, exact_rows(self.formula, FLOAT64, part), strict=True))
        columns = list(np.array([rows[pair] for pair in pairs]).T)
        return Truths(*columns[:3]), Truths(*columns[3:])

    def _decide_ties(
        self, truths: Truths, which: int, x: Array, dout: Array, dtype: np.dtype[Any]
    ) -> None:
        """Move each offset that is next to a tie off it, or onto it, by far more digits."""
        tie = 0.5 if dtype == WIDE else 0.0
        near = np.abs(np.abs(truths.offset) - tie) < NEAR_TIE
        if dtype != WIDE:
            near &= (truths.value.view(np.int64) & TIE) == 0
            near &= np.abs(truths.value) > FloatFormat.of(dtype).quantum / 4
        for i in np.flatnonzero(near & np.isfinite(truths.value)).tolist():
            truth = exact(self.formula, x[i].item(), dout[i].item(), TIE_BITS)[which]
            with mp.workprec(TIE_BITS + 100):
                offset = (truth - truths.value[i].item()) / mpf(2) ** int(ulp_exponents(truths)[i])
                by = abs(offset) - tie if tie else offset
                is_tie = abs(by) < mpf(2) ** (100 - TIE_BITS)
            side = math.copysign(1, offset) if tie else 1
            truths.offset[i] = side * (tie if is_tie else tie + math.copysign(NEAR_TIE, by))

    def _exact_gradients(self, x: Array, dout: Array, dtype: np.dtype[Any]) -> Array:
        pairs = np.empty(x.size, complex)
        pairs.real, pairs.imag = x, dout
        distinct, where = np.unique(pairs, return_inverse=True)
        _, gradient = self._truths(distinct.real, distinct.imag)
        self._decide_ties(gradient, 1, distinct.real, distinct.imag, dtype)
        signs = self._plain(distinct.real)[1] * distinct.imag
        return rounded_truths(gradient, signs, dtype)[where]

    def _stretch(self, x: float, dtype: np.dtype[Any]) -> Settled | None:
        """What is settled for all x in the half binade of this one."""
        bits = int(np.float64(x).view(np.int64)) >> STRETCH_BITS
        key = bits, dtype.name
        if key not in self._stretches:
            attempts = (self._constant(bits, dtype, each) for each in STRETCH_PRECISIONS)
            self._stretches[key] = next((each for each in attempts if each is not None), None)
        return self._stretches[key]

    def _constant(self, bits: int, dtype: np.dtype[Any], precision: int) -> Settled | None:
        ends = np.array([bits << STRETCH_BITS, ((bits + 1) << STRETCH_BITS) - 1]).view(np.float64)
        first, last = sorted(ends.tolist())
        spans = bounds(self.formula, first, last, precision)
        for low, high in spans:
            if not low <= high or (low < 0 < high and max(-low, high) > LEAST):
                return None
        truths, signs = [], []
        plains = zip(self._plain(ends), self._signs_near(first), strict=True)
        for (low, high), (plain, far) in zip(spans, plains, strict=True):
            truths.append(truths_of(low, high))
            # As in `_signs`, intervals may not tell the sign.
            side = float(low >= 0) - float(high <= 0) or far
            signs.append(np.full(2, side) if side else plain)
        value, other = rounded_truths(truths[0], signs[0], dtype).tolist()
        if value == other == 0:
            value = math.copysign(0, signs[0][0])
        slope, another = rows_of(truth_balls(truths[1], signs[1]))
        exponents = truths[1].exponent
        if (exponents < FAINT_EXPONENT).all() and (exponents > ZERO).any():
            slope = another = (math.copysign(0, signs[1][0]), 0.0, FAINT)
        return (value, slope) if value == other and slope == another else None

    def _limit(self, x: float, dtype: np.dtype[Any]) -> Settled:
        """What is settled for an infinite x; a limit 0 has the sign that the largest x gives."""
        key = x, dtype.name
        if key not in self._limits:
            value, slope = map(truths_of, exact(self.formula, x, 1, BITS))
            largest = math.copysign(np.finfo(WIDE).max, x)
            beside = self._stretch(largest, WIDE) or self._exact(np.array([largest]), WIDE)[0]
            near, (near_slope, *_) = beside
            limit = float(rounded_truths(value, np.array([near]), dtype)[0])
            ((hi, lo, radius),) = rows_of(truth_balls(slope, np.array([near_slope])))
            hi = math.nan if math.isnan(limit) else hi
            self._limits[key] = limit, (hi, lo, 0.0 if math.isinf(hi) else radius)
        return self._limits[key]


def truths_of(*values: Any) -> Truths:
    """Exact numbers as `truth_of` has them for float64."""
    return Truths(*np.array([truth_of(value, FLOAT64) for value in values]).T)


def ulp_exponents(truths: Truths) -> Array:
    """The n of the ULP of float64, 2^n, at each exact value."""
    exponent = np.clip(truths.exponent, FLOAT64.least, FLOAT64.most)
    return (exponent - FLOAT64.precision + 1).astype(np.int32)


def rows_of(ball: balls.Ball) -> list[tuple[float, float, float]]:
    """The hi, lo and radius of each ball."""
    return list(zip(*(part.tolist() for part in ball), strict=True))


def full(ball: balls.Ball, size: int) -> balls.Ball:
    """The ball with arrays of `size` elements that may be written to."""
    return balls.Ball(*(np.array(np.broadcast_to(np.asarray(part, float), size)) for part in ball))


def is_zero(node: Node) -> bool:
    """Whether a node is the number 0."""
    return node.operation is words.literal and node.leaf == 0


def rounded_ball(ball: balls.Ball, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The number of the dtype, in float64, to which the ball rounds, and where that is proven."""
    hi, lo, radius = ball
    room = np.where(radius == 0, 0, radius * balls.UP + np.abs(lo) * balls.U)
    if dtype == WIDE:
        low, high = hi + (lo - room), hi + (lo + room)
    else:
        low, high = (nearest_numbers(single(hi, lo + off, dtype), dtype) for off in (-room, room))
    return low, (low == high) & (radius < np.inf) & ((low != 0) | ball.apart)


def rounded_truths(truths: Truths, signs: Array, dtype: np.dtype[Any]) -> Array:
    """Exact values, as `truth_of` has them for float64, rounded to the dtype; in float64.

    A value that is exactly 0, or of unknown sign, gets that of `signs`.
    """
    value, exponent, offset, *_ = truths
    value = np.where(exponent == ZERO, np.copysign(0, signs), value)
    beyond = np.nextafter(value, np.copysign(np.inf, offset))
    if dtype == WIDE:
        is_tie = np.abs(offset) == 0.5
        is_odd = (value.view(np.int64) & 1).astype(bool)
        return np.where(np.where(is_tie, is_odd, np.abs(offset) > 0.5), beyond, value)
    at_tie = (value.view(np.int64) & TIE) == 0
    return nearest_numbers(np.where(at_tie & (offset != 0), beyond, value), dtype)


def truth_balls(truths: Truths, signs: Array) -> balls.Ball:
    """Exact values, as `truth_of` has them for float64, as balls; zeros as in `rounded_truths`.

    A value that is faint is a 0 of its sign with the radius FAINT.
    """
    value, exponent, offset, *_ = truths
    is_0, faint = exponent == ZERO, (exponent < FAINT_EXPONENT) & (exponent > ZERO)
    hi = np.where(is_0, np.copysign(0, signs), np.where(faint, np.copysign(0, value), value))
    lo = np.where(faint, 0, np.ldexp(offset, ulp_exponents(truths)))
    return balls.Ball(hi, lo, np.where(is_0, 0, np.maximum(np.abs(hi) * SHARP, FAINT)))
