"""An explanation: formula, derivative, what suffices for backward, and the steps at a number."""

import re
from functools import cache

import pytest

import actgrad
from actgrad.layers import Layer, ShapeError, catalogue, layer
from actgrad.layers.explain import (
    Explanation,
    at_defaults,
    derivative_text,
    explain_layer,
    formula_text,
)


def test_an_explanation_states_formula_and_derivative() -> None:
    explanation = explain_layer(layer("sigmoid"))
    assert explanation.formula == "1/(1 + exp(-x))"
    assert explanation.derivative == "y·(1 - y)"
    assert (explanation.x, explanation.dx, explanation.evaluations) == (None, None, [])


@pytest.mark.parametrize("x", [1.0, -3.5, 0.0, 40.0, -300.0])
def test_every_step_at_a_number_agrees_with_backward(x: float) -> None:
    explanation = explain_layer(layer("sigmoid"), x)
    assert len(explanation.evaluations) == len(explanation.steps) == 4
    assert all(evaluation.agrees for evaluation in explanation.evaluations)


def test_a_step_that_has_overflowed_does_not_agree() -> None:
    assert not explain_layer(layer("sigmoid"), -720.0).evaluations[2].agrees


def test_it_is_part_of_the_public_api() -> None:
    assert actgrad.explain_layer is explain_layer


def test_no_step_is_stated_twice() -> None:
    for cls in catalogue():
        texts = [step.text for step in explained(cls).steps]
        assert len(texts) == len(set(texts)), cls.name


def test_private_names_are_not_shown() -> None:
    for cls in catalogue():
        names = explained(cls).keeps
        assert not [name for name in names if name.startswith("_")], cls.name


def test_what_is_kept_says_where_it_suffices_for_the_derivative() -> None:
    assert "∂y/∂x = y·(1 - y) needs nothing else" in explain_layer(layer("sigmoid")).keeps["out"]


def test_a_layer_along_an_axis_is_explained_by_the_elements_of_a_line() -> None:
    explanation = explain_layer(layer("glu"))
    assert explanation.formula == "aᵢ·g(bᵢ)"
    assert explanation.derivative == ("∂L/∂aᵢ = ∂L/∂yᵢ·g(bᵢ), ∂L/∂bᵢ = ∂L/∂yᵢ·aᵢ·g(bᵢ)·(1 - g(bᵢ))")
    assert explanation.steps == []


def test_a_layer_along_an_axis_has_no_derivation_at_one_number() -> None:
    with pytest.raises(ShapeError, match="softmax takes a line of numbers"):
        explain_layer(layer("softmax"), 1.0)


def test_a_parameter_without_a_default_stays_a_symbol() -> None:
    threshold = at_defaults(type(layer("threshold:threshold=1,value=2")))
    assert formula_text(threshold) == "where(x > threshold, x, value)"
    assert derivative_text(threshold) == "1 for x > threshold, else 0"


def test_parameters_and_fixed_numbers_are_written_by_their_names() -> None:
    assert formula_text(layer("celu:alpha=2")) == "where(x > 0, x, alpha·(exp(x/alpha) - 1))"
    assert formula_text(layer("selu")) == "λ·where(x > 0, x, α·(exp(x) - 1))"
    assert derivative_text(layer("hardsigmoid")) == "alpha for 0 < alpha·x + beta < 1, else 0"


def test_what_is_kept_says_where_y_does_not_tell_the_derivative() -> None:
    why = explain_layer(layer("silu")).keeps["slope"]
    left, right = (float(x) for x in re.findall(r"at x = (\S+)", why))
    y = layer("silu").forward([left, right])
    assert y[0] == pytest.approx(y[1], abs=1e-6)
    assert left < -1.3 < right


def test_every_kept_array_says_why_it_suffices() -> None:
    for cls in catalogue():
        explanation = explained(cls)
        assert all(len(why) > 40 for why in explanation.keeps.values()), cls.name


def test_a_summary_is_in_the_notation_of_the_steps() -> None:
    for cls in catalogue():
        summary = explained(cls).summary
        assert "∂out" not in summary, cls.name
        assert "dout" not in summary, cls.name
    assert "∂L/∂xᵢ = yᵢ·(∂L/∂yᵢ − Σⱼ ∂L/∂yⱼ·yⱼ)" in explain_layer(layer("softmax")).summary


@cache
def explained(cls: type[Layer]) -> Explanation:
    """The explanation of the layer, made once for all tests."""
    return explain_layer(at_ones(cls))


def at_ones(cls: type[Layer]) -> Layer:
    """The layer, with 1 for each parameter that has no default."""
    return cls(**{name: 1.0 for name, spec in cls.parameters.items() if spec.default is None})
