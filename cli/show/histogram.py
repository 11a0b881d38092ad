"""The histogram of an array: collected piece by piece in constant memory, and shown as bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import IO, Any, NamedTuple

import numpy as np
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from actgrad.cli.show.frame import print_panels
from actgrad.cli.show.page import Page, numeral
from actgrad.layers.arrays import Array

#: The most bins that are collected, the most that are shown, and the least of a few numbers.
BINS, ROWS, FEWEST = 1024, 16, 4
#: Where the middle 90 % of the numbers are in a smaller share of their range, bins are binades.
CROWDED, TAIL = 0.1, 0.05
#: The binades of float64 by sign and exponent, those of one sign, and the exponent of 1.
BINADES, PER_SIGN, BIAS = 1 << 12, 1 << 11, 1023
#: The exponents of the least number, and by how much a bin's may be below that of the numbers.
SMALLEST, DEPTH = -1074, 62
#: The longest bar and the shortest, and the columns of a frame and between its columns.
LONGEST, SHORTEST, FRAME = 24, 4, 8


class Bin(NamedTuple):
    """The numbers between two ends; or, where both are equal, the number.

    The end that is nearer to 0 belongs to a bin of binades, and `low` to any other.
    """

    low: float
    high: float
    elements: int


class Distribution:
    """How many numbers of an array are in each bin; nan and infinities are counted beside.

    Bins are as wide as a power of two: the least with which BINS reach from the least number to the
    greatest. Where a piece reaches further, bins are merged in pairs, so that the result depends
    neither on the pieces nor on their order.

    >>> distribution = Distribution()
    >>> distribution.add(np.array([0.0, 0.5, 3.0, np.nan]))
    >>> distribution.bins()
    [Bin(low=0.0, high=1.0, elements=2), Bin(low=1.0, high=2.0, elements=0), Bin(…)]
    """

    def __init__(self) -> None:
        self.beside = {"nan": 0, "inf": 0, "-inf": 0}
        #: The count of all numbers, and of zeros.
        self.count = self.zeros = 0
        self._low, self._high = math.inf, -math.inf
        #: The exponent of a bin's width, and the number of the first bin: its low end in widths.
        self._exponent, self._first = SMALLEST, 0
        self._counts = np.zeros(0, np.int64)
        self._binades = np.zeros(BINADES, np.int64)
        self._lock = Lock()

    def add(self, values: Array) -> None:
        """Include these elements, a 1-d array; several threads may call this at once."""
        with np.errstate(invalid="ignore"):  # a signalling nan
            numbers = values.astype(np.float64)
        finite = np.isfinite(numbers)
        others = numbers[:0]
        if not finite.all():
            others, numbers = numbers[~finite], numbers[finite]
        nonzero = numbers[numbers != 0]
        binades = np.bincount((nonzero.view(np.uint64) >> 52).astype(np.intp), minlength=BINADES)
        with self._lock:
            for name in self.beside:
                is_it = np.isnan(others) if name == "nan" else others == float(name)
                self.beside[name] += int(np.count_nonzero(is_it))
            self.count += numbers.size
            self.zeros += numbers.size - nonzero.size
            self._binades += binades
            if numbers.size:
                self._add_to_bins(numbers)

    def _add_to_bins(self, numbers: Array) -> None:
        self._low = min(self._low, float(numbers.min()))
        self._high = max(self._high, float(numbers.max()))
        exponent = exponent_for(self._low, self._high)
        ends = numbers_of_bins(np.array([self._low, self._high]), exponent)
        first, last = map(int, ends.tolist())
        counts = np.zeros(last - first + 1, np.int64)
        shift = exponent - self._exponent
        earlier = np.arange(self._first, self._first + self._counts.size) >> min(shift, 63)
        np.add.at(counts, earlier - first, self._counts)
        # A float minus a float of nearly the same size is exact.
        places = numbers_of_bins(numbers, exponent) - float(first)
        counts += np.bincount(places.astype(np.intp), minlength=counts.size)
        self._exponent, self._first, self._counts = exponent, first, counts

    def truth_values(self) -> list[Bin]:
        """The numbers of False and of True in a mask."""
        return [Bin(0.0, 0.0, self.zeros), Bin(1.0, 1.0, self.count - self.zeros)]

    def bins(self) -> list[Bin]:
        """At most ROWS bins in rising order: of equal width, or binades if that says more."""
        if not self.count:
            return []
        if self._low == self._high:
            return [Bin(self._low, self._high, self.count)]
        share = np.cumsum(self._counts) / self.count
        middle = np.searchsorted(share, 1 - TAIL) - np.searchsorted(share, TAIL) + 1
        if self.count >= 1 / TAIL and middle < CROWDED * self._counts.size:
            return self._binade_rows()
        most = min(ROWS, max(FEWEST, math.ceil(2 * self.count ** (1 / 3))))
        rows = grouped_bins(self._first, self._counts, most)
        width = math.ldexp(1.0, self._exponent)
        return [Bin(low * width, high * width, count) for low, high, count in rows]

    def _binade_rows(self) -> list[Bin]:
        """Negative numbers, zeros and positive ones, in bins of as many binades as necessary."""
        positive, negative = (
            self._rows_of(self._binades[start : start + PER_SIGN]) for start in (0, PER_SIGN)
        )
        mirrored = [Bin(-row.high, -row.low, row.elements) for row in reversed(negative)]
        zeros = [Bin(0.0, 0.0, self.zeros)] if self.zeros else []
        return [*mirrored, *zeros, *positive]

    def _rows_of(self, counts: Array) -> list[Bin]:
        """The binades of one sign, by their sizes."""
        used = np.flatnonzero(counts)
        if not used.size:
            return []
        first, end = int(used[0]), int(used[-1]) + 1
        groups = grouped_bins(first - BIAS, counts[first:end], (ROWS - 1) // 2)
        return [Bin(power_of_two(low), power_of_two(high), count) for low, high, count in groups]


def exponent_for(low: float, high: float) -> int:
    """The exponent of the least width with which BINS bins reach from low to high."""
    span = high / BINS - low / BINS
    least = max(math.frexp(max(-low, high))[1] - DEPTH, SMALLEST)
    exponent = max(math.frexp(span)[1] - 1, least) if span else least
    while np.ptp(numbers_of_bins(np.array([low, high]), exponent)) >= BINS:
        exponent += 1
    return exponent


def numbers_of_bins(numbers: Array, exponent: int) -> Array:
    """The number of each number's bin, of width 2 to that exponent."""
    with np.errstate(under="ignore"):
        bins = np.floor(np.ldexp(numbers, -exponent))
    # A negative number may have become -0.
    bins[(bins == 0) & (numbers < 0)] = -1
    return np.asarray(bins)


def grouped_bins(first: int, counts: Array, most: int) -> list[tuple[int, int, int]]:
    """Bins in at most that many groups of 2ⁿ: the first number, the next group's, and the count.

    The bins' numbers are consecutive from `first` on; each group begins at a multiple of its size.
    """
    last, shift = first + counts.size - 1, 0
    while (last >> shift) - (first >> shift) >= most:
        shift += 1
    groups = np.zeros((last >> shift) - (first >> shift) + 1, np.int64)
    np.add.at(groups, (np.arange(counts.size) + (first & ((1 << shift) - 1))) >> shift, counts)
    start = first >> shift
    return [
        ((start + i) << shift, (start + i + 1) << shift, n) for i, n in enumerate(groups.tolist())
    ]


def power_of_two(exponent: int) -> float:
    """2 to that exponent; below the normal numbers of float64 it is 0, above them infinity."""
    return math.inf if exponent > BIAS else math.ldexp(1.0, exponent) if exponent > -BIAS else 0.0


def distribution_of(array: Any) -> Distribution:
    """The distribution of an array in memory, or the one that an `Excerpt` has collected."""
    collected = getattr(array, "distribution", None)
    if isinstance(collected, Distribution):
        return collected
    distribution = Distribution()
    distribution.add(array.reshape(-1))
    return distribution


def show_histograms(arrays: Mapping[str, Any], names: Sequence[str], file: IO[str]) -> None:
    """Print a histogram for each of the arrays that `names` picks, side by side where they fit."""
    page = Page(file)
    panels = (histogram_panel(name, arrays[name], page) for name in names)
    print_panels(panels, page)


def histogram_panel(name: str, array: Any, page: Page) -> Panel:
    """The bins as bars, and a line with what is counted beside."""
    distribution = distribution_of(array)
    is_mask = array.dtype.kind == "b"
    bins = distribution.truth_values() if is_mask else distribution.bins()
    rows = [(span_text(row, is_mask), str(row.elements), row.elements) for row in bins]
    # In ASCII a text is longer.
    spans = [str(page.encodable(span)) for span, *_ in rows]
    taken = max(map(len, spans), default=0) + max((len(text) for _, text, _ in rows), default=0)
    longest = min(LONGEST, max(page.width - taken - FRAME, SHORTEST))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for justify in ("left", "right", "left"):
        table.add_column(justify=justify, overflow="fold")
    most = max((count for *_, count in rows), default=1)
    for span, text, count in rows:
        table.add_row(span, text, Text("█" * bar_length(count, most, longest), "bright_blue"))
    zeros = f" ({distribution.zeros} zero)" if distribution.zeros and not is_mask else ""
    numbers = f"{distribution.count} number{'s' * (distribution.count != 1)}{zeros}"
    beside = (f"{count} {kind}" for kind, count in distribution.beside.items() if count)
    line = Text(", ".join([numbers, *beside]), "italic")
    title = Text.assemble("histogram of ", (name, "bold"))
    content = Group(table, line) if rows else Group(line)
    return Panel(content, title=title, title_align="left", expand=False, border_style="dim")


def span_text(row: Bin, is_mask: bool) -> str:
    """The ends of a bin: `-0.5 … 0`; of a mask, its truth value."""
    if is_mask:
        return str(row.low > 0)
    return (
        numeral(row.low, 4)
        if row.low == row.high
        else f"{numeral(row.low, 4)} … {numeral(row.high, 4)}"
    )


def bar_length(count: int, most: int, longest: int) -> int:
    """The length of a bar; a bin that is not empty has one."""
    return max(round(longest * count / most), 1) if count else 0
