"""The regions of x in which elements fail, in memory that does not grow with their number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.exact import FloatFormat, ordered, unordered
from actgrad.layers.verify.tally.elements import Elements

#: x is sorted into at most this many cells, of neighbouring numbers of the dtype.
CELL_BITS = 16
#: The most regions that are told apart.
MOST_REGIONS = 20


class FailingRegion(NamedTuple):
    """A stretch of x: its ends are failing elements, and in most of it elements fail."""

    low: float
    high: float
    failed: int
    elements: int
    #: The largest finite error in ULP; inf if there is none.
    error: float


class FailingRegions:
    """The failing elements by their x, in cells of neighbouring numbers."""

    def __init__(self, float_format: FloatFormat) -> None:
        self._format = float_format
        bits = 8 * float_format.dtype.itemsize
        self._shift, self._half = max(bits - CELL_BITS, 0), 1 << (min(bits, CELL_BITS) - 1)
        size = 2 * self._half + 1
        self._failed, self._all = np.zeros(size, np.int64), np.zeros(size, np.int64)
        far = np.iinfo(np.int64).max
        self._low, self._high = np.full(size, far), np.full(size, -far)
        self._error = np.full(size, -1.0)

    def add(self, elements: Elements) -> None:
        """Sort in elements; nan as x belongs to no region."""
        elements = elements.at(~np.isnan(elements.x))
        places = ordered(elements.x.astype(self._format.dtype), self._format)
        cells = (places >> self._shift) + self._half
        self._all += np.bincount(cells, minlength=self._all.size)
        fails = elements.failure > 0
        if not fails.any():
            return
        cells, places, error = cells[fails], places[fails], elements.error[fails]
        self._failed += np.bincount(cells, minlength=self._all.size)
        np.minimum.at(self._low, cells, places)
        np.maximum.at(self._high, cells, places)
        finite = np.isfinite(error)
        np.maximum.at(self._error, cells[finite], error[finite])

    def merge(self, other: FailingRegions) -> None:
        """Include other elements of the same dtype."""
        self._failed += other._failed
        self._all += other._all
        np.minimum(self._low, other._low, out=self._low)
        np.maximum(self._high, other._high, out=self._high)
        np.maximum(self._error, other._error, out=self._error)

    def merged(self, most: int = MOST_REGIONS) -> list[FailingRegion]:
        """At most so many regions, in rising order of x; those that are close to each other merge.

        They are close if few passing elements are between them.
        """
        occupied = np.flatnonzero(self._all)
        fails = self._failed[occupied] > 0
        starts = np.flatnonzero(fails & ~np.concatenate([[False], fails[:-1]]))
        ends = np.flatnonzero(fails & ~np.concatenate([fails[1:], [False]]))
        passed = np.concatenate([[0], np.cumsum(self._all[occupied])])
        between = passed[starts[1:]] - passed[ends[:-1] + 1]
        if starts.size > most:
            kept = np.sort(np.argsort(-between, kind="stable")[: most - 1])
            starts, ends = (
                np.concatenate([starts[:1], starts[1:][kept]]),
                np.concatenate([ends[:-1][kept], ends[-1:]]),
            )
        return [
            self._region(occupied[start : end + 1])
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]

    def _region(self, cells: Array) -> FailingRegion:
        places = np.array([self._low[cells].min(), self._high[cells].max()])
        low, high = unordered(places, self._format).astype(np.float64).tolist()
        failed, elements = int(self._failed[cells].sum()), int(self._all[cells].sum())
        error = float(self._error[cells].max())
        return FailingRegion(low, high, failed, elements, error if error >= 0 else np.inf)
