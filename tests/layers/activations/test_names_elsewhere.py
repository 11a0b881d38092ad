"""Layers under the names, parameters and defaults of PyTorch, JAX, Keras, TensorFlow and ONNX.

`names_elsewhere.csv` holds what each framework gave in float64: PyTorch 2.14, JAX 0.10, Keras 3.15,
TensorFlow 2.21, ONNX 1.23 (opset 28), NumPy 2.4 and SciPy 1.17. tests/benchmarks/names_elsewhere.py
writes it.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from actgrad.layers import Layer, ParameterError, UnknownLayerError, catalogue, find, layer
from actgrad.layers.activations import names_elsewhere
from actgrad.layers.activations.lookup import elsewhere
from actgrad.layers.activations.signature import MODULES

with Path(__file__).with_name("names_elsewhere.csv").open(encoding="utf-8") as file:
    HEAD, *ROWS = csv.reader(file)
X = np.array([float(column.removeprefix("x=")) for column in HEAD[2:]])


@pytest.mark.parametrize(("call", "spec", "values"), [(*row[:2], row[2:]) for row in ROWS])
def test_a_framework_s_name_means_its_own_function(call: str, spec: str, values: list[str]) -> None:
    made = layer(call)
    assert str(made) == spec
    # ONNX and TensorFlow keep attributes in float32, and Keras computes tanh so for JAX.
    tolerance = (
        2e-7 if call.startswith(("onnx.", "tf.nn.")) or call == "keras.activations.tanh" else 1e-14
    )
    there = [float(value) for value in values if value]
    np.testing.assert_allclose(made.forward(X), there, rtol=tolerance, atol=0)


def test_the_table_holds_every_name() -> None:
    assert [call.partition("(")[0] for call, *_ in ROWS] == [name.path for name in elsewhere()]


@pytest.mark.parametrize("cls", catalogue(), ids=lambda cls: cls.name)
def test_the_listed_call_gives_the_catalogue_s_layer(cls: type[Layer]) -> None:
    for framework, call in names_elsewhere(cls).items():
        module = "keras.layers" if call.startswith("PReLU(alpha") else MODULES[framework]
        assert find(f"{module}.{call}") is cls
        if all(parameter.default is not None for parameter in cls.parameters.values()):
            assert str(layer(f"{module}.{call}")) == cls.name


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        # Every way to write a module.
        ("torch.nn.LeakyReLU", "leaky_relu"),
        ("nn.LeakyReLU", "leaky_relu"),
        ("torch.nn.functional.leaky_relu", "leaky_relu"),
        ("nn.functional.leaky_relu", "leaky_relu"),
        ("F.leaky_relu", "leaky_relu"),
        ("torch.sigmoid", "sigmoid"),
        ("jax.nn.leaky_relu", "leaky_relu"),
        ("nn.gelu", "gelu_tanh"),
        ("keras.layers.LeakyReLU", "leaky_relu:negative_slope=0.3"),
        ("layers.LeakyReLU", "leaky_relu:negative_slope=0.3"),
        ("tf.keras.layers.LeakyReLU", "leaky_relu:negative_slope=0.3"),
        ("keras.leaky_relu", "leaky_relu:negative_slope=0.2"),
        ("onnx.HardSigmoid", "hardsigmoid:alpha=0.2"),
        ("tf.nn.leaky_relu", "leaky_relu:negative_slope=0.2"),
        ("tensorflow.nn.leaky_relu(alpha=0.3)", "leaky_relu:negative_slope=0.3"),
        ("torch.clamp(min=0, max=6)", "hardtanh:min_val=0.0,max_val=6.0"),
        ("clip(-2, 2)", "hardtanh:min_val=-2.0,max_val=2.0"),
        ("nn.ReLU()", "relu"),
        ("torch.nn.functional.silu", "silu"),
        ("torch.relu", "relu"),
        # What Hugging Face's configurations call them.
        ("gelu_new", "gelu_tanh"),
        ("gelu_fast", "gelu_tanh"),
        ("gelu_accurate", "gelu_tanh"),
        ("gelu_pytorch_tanh", "gelu_tanh"),
        ("gelu_python", "gelu"),
        ("relu2", "relu_squared"),
        # A bare name is the catalogue's, or that of the framework that spells it so.
        ("LeakyReLU", "leaky_relu"),
        ("PReLU", "prelu"),
        ("PRelu", "prelu"),
        ("Softmax", "softmax"),
        ("Softmin", "softmin"),
        ("HardSigmoid", "hardsigmoid:alpha=0.2"),
        ("HardSigmoid:alpha=0.3", "hardsigmoid:alpha=0.3"),
        ("Hardsigmoid", "hardsigmoid"),
        ("hard_sigmoid", "hardsigmoid"),
        ("HARD-SIGMOID", "hardsigmoid"),
        ("Swish", "silu"),
        ("linear", "identity"),
        ("Shrink", "hardshrink"),
        # Calls, by position and by keyword.
        ("GELU(approximate='tanh')", "gelu_tanh"),
        ('nn.GELU("none")', "gelu"),
        ("gelu(approximate=True)", "gelu_tanh"),
        ("gelu(approximate=False)", "gelu"),
        ("nn.LeakyReLU(0.2)", "leaky_relu:negative_slope=0.2"),
        ("nn.LeakyReLU(1/6, inplace=True)", f"leaky_relu:negative_slope={1 / 6}"),
        ("leaky_relu(0.2)", "leaky_relu:negative_slope=0.2"),
        ("nn.Softplus(beta=2)", "softplus:beta=2.0"),
        ("nn.Softplus(2, 20)", "softplus:beta=2.0"),
        ("nn.Threshold(1, 20)", "threshold:threshold=1.0,value=20.0"),
        ("nn.PReLU(1, 0.5)", "prelu:weight=0.5"),
        ("nn.Softmax(dim=1)", "softmax:axis=1"),
        ("onnx.Swish(alpha=1.5)", "silu:beta=1.5"),
        ("onnx.Shrink(lambd=1, bias=1)", "softshrink:lambd=1.0"),
        ("onnx.Clip(min=-2, max=2)", "hardtanh:min_val=-2.0,max_val=2.0"),
        ("keras.layers.ReLU(6)", "relu6"),
        ("keras.layers.ReLU(5)", "capped_relu:max_value=5.0"),
        ("keras.activations.relu(threshold=2)", "thresholded_relu:alpha=2.0"),
        (
            "keras.activations.relu(0.1, threshold=2)",
            "thresholded_leaky_relu:negative_slope=0.1,threshold=2.0",
        ),
        (
            "keras.activations.relu(0.1, max_value=5, threshold=2)",
            "capped_relu:negative_slope=0.1,threshold=2.0,max_value=5.0",
        ),
        ("keras.activations.relu(0.1)", "leaky_relu:negative_slope=0.1"),
        # Parameters after a colon replace the framework's.
        ("nn.LeakyReLU(0.2):negative_slope=0.5", "leaky_relu:negative_slope=0.5"),
        ("nn.Softmax:axis=0", "softmax:axis=0"),
        ("nn.Threshold:threshold=1,value=2", "threshold:threshold=1.0,value=2.0"),
    ],
)
def test_a_name_of_another_framework_is_read(name: str, spec: str) -> None:
    assert str(layer(name)) == spec


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("nn.Softmax", "nn.Softmax needs dim", "write nn.Softmax(dim=…)"),
        ("F.prelu", "F.prelu needs weight", "write F.prelu(weight=…)"),
        ("Clip", "Clip needs min", "write Clip(min=…, max=…)"),
        ("nn.GELU('erf')", "torch.nn.GELU(approximate='erf') is no layer of the catalogue", None),
        (
            "nn.Softplus(threshold=30)",
            "torch.nn.Softplus(threshold=30) is no layer of the catalogue",
            None,
        ),
        (
            "nn.LeakyReLU(slope=1)",
            "torch.nn.LeakyReLU has no parameter 'slope'",
            "it takes negative_slope",
        ),
        ("nn.ELU(1, 2)", "torch.nn.ELU(alpha) is given too many arguments", None),
        ("nn.ELU(1, alpha=2)", "torch.nn.ELU: alpha is given twice", None),
        ("nn.ELU('a')", "torch.nn.ELU: alpha is 'a', which is not a number", None),
        ("nn.ELU(True)", "torch.nn.ELU: alpha is True, which is not a number", None),
        (
            "onnx.Shrink(lambd=1, bias=0.5)",
            "onnx.Shrink(bias=0.5) is no layer of the catalogue",
            None,
        ),
    ],
)
def test_a_call_that_fits_no_layer_is_refused(name: str, message: str, hint: str | None) -> None:
    with pytest.raises(ParameterError) as caught:
        layer(name)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_name_that_a_framework_gives_to_two_functions_is_refused() -> None:
    with pytest.raises(UnknownLayerError, match=r"^keras\.LeakyRelu is the name of several") as it:
        layer("keras.LeakyRelu")
    assert it.value.hint == "write keras.activations.leaky_relu or keras.layers.LeakyReLU"


@pytest.mark.parametrize("name", ["tf.nn.mish", "my.relu", "relu(1)(2)", "relu(", "nn."])
def test_what_is_no_call_of_a_known_framework_is_unknown(name: str) -> None:
    with pytest.raises(UnknownLayerError, match="no layer is called"):
        layer(name)
