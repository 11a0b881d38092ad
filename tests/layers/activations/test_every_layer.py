"""What every layer of the catalogue promises: its arrays, its errors, its manners."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import isnan

from actgrad.layers import (
    AlongAxis,
    BackwardBeforeForwardError,
    Elementwise,
    Layer,
    ShapeError,
    Threshold,
    catalogue,
)
from actgrad.layers.activations.signature import MODULES
from actgrad.layers.exact import exact
from actgrad.layers.formula import trace

every_layer = pytest.mark.parametrize("cls", catalogue(), ids=lambda cls: cls.name)

arrays = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5).map(
        lambda shape: (*shape[:-1], 2 * shape[-1])
    ),
)


def made(cls: type[Layer]) -> Layer:
    return cls(threshold=0.5, value=0.25) if cls is Threshold else cls()


def moderate(dtype: str = "f8") -> Any:
    return np.linspace(-4, 4, 24, dtype=dtype).reshape(4, 6)


def same(a: Any, b: Any) -> bool:
    """Whether two arrays have the same numbers; nan is where a layer has no value."""
    return np.array_equal(a, b, equal_nan=True)


def changes_shape(layer: Layer) -> bool:
    return layer.out_shape((2,)) != (2,)


@pytest.mark.no_cover
@every_layer
@given(x=arrays)
@settings(max_examples=20)
def test_dtype_and_shape_are_kept_and_the_callers_arrays_untouched(
    cls: type[Layer], x: Any
) -> None:
    layer = made(cls)
    before = x.tobytes()
    out = layer.forward(x)
    dout = np.full_like(out, 0.5)
    dx = layer.backward(dout)
    assert x.tobytes() == before
    assert (dout == 0.5).all()
    assert out.dtype == dx.dtype == x.dtype
    assert dx.shape == x.shape
    assert out.shape == layer.out_shape(x.shape)
    assert all(kept.shape == x.shape for kept in layer.saved.values())
    assert list(layer.saved) == list(layer.shown_keeps())
    assert not any(name.startswith("_") for name in layer.saved)
    held = [x, dout, *layer.saved.values()]
    assert not any(np.shares_memory(result, other) for result in (out, dx) for other in held)


@pytest.mark.parametrize(
    "cls", [cls for cls in catalogue() if getattr(cls, "in_place", False)], ids=lambda cls: cls.name
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_dx_can_take_the_place_of_dout_where_the_layer_says_so(
    cls: type[Elementwise], dtype: str
) -> None:
    layer, x, dout = made(cls), moderate(dtype), np.linspace(-3, 2, 24).reshape(4, 6)
    layer.forward(x)
    saved = [layer._saved[name] for name in layer.keeps]
    dx, both = np.empty_like(dout), dout.copy()
    layer.backward_block(dout, dx, *saved)
    layer.backward_block(both, both, *saved)
    assert both.tobytes() == dx.tobytes()


@every_layer
def test_a_lone_number_is_an_array_or_has_no_axis(cls: type[Layer]) -> None:
    layer = made(cls)
    if isinstance(layer, AlongAxis):
        with pytest.raises(ShapeError, match="needs an array with at least one axis"):
            layer.forward(1.5)
    else:
        assert layer.forward(1.5).shape == layer.backward(1.0).shape == ()


@every_layer
def test_what_is_handed_out_is_not_what_is_kept(cls: type[Layer]) -> None:
    layer = made(cls)
    out = layer.forward(moderate())
    ones = np.ones_like(out)
    out[...] = np.nan
    dx = layer.backward(ones)
    before = dx.copy()
    dx[...] = 7.25
    assert same(layer.backward(ones), before)


@every_layer
def test_dx_is_linear_in_dout(cls: type[Layer]) -> None:
    layer = made(cls)
    shape = layer.forward(moderate()).shape
    u, v = np.random.default_rng(5).standard_normal((2, *shape))
    whole = layer.backward(2 * u - 3 * v)
    parts = 2 * layer.backward(u) - 3 * layer.backward(v)
    np.testing.assert_allclose(whole, parts, rtol=1e-12, atol=1e-15)


@pytest.mark.measured(60)
@every_layer
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_out_is_filled_and_returned(cls: type[Layer], dtype: str) -> None:
    layer = made(cls)
    x = moderate(dtype)
    expected = made(cls).forward(x)
    out, dx, wide = np.empty_like(expected), np.empty_like(x), np.empty(expected.shape)
    assert layer.forward(x, out=out) is out
    assert layer.backward(np.ones_like(out), out=dx) is dx
    assert same(out, expected)
    assert same(dx, layer.backward(np.ones_like(out)))
    assert layer.forward(x, out=wide) is wide
    assert same(wide, expected)


@every_layer
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_out_may_overlap_the_input(cls: type[Layer], dtype: str) -> None:
    buffer = np.resize(moderate(dtype), 50)
    expected = made(cls).forward(buffer[:22])
    assert same(made(cls).forward(buffer[:22], out=buffer[2 : 2 + expected.size]), expected)


@every_layer
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_out_may_be_the_input(cls: type[Layer], dtype: str) -> None:
    layer, x = made(cls), moderate(dtype)
    if changes_shape(layer):
        pytest.skip("out has another shape than x")
    expected = made(cls).forward(x)
    assert layer.forward(x, out=x) is x
    assert same(x, expected)
    dout = np.ones_like(x)
    dx = layer.backward(dout)
    assert same(layer.backward(dout, out=dout), dx)


@pytest.mark.measured(60)
@every_layer
@pytest.mark.parametrize(
    "x",
    [
        moderate().astype(">f4"),
        np.asfortranarray(moderate()),
        moderate()[::-2, 1::2][:, :2],
        np.broadcast_to(np.float32(0.5), (3, 4)),
        np.linspace(-5, 5, 40002).reshape(-1, 6),
        np.linspace(-5, 5, 40002),
    ],
    ids=["big-endian", "Fortran", "strided", "broadcast", "several blocks", "one long line"],
)
def test_layout_and_size_do_not_matter(cls: type[Layer], x: Any) -> None:
    plain = np.array(x, dtype=x.dtype.newbyteorder("="), order="C")
    layer, other = made(cls), made(cls)
    out = layer.forward(x)
    assert same(out, other.forward(plain))
    dout = np.cos(np.arange(out.size)).reshape(out.shape)
    assert same(layer.backward(dout), other.backward(dout))
    if isinstance(layer, AlongAxis):
        lines = x.reshape(-1, x.shape[-1])[:20]
        apart = np.array([made(cls).forward(line) for line in lines])
    else:
        apart = np.array([made(cls).forward(value) for value in plain.flat[:20]])
    assert same(out.flat[: apart.size], apart.ravel())


@every_layer
def test_integers_and_booleans_are_computed_in_float64(cls: type[Layer]) -> None:
    for x in ([1, -2], [True, False], np.uint8([3, 4])):
        assert made(cls).forward(x).dtype == np.float64
    assert same(made(cls).forward([1, -2]), made(cls).forward([1.0, -2.0]))


@every_layer
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_propagates_and_nothing_warns_at_the_extremes(cls: type[Layer], dtype: type) -> None:
    most = np.finfo(dtype).max
    x = np.array([np.nan, np.inf, -np.inf, most, -most, np.finfo(dtype).smallest_subnormal])
    layer = made(cls)
    if isinstance(layer, AlongAxis):
        x = np.stack([x, np.ones(6)], axis=1)
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        out = layer.forward(x.astype(dtype))
        dx = layer.backward(np.ones_like(out))
    # The line of nan has a 1 too.
    assert np.isnan(out[0]).all() or (cls.name == "crelu" and np.isnan(out[0][::2]).all())
    if layer.is_elementwise:
        # Outside its domain a formula has no value, and at ±inf the slope of a wave has no limit.
        truths = [exact(layer.traced(), number) for number in x.tolist()]
        values, slopes = zip(*truths, strict=True)
        assert [*map(isnan, values)] == np.isnan(out).tolist()
        assert [*map(isnan, slopes[1:])] == np.isnan(dx[1:]).tolist()
    elif not changes_shape(layer):
        assert not np.isnan(out[1:]).any()
        assert not np.isnan(dx[1:]).any()


@every_layer
def test_the_last_forward_counts(cls: type[Layer]) -> None:
    layer = made(cls)
    layer.forward(moderate())
    out = layer.forward(np.float32([1.0, -1.0]))
    assert layer.backward(np.ones_like(out)).dtype == np.float32
    with pytest.raises(ShapeError, match=r"dout has shape \(4, 6\), but .*out has \(.,\)"):
        layer.backward(moderate())


@every_layer
def test_backward_before_forward_says_so(cls: type[Layer]) -> None:
    with pytest.raises(BackwardBeforeForwardError, match="kept nothing"):
        made(cls).backward([1.0])


@every_layer
def test_the_docstring_says_what_it_must(cls: type[Layer]) -> None:
    assert "out" in (cls.__doc__ or "")
    assert cls.source.endswith(".") or cls.name == "identity"
    assert all(kept.meaning for kept in cls.keeps.values())
    assert set(cls.elsewhere) <= set(MODULES)


@every_layer
def test_the_formula_can_be_traced(cls: type[Layer]) -> None:
    layer = made(cls)
    if isinstance(layer, AlongAxis):
        assert len(trace(layer.formula, 4).outputs) == layer.out_shape((4,))[0]
    else:
        assert trace(layer.formula).is_scalar
