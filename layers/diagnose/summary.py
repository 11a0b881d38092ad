"""The statistics of a layer, read: numbers for each unit, and for the layer as a whole."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.diagnose.moments import Moments
from actgrad.layers.diagnose.statistics import NEGATIVE, UnitStatistics, bin_edges

#: A unit is dead if the gradient is stopped in this share of its samples.
DEAD = 0.99


class UnitSummary:
    """What `UnitStatistics` has collected, as an array with a number for each unit.

    Shares are of the unit's samples. Means and variances leave out nan, ±∞ and magnitudes of 2⁵⁰⁰
    or more.
    """

    def __init__(self, statistics: UnitStatistics) -> None:
        self._statistics = statistics
        self.units, self.dtype = statistics.units, statistics.dtype
        self.counts = {name: self._per_unit(c) for name, c in statistics.counts.items()}
        self.samples = self.counts["samples"]
        given = statistics.given
        self.low, self.high = (
            extremum(values.reshape(-1, self.units), axis=0)
            for extremum, values in ((np.min, given.low), (np.max, given.high))
        )
        self.mean, self.variance = self._moments(given)
        self.slope, _ = self._moments(statistics.slope)
        #: The mean of the squared slope: the factor of a gradient's variance.
        self.slope_square = self._mean_square(statistics.slope)

    def _per_unit(self, columns: Array) -> Array:
        total: Array = columns.reshape(-1, self.units).sum(axis=0)
        return total

    def _included(self, moments: Moments) -> Array:
        return self.samples - self._per_unit(moments.left_out)

    def _moments(self, moments: Moments) -> tuple[Array, Array]:
        return moments.mean_and_variance(self._included(moments))

    def _mean_square(self, moments: Moments) -> Array:
        _, squares = moments.totals(self.units)
        with np.errstate(all="ignore"):
            return np.array(squares) / self._included(moments)

    def share(self, name: str) -> Array:
        """The share of each unit's samples that are `zeros`, `stopped`, `small_slopes`, …"""
        with np.errstate(all="ignore"):
            share: Array = self.counts[name] / self.samples
        return share

    @property
    def dead(self) -> Array:
        """Which units pass a gradient in less than 1 % of their samples."""
        return self.share("stopped") >= DEAD

    @property
    def saturated(self) -> Array:
        """Which units have a small slope in most of their samples, and are not dead."""
        return (self.share("small_slopes") >= self.saturated_share) & ~self.dead

    @property
    def saturated_share(self) -> float:
        """The share of small slopes from which on a unit is saturated."""
        return self._statistics.scale.saturated_share

    @property
    def std(self) -> Array:
        """The standard deviation of each unit."""
        return np.sqrt(self.variance)

    @property
    def has_gradient(self) -> bool:
        """Whether the gradient dx was known."""
        return not self._statistics.dx.is_empty

    @cached_property
    def gradient(self) -> Array:
        """The mean |dx| of each unit."""
        return self._moments(self._statistics.dx)[0]

    @cached_property
    def norms(self) -> tuple[float | None, float]:
        """The Euclidean norms of dout, None if it was not known, and of dx.

        They leave out nan and ±∞; nan where nothing is left.
        """
        dout, dx = (
            math.sqrt(math.fsum(moments.totals(self.units)[1]))
            if self._included(moments).any()
            else math.nan
            for moments in (self._statistics.dout, self._statistics.dx)
        )
        return None if self._statistics.dout.is_empty else dout, dx

    @property
    def largest_gradient(self) -> float:
        """The largest finite |dx|."""
        return float(self._statistics.dx.high.max())

    @property
    def overall(self) -> tuple[float, float]:
        """The mean and the standard deviation of all units together."""
        given = self._statistics.given
        counts = np.array([self._included(given).sum()])
        means, variances = given.mean_and_variance(counts)
        return float(means[0]), math.sqrt(variances[0])

    @property
    def mean_gradient(self) -> float:
        """The mean |dx| of all units."""
        return self._mean_size(self._statistics.dx)

    @property
    def mean_dout(self) -> float | None:
        """The mean |dout| of all units, None if it was not known."""
        dout = self._statistics.dout
        return None if dout.is_empty else self._mean_size(dout)

    def _mean_size(self, moments: Moments) -> float:
        numbers, _ = moments.totals(1)
        count = int(self._included(moments).sum())
        return numbers[0] / count if count else math.nan

    def total(self, name: str) -> int:
        """How many elements of the layer are `zeros`, `stopped`, …"""
        return int(self.counts[name].sum())

    def histogram(self, name: str = "histogram") -> list[tuple[float, float, int]]:
        """The bins that hold numbers, in order: their ends and counts; nan and ±∞ are in none.

        `name` is "histogram" for x or out, "outs" for out where x is given, "slopes" for ∂out/∂x,
        or "gradients" for |dx|.
        """
        counts = getattr(self._statistics, name).counts.tolist()
        edges = [(*bin_edges(place), counts[place]) for place in range(NEGATIVE)]
        negative = [(*bin_edges(place), counts[NEGATIVE + place]) for place in range(NEGATIVE)]
        bins = [(-high, -low, count) for low, high, count in reversed(negative)]
        bins += edges
        filled = [k for k, (_, _, count) in enumerate(bins) if count]
        return bins[filled[0] : filled[-1] + 1] if filled else []

    @property
    def overflow(self) -> float:
        """The largest finite number of the dtype."""
        return float(finfo(self.dtype).max)
