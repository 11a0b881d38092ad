"""The errors and failures of a result, in memory that does not grow with its number of elements."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from actgrad.layers.exact import FloatFormat
from actgrad.layers.verify.judge import CONVENTION, FAILURE_CODES, FAILURES, ZERO_SIGNS
from actgrad.layers.verify.tally.buckets import Buckets
from actgrad.layers.verify.tally.elements import Elements
from actgrad.layers.verify.tally.exact_total import ExactTotal
from actgrad.layers.verify.tally.failing_regions import FailingRegions
from actgrad.layers.verify.tally.samples import EvenSample, WorstElements

#: The quantiles' histogram drops this many of the last bits of a float64 error, which leaves 64
#: bins to an octave.
DROPPED_BITS = 46
#: The binades of float64, by sign and exponent.
BINADES = 1 << 12


class Binade(NamedTuple):
    """The elements with 2^exponent ≤ |x| < 2^(exponent + 1), on one side of 0."""

    low: float
    high: float
    elements: int
    failed: int
    #: The largest error in ULP; infinite where a failure has no size.
    error: float


class Tally:
    """The counts, errors and worst elements of one result, out or dx.

    Merged, the tallies of the parts of a dump, in their order, are the tally of the whole.
    """

    def __init__(self, float_format: FloatFormat, start: int = 0) -> None:
        """`start` is the position of the first element."""
        #: The position after the last element.
        self.end = start
        #: The elements that were verified.
        self.count = 0
        #: The elements that pass because they were flushed, and those outside the range of x.
        self.flushed = 0
        self.left_out = 0
        self.failures = dict.fromkeys(FAILURES, 0)
        #: The elements that pass although the sign of their 0 is another.
        self.zero_signs = dict.fromkeys(ZERO_SIGNS, 0)
        #: The failing elements that would pass if subnormal numbers might be flushed, by failure.
        self.flushable = dict.fromkeys(FAILURES, 0)
        #: The elements whose out moves against the layer's direction; None where that is not known.
        self.against: int | None = None
        self.buckets = Buckets()
        self.regions = FailingRegions(float_format)
        #: The elements that pass because they follow another convention.
        self.conventions = 0
        #: The elements that are correctly rounded.
        self.nearest = 0
        #: The largest error in ULP, and its x.
        self.max = 0.0
        self.at: float | None = None
        #: The first and the last element that were verified, whose neighbours are in other parts.
        self.edges: tuple[Elements, Elements] | None = None
        #: Of the elements that fail, and of those that pass.
        self.failing = EvenSample()
        self.passing = EvenSample()
        self._measured = 0
        self._total = ExactTotal()
        self._worst: dict[int, WorstElements] = {}
        self._histogram = np.zeros(1 << (64 - DROPPED_BITS), np.int64)
        self._counts = np.zeros((2, BINADES), np.int64)
        self._errors = np.zeros(BINADES)

    @property
    def failed(self) -> int:
        """The number of elements that failed."""
        return sum(self.failures.values())

    @property
    def measured(self) -> int:
        """The elements with a finite error."""
        return self._measured

    def add(self, elements: Elements) -> None:
        """Count verified elements."""
        self.count += elements.failure.size
        first, last = elements.at(slice(0, 1)), elements.at(slice(-1, None))
        self.edges = (first if self.edges is None else self.edges[0], last)
        codes = np.bincount(elements.failure, minlength=len(FAILURES) + 1)
        flushable = np.bincount(elements.failure[elements.flushable], minlength=len(FAILURES) + 1)
        self.buckets.add(elements)
        self.regions.add(elements)
        for failure, code in FAILURE_CODES.items():
            self.failures[failure] += int(codes[code])
            self.flushable[failure] += int(flushable[code])
        for failure in ZERO_SIGNS:
            self.zero_signs[failure] += int(
                np.count_nonzero(elements.noted == FAILURE_CODES[failure])
            )
        is_convention = elements.noted == CONVENTION
        self.conventions += int(np.count_nonzero(is_convention))
        self.flushed += int(np.count_nonzero(np.isnan(elements.error) & ~is_convention))
        self._add_errors(elements)
        for code in np.flatnonzero(codes).tolist():
            self._keep_worst(code, elements.at(elements.failure == code))
        fails = elements.failure > 0
        self.failing.add(elements, fails)
        self.passing.add(elements, ~fails & ~np.isnan(elements.error))

    def _add_errors(self, elements: Elements) -> None:
        """Add the finite errors to the statistics, and all elements to those of the binades."""
        measured = np.isfinite(elements.error)
        error = elements.error if measured.all() else elements.error[measured]
        if error.size:
            self._measured += error.size
            self._total.add(error)
            self.nearest += int(np.count_nonzero(elements.right & measured))
            most = int(np.argmax(error))
            if error[most] > self.max or self.at is None:
                self.max, self.at = float(error[most]), float(elements.x[measured][most])
            bins = error.view(np.int64) >> DROPPED_BITS
            self._histogram += np.bincount(bins, minlength=self._histogram.size)
        # Of the binades, the first has x = 0 and the subnormal x, the last has ±inf and nan.
        binade = (elements.x.view(np.uint64) >> 52).astype(np.intp)
        self._counts[0] += np.bincount(binade, minlength=BINADES)
        if elements.failure.any():
            self._counts[1] += np.bincount(binade[elements.failure > 0], minlength=BINADES)
        has_error = ~np.isnan(elements.error)
        np.maximum.at(self._errors, binade[has_error], elements.error[has_error])

    def add_failures(self, failure: str, elements: Elements) -> None:
        """Count a failure of elements that were counted already."""
        self.failures[failure] += elements.failure.size
        if elements.failure.size:
            self._keep_worst(FAILURE_CODES[failure], elements)

    def _keep_worst(self, code: int, elements: Elements) -> None:
        self._worst.setdefault(code, WorstElements()).add(elements)

    def merge(self, later: Tally) -> None:
        """Include the tally of a later part of the dump."""
        self.end, self.count = later.end, self.count + later.count
        self.flushed += later.flushed
        self.left_out += later.left_out
        self.conventions += later.conventions
        self.nearest += later.nearest
        self._measured += later._measured
        for counts, others in (
            (self.failures, later.failures),
            (self.zero_signs, later.zero_signs),
            (self.flushable, later.flushable),
        ):
            for failure, count in others.items():
                counts[failure] += count
        if later.against is not None:
            self.against = (self.against or 0) + later.against
        if later.max > self.max or self.at is None:
            self.max, self.at = later.max, later.at
        if later.edges is not None:
            first = later.edges[0] if self.edges is None else self.edges[0]
            self.edges = first, later.edges[1]
        self.buckets.merge(later.buckets)
        self.regions.merge(later.regions)
        self.failing.merge(later.failing)
        self.passing.merge(later.passing)
        self._total.merge(later._total)
        for code, worst in later._worst.items():
            self._worst.setdefault(code, WorstElements()).merge(worst)
        self._histogram += later._histogram
        self._counts += later._counts
        np.maximum(self._errors, later._errors, out=self._errors)

    @property
    def mean(self) -> float:
        """The mean of the finite errors in ULP."""
        return self._total.mean(self._measured)

    def quantile(self, share: float) -> float:
        """The error in ULP that this share of the errors is below, right to 1/64 of its size."""
        if not self._measured:
            return 0.0
        place = int(np.searchsorted(self._histogram.cumsum(), share * self._measured))
        return min(float((np.int64(place) << DROPPED_BITS).view(np.float64)), self.max)

    def worst(self, count: int) -> Elements | None:
        """Return the worst elements: the worst of each failure, then the largest errors."""
        kept = {code: worst.elements for code, worst in self._worst.items() if worst.elements}
        codes = sorted((code for code in kept if code), reverse=True) or list(kept)
        if not codes:
            return None
        first, rest = (kept[codes[0]].at(part) for part in (slice(0, 1), slice(1, None)))
        for code in codes[1:]:
            first = first.followed_by(kept[code].at(slice(0, 1)))
            rest = rest.followed_by(kept[code].at(slice(1, None)))
        # Infinite errors come last, so that they do not hide the measured ones.
        size = np.where(np.isinf(rest.error), -1, rest.error)
        rest = rest.at(np.argsort(-size, kind="stable"))
        return first.followed_by(rest).at(slice(0, count))

    @property
    def binades(self) -> list[Binade]:
        """Every binade of x that has elements, from −inf to inf."""
        binades = []
        for i in np.flatnonzero(self._counts[0]).tolist():
            bounds = np.array([i << 52, ((i + 1) << 52) - 1], np.uint64).view(np.float64)
            low, high = sorted(bounds.tolist()) if i & 0x7FF != 0x7FF else [bounds[0]] * 2
            count, failed = self._counts[:, i].tolist()
            binades.append(Binade(low, high, count, failed, float(self._errors[i])))
        return sorted(binades, key=lambda binade: binade.low)
