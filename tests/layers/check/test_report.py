"""The sentences of a report."""

from __future__ import annotations

import pytest

from actgrad.layers.check.discontinuities import Discontinuity
from actgrad.layers.check.report import KinkGradient


@pytest.mark.parametrize(
    ("gradient", "place"),
    [
        (0.0, "the left derivative"),
        (1.0, "the right derivative"),
        (0.5, "between the two derivatives"),
        (2.0, "outside the two derivatives"),
        (-1.0, "outside the two derivatives"),
    ],
)
def test_a_kink_says_where_the_layers_gradient_is(gradient: float, place: str) -> None:
    kink = Discontinuity(x=0.0, left=0.0, right=1.0, jump=0.0, within=0.0)
    assert str(KinkGradient(kink, gradient)).endswith(f"gradient is {gradient:g}, {place}")
