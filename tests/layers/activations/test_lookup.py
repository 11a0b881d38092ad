"""Finding layers by name, and reading their parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from actgrad.layers import (
    CheckFailedError,
    Layer,
    LeakyRelu,
    ParameterError,
    Relu,
    Sigmoid,
    UnknownLayerError,
    catalogue,
    check_layer,
    find,
    layer,
)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("relu", Relu),
        ("ReLU", Relu),
        ("Sigmoid", Sigmoid),
        ("logistic", Sigmoid),
        ("leaky-relu", LeakyRelu),
        ("LeakyReLU", LeakyRelu),
        ("leakyrelu", LeakyRelu),
    ],
)
def test_names_ignore_case_dashes_and_underscores(name: str, cls: type) -> None:
    assert find(name) is cls


def test_a_misspelt_name_gets_a_suggestion() -> None:
    with pytest.raises(UnknownLayerError, match="no layer is called 'sigmiod'") as caught:
        find("sigmiod")
    assert caught.value.hint == "did you mean sigmoid?"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sigmod", "did you mean sigmoid?"),
        ("tnah", "did you mean tanh?"),
        ("gleu", "did you mean gelu?"),
        ("HardSwich", "did you mean hardswish?"),
        ("torch.nn.Sigmod", "did you mean torch.nn.Sigmoid?"),
        ("keras.layers.LeakyReLUU", "did you mean keras.layers.LeakyReLU?"),
    ],
)
def test_a_near_name_is_suggested(name: str, hint: str) -> None:
    with pytest.raises(UnknownLayerError) as caught:
        find(name)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "name", ["xyzzy", "sin", "max", "2", "", ".", "(", "relu sigmoid", "relu,sigmoid", "x.npy"]
)
def test_a_name_like_no_other_gets_the_list(name: str) -> None:
    with pytest.raises(UnknownLayerError) as caught:
        find(name)
    assert caught.value.hint == "actgrad layers lists them"


def test_a_spec_sets_parameters() -> None:
    made = layer("leaky_relu:negative_slope=0.5")
    assert isinstance(made, LeakyRelu)
    assert made.negative_slope == 0.5
    assert layer(str(made)).__dict__["negative_slope"] == 0.5


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("relu:alpha=1", "relu has no parameter 'alpha'; it takes none", None),
        ("leaky_relu:negative_slop=1", "no parameter", "did you mean negative_slope?"),
        ("leaky_relu:q=1", "no parameter 'q'", "it takes negative_slope"),
        ("leaky_relu:negative_slope=x", "negative_slope is 'x', which is not a number", None),
        ("leaky_relu:negative_slope=", "negative_slope is '', which is not a number", None),
        ("leaky_relu:negative_slope=nan", "is nan, but must be finite", None),
        ("leaky_relu:negative_slope=1,negative_slope=2", "is given twice", None),
        ("leaky_relu:negative_slope", "is no parameter", "write leaky_relu:negative_slope=NUMBER"),
        ("leaky_relu:0.1", "is no parameter", "write leaky_relu:negative_slope=NUMBER"),
        ("relu:0.1", "is no parameter", "relu takes none"),
    ],
)
def test_a_bad_parameter_is_named(spec: str, message: str, hint: str | None) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        layer(spec)
    assert caught.value.hint == hint


def test_the_constructor_checks_too() -> None:
    with pytest.raises(ParameterError, match="no parameter 'alpha'"):
        Relu(alpha=1)  # type: ignore[call-arg]
    with pytest.raises(ParameterError, match="must be finite"):
        LeakyRelu(negative_slope=float("inf"))


def test_every_name_and_alias_finds_its_own_layer() -> None:
    for cls in catalogue():
        assert all(find(name) is cls for name in (cls.name, *cls.aliases))


HOSTILE = """
from actgrad.layers import Relu

class MyRelu(Relu):
    name = "relu"
    __module__ = "actgrad.layers.activations.piecewise"

    def formula(self, x):
        return 2 * x

    def forward_block(self, x, out, *saved):
        saved[0][...] = False
        out[...] = 2 * x

    def backward_block(self, dout, dx, *saved):
        dx[...] = 2 * dout
"""


def test_a_users_class_does_not_replace_the_catalogues(tmp_path: Path) -> None:
    file = tmp_path / "hostile.py"
    file.write_text(HOSTILE)
    with pytest.raises(CheckFailedError) as caught:
        check_layer(f"{file}:MyRelu", formula="relu")
    assert "wrong-value" in {finding.name for finding in caught.value.report.findings}
    assert find("relu") is Relu


def test_a_fraction_is_the_number_that_the_layer_computes_with() -> None:
    assert str(layer("leaky_relu:negative_slope=1/6")) == f"leaky_relu:negative_slope={1 / 6}"
    assert str(layer("hardsigmoid:alpha=1/3")) == "hardsigmoid:alpha=1/3"
    exact, rounded = layer("hardsigmoid:alpha=1/3"), layer(f"hardsigmoid:alpha={1 / 3}")
    assert (exact.forward(-1.5), rounded.forward(-1.5)) == (0, 2.0**-55)


@pytest.mark.parametrize("cls", catalogue(), ids=lambda cls: cls.name)
def test_every_parameter_may_be_a_fraction(cls: type[Layer]) -> None:
    numbers = {
        name: "2/1" if spec.whole else "1/3"
        for name, spec in cls.parameters.items()
        if not spec.choices
    }
    numbers |= {name: "7/2" for name in numbers if name in {"max_val", "max_value", "upper"}}
    spec = ",".join(f"{name}={value}" for name, value in numbers.items())
    made = layer(f"{cls.name}:{spec}" if spec else cls.name)
    x = np.linspace(-4, 4, 64).reshape(4, 4, 4)
    out = made.forward(x)
    # Most of these x lie outside the domain of logit.
    assert np.isfinite(out).any()
    assert np.isfinite(made.backward(np.ones_like(out))).all() == np.isfinite(out).all()


def test_a_parameter_beyond_the_numbers_is_refused() -> None:
    with pytest.raises(ParameterError, match="silu: beta is inf, but must be finite and > 0"):
        layer(f"silu:beta=1{'0' * 400}/3")
    with pytest.raises(ParameterError, match="its kinks lie beyond the numbers of float64"):
        layer("hardsigmoid:beta=1e308")
