"""Sums are exact, so they are the same whatever the cut; held against `math.fsum`."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from actgrad.layers.diagnose.moments import LIMIT, ROWS, Moments, mean_and_variance


def moments_of(x: Any, cuts: list[int]) -> Moments:
    """The moments of the columns, collected in parts and merged, the last part first."""
    parts = []
    for start, stop in pairwise([0, *cuts, len(x)]):
        part = Moments(x.shape[1])
        for row in range(start, stop, ROWS):
            part.add(x[row : min(row + ROWS, stop)])
        parts.append(part)
    whole = parts.pop()
    for part in parts:
        whole.merge(part)
    return whole


def exact_sums(x: Any) -> tuple[list[float], list[float]]:
    """The sums of the columns and of their rounded squares, each rounded once."""
    columns = x.astype(np.float64).T.tolist()
    sums = [math.fsum(column) for column in columns]
    return sums, [math.fsum(value * value for value in column) for column in columns]


@pytest.mark.no_cover
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("octaves", [1, 60, 240])
def test_sums_are_exact_at_any_scale(dtype: str, octaves: int) -> None:
    rng = np.random.default_rng(octaves)
    scale = np.exp2(rng.uniform(-octaves / 2, octaves / 2, (600, 130)))
    x = (rng.standard_normal((600, 130)) * scale).clip(-3e38, 3e38).astype(dtype)
    x[::7, 3] = 0
    assert moments_of(x, [1, 256, 257]).totals(130) == exact_sums(x)


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.floats(-LIMIT / 2, LIMIT / 2),
    ),
    st.lists(st.integers(0, 9), max_size=4),
)
def test_any_float64_and_any_cut(x: Any, cuts: list[int]) -> None:
    moments = moments_of(x, sorted(min(cut, len(x)) for cut in cuts))
    assert moments.totals(x.shape[1]) == exact_sums(x)
    assert moments.low.tolist() == x.min(axis=0).tolist()


def test_blocks_whose_sums_need_every_bit() -> None:
    largest, smallest = np.nextafter(np.float32(8), 0), np.nextafter(np.float32(2.0**-18), 0)
    x = np.full((ROWS, 2), largest)
    x[1::2, 1] = smallest
    assert moments_of(x, []).totals(2) == exact_sums(x)


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    x = np.array([[1, np.nan], [np.inf, -3], [2, -np.inf]], np.float32)
    moments = Moments(2)
    assert not moments.add(x)
    assert moments.left_out.tolist() == [1, 2]
    assert moments.totals(2) == ([3, -3], [5, 9])
    assert (moments.low.tolist(), moments.high.tolist()) == ([1, -3], [2, -3])


def test_a_number_many_times_is_that_number_added() -> None:
    third = np.float64(np.float32(1 / 3))
    one_by_one, repeated = Moments(1), Moments(1)
    one_by_one.add(np.full((200, 1), third, np.float32))
    repeated.add_repeated(float(third), np.array([150]))
    repeated.add(np.full((50, 1), third, np.float32))
    assert one_by_one.totals(1) == repeated.totals(1)
    counts = np.array([200])
    assert one_by_one.mean_and_variance(counts) == repeated.mean_and_variance(counts)


def test_a_small_variance_beside_a_large_mean_keeps_its_digits() -> None:
    numbers = [1e8, 1e8 + 2]
    assert mean_and_variance(numbers, [u * u for u in numbers], 2) == (1e8 + 1, 1)
    assert all(map(math.isnan, mean_and_variance([], [], 0)))
