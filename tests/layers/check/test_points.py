"""The points of a check: most of them lie where the layer has a value."""

from collections.abc import Callable

import numpy as np
import pytest

from actgrad.layers.arrays import Array
from actgrad.layers.check.points import designed_points, points_within


def log_odds(x: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(np.log(x / (1 - x)))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_points_are_added_within_a_bounded_domain(dtype: str) -> None:
    within = points_within(log_odds, designed_points([], dtype)).astype(float)
    assert within.size > 100
    assert not np.isnan(log_odds(within)).any()
    assert within.min() < 0.001
    assert within.max() > 0.998


@pytest.mark.parametrize("function", [np.tanh, lambda x: np.sqrt(x + 0j).real, np.abs])
def test_no_points_are_added_where_enough_have_a_value(
    function: Callable[[Array], Array],
) -> None:
    assert not points_within(function, designed_points([], "float64")).size
