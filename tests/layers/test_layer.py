"""What every layer promises: its arrays, its errors, its manners."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from actgrad.layers import (
    BackwardBeforeForwardError,
    DtypeError,
    Layer,
    LeakyRelu,
    Relu,
    ShapeError,
    Sigmoid,
    catalogue,
)

LAYERS = [cls for cls in catalogue() if all(p.default is not None for p in cls.parameters.values())]
every_layer = pytest.mark.parametrize("cls", LAYERS, ids=lambda cls: cls.name)

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


@every_layer
@given(x=arrays)
def test_shape_and_dtype_are_xs_and_the_callers_arrays_are_untouched(
    cls: type[Layer], x: Any
) -> None:
    layer = cls()
    dout = np.full_like(x, 0.5)
    before = x.tobytes(), dout.tobytes()
    out, dx = layer.forward(x), layer.backward(dout)
    assert (x.tobytes(), dout.tobytes()) == before
    assert (out.shape, out.dtype) == (dx.shape, dx.dtype) == (x.shape, x.dtype)
    assert not any(np.shares_memory(one, other) for one in (out, dx) for other in (x, dout))


@every_layer
def test_what_is_handed_out_is_not_what_is_kept(cls: type[Layer]) -> None:
    layer = cls()
    layer.forward(moderate())[...] = np.nan
    dx = layer.backward(np.ones((4, 6)))
    dx[...] = np.nan
    assert np.isfinite(layer.backward(np.ones((4, 6)))).all()


@every_layer
def test_dx_is_linear_in_dout(cls: type[Layer]) -> None:
    layer = cls()
    rng = np.random.default_rng(5)
    layer.forward(moderate())
    u, v = rng.standard_normal((2, 4, 6))
    whole = layer.backward(2 * u - 3 * v)
    parts = 2 * layer.backward(u) - 3 * layer.backward(v)
    np.testing.assert_allclose(whole, parts, rtol=1e-12, atol=1e-15)


@every_layer
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_out_is_filled_and_returned(cls: type[Layer], dtype: str) -> None:
    layer = cls()
    x = moderate(dtype)
    out, dx = np.empty_like(x), np.empty_like(x)
    expected = cls().forward(x)
    assert layer.forward(x, out=out) is out
    assert layer.backward(np.ones_like(x), out=dx) is dx
    assert np.array_equal(out, expected)
    assert np.array_equal(dx, layer.backward(np.ones_like(x)))


@every_layer
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_out_may_be_the_input_itself_or_overlap_it(cls: type[Layer], dtype: str) -> None:
    x = moderate(dtype).ravel()
    expected = cls().forward(x)
    layer = cls()
    layer.forward(x, out=x)
    assert np.array_equal(x, expected)
    dout = np.ones_like(x)
    dx = layer.backward(dout)
    layer.backward(dout, out=dout)
    assert np.array_equal(dout, dx)
    buffer = moderate(dtype).ravel()
    expected = cls().forward(buffer[:-1])
    assert np.array_equal(cls().forward(buffer[:-1], out=buffer[1:]), expected)


@every_layer
def test_a_wider_out_receives_the_rounded_result(cls: type[Layer]) -> None:
    x = moderate("f4")
    out = np.empty(x.shape, np.float64)
    assert cls().forward(x, out=out) is out
    assert np.array_equal(out, cls().forward(x))


@every_layer
@pytest.mark.parametrize(
    "x",
    [
        moderate().astype(">f4"),
        np.asfortranarray(moderate()),
        moderate()[::-2, 1::2],
        np.broadcast_to(np.float32(0.5), (3, 4)),
        np.linspace(-5, 5, 40001),
    ],
    ids=["big-endian", "Fortran", "strided", "broadcast", "several blocks"],
)
def test_layout_and_size_do_not_matter(cls: type[Layer], x: Any) -> None:
    plain = np.array(x, dtype=x.dtype.newbyteorder("="), order="C")
    layer, other = cls(), cls()
    assert np.array_equal(layer.forward(x), other.forward(plain))
    assert np.array_equal(layer.backward(x), other.backward(plain))
    pointwise = [cls().forward(value) for value in plain.flat[:50]]
    assert np.array_equal(layer.forward(x).flat[:50], pointwise)


@every_layer
def test_integers_and_booleans_are_computed_in_float64(cls: type[Layer]) -> None:
    for x in ([1, -2], [True, False], np.uint8([3])):
        assert cls().forward(x).dtype == np.float64
    assert np.array_equal(cls().forward([1, -2]), cls().forward([1.0, -2.0]))


@every_layer
def test_nan_propagates_and_nothing_warns_at_the_extremes(cls: type[Layer]) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        most = np.finfo(dtype).max
        x = np.array([np.nan, np.inf, -np.inf, most, -most, np.finfo(dtype).smallest_subnormal])
        layer = cls()
        with warnings.catch_warnings(), np.errstate(all="warn"):
            warnings.simplefilter("error")
            out = layer.forward(x.astype(dtype))
            dx = layer.backward(np.ones(6, dtype))
        assert np.isnan(out[0])
        assert not np.isnan(out[1:]).any()
        assert not np.isnan(dx[1:]).any()


@every_layer
def test_the_last_forward_counts(cls: type[Layer]) -> None:
    layer = cls()
    layer.forward(moderate())
    layer.forward(np.float32([1.0, -1.0]))
    assert layer.backward([1.0, 1.0]).dtype == np.float32
    with pytest.raises(ShapeError, match=r"dout has shape \(4, 6\), but .*out has \(2,\)"):
        layer.backward(moderate())


@every_layer
def test_backward_before_forward_says_so(cls: type[Layer]) -> None:
    with pytest.raises(BackwardBeforeForwardError, match="kept nothing"):
        cls().backward([1.0])


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
