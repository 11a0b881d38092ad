"""Elements counted by the size of their error, for normal and for subnormal truths apart."""

from __future__ import annotations

import numpy as np

from actgrad.layers.verify.judge import FAILURES
from actgrad.layers.verify.tally.elements import Elements

#: The largest error of each bucket but the first and the last, in ULP.
BUCKET_ENDS = (1.0, 2.0, 10.0, 100.0)
#: The kinds of truths that are counted apart. A truth that underflows is subnormal; an exact 0, an
#: infinity and nan count as normal.
KINDS_OF_TRUTH = ("normal", "subnormal")
ROUNDED, BEYOND, ALLOWED = "correctly rounded", f"> {BUCKET_ENDS[-1]:g}", "allowed"
#: The failures that are counted by the size of the error.
BY_SIZE = ("ulp", "abs", "rel", "close", "decreasing")
#: Every bucket. Elements that pass without an error are allowed: flushed, or by a convention.
BUCKETS = (
    ROUNDED,
    *(f"≤ {end:g}" for end in BUCKET_ENDS),
    BEYOND,
    ALLOWED,
    *(failure for failure in FAILURES if failure not in BY_SIZE),
)


class Buckets:
    """How many elements are in each bucket, by the kind of their truth."""

    def __init__(self) -> None:
        self._counts = np.zeros((len(KINDS_OF_TRUTH), len(BUCKETS)), np.int64)

    def add(self, elements: Elements) -> None:
        """Count elements."""
        bucket = 1 + np.searchsorted(BUCKET_ENDS, elements.error)
        bucket[elements.right] = 0
        bucket[np.isnan(elements.error)] = BUCKETS.index(ALLOWED)
        for code, failure in enumerate(FAILURES, 1):
            if failure not in BY_SIZE:
                bucket[elements.failure == code] = BUCKETS.index(failure)
        for row, of_kind in zip(
            self._counts, (~elements.subnormal, elements.subnormal), strict=True
        ):
            row += np.bincount(bucket[of_kind], minlength=len(BUCKETS))

    def merge(self, other: Buckets) -> None:
        """Add the counts of other elements."""
        self._counts += other._counts

    def counts(self) -> dict[str, dict[str, int]]:
        """By kind of truth, the elements of each bucket, without failures that do not occur."""
        always = BUCKETS[: BUCKETS.index(ALLOWED)]
        shown = [i for i, name in enumerate(BUCKETS) if name in always or self._counts[:, i].any()]
        return {
            kind: {BUCKETS[i]: int(row[i]) for i in shown}
            for kind, row in zip(KINDS_OF_TRUTH, self._counts, strict=True)
        }
