"""Elements counted by error and by x; the same counts whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from dumps import verified

from actgrad.layers import (
    Block,
    Policy,
    Verification,
    layer,
)
from actgrad.layers.exact.ulp import FloatFormat, ordered, unordered
from actgrad.layers.verify.sample import every_number


def test_elements_are_counted_by_the_size_of_their_error() -> None:
    x = np.float32([1, 2, 3, 4, 5, 6, 1e-40, -1e-40, np.nan])
    steps = np.array([0, 1, 2, 9, 80, 800, 3, 0, 0])
    float_format = FloatFormat.of(x.dtype)
    out = unordered(ordered(x, float_format) + steps, float_format)
    out[8] = np.nan
    verification = verified("identity", x, out)
    counts = verification.tallies["out"].buckets.counts()
    assert list(counts["normal"].values()) == [2, 1, 1, 1, 1, 1]
    assert list(counts["subnormal"].values()) == [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_failing_regions_have_ends_and_merge(dtype: str) -> None:
    x = np.linspace(-8, 8, 4001).astype(dtype)
    out = x.copy()
    wrong = (x > 1) & (x < 2) | (x == -3)
    out[wrong] *= x.dtype.type(1.25)
    tally = verified("identity", x, out).tallies["out"]
    first, second = tally.regions.merged()
    assert (first.low, first.high, first.failed) == (-3, -3, np.count_nonzero(x == -3))
    assert (second.low, second.high) == (x[x > 1].min(), x[x < 2].max())
    assert second.failed == second.elements or dtype == "float64"
    (whole,) = tally.regions.merged(1)
    assert (whole.low, whole.high, whole.failed) == (-3, second.high, np.count_nonzero(wrong))


@pytest.mark.no_cover
def test_blocks_give_the_same_as_the_whole_dump() -> None:
    x = every_number(np.dtype(np.float16))
    out = layer("mish").forward(x)
    out[[7, 40_000]] += np.float16(1)
    whole = verified("mish", x, out)
    parts = Verification(layer("mish"), x.dtype, Policy(max_ulp=2))
    for start in range(0, x.size, 1000):
        parts.add(Block(x[start : start + 1000], out[start : start + 1000]))
    assert parts.summary == whole.summary
    assert parts.worst("out", 10) == whole.worst("out", 10)
    assert parts.tallies["out"].binades == whole.tallies["out"].binades
