"""Derivatives from values alone, each with an estimate of its own error.

Central differences at steps that halve are extrapolated to a step of none. The error of the best
entry is what its neighbours in the table say of it, and what the finer differences do, so that a
function which has noise, or wiggles between the steps, has a large error instead of a wrong
derivative. Next to a break the differences are taken on one side only.

Source: Ridders, "Accurate computation of F′(x) and F′(x)F″(x)", 1982.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array

EPS = float(np.finfo(np.float64).eps)
#: How far from x the function is looked at, where nothing is in the way.
REACH = 0.5
#: How often the step is halved: a quick look, and a thorough one.
QUICK, THOROUGH = 8, 16
#: Beyond this, steps are wider than what they should see: a sine looks like a straight line.
RESOLVED = 2.0**20
#: Columns of the table: more only amplify noise.
ORDER = 5
#: Elements looked at together, so that the table stays in the cache.
CHUNK = 8192


class Estimate(NamedTuple):
    """A derivative, and how far off it may be; inf where nothing can be said."""

    value: Array
    error: Array


def differentiate(
    along: Callable[[Array], Array],
    reach: Array,
    side: int = 0,
    levels: int = QUICK,
    size: Array | float = 0.0,
    eps: float = EPS,
) -> Estimate:
    """The derivative at t = 0 of `along(t)`, looked at within `reach`.

    `along` takes steps of reach's shape. `side` is 0 for both sides, 1 for the right, −1 for the
    left. `size` is |x|, whose own rounding moves the steps; `eps` is the rounding of `along`.
    """
    ratio = 2.0 if side else 4.0
    base = along(np.zeros_like(reach)) if side else None
    plain: list[Array] = []
    noise: list[Array] = []
    row: list[Array] = []
    best = error = np.array(0.0)
    for level in range(levels):
        step = reach * 0.5**level
        one, other = along(step * (side or 1)), along(-step) if base is None else base
        slope = (one - other) / (2 * step if base is None else step * side)
        rounding = eps * (np.maximum(np.abs(one), np.abs(other)) + size * np.abs(slope)) / step
        previous, row = row, [slope]
        for column in range(min(level, ORDER)):
            finer, coarser = row[column], previous[column]
            row.append(finer + (finer - coarser) / (ratio ** (column + 1) - 1))
            doubt = np.maximum(np.abs(row[-1] - finer), np.abs(row[-1] - coarser)) + 2 * rounding
            doubt = np.where(doubt < np.inf, doubt, np.inf)
            if level == 1 and column == 0:
                best, error = row[-1], doubt
            else:
                better = doubt < error
                best, error = np.where(better, row[-1], best), np.where(better, doubt, error)
        plain.append(row[min(level, 2)])
        noise.append(8 * rounding)
    # What holds for wide steps must hold for the finest too, up to their noise.
    for slope, rounding in zip(plain[-3:], noise[-3:], strict=True):
        astray = np.abs(best - slope) - rounding
        error = np.maximum(error, np.where(np.isfinite(astray), astray, np.inf))
    return Estimate(best, error)


class Break(NamedTuple):
    """Where a function's derivative, or the function itself, is discontinuous."""

    x: float
    #: Its derivatives on either side.
    left: float
    right: float
    #: The difference in the function's value: 0 for a kink.
    jump: float
    #: How well x is known.
    within: float


def find_breaks(f: Callable[[Array], Array], grid: Array, eps: float = EPS) -> list[Break]:
    """The kinks and jumps of f, one at most in each interval of the grid, found by bisection.

    The half that is less straight is kept: what is smooth becomes straight, a break never does.
    """
    low, high = grid[:-1], grid[1:]
    at_low, at_high = f(low), f(high)
    middle = low + (high - low) / 2
    at_middle = f(middle)
    with np.errstate(all="ignore"):
        for _ in range(30):
            first, second = low + (middle - low) / 2, middle + (high - middle) / 2
            at_first, at_second = f(first), f(second)
            left = np.abs(at_low - 2 * at_first + at_middle)
            right = np.abs(at_middle - 2 * at_second + at_high)
            go = (left >= right) & (high - low > 1e-7 * np.maximum(1, np.abs(low)))
            stay = high - low <= 1e-7 * np.maximum(1, np.abs(low))
            if stay.all():
                break
            low, at_low = _choose(stay | go, low, middle), _choose(stay | go, at_low, at_middle)
            high, at_high = (
                _choose(~stay & go, middle, high),
                _choose(~stay & go, at_middle, at_high),
            )
            middle = _choose(stay, middle, _choose(go, first, second))
            at_middle = _choose(stay, at_middle, _choose(go, at_first, at_second))
        size = np.maximum(np.abs(at_low), np.abs(at_high))
        bent = np.abs(at_low - 2 * at_middle + at_high)
        places = np.flatnonzero(bent > 64 * eps * size + 1e-6 * (high - low))
        return _told(f, low[places], high[places], eps)


def _choose(condition: Array, one: Array, other: Array) -> Array:
    return np.where(condition, one, other)


def _told(f: Callable[[Array], Array], low: Array, high: Array, eps: float) -> list[Break]:
    """The breaks among the suspected intervals."""
    if not low.size:
        return []
    width = high - low
    reach = np.maximum(1 / 16, 1024 * width)

    def slope(at: Array, side: int) -> Estimate:
        return differentiate(lambda t: f(at + t), reach, side, THOROUGH, np.abs(at), eps)

    left, right = slope(low, -1), slope(high, 1)
    doubt = 10 * (left.error + right.error)
    steepest = np.fmax(np.abs(left.value), np.abs(right.value))
    rise = f(high) - f(low)
    jumps = np.abs(rise) > 4 * (steepest + doubt) * width + 64 * eps * np.abs(f(low))
    # A smooth derivative changes more over sixteen widths than over one.
    change = np.abs(left.value - slope(low - 16 * width, -1).value)
    change = np.fmax(change, np.abs(right.value - slope(high + 16 * width, 1).value))
    kinks = np.abs(right.value - left.value) > doubt + change + 1e-9 * steepest
    breaks: list[Break] = []
    for i in np.flatnonzero(jumps | (kinks & np.isfinite(doubt))).tolist():
        a, b = float(low[i]), float(high[i])
        slopes = float(left.value[i]), float(right.value[i])
        if jumps[i]:
            x = _edge(f, a, b)
            breaks.append(Break(x, *slopes, float(rise[i]), 4 * EPS * abs(x)))
        else:
            breaks.append(_kink(a, b, *slopes, float(rise[i])))
    breaks.sort()
    return [one for i, one in enumerate(breaks) if not i or one.x > breaks[i - 1].x + 2e-7]


def _edge(f: Callable[[Array], Array], low: float, high: float) -> float:
    """The last number before the jump, or the first after it, whichever is rounder."""
    ends = f(np.array([low, high]))
    while low < (middle := low + (high - low) / 2) < high:
        value = f(np.array([middle]))[0]
        if abs(value - ends[0]) <= abs(value - ends[1]):
            low = middle
        else:
            high = middle
        if high - low < 1e-300:
            break
    return _round(low, high - low) if abs(low) < abs(high) else _round(high, high - low)


def _kink(low: float, high: float, left: float, right: float, rise: float) -> Break:
    """Where the two straight lines meet: a round number, if one is as near as can be told."""
    x = low + (right * (high - low) - rise) / (right - left)
    rounder = _round(x, (high - low) / 4)
    within = 4 * EPS * abs(rounder) if rounder == round(rounder, 6) else (high - low) / 4
    return Break(rounder, left, right, 0.0, within)


def _round(x: float, within: float) -> float:
    """The number of fewest digits that near to x."""
    for digits in range(7):
        if abs(round(x, digits) - x) <= within:
            return round(x, digits) + 0.0
    return x


def estimate(
    f: Callable[[Array], Array],
    x: Array,
    breaks: Array,
    levels: int = QUICK,
    reach: float = REACH,
    eps: float = EPS,
) -> Estimate:
    """The derivative of an element-wise f at each x, looking away from breaks that are near.

    At a break itself, it is the derivative on the right.
    """
    parts = [
        _estimate(f, x[at : at + CHUNK], breaks, levels, reach, eps)
        for at in range(0, x.size or 1, CHUNK)
    ]
    value, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Estimate(value, np.where(np.abs(x) <= RESOLVED, error, np.inf))


def _estimate(
    f: Callable[[Array], Array], x: Array, breaks: Array, levels: int, reach: float, eps: float
) -> Estimate:
    size = np.abs(x)
    wide = np.maximum(reach, np.ldexp(1.0, np.frexp(size * 2.0**-16)[1]))
    if not breaks.size:
        return differentiate(lambda t: f(x + t), wide, 0, levels, size, eps)
    walls = np.concatenate([[-np.inf], breaks, [np.inf]])
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
            one_sided = partial(_shifted, f, x[here])
            found = differentiate(one_sided, near, side, levels, size[here], eps)
            for column, values in zip(result, found, strict=True):
                column[here] = values
    return result


def noise(f: Callable[[Array], Array], x: Array) -> Array:
    """The relative noise of f near each x: what is left in the fourth differences of a short step.

    Source: Hamming, "Introduction to applied numerical analysis", 1971.
    """
    h = 3e-8 * np.maximum(1, np.abs(x))
    values = np.array([f(x + k * h) for k in range(9)])
    left = np.diff(values, 4, axis=0)
    # The differences of independent errors grow by the root of the sum of squared binomials.
    return np.asarray(np.sqrt((left**2).mean(axis=0) / 70) / np.abs(values).max(axis=0))


def _shifted(f: Callable[[Array], Array], x: Array, t: Array) -> Array:
    return f(x + t)
