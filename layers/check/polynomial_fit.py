"""Derivatives and the noise of a function, from polynomials fitted to its values at many scales.

The values of a float function are noisy: they move in steps where terms cancel or saturate, and
they have the rounding errors of every dtype that is used inside. At each of a series of halved
scales, a polynomial is fitted to the values around x. Its slope is an estimate of the derivative,
and the residual of the values shows both the noise and what the polynomial leaves out.

The residual of a smooth function shrinks with the scale at a known rate. It shrinks much faster
only where a scale has become shorter than the steps of the noise. All values then lie on one step:
they fit perfectly, and show nothing of the derivative. So what disappears in this way is still
counted at every finer scale.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.long_steps import TINY, Parabola, next_step

#: The degree of the polynomials, and the values on each side of x that one is fitted to.
DEGREE, PER_SIDE = 4, 6
#: The values at consecutive distances, two of them for each scale.
SHRINK = 0.5**0.5
#: The values on the left are a little closer, so that a singularity is not symmetrical.
LEFT = -0.94
#: The residual of a smooth function, relative to the values, shrinks at most so fast.
FASTEST = 100.0
#: The residual of the next coarser scale counts with this weight.
MEMORY = 1 / 8
#: A larger part of the largest values is no noise, but a feature of the function.
FEATURE = 1e-2
#: The numbers at which the largest values are looked for, as parts of the largest number.
PARTS = np.linspace(-1, 1, 12)
#: The number of finest scales that show noise alone, if the residual shrinks no more.
FINEST = 4
#: The factor by which residuals and rounding errors may underestimate the noise.
SAFETY = 3.0


class Fit(NamedTuple):
    """The derivative at each x, a bound on its error, and a bound on the noise of the values.

    `size` is that of the values it was fitted to, `sensitivity` the error by noise, and
    `fine_noise` the noise that the finest scales show.
    """

    derivative: Array
    error: Array
    noise: Array
    size: Array
    sensitivity: Array
    fine_noise: Array


class Stencil(NamedTuple):
    """Where f is evaluated around x, and what the fit makes of the values at one scale.

    The offsets are x itself, and for each of `factors` the `width` first of the shrinking
    distances. `slope` gives the derivative and `residual` the residuals, both from the differences
    to the value at x. For a largest residual of 1, `bound` is the error of the derivative, and
    `noise` that of the values.
    """

    factors: tuple[float, ...]
    width: int
    offsets: Array
    slope: Array
    residual: Array
    bound: float
    noise: float

    def rows(self, level: int, distances: int) -> list[int]:
        """The rows of the values at a scale, where each factor has so many distances."""
        starts = [1 + i * distances + 2 * level for i in range(len(self.factors))]
        return [0, *(start + j for start in starts for j in range(self.width))]


@cache
def stencil(side: int) -> Stencil:
    """The stencil around x (side 0), on the right of it (1) or on the left (−1)."""
    factors, width = ((1.0, LEFT), PER_SIDE) if side == 0 else ((float(side),), 2 * PER_SIDE)
    t = _offsets(factors, width)
    fit, residual = _fit(t, DEGREE)
    # The worst of one wrong value, of a step anywhere, and of the powers that are left out.
    steps = [(t >= edge).astype(np.float64) for edge in np.sort(t)[1:]]
    rest = [t**power for power in range(DEGREE + 1, 2 * DEGREE + 3)]
    cases = np.array([*np.eye(t.size), *steps, *rest])
    largest = np.abs(cases @ residual.T).max(axis=1)
    # Beyond a step the function may go on to rise as steeply, on a step of which no end is seen.
    unseen = np.repeat([0.0, 1 / np.ptp(t), 0.0], [t.size, len(steps), len(rest)])
    slope = float(((np.abs(cases @ fit[1]) + unseen) / largest).max())
    noise = 1 / float(largest[: -len(rest)].min())
    return Stencil(factors, width, t, fit[1], residual, SAFETY * slope, SAFETY * noise)


def _offsets(factors: tuple[float, ...], count: int) -> Array:
    distances = SHRINK ** np.arange(count)
    return np.concatenate([[0.0], *(factor * distances for factor in factors)])


def _fit(t: Array, degree: int) -> tuple[Array, Array]:
    """The matrices that give a polynomial's coefficients and the residuals from values at t."""
    powers = np.vander(t, degree + 1, increasing=True)
    inverse = np.linalg.pinv(powers)
    return inverse, np.eye(t.size) - powers @ inverse


def fit(
    f: Callable[[Array], Array],
    x: Array,
    reach: Array,
    room: tuple[Array, Array],
    side: int,
    levels: int,
    eps: float,
) -> Fit:
    """The derivative and the noise of f at each x, from values no further from x than reach.

    `side` is 0 for values on both sides, 1 for the right, −1 for the left. `eps` is the relative
    rounding error of f. Longer steps are followed no further than `room`, on the left and on the
    right.
    """
    around = stencil(side)
    count = 2 * (levels - 1) + around.width
    offsets = _offsets(around.factors, count)
    values = f((x + offsets[:, None] * reach).ravel()).reshape(offsets.size, x.size)
    differences = values - values[0]
    rows = [around.rows(level, count) for level in range(levels)]
    slopes = np.array([around.slope @ differences[row] for row in rows])
    residuals = np.array([np.abs(around.residual @ differences[row]).max(axis=0) for row in rows])
    sizes = np.array([np.abs(values[row]).max(axis=0) for row in rows])
    step = reach * 0.5 ** np.arange(levels)[:, None]
    slopes /= step
    # The rounding of x itself moves the values.
    residuals = np.maximum(residuals, eps * (sizes + np.abs(x * slopes)))
    known = np.isfinite(residuals) & np.isfinite(slopes)
    residuals[~known] = np.nan
    noise = _with_hidden_steps(residuals, sizes, FEATURE * _scale(f, x))
    parabola, simple = _parabola(around, x, reach, values[rows[0]], residuals[0])
    if simple.size:
        noise[:, simple] = np.maximum(
            noise[:, simple],
            next_step(f, parabola.chosen(simple), (room[0][simple], room[1][simple])),
        )
    sensitivity = np.where(known, around.bound / step, np.inf)
    finest = np.where(residuals[-1] > residuals[-FINEST] / 4, residuals[-FINEST:].min(axis=0), 0.0)
    best = _best(slopes, sensitivity, noise, sizes, around.noise)
    bound = np.where(np.isfinite(values[0]), best.noise, np.inf)
    return best._replace(noise=bound, fine_noise=around.noise * finest)


def _parabola(
    around: Stencil, x: Array, reach: Array, values: Array, noise: Array
) -> tuple[Parabola, Array]:
    """The parabola through the coarsest values, and for which x it leaves only noise.

    It is a constant or a line where those leave only noise, too.
    """
    differences = values - values[0]
    coefficients, simple = np.zeros((3, x.size)), np.zeros(x.size, bool)
    degree = np.zeros(x.size)
    for power in (2, 1, 0):
        inverse, residual = _fit(around.offsets, power)
        fits = np.abs(residual @ differences).max(axis=0) <= 4 * noise
        coefficients[:, fits] = 0.0
        coefficients[: power + 1, fits] = inverse @ differences[:, fits]
        degree[fits] = power
        simple |= fits
    coefficients[0] += values[0]
    wide = reach + np.zeros(x.shape)
    size = np.abs(values).max(axis=0)
    return Parabola(x, wide, coefficients, degree, size, noise), np.flatnonzero(simple)


def _scale(f: Callable[[Array], Array], x: Array) -> Array:
    """The largest values of f for numbers that are no larger than x and 1, both signs."""
    largest = np.abs(x) + 1
    values = np.abs(f((PARTS[:, None] * largest).ravel())).reshape(PARTS.size, x.size)
    return np.asarray(np.nan_to_num(values, nan=0.0, posinf=0.0).max(axis=0))


def _with_hidden_steps(residuals: Array, sizes: Array, largest: Array) -> Array:
    """The noise at each scale: its residual, and what disappeared from coarser ones too fast.

    A residual is nan where it is unknown. No noise is larger than `largest`.
    """
    relative = residuals / np.maximum(sizes, TINY)
    # Finer residuals are noise alone: the largest shows more of it than one scale does.
    noise = np.fmax.accumulate(residuals[::-1])[::-1]
    hidden = np.zeros(residuals.shape[1])
    for k in range(1, len(residuals)):
        too_fast = (relative[k - 1] > FASTEST * relative[k]) & (residuals[k - 1] <= largest)
        hidden = np.maximum(hidden, np.where(too_fast, residuals[k - 1], 0.0))
        for back in (1, 2)[:k]:
            remembered = relative[k - back] * np.minimum(sizes[k], sizes[k - back])
            noise[k] = np.fmax(noise[k], MEMORY**back * remembered)
        noise[k] = np.maximum(noise[k], hidden)
    return noise


def _best(
    slopes: Array, sensitivity: Array, noise: Array, sizes: Array, underestimate: float
) -> Fit:
    """The scale of the smallest error; the others must agree with it."""
    errors = np.where(sensitivity < np.inf, sensitivity * noise, np.inf)
    best = errors.argmin(axis=0)[None]
    slope, error, quantum, size, growth = (
        np.take_along_axis(rows, best, axis=0)[0]
        for rows in (slopes, errors, noise, sizes, sensitivity)
    )
    disagreement = np.where(errors < np.inf, np.abs(slopes - slope) - errors, 0.0).max(axis=0)
    error = np.maximum(error, disagreement)
    return Fit(slope, error, underestimate * quantum, size, growth / underestimate, quantum)
