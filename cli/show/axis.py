"""The axes of a plot: where round numbers stand."""

from __future__ import annotations

import math
from typing import NamedTuple, overload

import numpy as np

from actgrad.layers.arrays import Array

#: The first digits of the distances between ticks.
ROUND = (1, 2, 5, 10)


class Axis(NamedTuple):
    """An axis from `low` to `high`, with ticks at round numbers."""

    low: float
    high: float
    ticks: list[float]

    @overload
    def share(self, value: float) -> float: ...
    @overload
    def share(self, value: Array) -> Array: ...
    def share(self, value: float | Array) -> float | Array:
        """Where the value stands: 0 at the low end, 1 at the high end."""
        # Halves, because ends that are rounded up may be more than the largest float apart.
        low, high = self.low / 2, self.high / 2
        share: float | Array = np.clip((value / 2 - low) / (high - low), 0.0, 1.0)
        return share


def tick_distance(span: float, most: int) -> float:
    """The least round distance with which no more than `most` ticks stand on the span."""
    least = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in ROUND if digit * power >= least * (1 - 1e-9))


def axis_between(low: float, high: float, most: int) -> Axis:
    """The axis between exactly these ends."""
    distance = tick_distance(high - low, most)
    first, last = math.ceil(low / distance - 1e-9), math.floor(high / distance + 1e-9)
    return Axis(low, high, [i * distance for i in range(first, last + 1)])


def rounded_axis(low: float, high: float, most: int) -> Axis:
    """The axis whose ends are the ticks around low and high; a span of 0 is widened."""
    if not high > low:
        half = max(abs(low), 1) / 2
        low, high = low - half, high + half
    distance = tick_distance(high - low, most)
    first, last = math.floor(low / distance + 1e-9), math.ceil(high / distance - 1e-9)
    ticks = [i * distance for i in range(first, last + 1)]
    return Axis(ticks[0], ticks[-1], ticks)
