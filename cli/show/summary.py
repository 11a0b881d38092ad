"""A whole array in one line, for those of which a table shows only the ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from actgrad.cli.show.numerals import numeral
from actgrad.layers.arrays import Array
from actgrad.layers.layer import total


class Part(NamedTuple):
    """What is told of some of the numbers."""

    numbers: int
    nans: int
    low: np.generic
    high: np.generic
    sum: float


class Summary:
    """Range and mean, without the nans, and how many of those; of a mask, the share masked."""

    def __init__(self) -> None:
        self._parts: list[Part] = []

    def add(self, values: Array) -> None:
        """Count these numbers in; threads may do so at once."""
        if not values.size:
            return
        with np.errstate(all="ignore"):
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
            sum_, nans = values.sum(dtype=np.float64), 0
            if np.isnan(sum_):
                nan = np.isnan(values)
                nans, sum_ = int(np.count_nonzero(nan)), values[~nan].sum(dtype=np.float64)
        self._parts.append(Part(values.size, nans, low, high, float(sum_)))

    def __str__(self) -> str:
        count, nans = (sum(numbers) for numbers in list(zip(*self._parts, strict=True))[:2])
        if nans == count:
            return "nan throughout"
        mean = np.float64(total([part.sum for part in self._parts]) / (count - nans))
        low = np.fmin.reduce([part.low for part in self._parts])
        high = np.fmax.reduce([part.high for part in self._parts])
        if low.dtype.kind == "b":
            return f"{mean:.1%} masked"
        text = f"{numeral(low)} … {numeral(high)}, mean {numeral(mean)}"
        return f"{text}, {nans} nan" if nans else text


def summary(array: Array) -> Summary:
    """Of an array in memory."""
    whole = Summary()
    whole.add(array.reshape(-1))
    return whole
