"""The likely cause of a wrong gradient: each mistake of a learner gets its own sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actgrad.layers import layer
from actgrad.layers.check import Report, examine, load_subject


def report_of(
    forward: Callable[[Any], Any], backward: Callable[[Any, Any], Any], **options: Any
) -> Report:
    return examine(load_subject((forward, backward)), **options)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def silu_slope(x: Any) -> Any:
    s = sigmoid(x)
    return s + x * s * (1 - s)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


@pytest.mark.parametrize(
    ("forward", "backward", "cause"),
    [
        (sigmoid, lambda x, d: d * x * (1 - x), "right if it is fed out; as called, it is fed x"),
        (np.tanh, lambda x, d: d * (1 - x * x), "right if it is fed out; as called, it is fed x"),
        (
            np.tanh,
            lambda x, d: d / np.cosh(np.tanh(x)) ** 2,
            "right if it is fed x; as called, it is fed out",
        ),
        (np.sin, lambda x, d: np.cos(x), "backward ignores dout"),
        (np.sin, lambda x, d: d * d * np.cos(x), "backward multiplies by dout twice"),
        (
            np.sin,
            lambda x, d: np.where(np.abs(d) > 1e3, 0, d * np.cos(x)),
            r"dx is 0 where \|dout\| is above about 1e\+03",
        ),
        (np.sin, lambda x, d: d + np.cos(x), "adds dout to the derivative"),
        (np.sin, lambda x, d: -d * np.cos(x), "the sign of the gradient is wrong"),
        (np.sin, lambda x, d: d * np.cos(x) / 2, "backward gives half the right gradient"),
        (np.sin, lambda x, d: d, "backward returns dout itself"),
        (np.sin, lambda x, d: d * np.sin(x), "it has forward's value for its derivative"),
        (np.sin, lambda x, d: d * (np.cos(x) + 0.5), r"the derivative and \+0.5"),
        (relu, lambda x, d: np.where(x > 0, 0, d), "the mask is the wrong way round"),
        (relu, lambda x, d: np.where(d > 0, d, 0), "the mask\\) from dout"),
        (
            lambda x: np.clip(x, -1, 1),
            lambda x, d: np.where(np.abs(np.clip(x, -1, 1)) <= 1, d, 0),
            "the mask is taken from out|returns dout itself",
        ),
        (lambda x: x * sigmoid(x), lambda x, d: d * sigmoid(x), "the first term s"),
        (
            lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0))),
            lambda x, d: d * np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
            r"where x < 0: .*half|derivative of (elu|celu)",
        ),
    ],
)
def test_a_mistake_that_reproduces_the_numbers_is_the_cause(
    forward: Any, backward: Any, cause: str
) -> None:
    import re

    report = report_of(forward, backward, dtype="float64")
    causes = [each.cause for each in report.findings if each.cause]
    assert any(re.search(cause, each) for each in causes), causes


def test_the_erf_form_with_the_gradient_of_the_tanh_form_is_named() -> None:
    import actgrad

    exact, approximate = actgrad.layer("gelu"), actgrad.layer("gelu_tanh")

    def backward(x: Any, dout: Any) -> Any:
        approximate.forward(x)
        return approximate.backward(dout)

    report = report_of(exact.forward, backward, dtype="float64")
    assert report.findings[0].cause.startswith("backward is the derivative of gelu_tanh")


class Scaled:
    def __init__(self, beta: float = 1.7) -> None:
        self.beta = beta

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.tanh(x.dtype.type(self.beta) * x)

    def backward(self, dout: Any) -> Any:
        return dout / np.cosh(np.clip(self.x, -90, 90)) ** 2


class WithoutInnerDerivative(Scaled):
    def backward(self, dout: Any) -> Any:
        return dout * (1 - self.forward(self.x) ** 2)


class Mean:
    def forward(self, x: Any) -> Any:
        self.x = x
        return x.mean(axis=-1, keepdims=True)

    def backward(self, dout: Any) -> Any:
        return np.ones_like(self.x) * dout


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        (Scaled, "backward ignores the parameter beta = 1.7: it is right for beta = 1"),
        (WithoutInnerDerivative, "the factor beta = 1.7 is missing"),
        (Mean, "the factor 1/n is missing, n = 3 (the elements along an axis)"),
    ],
)
def test_a_parameter_or_a_size_is_named(layer: Any, cause: str) -> None:
    x = np.array([[0.3, -1.0, 2.0], [0.5, 1.5, -0.7]])
    report = examine(load_subject(layer), x)
    assert cause in [each.cause for each in report.findings]


def test_a_mistake_that_no_hypothesis_reproduces_has_no_cause_but_a_remedy() -> None:
    report = report_of(np.sin, lambda x, d: d * np.cos(x + 0.1 * x**2), dtype="float64")
    (finding,) = (each for each in report.findings if each.name == "wrong-gradient")
    assert finding.cause == ""
    assert finding.remedy.startswith("derive forward again")


def test_a_backward_that_fits_a_forward_of_another_parameter_is_no_mistake_of_backward() -> None:
    subject = load_subject("leaky_relu:negative_slope=0.1")._replace(reference=layer("leaky_relu"))
    causes = {finding.name: finding.cause for finding in examine(subject).errors}
    assert causes["wrong-gradient"] == "backward fits forward, and forward is not the formula"
