"""The kinks and jumps of a function, found from its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.numerical_derivative import (
    EPS,
    PROBES,
    THOROUGH,
    Estimate,
    differentiate,
)

#: Bisection ends in intervals of this width, or of this part of their numbers.
NARROW = RELATIVE = 1e-7
#: The distance from a jump where noise is looked for, and where f is evaluated there, as parts of
#: half of it; the matrix that gives the distance from a polynomial of degree 4.
BESIDE, OFFSETS = 2.0**-11, np.cos(np.arange(24))
RESIDUAL = np.eye(24) - np.vander(OFFSETS, 5) @ np.linalg.pinv(np.vander(OFFSETS, 5))


class Discontinuity(NamedTuple):
    """A point where a function's derivative (a kink) or its value (a jump) is discontinuous."""

    x: float
    #: The derivatives on both sides.
    left: float
    right: float
    #: The change of the value: 0 for a kink.
    jump: float
    #: The uncertainty of x, and of the derivatives: they are those beside x, where f is curved.
    within: float
    error: float = 0.0


def find_discontinuities(
    f: Callable[[Array], Array], grid: Array, eps: float = EPS
) -> list[Discontinuity]:
    """The kinks and jumps of f, at most one in each interval of the grid, sorted by x.

    They are found by bisection. It keeps the half that is less straight: a smooth function becomes
    straight as the interval shrinks, and a function with a kink or a jump does not. `eps` is the
    relative rounding error of f.
    """
    with np.errstate(all="ignore"):
        low, high, bent = _bisected(f, grid[:-1], grid[1:], RELATIVE)
        chosen = np.flatnonzero(bent > 64 * eps * _size(f, low, high) + 1e-6 * (high - low))
        # Where the numbers are large, the width is still that of a whole wave of a sine.
        wide = chosen[np.abs(low[chosen]) > 1]
        if wide.size:
            low[wide], high[wide], bent[wide] = _bisected(f, low[wide], high[wide], 0.0)
        return _confirmed(f, low[chosen], high[chosen], bent[chosen], eps)


def _size(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    return np.asarray(np.maximum(np.abs(f(low)), np.abs(f(high))))


def _bisected(
    f: Callable[[Array], Array], low: Array, high: Array, relative: float
) -> tuple[Array, Array, Array]:
    """The part of each interval where f is least straight, and how far f is from a line there.

    A part is no wider than `relative` times its numbers, or NARROW.
    """
    low, high = low.copy(), high.copy()
    at_low, at_high = f(low), f(high)
    middle = low + (high - low) / 2
    at_middle = f(middle)
    for _ in range(40):
        narrow = high - low <= np.maximum(NARROW, relative * np.abs(low))
        if narrow.all():
            break
        first, second = low + (middle - low) / 2, middle + (high - middle) / 2
        at_first, at_second = f(first), f(second)
        left = np.abs(at_low - 2 * at_first + at_middle)
        right = np.abs(at_middle - 2 * at_second + at_high)
        go_left = ~narrow & (left >= right)
        keep_low = narrow | go_left
        low, at_low = np.where(keep_low, low, middle), np.where(keep_low, at_low, at_middle)
        high, at_high = np.where(go_left, middle, high), np.where(go_left, at_middle, at_high)
        middle = np.where(narrow, middle, np.where(go_left, first, second))
        at_middle = np.where(narrow, at_middle, np.where(go_left, at_first, at_second))
    return low, high, np.abs(at_low - 2 * at_middle + at_high)


def _confirmed(
    f: Callable[[Array], Array], low: Array, high: Array, bent: Array, eps: float
) -> list[Discontinuity]:
    """The kinks and jumps in those intervals, without intervals that are only strongly curved.

    `bent` is how far f is from a line. A jump is as large, and larger than the noise of f.
    """
    if not low.size:
        return []
    width = high - low
    reach = np.maximum(1 / 16, 1024 * width)

    def slope(at: Array, side: int) -> Estimate:
        return differentiate(f, at, reach, side, THOROUGH, eps)

    left, right = slope(low, -1), slope(high, 1)
    error = 10 * (left.error + right.error)
    steepest = np.fmax(np.abs(left.value), np.abs(right.value))
    # A smooth derivative changes more over sixteen widths than over one.
    change = np.abs(left.value - slope(low - 16 * width, -1).value)
    change = np.fmax(change, np.abs(right.value - slope(high + 16 * width, 1).value))
    kinks = np.abs(right.value - left.value) > error + change + 1e-9 * steepest
    before, after, rise = _largest_step(f, low, high, np.nan_to_num((left.value + right.value) / 2))
    jumps = np.abs(rise) > bent / 4 + 64 * eps * (_size(f, low, high) + np.abs(low) * steepest)
    kinks &= ~jumps
    if jumps.any():
        jumps[jumps] = np.abs(rise[jumps]) > _noise_at_jumps(f, before[jumps])
    results: list[Discontinuity] = []
    for i in np.flatnonzero(jumps | (kinks & np.isfinite(error))).tolist():
        a, b = float(low[i]), float(high[i])
        slopes = float(left.value[i]), float(right.value[i])
        if jumps[i]:
            x = _fewest_digits(float(before[i]), float(after[i]))
            results.append(Discontinuity(x, *slopes, float(rise[i]), 4 * EPS * abs(x)))
        else:
            kink = _kink(a, b, *slopes, float(f(high[[i]])[0] - f(low[[i]])[0]))
            # The derivatives change by a sixteenth of this over the width of the interval.
            results.append(kink._replace(error=float(change[i]) / 8))
    results.sort()
    return [at for i, at in enumerate(results) if not i or at.x > results[i - 1].x + 2e-7]


def _largest_step(
    f: Callable[[Array], Array], low: Array, high: Array, slope: Array
) -> tuple[Array, Array, Array]:
    """The numbers next to each other between which f changes most, and the change, by bisection.

    `slope` is that of f about there.
    """
    below, above = _ordinals(low), _ordinals(high)
    at_low, at_high = f(low), f(high) - slope * (high - low)
    for _ in range(64):
        between = below + (above - below) // 2
        middle = _numbers(between)
        at_middle = f(middle) - slope * (middle - low)
        left = np.abs(at_middle - at_low) >= np.abs(at_high - at_middle)
        above, at_high = np.where(left, between, above), np.where(left, at_middle, at_high)
        below, at_low = np.where(left, below, between), np.where(left, at_low, at_middle)
    return _numbers(below), _numbers(above), at_high - at_low


def _ordinals(x: Array) -> Array:
    """Integers that count the numbers of float64 from 0 on."""
    bits = (x + 0.0).view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def _numbers(ordinals: Array) -> Array:
    bits = np.where(ordinals < 0, np.iinfo(np.int64).min - ordinals, ordinals)
    return np.asarray(bits.view(np.float64))


def _noise_at_jumps(f: Callable[[Array], Array], at: Array) -> Array:
    """The largest noise of f that shows beside each number, and closer to 0.

    It is the distance of f from polynomials. Where terms cancel, noise moves f in steps, which are
    the longer the flatter f is; they show as noise where they are short.
    """
    places = np.concatenate([at - BESIDE, at + BESIDE, PROBES])
    values = f((places + BESIDE / 2 * OFFSETS[:, None]).ravel()).reshape(OFFSETS.size, -1)
    noise = np.nan_to_num(np.abs(RESIDUAL @ (values - values[0])).max(axis=0))
    closer = (np.sign(places) == np.sign(at)[:, None]) & (
        np.abs(places) <= np.abs(at)[:, None] + 2 * BESIDE
    )
    return np.asarray(8 * np.where(closer, noise, 0.0).max(axis=1))


def _fewest_digits(before: float, after: float) -> float:
    """The number of fewer digits, of two that are next to each other."""
    return min(before, after, key=lambda x: len(repr(x)))


def _kink(low: float, high: float, left: float, right: float, rise: float) -> Discontinuity:
    """The kink where the two tangents meet, at a number of few digits if one is close enough."""
    x = min(max(low + (right * (high - low) - rise) / (right - left), low), high)
    at = shortest(x, (high - low) / 4)
    within = 4 * EPS * abs(at) if at == round(at, 6) else (high - low) / 4
    return Discontinuity(at, left, right, 0.0, within)


def shortest(x: float, within: float) -> float:
    """The number of fewest digits that is no further from x than `within`."""
    for digits in range(7):
        if abs(round(x, digits) - x) <= within:
            return round(x, digits) + 0.0
    return x
