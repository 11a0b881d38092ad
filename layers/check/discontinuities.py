"""The kinks and jumps of a function, found from its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.numerical_derivative import EPS, THOROUGH, Estimate, differentiate


class Discontinuity(NamedTuple):
    """A point where a function's derivative (a kink) or its value (a jump) is discontinuous."""

    x: float
    #: The derivatives on both sides.
    left: float
    right: float
    #: The change of the value: 0 for a kink.
    jump: float
    #: The uncertainty of x.
    within: float


def find_discontinuities(
    f: Callable[[Array], Array], grid: Array, eps: float = EPS
) -> list[Discontinuity]:
    """The kinks and jumps of f, at most one in each interval of the grid, sorted by x.

    They are found by bisection. It keeps the half that is less straight: a smooth function becomes
    straight as the interval shrinks, and a function with a kink or a jump does not. `eps` is the
    relative rounding error of f.
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
            narrow = high - low <= 1e-7 * np.maximum(1, np.abs(low))
            if narrow.all():
                break
            go_left = ~narrow & (left >= right)
            keep_low = narrow | go_left
            low, at_low = np.where(keep_low, low, middle), np.where(keep_low, at_low, at_middle)
            high, at_high = np.where(go_left, middle, high), np.where(go_left, at_middle, at_high)
            middle = np.where(narrow, middle, np.where(go_left, first, second))
            at_middle = np.where(narrow, at_middle, np.where(go_left, at_first, at_second))
        size = np.maximum(np.abs(at_low), np.abs(at_high))
        bent = np.abs(at_low - 2 * at_middle + at_high)
        at = np.flatnonzero(bent > 64 * eps * size + 1e-6 * (high - low))
        return _confirmed(f, low[at], high[at], eps)


def _confirmed(
    f: Callable[[Array], Array], low: Array, high: Array, eps: float
) -> list[Discontinuity]:
    """The kinks and jumps in those intervals, without intervals that are only strongly curved."""
    if not low.size:
        return []
    width = high - low
    reach = np.maximum(1 / 16, 1024 * width)

    def slope(at: Array, side: int) -> Estimate:
        return differentiate(f, at, reach, side, THOROUGH, eps)

    left, right = slope(low, -1), slope(high, 1)
    error = 10 * (left.error + right.error)
    steepest = np.fmax(np.abs(left.value), np.abs(right.value))
    rise = f(high) - f(low)
    jumps = np.abs(rise) > 4 * (steepest + error) * width + 64 * eps * np.abs(f(low))
    # A smooth derivative changes more over sixteen widths than over one.
    change = np.abs(left.value - slope(low - 16 * width, -1).value)
    change = np.fmax(change, np.abs(right.value - slope(high + 16 * width, 1).value))
    kinks = np.abs(right.value - left.value) > error + change + 1e-9 * steepest
    results: list[Discontinuity] = []
    for i in np.flatnonzero(jumps | (kinks & np.isfinite(error))).tolist():
        a, b = float(low[i]), float(high[i])
        slopes = float(left.value[i]), float(right.value[i])
        if jumps[i]:
            x = _jump_position(f, a, b)
            results.append(Discontinuity(x, *slopes, float(rise[i]), 4 * EPS * abs(x)))
        else:
            results.append(_kink(a, b, *slopes, float(rise[i])))
    results.sort()
    return [at for i, at in enumerate(results) if not i or at.x > results[i - 1].x + 2e-7]


def _jump_position(f: Callable[[Array], Array], low: float, high: float) -> float:
    """The last number before the jump or the first after it, the one with fewer digits."""
    ends = f(np.array([low, high]))
    while low < (middle := low + (high - low) / 2) < high:
        value = f(np.array([middle]))[0]
        if abs(value - ends[0]) <= abs(value - ends[1]):
            low = middle
        else:
            high = middle
        if high - low < 1e-300:
            break
    return _shortest(low, high - low) if abs(low) < abs(high) else _shortest(high, high - low)


def _kink(low: float, high: float, left: float, right: float, rise: float) -> Discontinuity:
    """The kink where the two tangents meet, at a number of few digits if one is close enough."""
    x = low + (right * (high - low) - rise) / (right - left)
    shortest = _shortest(x, (high - low) / 4)
    within = 4 * EPS * abs(shortest) if shortest == round(shortest, 6) else (high - low) / 4
    return Discontinuity(shortest, left, right, 0.0, within)


def _shortest(x: float, within: float) -> float:
    """The number of fewest digits that is no further from x than `within`."""
    for digits in range(7):
        if abs(round(x, digits) - x) <= within:
            return round(x, digits) + 0.0
    return x
