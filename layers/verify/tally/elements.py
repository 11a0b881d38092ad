"""Elements of a result, in columns: inputs, results, truths, errors and failures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array


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
