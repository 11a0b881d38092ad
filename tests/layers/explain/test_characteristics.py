"""What a layer does at 0, on normally distributed inputs, at its steepest, and far out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from actgrad.layers import layer
from actgrad.layers.arrays import named
from actgrad.layers.explain import Characteristics, characteristics_of, find_kinks


def of(spec: str) -> Characteristics:
    described = layer(spec)
    return characteristics_of(described, find_kinks(described))


@pytest.mark.parametrize(
    ("spec", "forward", "backward"),
    [
        ("relu", math.sqrt(2), math.sqrt(2)),
        ("identity", 1, 1),
        ("leaky_relu:negative_slope=0.5", math.sqrt(2 / 1.25), math.sqrt(2 / 1.25)),
        ("exponential", math.exp(-1), math.exp(-1)),
        ("relu_squared", math.sqrt(2 / 3), math.sqrt(0.5)),
        # SELU is made so that the mean square stays 1.
        ("selu", 1, 0.9660257769739),
    ],
)
def test_the_gains_keep_the_mean_square(spec: str, forward: float, backward: float) -> None:
    numbers = of(spec)
    assert numbers.forward_gain == pytest.approx(forward, rel=1e-12)
    assert numbers.backward_gain == pytest.approx(backward, rel=1e-12)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("sigmoid", (0.25, 0, 0)),
        ("gelu", (1.1289041451851548, math.sqrt(2), math.sqrt(2))),
        ("relu", (1, 0, math.inf)),
        ("hardswish", (1.5, 3, 3)),
        ("softplus", (1, math.inf, math.inf)),
        ("squareplus", (1, math.inf, math.inf)),
        ("exponential", (math.inf, math.inf, math.inf)),
        ("hardtanh:min_val=-2,max_val=1", (1, -2, 1)),
    ],
)
def test_the_largest_slope_has_its_place(spec: str, expected: tuple[float, ...]) -> None:
    assert of(spec).steepest == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_a_saturated_layer_is_at_its_limit_from_there_on(name: str) -> None:
    if name == "bfloat16":
        pytest.importorskip("ml_dtypes")
    sigmoid, dtype = layer("sigmoid"), named(name)
    for saturation in of("sigmoid").saturations:
        begin = np.array(saturation.begins[name], dtype)
        assert sigmoid.forward(begin) == saturation.limit
        assert sigmoid.forward(np.nextafter(begin, np.zeros((), dtype))) != saturation.limit


def test_a_layer_without_limits_does_not_saturate() -> None:
    assert of("identity").saturations == []
