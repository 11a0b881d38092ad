"""Where a formula evaluated as it is written loses its digits."""

import pytest

from actgrad.layers import catalogue, layer
from actgrad.layers.explain import find_pitfalls


def test_the_sigmoids_pitfalls_are_those_of_its_gradient() -> None:
    by_expression = {pitfall.expression: pitfall for pitfall in find_pitfalls(layer("sigmoid"))}
    pitfall = by_expression["y·(1 - y)"]
    assert (pitfall.x, pitfall.computed) == (37.0, 0.0)
    assert pitfall.correct == pytest.approx(8.533047625744066e-17, rel=1e-15)
    assert "y" not in by_expression


def test_exact_arithmetic_has_no_pitfall() -> None:
    assert find_pitfalls(layer("relu")) == []


def test_an_overflow_that_the_function_has_itself_is_no_pitfall() -> None:
    assert find_pitfalls(layer("exponential")) == []


def test_what_is_computed_differs_from_what_is_correct() -> None:
    for cls in catalogue():
        if cls.name in {"gelu", "softplus", "mish", "tanhshrink", "log_sigmoid"}:
            assert find_pitfalls(cls())
            assert all(pitfall.computed != pitfall.correct for pitfall in find_pitfalls(cls()))
