"""What a verification counts, in memory that does not grow with the number of elements."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.verify.policy import CODE, FAILURES

#: The worst elements of each kind of failure that are kept.
KEPT = 100
#: Elements kept to guess the cause from.
SAMPLED = 8192
#: A float64's leading bits, 64 to an octave: the histogram that quantiles are read from.
FINE = 46
BINADES = 1 << 12


class Elements(NamedTuple):
    """Some elements: where they stand, what was given, got and right, and how that was judged."""

    place: Array
    x: Array
    dout: Array
    #: In the dump's dtype.
    got: Array
    truth: Array
    error: Array
    kind: Array

    def at(self, which: Any) -> Elements:
        """Those that an index picks."""
        return Elements(*(column[which] for column in self))

    def and_(self, others: Elements | None) -> Elements:
        """These, then the others."""
        if others is None:
            return self
        return Elements(*map(np.concatenate, zip(self, others, strict=True)))


class Binade(NamedTuple):
    """The elements whose |x| lies between 2^exponent and twice that, on one side of 0."""

    low: float
    high: float
    judged: int
    failed: int
    error: float


class Tally:
    """The errors and failures of one result, out or dx."""

    def __init__(self) -> None:
        #: How many elements there were, and how many of them were judged.
        self.seen = 0
        self.count = 0
        self.flushed = 0
        self.left_out = 0
        self.failures = dict.fromkeys(FAILURES, 0)
        self.nearest = 0
        self.measured = 0
        self.total = 0.0
        self.max = 0.0
        self.at: float | None = None
        self.off: Elements | None = None
        self.stride = 1
        self._worst: dict[int, Elements] = {}
        self._fine = np.zeros(1 << (64 - FINE), np.int64)
        self._counts = np.zeros((2, BINADES), np.int64)
        self._errors = np.zeros(BINADES)

    @property
    def failed(self) -> int:
        """How many elements failed."""
        return sum(self.failures.values())

    def add(self, some: Elements) -> None:
        """Count some elements, all of them judged."""
        self.count += some.kind.size
        kinds = np.bincount(some.kind, minlength=len(FAILURES) + 1)
        for name, code in CODE.items():
            self.failures[name] += int(kinds[code])
        self.flushed += int(np.count_nonzero(np.isnan(some.error)))
        measured = np.isfinite(some.error)
        error = some.error if measured.all() else some.error[measured]
        if error.size:
            self.measured += error.size
            self.total += float(error.sum())
            self.nearest += int(np.count_nonzero(error <= 0.5))
            most = int(np.argmax(error))
            if error[most] > self.max or self.at is None:
                self.max, self.at = float(error[most]), float(some.x[measured][most])
            bins = error.view(np.int64) >> FINE
            self._fine += np.bincount(bins, minlength=self._fine.size)
        # No failure's exact zeros and infinities of x are lost: each has a binade of its own.
        place = some.x.view(np.uint64) >> 52
        place = place.astype(np.intp)
        self._counts[0] += np.bincount(place, minlength=BINADES)
        if some.kind.any():
            self._counts[1] += np.bincount(place[some.kind > 0], minlength=BINADES)
        np.maximum.at(self._errors, place[measured], error)
        for code in np.flatnonzero(kinds).tolist():
            self._keep(code, some)
        wrong = np.flatnonzero((some.kind > 0) | (some.error > 0.5))
        if wrong.size:
            self._sample(some.at(wrong[:: self.stride][:SAMPLED]))

    def extra(self, name: str, some: Elements) -> None:
        """Count failures of elements that were counted already."""
        self.failures[name] += some.kind.size
        if some.kind.size:
            self._keep_all(CODE[name], some)

    def _keep(self, code: int, some: Elements) -> None:
        here = np.flatnonzero((some.kind == code) & ~np.isnan(some.error))
        kept = self._worst.get(code)
        if kept is not None and len(kept.x) == KEPT:
            here = here[some.error[here] > kept.error.min()]
        if here.size > 4 * KEPT:
            here = here[np.argpartition(-some.error[here], 4 * KEPT)[: 4 * KEPT]]
        if here.size:
            self._keep_all(code, some.at(here))

    def _keep_all(self, code: int, some: Elements) -> None:
        both = some.and_(self._worst.get(code))
        order = np.lexsort((both.place, -both.error))
        seen: set[tuple[float, float, str]] = set()
        chosen: list[int] = []
        for i in order.tolist():
            key = (float(both.x[i]), float(both.dout[i]), str(both.got[i]))
            if key not in seen and len(chosen) < KEPT:
                seen.add(key)
                chosen.append(i)
        self._worst[code] = both.at(chosen)

    def _sample(self, some: Elements) -> None:
        self.off = some.and_(self.off)
        while self.off.x.size > SAMPLED:
            self.off = self.off.at(slice(None, None, 2))
            self.stride *= 2

    @property
    def mean(self) -> float:
        """The mean error, of those that can be measured."""
        return self.total / self.measured if self.measured else 0.0

    def quantile(self, share: float) -> float:
        """The error that so many stay below, to within 1/64 of it."""
        if not self.measured:
            return 0.0
        place = int(np.searchsorted(self._fine.cumsum(), share * self.measured))
        return min(float((np.int64(place) << FINE).view(np.float64)), self.max)

    def worst(self, count: int) -> Elements | None:
        """The worst elements: the worst of each kind of failure, then the largest errors."""
        codes = sorted((code for code in self._worst if code), reverse=True) or list(self._worst)
        if not codes:
            return None
        found = self._worst[codes[0]].at(slice(0, 1))
        rest = self._worst[codes[0]].at(slice(1, None))
        for code in codes[1:]:
            found = found.and_(self._worst[code].at(slice(0, 1)))
            rest = rest.and_(self._worst[code].at(slice(1, None)))
        size = np.where(np.isinf(rest.error), -1, rest.error)
        rest = rest.at(np.argsort(-size, kind="stable"))
        return found.and_(rest).at(slice(0, count))

    @property
    def binades(self) -> list[Binade]:
        """Every binade of x that has elements, from −inf to inf."""
        found = []
        for place in np.flatnonzero(self._counts[0]).tolist():
            bounds = np.array([place << 52, ((place + 1) << 52) - 1], np.uint64).view(np.float64)
            low, high = sorted(bounds.tolist()) if place & 0x7FF != 0x7FF else [bounds[0]] * 2
            count, failed = self._counts[:, place].tolist()
            found.append(Binade(low, high, count, failed, float(self._errors[place])))
        return sorted(found, key=lambda one: one.low)
