"""Faults of precision: subnormals flushed, inputs or results of a narrower dtype, truncation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actgrad.layers.arrays import FLOATING, Array, named
from actgrad.layers.casting import EIGHT_BIT
from actgrad.layers.errors import ActgradError
from actgrad.layers.exact import FloatFormat
from actgrad.layers.verify.causes.observations import Observations
from actgrad.layers.verify.causes.steps import rounded_to
from actgrad.layers.verify.tally import Elements

#: The least share of results that are nearer to 0 than the truth, among those that are not exact.
TRUNCATED_SHARE = 0.98
#: The fewest different results, not correctly rounded, that show truncation.
FEWEST_TRUNCATED = 20
TRUNCATED = "results are truncated, not rounded"


def flushed_results(seen: Observations) -> Iterator[tuple[str, Array]]:
    """The layer with subnormal inputs, subnormal results, or both taken as 0."""
    tiny = seen.float_format.tiny

    def flushed(values: Array) -> Array:
        return np.where(np.abs(values) < tiny, np.copysign(0.0, values), values)

    def of(x: Array, dout: Array) -> Array:
        return seen.rounded(getattr(seen.reference.run(x, dout), seen.name))

    right = of(seen.x, seen.dout)
    from_flushed = of(flushed(seen.x), flushed(seen.dout))
    results, both = flushed(right), flushed(from_flushed)
    if np.array_equal(results, from_flushed, equal_nan=True):
        yield "subnormal inputs or results are flushed to 0", results
        return
    yield "subnormal results are flushed to 0", results
    yield "subnormal inputs are flushed to 0", from_flushed
    if not np.array_equal(results, both, equal_nan=True):
        yield "subnormal inputs and results are flushed to 0", both


def narrower_formats(form: FloatFormat) -> Iterator[FloatFormat]:
    """The formats of 16 and 32 bits with fewer bits of precision; only those that are installed."""
    for name in (name for name in FLOATING if name not in EIGHT_BIT):
        try:
            other = FloatFormat.of(named(name))
        except ActgradError:
            continue
        if other.precision < form.precision:
            yield other


def narrowed_results(seen: Observations) -> Iterator[tuple[str, Array]]:
    """The layer of inputs, or with results, that were rounded to a narrower dtype."""
    run, name = seen.run, seen.name
    for form in narrower_formats(seen.float_format):
        dtype = form.dtype
        x, dout = rounded_to(run.x, dtype), rounded_to(run.dout, dtype)
        of_x = getattr(seen.reference.run(x, run.dout), name)
        yield f"x is rounded to {dtype.name} first", of_x
        of_both = rounded_to(getattr(seen.reference.run(x, dout), name), dtype)
        yield f"a table of {dtype.name}: x and the result are rounded to it", of_both
        yield f"every result is rounded to {dtype.name}", rounded_to(getattr(run, name), dtype)


def is_truncated(elements: Elements) -> Array:
    """Which results are nearer to 0 than the truth, and at most 1 ULP off."""
    got = np.abs(elements.got.astype(np.float64))
    return np.asarray((got < np.abs(elements.truth)) & (elements.error <= 1))


def truncated_share(elements: Elements) -> float:
    """The share of inexact results that are nearer to 0 than the truth, and at most 1 ULP off.

    It is 0 where the share is below TRUNCATED_SHARE, where an element fails by more than 1 ULP, and
    where few different results are not correctly rounded.
    """
    if ((elements.failure > 0) & ~(elements.error <= 1)).any():
        return 0.0
    # Near a constant, one result stands for many x.
    _, first = np.unique(elements.got.astype(np.float64), return_index=True)
    elements = elements.at(first)
    got = np.abs(elements.got.astype(np.float64))
    truth = np.abs(elements.truth)
    inexact = np.isfinite(got) & np.isfinite(truth) & (got != truth) & (got > 0)
    truncated = int(np.count_nonzero(inexact & is_truncated(elements)))
    share = truncated / max(int(np.count_nonzero(inexact)), 1)
    wrong = int(np.count_nonzero(inexact & ~elements.right))
    enough = wrong >= FEWEST_TRUNCATED and wrong > elements.x.size / 8
    return share if enough and share >= TRUNCATED_SHARE else 0.0
