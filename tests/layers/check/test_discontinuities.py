"""Kinks and jumps are found where they are, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actgrad.layers.check.discontinuities import find_discontinuities
from actgrad.layers.check.points import GRID


def test_a_jump_much_smaller_than_the_slope_has_its_place_and_its_size() -> None:
    (jump,) = find_discontinuities(
        lambda x: np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20)))), GRID
    )
    assert jump.x == 20
    assert jump.jump == pytest.approx(-2.0611536e-9, rel=1e-6)


def test_kinks_have_their_places_and_both_slopes() -> None:
    kinks = find_discontinuities(lambda x: np.maximum(x, 0) + 2 * np.abs(x - 0.7), GRID)
    assert [(at.x, at.jump) for at in kinks] == [(0, 0), (0.7, 0)]
    slopes = [slope for at in kinks for slope in (at.left, at.right)]
    assert slopes == pytest.approx([-2, -1, -1, 3])


@pytest.mark.parametrize(
    "smooth",
    [
        lambda x: np.sin(30 * x),
        lambda x: x + np.sin(x) ** 2,
        lambda x: np.exp(-50 * x * x),
        lambda x: x / (1 + np.exp(-x)),
        # Staircases: the steps are noise.
        lambda x: np.tanh(x.astype(np.float32)).astype(float),
        lambda x: 0.5 * x * (1 + np.tanh(x.astype(np.float32))),
        lambda x: 0.5 * x * (1 + np.tanh(x)),
    ],
)
def test_a_smooth_function_has_none(smooth: Any) -> None:
    assert find_discontinuities(smooth, GRID) == []
