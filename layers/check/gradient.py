"""The gradient against the numerical derivative, and against the formula where it is known.

The tolerance is the derivative's own error and a few roundings of the dtype. What is off by no more
than roundings, but has lost half of its digits, is no wrong gradient: it is a lost one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.numerical_derivative import (
    EPS,
    REACH,
    THOROUGH,
    Break,
    Estimate,
    differentiate,
    estimate,
    find_breaks,
)
from actgrad.layers.check.points import GRID
from actgrad.layers.check.subject import Run, Subject
from actgrad.layers.errors import ActgradError

#: An estimate of an error is trusted up to this factor.
SAFETY = 10.0
#: Roundings that a kernel is allowed.
ROUNDINGS = 16.0
#: Suspects looked at closely at a time, and how many times.
CLOSELY, ROUNDS = 64, 4
#: The dtype to be trusted more.
WIDER = {
    **dict.fromkeys(("float16", "bfloat16", "float32"), np.float64),
    "float64": np.longdouble,
}


FLOAT64 = np.dtype(np.float64)


class Truth(NamedTuple):
    """What a gradient should be: between `low` and `high`, and how well that is known."""

    low: Array
    high: Array
    doubt: Array

    def excess(self, got: Array) -> Array:
        """How far `got` is outside."""
        return np.asarray(np.maximum(np.maximum(self.low - got, got - self.high), 0.0))

    def nearest(self, got: Array) -> Array:
        """The right value that is nearest to `got`."""
        return np.asarray(np.clip(got, self.low, self.high))


def roundings(truth: Array, x: Array, bend: Array, dtype: np.dtype[Any]) -> Array:
    """What rounding may do to a gradient: to its terms, and to the argument it is computed from."""
    near = np.abs(truth[(np.abs(x) <= 8) & np.isfinite(truth)])
    terms = float(near.max()) if near.size else 0.0
    eps = float(finfo(dtype).eps)
    return np.asarray(ROUNDINGS * eps * (terms + np.abs(truth))) + moved(x, bend, dtype)


def moved(x: Array, bend: Array, dtype: np.dtype[Any]) -> Array:
    """How far a few roundings of x itself move a function of the slope `bend`."""
    eps = float(finfo(dtype).eps)
    return np.asarray(ROUNDINGS * eps * np.nan_to_num(np.abs(x) * bend, nan=0.0, posinf=0.0))


class ElementwiseSubject:
    """An element-wise subject as a function of numbers, and where that breaks."""

    def __init__(self, subject: Subject, x: Array | None) -> None:
        self.subject = subject
        with np.errstate(all="ignore"):
            grid = GRID if x is None else _around(x)
            self.breaks = find_breaks(self.value, grid, subject.eps)

    def value(self, x: Array) -> Array:
        """The function at a 1-d array of float64."""
        return self.subject.forward(x).astype(np.float64).reshape(x.shape)

    @property
    def places(self) -> Array:
        """Where it breaks, in order."""
        return np.array([one.x for one in self.breaks])

    def derivative(self, x: Array, levels: int = THOROUGH, reach: float = REACH) -> Estimate:
        """Its derivative at each x."""
        with np.errstate(all="ignore"):
            return estimate(self.value, x, self.places, levels, reach, self.subject.eps)

    def bend(self, x: Array, dtype: np.dtype[Any]) -> Array:
        """|f″|, roughly, the largest within the few roundings of x itself."""
        h = 2.0**-8
        most = np.zeros(x.shape)
        for shift in (0,) if dtype == np.float64 else (0, 1, -1, 0.3, -0.3):
            at = x * (1 + shift * ROUNDINGS * float(finfo(dtype).eps))
            with np.errstate(all="ignore"):
                bent = self.value(at + h) - 2 * self.value(at) + self.value(at - h)
                most = np.fmax(most, np.abs(bent) / h**2)
        return np.asarray(np.nan_to_num(most, posinf=0.0))

    def truth(self, x: Array, found: Estimate, dtype: np.dtype[Any]) -> Truth:
        """The estimate as a truth: at a kink all between both sides, at a jump anything."""
        low, high, doubt = found.value.copy(), found.value.copy(), SAFETY * found.error
        eps = max(float(finfo(dtype).eps), self.subject.eps)
        if self.breaks:
            at, left, right, jump, within = np.array(self.breaks).T
            near = np.searchsorted((at[1:] + at[:-1]) / 2, x)
            here = np.flatnonzero(np.abs(x - at[near]) <= (within + 4 * eps * np.abs(at))[near])
            sides = np.sort([left, right], axis=0)[:, near[here]]
            low[here], high[here] = sides
            doubt[here] = np.where(jump[near[here]] != 0, np.inf, 1e-6 * np.abs(sides).max(0))
        size = np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-3)
        # What is known no better than that it is of such a size is not known.
        return Truth(low, high, np.where(doubt <= size, doubt, np.inf))

    def smooth(self, x: Array, truth: Truth) -> Array:
        """Where both sides agree with the truth. Of what is symmetric, central differences see
        nothing: the slope of √|x| at 0 is 0 to them."""
        alike = np.ones(x.shape, bool)
        places = np.array([-np.inf, *self.places, np.inf])
        above = np.searchsorted(places, x, side="right")
        for side, room in ((1, places[above] - x), (-1, x - places[above - 1])):
            reach = np.clip(0.9 * room, EPS, REACH)
            with np.errstate(all="ignore"):
                found = differentiate(
                    lambda t: self.value(x + t), reach, side, THOROUGH, np.abs(x), self.subject.eps
                )
                slope = np.abs(truth.low) + 1e-3
                near = np.abs(found.value - truth.low) <= 1e-3 * slope + SAFETY * found.error
                alike &= (near & (SAFETY * found.error <= slope)) | (room < 1e-3)
        return np.asarray(alike | (truth.low != truth.high))

    def suspects(
        self, x: Array, got: Array, levels: int, dtype: np.dtype[Any] = FLOAT64
    ) -> tuple[Truth, Array]:
        """The truth at each x, which is of that dtype, and where `got` is convicted to be another.

        Who seems guilty is looked at closely: is there a break nearby, and do steps of other
        lengths say the same?
        """
        widest = np.dtype(self.subject.widest)
        truth = self.truth(x, self.derivative(x, levels), dtype)
        slack = roundings(truth.low, x, self.bend(x, widest), widest)
        with np.errstate(all="ignore"):
            excess = truth.excess(got) - truth.doubt - slack
        guilty = np.zeros(x.shape, bool)
        for _ in range(ROUNDS):
            left = np.flatnonzero((excess > 0) & ~guilty)
            if not left.size:
                break
            order = left[np.argsort(-excess[left])]
            # The worst, and some of all.
            chosen = np.unique([*order[: CLOSELY // 2], *order[:: len(order) // CLOSELY + 1]])
            self._look_for_breaks(x[chosen])
            for reach in (REACH, 0.77 * REACH, 0.2 * REACH):
                closer = self.truth(x[chosen], self.derivative(x[chosen], reach=reach), dtype)
                with np.errstate(all="ignore"):
                    over = closer.excess(got[chosen]) - closer.doubt - slack[chosen]
                over = np.where((over > 0) & ~self.smooth(x[chosen], closer), np.nan, over)
                excess[chosen] = np.fmin(excess[chosen], np.where(np.isnan(over), 0, over))
                for column, values in zip(truth, closer, strict=True):
                    column[chosen] = values
            guilty[chosen] = excess[chosen] > 0
            if guilty.any():
                break
        return truth, guilty

    def _look_for_breaks(self, x: Array) -> None:
        known = self.places
        for at in x[:: len(x) // 16 + 1]:
            for one in find_breaks(self.value, _around(np.array([at]), 33), self.subject.eps):
                if not known.size or np.abs(known - one.x).min() > 1e-6 * max(1, abs(one.x)):
                    self.breaks = sorted([*self.breaks, one])
                    known = self.places


def _around(x: Array, count: int = 2049) -> Array:
    """A grid over x and what is looked at around it."""
    finite = x[np.isfinite(x)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    wide = REACH + 1e-4 * max(abs(low), abs(high))
    return np.linspace(low - 1.013 * wide, high + 1.017 * wide, count)


def wider(subject: Subject, x: Array, dout: Array | None = None) -> Run | None:
    """The subject's own answer in a wider dtype; None if it has none."""
    dtype = np.dtype(WIDER[x.dtype.name])
    if subject.widest != "float64" or finfo(dtype).eps >= finfo(x.dtype).eps:
        return None
    try:
        run = subject.run(x.astype(dtype), None if dout is None else dout.astype(dtype))
    except ActgradError:
        return None
    return run if run.out.dtype == run.dx.dtype == dtype else None


def breaks_at(breaks: list[Break], x: Array) -> Array:
    """The x that lie at a break."""
    here = np.zeros(x.shape, bool)
    for one in breaks:
        here |= np.abs(x - one.x) <= one.within
    return here
