"""The piecewise linear layers: their kinks, their parameters, and no second rounding."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actgrad.layers import (
    Hardsigmoid,
    Hardtanh,
    LeakyRelu,
    ParameterError,
    Prelu,
    Relu,
    Rrelu,
    Softshrink,
    Threshold,
    layer,
)
from actgrad.layers.arrays import named
from actgrad.layers.exact import exact


@pytest.mark.parametrize(
    ("spec", "kinks", "values", "slopes"),
    [
        ("relu", [0], [0], [0]),
        ("relu6", [0, 6], [0, 6], [0, 0]),
        ("leaky_relu:negative_slope=0.5", [0], [0], [0.5]),
        ("prelu", [0], [0], [0.25]),
        ("rrelu:lower=0.25,upper=0.75", [0], [0], [0.5]),
        ("threshold:threshold=2,value=7", [2], [7], [0]),
        ("thresholded_relu", [1], [0], [0]),
        ("hardtanh", [-1, 1], [-1, 1], [0, 0]),
        ("hardsigmoid", [-3, 3], [0, 1], [0, 0]),
        ("hardshrink", [-0.5, 0.5], [0, 0], [0, 0]),
        ("softshrink", [-0.5, 0.5], [0, 0], [0, 0]),
        ("sparse_sigmoid", [-1, 1], [0, 1], [0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_each_kink_has_the_stated_value_and_slope(
    spec: str, kinks: list[float], values: list[float], slopes: list[float], dtype: str
) -> None:
    tried = layer(spec)
    x = np.array(kinks, dtype)
    assert tried.forward(x).tolist() == values
    assert tried.backward(np.ones_like(x)).tolist() == slopes


@pytest.mark.parametrize("spec", ["hardshrink:lambd=0", "softshrink:lambd=0"])
def test_shrinking_by_0_is_the_identity_and_so_is_its_gradient(spec: str) -> None:
    tried = layer(spec)
    x = np.array([-2.0, -1e-300, -0.0, 0.0, 1e-300, 3.0])
    assert tried.forward(x).tolist() == x.tolist()
    assert tried.backward(np.ones_like(x)).tolist() == [1.0] * 6
    assert exact(tried.traced(), 0.0) == (0, 1)


def test_a_stopped_gradient_is_0_whatever_arrives() -> None:
    for tried in (Relu(), Hardtanh(), Hardsigmoid(), Softshrink(lambd=5)):
        tried.forward([-4.0])
        assert tried.backward([np.inf]).tolist() == [0.0]


def test_zeros_keep_their_sign_where_the_line_goes_through_0() -> None:
    for spec in ("identity", "leaky_relu", "prelu", "rrelu", "hardtanh"):
        for dtype in ("float32", "float64"):
            out = layer(spec).forward(np.array([-0.0, 0.0], dtype))
            assert np.signbit(out).tolist() == [True, False]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@given(
    digits=st.integers(1, (1 << 24) - 1),
    exponent=st.integers(-40, -14),
    slope=st.floats(1e-6, 10, allow_nan=False),
)
@example(digits=0x800001, exponent=-24, slope=float(Fraction(0x1000003, 0x1000002)))
def test_a_product_is_rounded_once(dtype: str, digits: int, exponent: int, slope: float) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    x = np.array([-float(digits) * 2.0**exponent]).astype(named(dtype))
    assert LeakyRelu(negative_slope=slope).forward(x)[0] == once_rounded(x, Fraction(slope))


def once_rounded(x: Any, slope: Fraction) -> Any:
    """The number of x's dtype that is nearest to x·slope, of two the even one."""
    truth = Fraction(float(x[0])) * slope
    guess = np.array([float(truth)]).astype(x.dtype)[0]
    near = [guess, *(np.nextafter(guess, x.dtype.type(side)) for side in (-np.inf, np.inf))]
    return min(
        near,
        key=lambda number: (
            abs(Fraction(float(number)) - truth),
            int(np.array(number).view(f"u{x.dtype.itemsize}")) & 1,
        ),
    )


def test_a_tie_that_rounding_to_float64_makes_is_none() -> None:
    # x·slope = 2⁻²⁴ + 1 + 2⁻⁶⁰: float64 drops the last term, and what is left is a tie.
    x, slope = np.float32([-1.5]), (1 + 2.0**-24) / 1.5
    truth = Fraction(slope) * Fraction(3, 2)
    assert float(truth) == 1 + 2.0**-24 != truth
    nearest = np.float32(1) if truth < 1 + Fraction(1, 1 << 24) else np.nextafter(np.float32(1), 2)
    assert LeakyRelu(negative_slope=slope).forward(x) == -nearest


def test_prelus_backward_gives_dweight() -> None:
    tried = Prelu(weight=0.5)
    tried.forward(np.float32([[-2.0, 3.0], [-4.0, 0.0]]))
    assert tried.backward([[1.0, 10.0], [0.5, 7.0]]).tolist() == [[0.5, 10.0], [0.25, 3.5]]
    assert tried.dweight == -4.0
    assert tried.gradients == {"dweight": -4.0}
    tried.backward([[0.0, 0.0], [1.0, 0.0]])
    assert tried.dweight == -4.0
    assert Relu().gradients == {}


def test_prelus_dweight_sums_over_blocks() -> None:
    tried = Prelu()
    x = np.linspace(-1, 1, 50001)
    tried.forward(x)
    tried.backward(np.ones_like(x))
    assert tried.dweight == pytest.approx(x[x < 0].sum(), rel=1e-13)


def test_rrelu_takes_the_middle_of_its_bounds() -> None:
    assert Rrelu().forward([-48.0]).tolist() == [-11.0]


def test_hardsigmoids_sixth_is_a_sixth() -> None:
    assert Hardsigmoid().forward([-3.0, -1.0, 1.0]).tolist() == [0.0, 1 / 3, 2 / 3]
    assert layer("hardsigmoid:alpha=1/6").forward([-3.0]).tolist() == [0.0]


def test_a_fixed_value_is_rounded_to_the_dtype() -> None:
    out = Threshold(threshold=0, value=0.1).forward(np.float32([-1.0]))
    assert out == np.float32(0.1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("threshold", "threshold has no default for its parameters threshold and value"),
        ("threshold:threshold=1", "threshold has no default for its parameter value"),
        ("hardtanh:min_val=1", "min_val is 1.0, but must be < max_val, 1.0"),
        ("rrelu:lower=0.5", "lower is 0.5, but must be ≤ upper"),
        ("hardshrink:lambd=-1", "lambd is -1.0, but must be finite and ≥ 0"),
        ("softshrink:lambd=-1", "lambd is -1.0, but must be finite and ≥ 0"),
        ("thresholded_relu:alpha=-1", "alpha is -1.0, but must be finite and ≥ 0"),
        ("hardsigmoid:alpha=0", "alpha is 0.0, but must be finite and > 0"),
        ("hardsigmoid:alpha=1/0", "alpha is '1/0', which is not a number"),
    ],
)
def test_a_parameter_outside_its_domain_is_refused(spec: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        layer(spec)
