"""The statistics of a layer's units: collected block by block, merged in any order.

Every statistic is a count, an extremum or an exact sum. So it is the same to the last bit whatever
the blocks, the threads and the order of the merges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.diagnose.moments import Moments
from actgrad.layers.layer import Layer

#: A slope is small if it is at most this share of the layer's largest slope, as rounded by a dtype.
SMALL, ROUNDED = 0.01, 1 + 2.0**-9
#: A unit is saturated if its slope is small in this share of its samples: half of them where a
#: layer squashes both sides. A layer that gates, as relu does, has a small slope wherever it is
#: off.
SQUASHED, GATED = 0.5, 0.99
#: Up to here the largest slope is looked for; a slope that grows without bound is taken at |x| ≤ 1.
FARTHEST_SLOPE, NEAREST_SLOPE = 32.0, 1.0


class SlopeScale(NamedTuple):
    """Up to which size a slope is small, and in which share of its samples a saturated unit is."""

    small: float
    saturated_share: float


class RunBlock(NamedTuple):
    """A part of a layer's run, in the dtype of the run: each array samples × units, or flat."""

    #: What the statistics are of: x, or out where x is not known.
    given: Array
    #: `given` itself if that is out; None for relu, whose out is 0 where the mask `slope` is True.
    out: Array | None
    #: ∂out/∂x; or, if there are only two slopes, which of `levels` it is, as a mask.
    slope: Array
    #: The slopes where the mask is False and where it is True.
    levels: tuple[float, float] | None = None
    dout: Array | None = None
    dx: Array | None = None

    def part(self, elements: slice, width: int) -> RunBlock:
        """Those elements of 1-d arrays, in rows of that width."""
        given, out, slope, levels, dout, dx = self

        def rows(array: Array) -> Array:
            return array[elements].reshape(-1, width)

        these = rows(given)
        block = RunBlock(these, None if out is None else rows(out), rows(slope), levels)
        return block._replace(
            out=these if out is given else block.out,
            dout=None if dout is None else rows(dout),
            dx=None if dx is None else rows(dx),
        )


class Histogram:
    """Counts of numbers by sign and magnitude: bins of two octaves, with the edges ±½·4ᵏ.

    The eight bits that a bin stands for are the first of a float32: its sign, and seven of the
    eight bits of its exponent.
    """

    def __init__(self) -> None:
        #: The counts of 256 bins: the positive ones by magnitude, then the negative ones.
        self.counts = np.zeros(1 << 8, np.int64)

    def add(self, values: Array) -> Array:
        """Count the finite numbers of a contiguous array; return their counts."""
        counts = self._counts(values)
        if counts[[FARTHEST, NEGATIVE + FARTHEST]].any():
            counts -= self._counts(values[~np.isfinite(values)])
        self.counts += counts
        return counts

    def _counts(self, values: Array) -> Array:
        bins = bins_of(values)
        if bins.size < PAIRED:
            single: Array = np.bincount(bins, minlength=1 << 8)
            return single
        even = bins.size // 2 * 2
        # To count pairs of bins takes half the time.
        counted = np.bincount(bins[:even].view(np.uint16), minlength=1 << 16)
        pairs = counted.reshape(1 << 8, 1 << 8)
        counts: Array = pairs.sum(axis=0) + pairs.sum(axis=1)
        counts += np.bincount(bins[even:], minlength=1 << 8)
        return counts

    def add_rectified(self, counts: Array) -> None:
        """Count max(x, 0) for the finite x of these counts."""
        self.counts[:NEGATIVE] += counts[:NEGATIVE]
        self.counts[0] += counts[NEGATIVE:].sum()

    def add_repeated(self, number: float, times: int) -> None:
        """Count a number so many times; nan and infinities are left out."""
        if math.isfinite(number):
            self.counts[int(bins_of(np.array([number]))[0])] += times

    def merge(self, other: Histogram) -> None:
        """Count the numbers that another histogram has counted."""
        self.counts += other.counts


#: From so many numbers on, the bins of pairs are counted.
PAIRED = 1 << 16
#: The first negative bin, and the bin of ±∞ and nan among those of one sign.
NEGATIVE, FARTHEST = 128, 127


def bins_of(values: Array) -> Array:
    """The bin of each number, in a byte: the first eight bits of its float32."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32, copy=False).reshape(-1)
    bins = np.empty(short.size, np.uint8)
    return np.right_shift(short.view(np.uint32), 24, out=bins, casting="unsafe")


def bin_edges(place: int) -> tuple[float, float]:
    """The magnitudes between which a positive bin lies; the lowest bin begins at 0.

    >>> bin_edges(63)
    (0.5, 2.0)
    """
    return (math.ldexp(1, 2 * place - 127) if place else 0.0), math.ldexp(1, 2 * place - 125)


def smallest_magnitude(counts: Array, values: Array) -> float:
    """A magnitude that none of the values is below, unless it is 0; 0 if none is known.

    `counts` are those of a histogram.
    """
    by_magnitude = counts[:NEGATIVE] + counts[NEGATIVE:]
    if by_magnitude[0] and by_magnitude[0] != values.size - np.count_nonzero(values):
        return 0.0
    smallest = bin_edges(1 + int(np.argmax(by_magnitude[1:] > 0)))[0]
    # A float64 that is rounded to float32 may rise to the edge of a bin.
    return smallest if values.itemsize == 4 else smallest / 2


class UnitStatistics:
    """What is counted and summed for each of the units of one layer.

    A column of a block may stand for a unit, or for one of several groups of samples of a unit:
    column k belongs to unit k mod `units`.
    """

    def __init__(self, units: int, columns: int, scale: SlopeScale, dtype: np.dtype[Any]) -> None:
        self.units, self.columns, self.dtype = units, columns, dtype
        self.scale = scale
        self.given, self.slope = Moments(columns), Moments(columns)
        self.dout, self.dx = Moments(columns), Moments(columns)
        self.counts = dict(zip(COUNTS, np.zeros((len(COUNTS), columns), np.int64), strict=True))
        #: Histograms of x or out, of out where x is given, of ∂out/∂x and of |dx|.
        self.histogram, self.outs = Histogram(), Histogram()
        self.slopes, self.gradients = Histogram(), Histogram()
        #: Where the first number that is not finite stands in the array's memory.
        self.first_not_finite: int | None = None

    def add(self, block: RunBlock, columns: slice = slice(None)) -> bool:
        """Include a block of at most ROWS samples; return whether all of x is finite."""
        given = widened(block.given)
        self.counts["samples"][columns] += len(given)
        counts = self.histogram.add(given)
        is_finite = self.given.add(given, columns, smallest_magnitude(counts, given))
        if not is_finite:
            self._count("nan", np.isnan(given), columns)
            self._count("inf", np.isinf(given), columns)
            if block.out is None:
                self.outs.add_repeated(0.0, int(np.isneginf(given).sum()))
        if block.levels is None:
            self._add_slopes(widened(block.slope), columns)
        else:
            of_true = column_counts(block.slope)
            of_false = len(given) - of_true
            self._add_levels(dict(zip(block.levels, (of_false, of_true), strict=True)), columns)
            if block.out is None:
                self.counts["zeros"][columns] += of_true
        self._add_outs(block, counts, columns)
        if block.dx is not None:
            self._add_gradients(block, columns)
        return is_finite

    def _add_outs(self, block: RunBlock, counts: Array, columns: slice) -> None:
        """Include out; `counts` are those of the histogram of what is given."""
        if block.out is None:
            self.outs.add_rectified(counts)
            return
        out = widened(block.out)
        self._count("zeros", out == 0, columns)
        if block.out is not block.given:
            self.outs.add(out)

    def _add_slopes(self, slope: Array, columns: slice) -> None:
        """Include the slopes; a layer of straight pieces has two values in most blocks."""
        low, high = float(slope.min()), float(slope.max())
        of_high = column_counts(slope == high)
        is_level = int(of_high.sum()) == slope.size
        if low < high < np.inf:
            is_level = int(column_counts(slope == low).sum() + of_high.sum()) == slope.size
        if is_level:
            self._add_levels({low: len(slope) - of_high, high: of_high}, columns)
            return
        counts = self.slopes.add(slope)
        size = np.abs(slope)
        self.slope.add(size, columns, smallest_magnitude(counts, size))
        self._count("stopped", size == 0, columns)
        self._count("small_slopes", size <= self.scale.small, columns)

    def _add_levels(self, levels: Mapping[float, Array], columns: slice) -> None:
        """Include slopes of few values: how often each column has each of them."""
        for value, counts in levels.items():
            self.slope.add_repeated(abs(value), counts, columns)
            self.slopes.add_repeated(value, int(counts.sum()))
            if value == 0:
                self.counts["stopped"][columns] += counts
            if abs(value) <= self.scale.small:
                self.counts["small_slopes"][columns] += counts

    def _add_gradients(self, block: RunBlock, columns: slice) -> None:
        """Include dx, and dout if it is known."""
        size = np.abs(widened(cast(Array, block.dx)))
        counts = self.gradients.add(size)
        self.dx.add(size, columns, smallest_magnitude(counts, size))
        if block.dout is not None:
            self.dout.add(np.abs(widened(block.dout)), columns)
        if self.dtype.name == UNDERFLOWING:
            passed = passing(block)
            self._count("passed", passed, columns)
            self._count("underflown", passed & (size < float(finfo(self.dtype).tiny)), columns)

    def _count(self, name: str, chosen: Array, columns: slice) -> None:
        self.counts[name][columns] += column_counts(chosen)

    def folded(self) -> UnitStatistics:
        """The same statistics with one column for each unit."""
        if self.columns == self.units:
            return self
        statistics = copy(self)
        statistics.columns = self.units
        counts = np.array([*self.counts.values()]).reshape(len(COUNTS), -1, self.units).sum(axis=1)
        statistics.counts = dict(zip(COUNTS, counts, strict=True))
        for name in MOMENTS:
            setattr(statistics, name, getattr(self, name).folded(self.units))
        return statistics

    def merge(self, other: UnitStatistics) -> None:
        """Include what another one has collected of the same layer."""
        for name, counts in other.counts.items():
            self.counts[name] += counts
        for name in MOMENTS:
            getattr(self, name).merge(getattr(other, name))
        for name in HISTOGRAMS:
            getattr(self, name).merge(getattr(other, name))
        places = [self.first_not_finite, other.first_not_finite]
        self.first_not_finite = min((p for p in places if p is not None), default=None)


#: The dtype whose range is shorter than that of float32, so that gradients underflow in it alone.
UNDERFLOWING = "float16"
#: What is counted in each column; the last two in that dtype alone.
COUNTS = ("samples", "nan", "inf", "zeros", "stopped", "small_slopes", "passed", "underflown")
MOMENTS = ("given", "slope", "dout", "dx")
HISTOGRAMS = ("histogram", "outs", "slopes", "gradients")


def passing(block: RunBlock) -> Array:
    """Where a gradient passes: neither dout nor the slope is 0; without dout, dx is not 0."""
    if block.dout is None:
        nonzero: Array = cast(Array, block.dx) != 0
        return nonzero
    slope = block.slope
    if block.levels is not None:
        slope = np.where(slope, block.levels[1], block.levels[0])
    both: Array = (block.dout != 0) & (slope != 0)
    return both


def widened(values: Array) -> Array:
    """The values in float32 or float64, which hold those of a shorter float exactly."""
    is_wide = values.dtype.kind == "f" and values.itemsize >= 4
    return values if is_wide else values.astype(np.float32)


def column_counts(chosen: Array) -> Array:
    """How many of at most ROWS elements of each column are True."""
    ones = chosen.view(np.uint8)
    # 8 bits hold the count of all but one.
    counts: Array = np.add.reduce(ones[1:], axis=0, dtype=np.uint8) + ones[0].astype(np.int64)
    return counts


def slope_scale(layer: Layer) -> SlopeScale:
    """What is a small slope of an element-wise layer, and how often a unit may have one.

    The largest slope is that at |x| ≤ 1 where the slopes grow without bound. A layer that is asked
    for again, with the same parameters, is not evaluated again.
    """
    text, scale = _SCALES.get(layer, ("", None))
    if scale is None or text != str(layer):
        scale = _evaluated_scale(layer)
        _SCALES[layer] = str(layer), scale
    return scale


#: The scales of layers, and the texts of the layers when they were evaluated.
_SCALES: WeakKeyDictionary[Layer, tuple[str, SlopeScale]] = WeakKeyDictionary()


def _evaluated_scale(layer: Layer) -> SlopeScale:
    def slopes(x: Array) -> Array:
        layer.forward(x)
        return np.abs(layer.backward(np.ones_like(x)))

    far, half, near = (
        float(slopes(np.linspace(-end, end, 1 << 12)).max())
        for end in (FARTHEST_SLOPE, FARTHEST_SLOPE / 2, NEAREST_SLOPE)
    )
    small = SMALL * ROUNDED * (near if far > 1.5 * half and near else far)
    steps = 2.0 ** np.arange(-1, 6)
    left, right, middle = (slopes(x) <= small for x in (-steps, steps, np.zeros(1)))
    is_gate = bool((left != right).any() or middle.any())
    return SlopeScale(small, GATED if is_gate else SQUASHED)
