"""The errors and failures of a result, in memory that does not grow with its number of elements."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.exact import FloatFormat
from actgrad.layers.verify.judge import CONVENTION, FAILURE_CODES, FAILURES, ZERO_SIGNS
from actgrad.layers.verify.tally.buckets import Buckets
from actgrad.layers.verify.tally.failing_regions import FailingRegions

#: The worst elements that are kept of each failure.
KEPT = 100
#: The most elements that are kept of those that fail, and of those that pass, to infer a cause.
SAMPLED = 8192
#: The quantiles' histogram drops this many of the last bits of a float64 error, which leaves 64
#: bins to an octave.
DROPPED_BITS = 46
#: The binades of float64, by sign and exponent.
BINADES = 1 << 12


class Elements(NamedTuple):
    """Elements of a result: their position, inputs, result, truth, error and failure."""

    #: The position in the whole dump, in the order of its blocks.
    position: Array
    x: Array
    dout: Array
    #: In the dump's dtype.
    got: Array
    truth: Array
    #: In ULP; nan for an element that passes because it was flushed, or by another convention.
    error: Array
    #: Whether the result is correctly rounded.
    right: Array
    #: A code of FAILURE_CODES, or 0.
    failure: Array
    #: A code of ZERO_SIGNS, or CONVENTION, where the policy lets it pass, or 0.
    noted: Array
    #: Whether the truth is subnormal, or underflows.
    subnormal: Array
    #: Whether the element fails, and would pass if subnormal numbers might be flushed.
    flushable: Array

    def at(self, which: Any) -> Elements:
        """The elements that an index picks."""
        return Elements(*(column[which] for column in self))

    def followed_by(self, others: Elements | None) -> Elements:
        """These elements, then the others."""
        if others is None:
            return self
        return Elements(*map(np.concatenate, zip(self, others, strict=True)))


class Binade(NamedTuple):
    """The elements with 2^exponent ≤ |x| < 2^(exponent + 1), on one side of 0."""

    low: float
    high: float
    elements: int
    failed: int
    #: The largest error in ULP.
    error: float


class EvenSample:
    """At most SAMPLED elements, evenly spaced over all that were given."""

    def __init__(self) -> None:
        self.elements: Elements | None = None
        self._stride = 1

    def add(self, elements: Elements, which: Array) -> None:
        """Add some of the elements for which `which` is True."""
        indices = np.flatnonzero(which)[:: self._stride]
        if not indices.size:
            return
        self.elements = elements.at(indices).followed_by(self.elements)
        while self.elements.x.size > SAMPLED:
            self.elements = self.elements.at(slice(None, None, 2))
            self._stride *= 2


class Tally:
    """The counts, errors and worst elements of one result, out or dx."""

    def __init__(self, float_format: FloatFormat) -> None:
        #: The elements of the dump, and those of them that were verified.
        self.seen = 0
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
        #: Of the elements that fail, and of those that pass.
        self.failing = EvenSample()
        self.passing = EvenSample()
        self._measured = 0
        self._total = 0.0
        self._worst: dict[int, Elements] = {}
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
            self._keep_worst(code, elements)
        fails = elements.failure > 0
        self.failing.add(elements, fails)
        self.passing.add(elements, ~fails & ~np.isnan(elements.error))

    def _add_errors(self, elements: Elements) -> None:
        """Add the finite errors to the statistics, and all elements to those of the binades."""
        measured = np.isfinite(elements.error)
        error = elements.error if measured.all() else elements.error[measured]
        if error.size:
            self._measured += error.size
            self._total += float(error.sum())
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
        np.maximum.at(self._errors, binade[measured], error)

    def add_failures(self, failure: str, elements: Elements) -> None:
        """Count a failure of elements that were counted already."""
        self.failures[failure] += elements.failure.size
        if elements.failure.size:
            self._keep(FAILURE_CODES[failure], elements)

    def _keep_worst(self, code: int, elements: Elements) -> None:
        """Keep the elements with this code that may be among its worst."""
        indices = np.flatnonzero((elements.failure == code) & ~np.isnan(elements.error))
        kept = self._worst.get(code)
        if kept is not None and len(kept.x) == KEPT:
            indices = indices[elements.error[indices] > kept.error.min()]
        if indices.size > 4 * KEPT:
            order = np.argpartition(-elements.error[indices], 4 * KEPT)
            indices = indices[order[: 4 * KEPT]]
        if indices.size:
            self._keep(code, elements.at(indices))

    def _keep(self, code: int, elements: Elements) -> None:
        """Merge elements with the worst of their code; of equal x, dout and result, the first."""
        merged = elements.followed_by(self._worst.get(code))
        order = np.lexsort((merged.position, -merged.error))
        seen: set[tuple[float, float, str]] = set()
        chosen: list[int] = []
        for i in order.tolist():
            key = (float(merged.x[i]), float(merged.dout[i]), str(merged.got[i]))
            if key not in seen and len(chosen) < KEPT:
                seen.add(key)
                chosen.append(i)
        self._worst[code] = merged.at(chosen)

    @property
    def mean(self) -> float:
        """The mean of the finite errors in ULP."""
        return self._total / self._measured if self._measured else 0.0

    def quantile(self, share: float) -> float:
        """The error in ULP that this share of the errors is below, right to 1/64 of its size."""
        if not self._measured:
            return 0.0
        place = int(np.searchsorted(self._histogram.cumsum(), share * self._measured))
        return min(float((np.int64(place) << DROPPED_BITS).view(np.float64)), self.max)

    def worst(self, count: int) -> Elements | None:
        """Return the worst elements: the worst of each failure, then the largest errors."""
        codes = sorted((code for code in self._worst if code), reverse=True) or list(self._worst)
        if not codes:
            return None
        first = self._worst[codes[0]].at(slice(0, 1))
        rest = self._worst[codes[0]].at(slice(1, None))
        for code in codes[1:]:
            first = first.followed_by(self._worst[code].at(slice(0, 1)))
            rest = rest.followed_by(self._worst[code].at(slice(1, None)))
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
