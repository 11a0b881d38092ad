"""The exponential layers and those that gate themselves: limits, symmetries, known digits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actgrad.layers import ParameterError, layer

numbers = st.floats(-1e4, 1e4)


@pytest.mark.parametrize(
    ("spec", "values", "slopes"),
    [
        ("sigmoid", [0, 1], [0, 0]),
        ("logsigmoid", [-np.inf, 0], [1, 0]),
        ("tanh", [-1, 1], [0, 0]),
        ("tanhshrink", [-np.inf, np.inf], [1, 1]),
        ("softplus:beta=2", [0, np.inf], [0, 1]),
        ("elu:alpha=0.5", [-0.5, np.inf], [0, 1]),
        ("celu:alpha=0.5", [-0.5, np.inf], [0, 1]),
        ("selu", [-1.7580993408473768, np.inf], [0, 1.0507009873554805]),
        ("exponential", [0, np.inf], [0, np.inf]),
        ("silu:beta=3", [0, np.inf], [0, 1]),
        ("quick_gelu", [0, np.inf], [0, 1]),
        ("mish", [0, np.inf], [0, 1]),
        ("gelu", [0, np.inf], [0, 1]),
        ("gelu_tanh", [0, np.inf], [0, 1]),
    ],
)
def test_the_limits_at_infinity_are_reached(
    spec: str, values: list[float], slopes: list[float]
) -> None:
    tried = layer(spec)
    assert tried.forward([-np.inf, np.inf]).tolist() == values
    assert tried.backward([1.0, 1.0]).tolist() == slopes


@pytest.mark.parametrize(
    "spec", ["elu", "celu", "selu", "silu", "mish", "gelu", "gelu_tanh", "quick_gelu", "tanhshrink"]
)
def test_zeros_keep_their_sign(spec: str) -> None:
    assert np.signbit(layer(spec).forward([-0.0, 0.0])).tolist() == [True, False]


@pytest.mark.parametrize(
    "spec", ["softplus", "softplus:beta=3", "silu", "quick_gelu", "gelu", "gelu_tanh", "squareplus"]
)
@given(x=numbers)
def test_a_smooth_rectifier_differs_by_x_from_its_mirror_image(spec: str, x: float) -> None:
    tried = layer(spec)
    right, left = tried.forward([x, -x])
    assert right == pytest.approx(x + left, rel=1e-14)
    assert sum(tried.backward([1.0, 1.0])) == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("spec", ["tanh", "tanhshrink", "softsign"])
@given(x=numbers)
def test_an_odd_function_is_odd(spec: str, x: float) -> None:
    tried = layer(spec)
    right, left = tried.forward([x, -x])
    assert right == -left


@given(x=st.floats(-30, 30))
def test_quick_gelu_is_silu_with_its_own_steepness(x: float) -> None:
    assert layer("quick_gelu").forward([x]) == layer("silu:beta=1.702").forward([x])


def test_slopes_survive_where_the_value_has_saturated() -> None:
    tried = layer("tanh")
    assert tried.forward(np.float32([20.0])) == 1
    assert tried.backward(np.float32([1.0])) == pytest.approx(1.699e-17, rel=1e-3)


def test_gelu_has_a_tail() -> None:
    # Φ(−38.5) is subnormal, and 38.5 times it is not a multiple of its rounding.
    tried = layer("gelu")
    assert tried.forward([-38.5, -37.0]) == pytest.approx([-1.1e-322, -2.1e-298], rel=0.06)
    assert tried.forward([-40.0]) == 0


@pytest.mark.parametrize(
    ("spec", "values", "slopes"),
    [
        # PyTorch 2.14: F.elu(x, -0.5), F.elu(x, 0), F.celu(x, -2).
        ("elu:alpha=-0.5", [0.43233235838169365, 3], [-0.06766764161830635, 1]),
        ("elu:alpha=0", [0, 3], [0, 1]),
        ("celu:alpha=-2", [-3.43656365691809, 3], [2.718281828459045, 1]),
    ],
)
def test_alpha_may_be_below_0(spec: str, values: list[float], slopes: list[float]) -> None:
    tried = layer(spec)
    assert tried.forward([-2.0, 3.0]) == pytest.approx(values, rel=1e-15)
    assert tried.backward([1.0, 1.0]) == pytest.approx(slopes, rel=1e-15)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("celu:alpha=0", "celu: alpha is 0, but must not be 0"),
        ("celu:alpha=inf", "celu: alpha is inf, but must be finite"),
        ("elu:alpha=inf", "elu: alpha is inf, but must be finite"),
    ],
)
def test_an_alpha_without_a_function_is_refused(spec: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        layer(spec)


@pytest.mark.parametrize("name", ["softplus", "silu", "swiglu"])
def test_beta_is_above_0(name: str) -> None:
    with pytest.raises(ParameterError, match=r"beta is 0.0, but must be finite and > 0"):
        layer(f"{name}:beta=0")


def test_logit_has_its_poles_at_the_ends_and_no_value_beyond() -> None:
    logit = layer("logit")
    x = np.array([-0.0, 1.0, 0.5, 5e-324, 1 - 2.0**-53, 0.4999999999999999, 2.0, -1.0, np.inf])
    out = logit.forward(x)
    expected = [-np.inf, np.inf, 0.0, -744.4400719213812, 36.7368005696771, -4.440892098500626e-16]
    np.testing.assert_array_equal(out, [*expected, np.nan, np.nan, np.nan])
    assert logit.undefined == {"out": 2.0}
    assert logit.backward(np.ones(9))[:3].tolist() == [np.inf, np.inf, 4.0]
    assert logit.forward(0.25) == -np.log(3)
    assert logit.undefined == {}


def test_a_clamped_logit_has_a_slope_at_its_ends() -> None:
    clamped = layer("torch.logit(eps=0.25)")
    out = clamped.forward([0.25, 0.75, 0.2, 9.0])
    np.testing.assert_allclose(out, np.log(3) * np.array([-1, 1, -1, 1]), rtol=1e-15)
    assert clamped.backward(np.ones(4)).tolist() == [16 / 3, 16 / 3, 0, 0]
    with pytest.raises(ParameterError, match=r"eps is 0\.5, but must be < 1/2"):
        layer("logit_clamped:eps=0.5")
