"""Derivatives from values alone, each with an estimate of its own error.

Central differences at halved steps are extrapolated to step 0. The error of the best entry of the
table is the largest difference from its neighbours in the table and from the finest differences.
A function that is noisy, or that oscillates between the steps, so gets a large error instead of a
wrong derivative. Next to a kink or a jump the differences are one-sided.

Source: Ridders, "Accurate computation of F′(x) and F′(x)F″(x)", 1982.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array

EPS = float(np.finfo(np.float64).eps)
#: The first step, where no kink or jump is nearer.
REACH = 0.5
#: How often the step is halved: for a quick estimate, and for a thorough one.
QUICK, THOROUGH = 8, 16
#: Beyond this |x|, steps exceed the length on which functions vary: a sine looks like a line.
RESOLVED = 2.0**20
#: Columns of the table: more only amplify noise.
ORDER = 5
#: Elements differentiated together, so that the table stays in the cache.
CHUNK = 8192


class Estimate(NamedTuple):
    """A derivative and a bound on its error, which is inf where the derivative is unknown."""

    value: Array
    error: Array


def differentiate(
    f: Callable[[Array], Array],
    x: Array,
    reach: Array,
    side: int = 0,
    levels: int = QUICK,
    eps: float = EPS,
) -> Estimate:
    """The derivative of f at x, from values no further from x than reach, an array of x's shape.

    `side` is 0 for central differences, 1 for the right, −1 for the left. `eps` is the relative
    rounding error of f.
    """
    ratio = 2.0 if side else 4.0
    base = f(x + np.zeros_like(reach)) if side else None
    plain: list[Array] = []
    noises: list[Array] = []
    row: list[Array] = []
    best = error = np.array(0.0)
    for level in range(levels):
        step = reach * 0.5**level
        ahead, behind = f(x + step * (side or 1)), f(x - step) if base is None else base
        slope = (ahead - behind) / (2 * step if base is None else step * side)
        # The rounding of x itself changes the steps.
        value = np.maximum(np.abs(ahead), np.abs(behind))
        rounding = eps * (value + np.abs(x) * np.abs(slope)) / step
        previous, row = row, [slope]
        for column in range(min(level, ORDER)):
            finer, coarser = row[column], previous[column]
            row.append(finer + (finer - coarser) / (ratio ** (column + 1) - 1))
            spread = np.maximum(np.abs(row[-1] - finer), np.abs(row[-1] - coarser)) + 2 * rounding
            spread = np.where(spread < np.inf, spread, np.inf)
            if level == 1 and column == 0:
                best, error = row[-1], spread
            else:
                better = spread < error
                best, error = np.where(better, row[-1], best), np.where(better, spread, error)
        plain.append(row[min(level, 2)])
        noises.append(8 * rounding)
    # An estimate from wide steps must agree with the finest steps too, up to their noise.
    for slope, rounding in zip(plain[-3:], noises[-3:], strict=True):
        difference = np.abs(best - slope) - rounding
        error = np.maximum(error, np.where(np.isfinite(difference), difference, np.inf))
    return Estimate(best, error)


def estimate(
    f: Callable[[Array], Array],
    x: Array,
    discontinuities: Array,
    levels: int = QUICK,
    reach: float = REACH,
    eps: float = EPS,
) -> Estimate:
    """The derivative of an element-wise f at each x, from steps that cross no kink or jump.

    `discontinuities` are their positions, sorted. At such a position the derivative is the one on
    the right.
    """
    parts = [
        _estimate_chunk(f, x[at : at + CHUNK], discontinuities, levels, reach, eps)
        for at in range(0, x.size or 1, CHUNK)
    ]
    value, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Estimate(value, np.where(np.abs(x) <= RESOLVED, error, np.inf))


def _estimate_chunk(
    f: Callable[[Array], Array],
    x: Array,
    discontinuities: Array,
    levels: int,
    reach: float,
    eps: float,
) -> Estimate:
    wide = np.maximum(reach, np.ldexp(1.0, np.frexp(np.abs(x) * 2.0**-16)[1]))
    if not discontinuities.size:
        return differentiate(f, x, wide, 0, levels, eps)
    walls = np.concatenate([[-np.inf], discontinuities, [np.inf]])
    above = np.searchsorted(walls, x, side="right")
    room_right, room_left = walls[above] - x, x - walls[above - 1]
    sides = np.where(
        np.minimum(room_left, room_right) > wide, 0, np.where(room_left < room_right, 1, -1)
    )
    result = Estimate(*(np.empty_like(x) for _ in range(2)))
    for side in (0, 1, -1):
        here = np.flatnonzero(sides == side)
        if here.size:
            room = np.maximum(room_left, room_right)[here]
            near = np.minimum(wide[here], 0.9 * room)
            part = differentiate(f, x[here], near, side, levels, eps)
            for column, values in zip(result, part, strict=True):
                column[here] = values
    return result


def noise(f: Callable[[Array], Array], x: Array) -> Array:
    """The relative noise of f near each x: the size of the fourth differences of a short step.

    Source: Hamming, "Introduction to applied numerical analysis", 1971.
    """
    h = 3e-8 * np.maximum(1, np.abs(x))
    values = np.array([f(x + k * h) for k in range(9)])
    differences = np.diff(values, 4, axis=0)
    # Differences of independent errors grow by the root of the sum of the squared binomials.
    return np.asarray(np.sqrt((differences**2).mean(axis=0) / 70) / np.abs(values).max(axis=0))
