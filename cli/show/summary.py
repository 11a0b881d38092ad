"""A whole array in one line: its range, its mean, and how many of its elements are nan."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from actgrad.cli.show.page import numeral
from actgrad.layers.arrays import Array
from actgrad.layers.layer import total


class Part(NamedTuple):
    """The summary of some elements; `low`, `high` and `sum` leave nans out."""

    size: int
    nans: int
    low: np.generic
    high: np.generic
    sum: float


class Summary:
    """Range and mean of an array, without its nans, and their number; of a mask, the share masked.

    >>> summary = Summary()
    >>> summary.add(np.array([1.0, 3.0, np.nan]))
    >>> str(summary)
    '1 … 3, mean 2, 1 nan'
    """

    def __init__(self) -> None:
        self._parts: list[Part] = []

    def add(self, values: Array) -> None:
        """Include these elements, a 1-d array; several threads may call this at once."""
        if not values.size:
            return
        with np.errstate(all="ignore"):
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
            nans, sum_ = 0, values.sum(dtype=np.float64)
            if np.isnan(sum_):
                is_nan = np.isnan(values)
                nans, sum_ = int(np.count_nonzero(is_nan)), values[~is_nan].sum(dtype=np.float64)
        self._parts.append(Part(values.size, nans, low, high, float(sum_)))

    def __str__(self) -> str:
        count = sum(part.size for part in self._parts)
        nans = sum(part.nans for part in self._parts)
        if nans == count:
            return "nan throughout"
        mean = total([part.sum for part in self._parts]) / (count - nans)
        low = np.fmin.reduce([part.low for part in self._parts])
        high = np.fmax.reduce([part.high for part in self._parts])
        if low.dtype.kind == "b":
            return f"{mean:.1%} masked"
        text = f"{numeral(low)} … {numeral(high)}, mean {numeral(mean)}"
        return f"{text}, {nans} nan" if nans else text


def summary_of(array: Any) -> Summary:
    """The summary of an array in memory, or the one that an `Excerpt` has collected."""
    collected = getattr(array, "summary", None)
    if isinstance(collected, Summary):
        return collected
    summary = Summary()
    summary.add(array.reshape(-1))
    return summary
