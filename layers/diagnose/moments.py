"""Sums of many numbers without a rounding error, so that their order and their cuts do not matter.

A sum of floats that is rounded after each addition depends on the order of the additions. Here each
column of a block is summed in float64 under a condition that makes every addition exact, and the
results are added to an expansion: several floats whose sum is the exact sum (Shewchuk, "Adaptive
precision floating-point arithmetic", 1997). The sum is rounded once, when it is read.
"""

from __future__ import annotations

import math
import threading
from fractions import Fraction

import numpy as np

from actgrad.layers.arithmetic import two_product, two_sum
from actgrad.layers.arrays import Array

#: The most rows of a block: with more, the sum of a column may need more than 53 bits.
ROWS = 256
#: The elements that are summed together, in rows of so many columns at most: their temporary values
#: stay in the L2 cache, and the rows are long enough for NumPy.
TILE, COLUMNS = 1 << 15, 1 << 10
#: Arrays whose addresses differ by a multiple of 4096 bytes slow each other down: elements between.
APART = 136
#: The octaves below the largest element that are summed together, by the bytes of an element.
OCTAVES = {4: 22, 8: 19}
NONE = np.zeros(0, np.intp)
#: So many smaller elements of a tile are added one by one.
FEW = 32
#: The squares of numbers from two to this are no subnormal numbers.
SQUARED = -500
#: Magnitudes from here on are left out: their squares would overflow.
LIMIT = 2.0**500
#: Of a variance that is less than this share of the mean square, floats would keep few digits.
CANCELLED = 1e-6


class Buffers(threading.local):
    """Memory of a thread for the temporary values of a tile."""

    def __init__(self) -> None:
        self.parts = np.empty((3, TILE + APART))[:, :TILE]


BUFFERS = Buffers()


class ExactSums:
    """Exact sums of any number of terms, one for each element of an array of that shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        #: Arrays of that shape; their sum is the exact sum.
        self.parts: list[Array] = []

    def add(self, terms: Array, columns: slice = slice(None)) -> None:
        """Add a term to each sum in `columns`, which are along the last axis."""
        for part in self.parts:
            view = part[..., columns]
            view[...], terms = two_sum(view, terms)
            if not terms.any():
                return
        self.parts.append(np.zeros(self.shape))
        self.parts[-1][..., columns] = terms

    def halved(self, columns: int) -> ExactSums:
        """That many sums: the first ones, to which the rest of them is added."""
        sums = ExactSums((*self.shape[:-1], columns))
        for part in self.parts:
            sums.add(part[..., :columns])
            sums.add(part[..., columns:], slice(self.shape[-1] - columns))
        return sums

    def merge(self, other: ExactSums) -> None:
        """Add the sums of other terms."""
        for part in other.parts:
            self.add(part)


class Moments:
    """Extrema, exact sums and exact sums of squares of the columns of blocks.

    The square of a float64 is rounded before it is summed; that of a shorter float is exact. nan,
    ±∞ and magnitudes of 2⁵⁰⁰ or more are left out of the sums, and counted.
    """

    def __init__(self, columns: int) -> None:
        self.low, self.high = np.full(columns, np.inf), np.full(columns, -np.inf)
        self.left_out = np.zeros(columns, np.int64)
        #: The sums of the numbers, and those of their squares.
        self.sums = ExactSums((2, columns))
        #: How often a number was repeated in each column; these are not in `sums`.
        self.repeated: dict[float, Array] = {}

    def add(self, block: Array, columns: slice = slice(None), smallest: float = 0.0) -> bool:
        """Include a block of at most ROWS rows of float32 or float64.

        Its numbers are 0 or at least `smallest`. Return whether none of them is left out.
        """
        low = np.minimum.reduce(block).astype(np.float64)
        high = np.maximum.reduce(block).astype(np.float64)
        is_whole = bool((low > -LIMIT).all() and (high < LIMIT).all())
        if not is_whole:
            within = np.abs(block) < (LIMIT if block.itemsize == 8 else np.float32(np.inf))
            self.left_out[columns] += len(block) - np.count_nonzero(within, axis=0)
            low = np.where(within, block, np.inf).min(axis=0)
            high = np.where(within, block, -np.inf).max(axis=0)
            block = np.where(within, block, block.dtype.type(0))
        self.low[columns] = np.minimum(self.low[columns], low)
        self.high[columns] = np.maximum(self.high[columns], high)
        largest = max(-float(low.min()), float(high.max()))
        if not is_whole:
            largest = float(np.abs(block).max())
        self._add_sums(block, largest, smallest, columns)
        return is_whole

    @property
    def is_empty(self) -> bool:
        """Whether no block has been included."""
        return not (self.low.min() < np.inf or self.left_out.any() or self.repeated)

    def add_repeated(self, number: float, counts: Array, columns: slice = slice(None)) -> None:
        """Include a number so many times in each column; like others, one ≥ LIMIT is left out."""
        if not abs(number) < LIMIT:
            self.left_out[columns] += counts
            return
        if number not in self.repeated:
            self.repeated[number] = np.zeros(self.low.size, np.int64)
        self.repeated[number][columns] += counts

    def merge(self, other: Moments) -> None:
        """Include the numbers of other blocks with the same columns."""
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        self.left_out += other.left_out
        self.sums.merge(other.sums)
        for number, counts in other.repeated.items():
            self.add_repeated(number, counts)

    def folded(self, units: int) -> Moments:
        """The moments of the units: column k belongs to unit k mod `units`."""
        moments = Moments(units)
        if self.is_empty:
            return moments
        moments.low = self.low.reshape(-1, units).min(axis=0)
        moments.high = self.high.reshape(-1, units).max(axis=0)
        moments.left_out = self.left_out.reshape(-1, units).sum(axis=0)
        sums = self.sums
        while (columns := sums.shape[-1]) > units:
            sums = sums.halved(-(-columns // (2 * units)) * units)
        moments.sums.merge(sums)
        for number, counts in self.repeated.items():
            moments.add_repeated(number, counts.reshape(-1, units).sum(axis=0))
        return moments

    def _add_sums(self, block: Array, largest: float, smallest: float, columns: slice) -> None:
        """Add the columns of a block whose magnitudes are 0, or from `smallest` to `largest`."""
        rows, width = block.shape
        height = max(1, TILE // min(width, COLUMNS))
        own = range(*columns.indices(self.low.size))
        while largest > 0:
            sums = np.zeros((4, width))
            exponent = math.frexp(largest)[1]
            least = exponent - OCTAVES[block.itemsize]
            least_checked = None if smallest >= math.ldexp(1, least) else least
            smaller: Array | None = None
            for left in range(0, width, COLUMNS):
                across = slice(left, left + COLUMNS)
                for top in range(0, rows, height):
                    region = slice(top, top + height), across
                    tile = block[region]
                    small = self._tile_sums(tile, exponent, least_checked, sums[:, across])
                    if 0 < small.size <= FEW:
                        for number, at in zip(tile.flat[small].tolist(), small, strict=True):
                            terms = np.array([[number], [number * number]])
                            place = own[left + at % tile.shape[1]]
                            self.sums.add(terms, slice(place, place + 1))
                    elif small.size:
                        smaller = np.zeros(block.shape) if smaller is None else smaller
                        smaller[region].flat[small] = tile.flat[small]
            self.sums.add(sums[:2], columns)
            self.sums.add(sums[2:], columns)
            if smaller is None:
                return
            block, largest = smaller, float(np.abs(smaller).max())

    def _tile_sums(self, tile: Array, exponent: int, least: int | None, sums: Array) -> Array:
        """Add to `sums`, exactly; return the places of numbers too small for that.

        The rows of `sums` are for x, its squares, and two for the other part of each, where it is
        split. With |x| < 2ᵉ and W octaves, each float32 is a multiple of 2ᵉ⁻ᵂ⁻²³,
        so the sum of 256 needs W + 31 bits. Squares, and any float64, are split at 2⁻⁴⁵ of 2²ᵉ or
        2ᵉ.
        """
        x, squares, top = (part[: tile.size].reshape(tile.shape) for part in BUFFERS.parts)
        np.copyto(x, tile)
        np.square(x, out=squares)
        small = NONE if least is None else small_places(x, squares, least)
        if small.size:
            x.flat[small] = squares.flat[small] = 0
        split(squares, 2 * exponent, top)
        sums[1] += np.add.reduce(top)
        sums[3] += np.add.reduce(squares)
        if tile.itemsize == 8:
            split(x, exponent, top)
            sums[2] += np.add.reduce(top)
        sums[0] += np.add.reduce(x)
        return small

    def totals(self, units: int) -> tuple[list[float], list[float]]:
        """The sum and the sum of squares for each unit, each rounded once.

        Column k belongs to unit k mod `units`.
        """
        numbers, squares = self._terms(units)
        return list(map(math.fsum, numbers)), list(map(math.fsum, squares))

    def mean_and_variance(self, counts: Array) -> tuple[Array, Array]:
        """The mean of each unit and its variance, from how many numbers each unit has.

        nan where there is none.
        """
        terms = zip(*self._terms(counts.size), counts.tolist(), strict=True)
        pairs = [mean_and_variance(*unit) for unit in terms]
        means, variances = np.array(pairs, float).reshape(-1, 2).T
        return means, variances

    def _terms(self, units: int) -> tuple[list[list[float]], list[list[float]]]:
        """For each unit, floats whose sum is that of its numbers, or of their squares."""
        parts = [np.zeros(self.sums.shape), *self.sums.parts]
        for number, counts in self.repeated.items():
            times = counts.astype(float)
            pairs = [two_product(times, value) for value in (number, number * number)]
            parts += [np.stack(same) for same in zip(*pairs, strict=True)]
        stacked = np.array(parts).reshape(len(parts), 2, -1, units)
        numbers, squares = stacked.transpose(1, 3, 0, 2).reshape(2, units, -1).tolist()
        return numbers, squares


def small_places(x: Array, squares: Array, least: int) -> Array:
    """The places of the numbers below 2 to the power of `least` that are not 0."""
    if least > SQUARED:
        is_small = np.less(squares, math.ldexp(1, 2 * least))
    else:
        is_small = np.abs(x) < math.ldexp(1, least)
    return np.flatnonzero(is_small & (x != 0)) if is_small.any() else NONE


def split(values: Array, exponent: int, top: Array) -> None:
    """Round values below 2ᵉ to multiples of 2ᵉ⁻⁴⁵ in `top`, and keep what is left of them."""
    # 1.5·2ᵏ has the unit 2ᵏ⁻⁵² for every sum with a smaller number.
    shift = math.ldexp(1.5, max(exponent + 7, -1022))
    np.add(values, shift, out=top)
    np.subtract(top, shift, out=top)
    np.subtract(values, top, out=values)


def mean_and_variance(
    numbers: list[float], squares: list[float], count: int
) -> tuple[float, float]:
    """The mean and the variance of `count` numbers, from terms of their sums."""
    if not count:
        return math.nan, math.nan
    mean, mean_square = math.fsum(numbers) / count, math.fsum(squares) / count
    variance = mean_square - mean * mean
    if variance < CANCELLED * mean_square:
        total = sum(map(Fraction, numbers), Fraction())
        exact = sum(map(Fraction, squares), Fraction()) / count - (total / count) ** 2
        variance = max(float(exact), 0.0)
    return mean, variance
