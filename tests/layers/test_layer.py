"""The layer protocol, on the textbook's own layers: what is kept, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from actgrad.layers import (
    DtypeError,
    LeakyRelu,
    Relu,
    ShapeError,
    Sigmoid,
    any_layer,
)

arrays = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
)


def moderate(dtype: str = "f8") -> Any:
    return np.linspace(-4, 4, 24, dtype=dtype).reshape(4, 6)


def test_relu_is_the_textbooks() -> None:
    layer = Relu()
    assert layer.forward([[1.0, -0.5], [-2.0, 3.0]]).tolist() == [[1.0, 0.0], [0.0, 3.0]]
    assert layer.mask.tolist() == [[False, True], [True, False]]
    assert layer.backward([[10, 20], [30, 40]]).tolist() == [[10.0, 0.0], [0.0, 40.0]]


def test_the_gradient_at_relus_kink_is_0_and_so_are_its_zeros() -> None:
    layer = Relu()
    out = layer.forward([0.0, -0.0, -1.0])
    dx = layer.backward([np.inf, -1.0, np.inf])
    assert out.tolist() == dx.tolist() == [0.0, 0.0, 0.0]
    assert not np.signbit([out, dx]).any()


def test_sigmoid_keeps_out() -> None:
    layer = Sigmoid()
    out = layer.forward([-1000.0, -1.0, 0.0, 1.0, 1000.0])
    assert layer.out.tolist() == out.tolist()
    assert out[[0, 2, 4]].tolist() == [0.0, 0.5, 1.0]


def test_sigmoids_gradient_outlives_out_near_1() -> None:
    layer = Sigmoid()
    x = np.float32([20.0])
    assert layer.forward(x) == 1
    assert layer.backward(np.ones_like(x)) == pytest.approx(2.0611537e-9, rel=1e-7)


@given(arrays)
def test_relus_mask_is_where_x_is_not_above_0(x: Any) -> None:
    layer = Relu()
    layer.forward(x)
    assert np.array_equal(layer.mask, x <= 0)


@pytest.mark.parametrize(
    "x",
    [
        np.array([1j]),
        np.array(["1"]),
        np.array([None]),
        np.array(["2020-01-01"], "M8[D]"),
        np.zeros(1, [("a", "f4")]),
        np.zeros(1, np.longdouble),
    ],
    ids=["complex", "text", "object", "date", "record", "long double"],
)
def test_other_dtypes_are_refused(x: Any) -> None:
    with pytest.raises(DtypeError, match="in which no layer computes"):
        Relu().forward(x)


def test_a_ragged_list_is_refused() -> None:
    with pytest.raises(ShapeError, match="x is no array"):
        Relu().forward([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("name", ["relu", "softmax", "glu"])
def test_a_dout_of_another_shape_than_out_is_refused(name: str) -> None:
    layer = any_layer(name)
    out = layer.forward(np.ones((2, 4)))
    with pytest.raises(ShapeError) as refused:
        layer.backward(np.ones(3))
    assert str(refused.value) == f"dout has shape (3,), but {name}'s out has {out.shape}"


def test_an_out_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    layer = Relu()
    layer.forward([1.0])
    x = moderate()
    with pytest.raises(ShapeError, match="out has shape"):
        layer.forward(x, out=np.empty(3))
    with pytest.raises(DtypeError, match="cannot hold"):
        layer.forward(x, out=np.empty(x.shape, int))
    fixed = np.empty(x.shape)
    fixed.flags.writeable = False
    with pytest.raises(DtypeError, match="read-only"):
        layer.forward(x, out=fixed)
    assert layer.backward([1.0]).tolist() == [1.0]


def test_leaky_relu_scales_what_relu_stops() -> None:
    layer = LeakyRelu(negative_slope=0.5)
    assert layer.forward([-2.0, 0.0, 3.0]).tolist() == [-1.0, 0.0, 3.0]
    assert layer.mask.tolist() == [True, True, False]
    assert layer.backward([1.0, 1.0, 1.0]).tolist() == [0.5, 0.5, 1.0]


def test_a_layer_shows_how_it_was_made() -> None:
    assert repr(LeakyRelu(negative_slope=0.5)) == "LeakyRelu(negative_slope=0.5)"
    assert str(LeakyRelu(negative_slope=0.5)) == "leaky_relu:negative_slope=0.5"
    assert str(LeakyRelu()) == "leaky_relu"
