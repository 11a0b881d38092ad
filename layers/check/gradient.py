"""The expected gradient of an element-wise layer, from its own values, and its tolerances.

The tolerance is the error of the numerical derivative and a few rounding errors of the dtype. A
gradient that is off by no more than rounding errors, but has lost half of its digits, is not a
wrong gradient but a lost one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.discontinuities import Discontinuity, find_discontinuities
from actgrad.layers.check.numerical_derivative import (
    EPS,
    REACH,
    THOROUGH,
    Estimate,
    arithmetic_eps,
    differentiate,
    estimate,
)
from actgrad.layers.check.points import GRID, evenly_spaced, is_round
from actgrad.layers.check.subject import Subject

#: The factor by which the estimate of an error may be too small.
SAFETY = 10.0
#: The rounding errors that a kernel is allowed.
ROUNDINGS = 16.0
#: How many mismatches are examined again at a time, and how many times.
REEXAMINED, REPETITIONS = 64, 4
FLOAT64 = np.dtype(np.float64)


class ExpectedGradient(NamedTuple):
    """At each point the right gradient: between `low` and `high`, both known up to `error`."""

    low: Array
    high: Array
    error: Array

    def distance(self, gradient: Array) -> Array:
        """How far the gradient is outside [low, high]; 0 inside."""
        return np.asarray(np.maximum(np.maximum(self.low - gradient, gradient - self.high), 0.0))

    def nearest(self, gradient: Array) -> Array:
        """The right value that is nearest to the gradient."""
        return np.asarray(np.clip(gradient, self.low, self.high))


def rounding_tolerance(gradient: Array, x: Array, curvature: Array, dtype: np.dtype[Any]) -> Array:
    """The effect of rounding on a gradient: on its terms, and on the x it is computed from."""
    near = np.abs(gradient[(np.abs(x) <= 8) & np.isfinite(gradient)])
    terms = float(near.max()) if near.size else 0.0
    eps = float(finfo(dtype).eps)
    relative = np.asarray(ROUNDINGS * eps * (terms + np.abs(gradient)))
    return relative + argument_rounding(x, curvature, dtype)


def argument_rounding(x: Array, slope: Array, dtype: np.dtype[Any]) -> Array:
    """The change of a function of that slope when x moves by a few of its rounding errors."""
    eps = float(finfo(dtype).eps)
    return np.asarray(ROUNDINGS * eps * np.nan_to_num(np.abs(x) * slope, nan=0.0, posinf=0.0))


class ElementwiseSubject:
    """An element-wise subject as a function of one number, with its kinks and jumps.

    x are the points to examine, a sorted row of float64; None stands for all numbers. The subject
    raises an exception beyond |x| = limit.
    """

    def __init__(self, subject: Subject, x: Array | None, limit: float = np.inf) -> None:
        self.subject, self.limit = subject, limit
        with np.errstate(all="ignore"):
            grid = GRID if x is None else _grid_around(x)
            #: The rounding error of its arithmetic, and the dtype that has it.
            self.eps = arithmetic_eps(self.value(grid), subject.eps)
            self.arithmetic = np.dtype(subject.widest if self.eps == subject.eps else np.float32)
            self.discontinuities = find_discontinuities(self.value, grid, self.eps)

    def value(self, x: Array) -> Array:
        """The function's values at a row of float64: nan beyond its limit."""
        taken = np.abs(x) <= self.limit if self.limit < np.inf else None
        x = x if taken is None else np.where(taken, x, 0.0)
        values = self.subject.forward(x).astype(np.float64).reshape(x.shape)
        return values if taken is None else np.where(taken, values, np.nan)

    @property
    def positions(self) -> Array:
        """The positions of its kinks and jumps, sorted."""
        return np.array([at.x for at in self.discontinuities])

    def derivative(self, x: Array, levels: int = THOROUGH, reach: float = REACH) -> Estimate:
        """The numerical derivative at each x."""
        with np.errstate(all="ignore"):
            return estimate(self.value, x, self.positions, levels, reach, self.eps)

    def curvature(self, x: Array, dtype: np.dtype[Any]) -> Array:
        """|f″|, roughly: its largest value within a few rounding errors of x in that dtype."""
        h = 2.0**-8
        largest = np.zeros(x.shape)
        for shift in (0,) if dtype == np.float64 else (0, 1, -1, 0.3, -0.3):
            at = x * (1 + shift * ROUNDINGS * float(finfo(dtype).eps))
            with np.errstate(all="ignore"):
                bent = self.value(at + h) - 2 * self.value(at) + self.value(at - h)
                largest = np.fmax(largest, np.abs(bent) / h**2)
        return np.asarray(np.nan_to_num(largest, posinf=0.0))

    def expected(self, x: Array, derivative: Estimate, dtype: np.dtype[Any]) -> ExpectedGradient:
        """The expected gradient at each x, a row of that dtype, from the numerical derivative.

        At a kink everything between the two one-sided derivatives is right, at a jump anything.
        """
        low, high = derivative.value.copy(), derivative.value.copy()
        error = SAFETY * derivative.error
        eps = max(float(finfo(dtype).eps), self.eps)
        if self.discontinuities:
            at, left, right, jump, within, off = np.array(self.discontinuities).T
            near = np.searchsorted((at[1:] + at[:-1]) / 2, x)
            here = np.flatnonzero(np.abs(x - at[near]) <= (within + 4 * eps * np.abs(at))[near])
            sides = np.sort([left, right], axis=0)[:, near[here]]
            low[here], high[here] = sides
            slack = 1e-6 * np.abs(sides).max(0) + np.nan_to_num(off[near[here]])
            error[here] = np.where(jump[near[here]] != 0, np.inf, slack)
        size = np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-3)
        # A derivative whose error exceeds its size is unknown.
        return ExpectedGradient(low, high, np.where(error <= size, error, np.inf))

    def smooth(self, x: Array, expected: ExpectedGradient) -> Array:
        """Where both one-sided derivatives agree with the expected gradient.

        Central differences alone miss symmetric singularities: they give √|x| the slope 0 at 0.
        """
        agree = np.ones(x.shape, bool)
        walls = np.array([-np.inf, *self.positions, np.inf])
        above = np.searchsorted(walls, x, side="right")
        for side, room in ((1, walls[above] - x), (-1, x - walls[above - 1])):
            reach = np.clip(0.9 * room, EPS, REACH)
            with np.errstate(all="ignore"):
                derivative = differentiate(self.value, x, reach, side, THOROUGH, self.eps)
                slope = np.abs(expected.low) + 1e-3
                error = SAFETY * derivative.error
                near = np.abs(derivative.value - expected.low) <= 1e-3 * slope + error
                agree &= (near & (error <= slope)) | (room < 1e-3)
        return np.asarray(agree | (expected.low != expected.high))

    def mismatches(
        self, x: Array, gradient: Array, levels: int, dtype: np.dtype[Any] = FLOAT64
    ) -> tuple[ExpectedGradient, Array]:
        """The expected gradient at each x, a row of that dtype, and where `gradient` is wrong.

        A mismatch is examined again before it counts: after a search for kinks and jumps nearby,
        with steps of other lengths.
        """
        expected = self.expected(x, self.derivative(x, levels), dtype)
        slack = rounding_tolerance(
            expected.low, x, self.curvature(x, self.arithmetic), self.arithmetic
        )
        with np.errstate(all="ignore"):
            excess = expected.distance(gradient) - expected.error - slack
        wrong = np.zeros(x.shape, bool)
        for _ in range(REPETITIONS):
            left = np.flatnonzero((excess > 0) & ~wrong)
            if not left.size:
                break
            order = left[np.argsort(-excess[left])]
            # The largest mismatches, a selection of all, and those that are easy to follow.
            largest, selected = order[: REEXAMINED // 2], order[:: len(order) // REEXAMINED + 1]
            chosen = np.unique([*largest, *selected, *left[is_round(x[left])][:REEXAMINED]])
            self._add_discontinuities_near(x[chosen])
            for reach in (REACH, 0.77 * REACH, 0.2 * REACH):
                closer = self.expected(x[chosen], self.derivative(x[chosen], reach=reach), dtype)
                with np.errstate(all="ignore"):
                    over = closer.distance(gradient[chosen]) - closer.error - slack[chosen]
                over = np.where((over > 0) & ~self.smooth(x[chosen], closer), np.nan, over)
                excess[chosen] = np.fmin(excess[chosen], np.where(np.isnan(over), 0, over))
                for column, values in zip(expected, closer, strict=True):
                    column[chosen] = values
            wrong[chosen] = excess[chosen] > 0
            if wrong.any():
                break
        return expected, wrong

    def _add_discontinuities_near(self, x: Array) -> None:
        known = self.positions
        for at in x[:: len(x) // 16 + 1]:
            grid = _grid_around(np.array([at]), 33)
            for new in find_discontinuities(self.value, grid, self.eps):
                if not known.size or np.abs(known - new.x).min() > 1e-6 * max(1, abs(new.x)):
                    self.discontinuities = sorted([*self.discontinuities, new])
                    known = self.positions


def _grid_around(x: Array, count: int = 2049) -> Array:
    """A grid over x, which also covers every step of a derivative at x."""
    finite = x[np.isfinite(x)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    wide = REACH + 1e-4 * max(abs(low), abs(high))
    return evenly_spaced(low - 1.013 * wide, high + 1.017 * wide, count)


def at_discontinuity(discontinuities: list[Discontinuity], x: Array) -> Array:
    """Which x lie at one of the kinks and jumps."""
    here = np.zeros(x.shape, bool)
    for at in discontinuities:
        here |= np.abs(x - at.x) <= at.within
    return here
