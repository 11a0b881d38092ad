"""The second derivative: correctly rounded where frameworks lose it, and 0 at a kink."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from numpy.testing import assert_array_equal

from actgrad.layers import ShapeError, chain_of, layer
from actgrad.layers.explain import Derivative, explain_layer, second_derivative


def logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def bell(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


#: f″ in closed form.
CURVATURES: dict[str, Any] = {
    "softplus": lambda x: logistic(x) * logistic(-x),
    "tanh": lambda x: -2 * mp.tanh(x) * mp.sech(x) ** 2,
    "gelu": lambda x: (2 - x * x) * bell(x),
    "exponential": mp.exp,
    "elu": lambda x: mp.exp(x) if x <= 0 else mpf(0),
    "relu": lambda x: mpf(0),
    "x**3": lambda x: 6 * x,
    "x*exp(-x)": lambda x: (x - 2) * mp.exp(-x),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("text", CURVATURES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_number_is_the_nearest(text: str, dtype: Any) -> None:
    x = np.concatenate([np.linspace(-9, 9, 60), [0.0, 1e-30, 37.42994775023705, -600.0, 80.0]])
    x = x.astype(dtype)
    d2x = second_derivative(layer(text), x, np.ones_like(x))
    with mp.workprec(3000):
        truths = [CURVATURES[text](mpf(number)) for number in x.astype(float).tolist()]
        # Far above the smallest number a float64 of the truth rounds as the truth does.
        with np.errstate(over="ignore"):
            nearest = np.array([float(truth) for truth in truths]).astype(dtype)
    assert_array_equal(d2x, nearest)


def test_the_fields_case() -> None:
    d2x = second_derivative(layer("softplus"), np.array([37.42994775023705]), np.ones(1))
    assert d2x.tolist() == [5.551115123125775e-17]


def test_a_chain_has_a_second_derivative() -> None:
    chain = chain_of(["x*x", "exponential"])
    x = np.array([0.0, 1.0])
    assert_array_equal(second_derivative(chain, x, np.array([3.0, 1.0])), [6.0, 6 * np.e])


@pytest.mark.parametrize("text", ["exp(exp(x))", "max(exp(exp(x)), exp(exp(x)))"])
def test_far_beyond_all_numbers_it_is_infinite(text: str) -> None:
    dout = np.array([1.0, -1e-300, 0.0, 1.0])
    d2x = second_derivative(layer(text), np.array([20000.0, 20000.0, 20000.0, 9.0]), dout)
    assert_array_equal(d2x, [np.inf, -np.inf, 0, np.inf])


def test_without_a_value_there_is_none() -> None:
    # Balls do not decide the choice, which the second derivative does not need.
    function = layer("x + (1 if pi > pi else (-1)**0.5)")
    assert np.isnan(second_derivative(function, np.array([0.25]), np.ones(1))).all()


def test_at_a_kink_it_is_0_by_convention() -> None:
    derivative = Derivative(layer("x*x + x if x > 1 else x"))
    assert derivative.kinks == [1.0]
    x = np.array([1.0, np.nextafter(1.0, 2.0)])
    derivative.forward(x)
    assert_array_equal(derivative.backward(np.ones(2)), [0.0, 2.0])


def test_the_derivative_is_explained_with_its_inflections() -> None:
    explanation = explain_layer(Derivative(layer("gelu")))
    assert explanation.layer.name == "gelu′"
    assert explanation.inflections == pytest.approx([-(2**0.5), 2**0.5], rel=1e-15)
    assert explain_layer(layer("gelu")).inflections == []


def test_the_second_derivative_is_written_with_its_terms_merged() -> None:
    explanation = explain_layer(Derivative(layer("sqrt(x*x + 1)")), 0.75)
    assert explanation.derivative == "1/sqrt(x² + 1) - x²/sqrt(x² + 1)³"
    assert [step.agrees for step in explanation.evaluations] == [True, True]


def test_a_layer_along_an_axis_has_none() -> None:
    with pytest.raises(ShapeError, match="softmax takes a line of numbers"):
        Derivative(layer("softmax"))


def test_a_branch_that_is_not_taken_need_not_have_a_derivative() -> None:
    x = np.array([1.9, 0.0])
    d2x = second_derivative(layer("x if x > 1 else asin(x)"), x, np.ones(2))
    assert_array_equal(d2x, [0.0, 0.0])
