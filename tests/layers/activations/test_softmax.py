"""Layers along an axis: which axis, ties, infinities, and the gated ones' halves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from actgrad.layers import AlongAxis, ParameterError, ShapeError, catalogue, layer
from actgrad.layers.activations.gated import Gated

NAMES = [cls.name for cls in catalogue() if issubclass(cls, AlongAxis)]
lines = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-800, 800))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("axis", [-3, -2, 0, 1, 2])
def test_axis_says_which(name: str, axis: int) -> None:
    x = np.random.default_rng(3).normal(size=(4, 6, 2))
    tried, last = layer(f"{name}:axis={axis}"), layer(name)
    out = tried.forward(x)
    assert np.array_equal(out, np.moveaxis(last.forward(np.moveaxis(x, axis, -1)), -1, axis))
    dx = tried.backward(out)
    assert np.array_equal(dx, np.moveaxis(last.backward(np.moveaxis(out, axis, -1)), -1, axis))


@pytest.mark.parametrize("name", NAMES)
def test_an_axis_that_x_lacks_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match=f"{name} works along axis 2, but x has only 2 axes"):
        layer(f"{name}:axis=2").forward(np.ones((2, 2)))
    with pytest.raises(ParameterError, match=r"axis is 0.5, but must be a whole number"):
        layer(f"{name}:axis=0.5")


@pytest.mark.parametrize("name", ["softmax", "softmin", "sparsemax"])
@given(x=lines)
def test_probabilities_sum_to_1(name: str, x: Any) -> None:
    out = layer(name).forward(x)
    assert (out >= 0).all()
    assert out.sum() == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("name", ["softmax", "softmin", "sparsemax"])
@given(x=lines, dout=st.floats(-1e9, 1e9))
def test_a_gradient_that_is_the_same_for_all_is_none(name: str, x: Any, dout: float) -> None:
    tried = layer(name)
    tried.forward(x)
    assert not tried.backward(np.full_like(x, dout)).any()


@pytest.mark.parametrize("name", ["softmax", "sparsemax"])
def test_one_infinity_takes_all_and_two_have_no_limit(name: str) -> None:
    tried = layer(name)
    assert tried.forward([1.0, np.inf, 2.0]).tolist() == [0.0, 1.0, 0.0]
    assert tried.forward([1.0, -np.inf]).tolist() == [1.0, 0.0]
    assert np.isnan(tried.forward([1.0, np.inf, np.inf])).all()
    assert np.isnan(tried.forward([-np.inf, -np.inf])).all()
    assert np.isnan(tried.forward([1.0, np.nan])).all()


def test_log_softmax_near_its_root_keeps_its_digits() -> None:
    tried = layer("log_softmax")
    assert tried.forward([100.0, 0.0])[0] == pytest.approx(-np.exp(-100), rel=1e-15)
    assert tried.backward([1.0, 0.0])[0] == pytest.approx(np.exp(-100), rel=1e-15)


def test_softmax_keeps_out_as_a_probability() -> None:
    tried = layer("softmax")
    out = tried.forward([3.0, 0.0, -1.0])
    assert np.array_equal(tried.out, out)  # type: ignore[attr-defined]


def test_sparsemax_keeps_where_it_is_0() -> None:
    tried = layer("sparsemax")
    assert tried.forward([0.5, 0.25, -1.0]).tolist() == [0.625, 0.375, 0.0]
    assert tried.saved["mask"].tolist() == [False, False, True]
    assert tried.backward([1.0, 3.0, 7.0]).tolist() == [-1.0, 1.0, 0.0]


def test_the_second_half_gates_the_first() -> None:
    tried = layer("reglu")
    assert tried.forward([[2.0, 3.0, 5.0, -7.0]]).tolist() == [[10.0, -0.0]]
    assert tried.backward([[1.0, 1.0]]).tolist() == [[5.0, 0.0, 2.0, 0.0]]


GATED = [cls.name for cls in catalogue() if issubclass(cls, Gated)]


@pytest.mark.parametrize("name", GATED)
def test_any_half_may_be_gated(name: str) -> None:
    a, b, dout = np.random.default_rng(3).uniform(-9, 9, (3, 5, 4))
    lines = {
        "second": np.concatenate([a, b], axis=1),
        "first": np.concatenate([b, a], axis=1),
        "even": np.stack([b, a], axis=2).reshape(5, 8),
    }
    outs, gradients = [], []
    for gate, x in lines.items():
        tried = layer(f"{name}:gate={gate}")
        outs.append(tried.forward(x))
        dx = tried.backward(dout)
        of_a, of_b = tried.halves(8)  # type: ignore[attr-defined]
        assert np.array_equal(x[:, of_a], a)
        gradients.append([dx[:, of_a], dx[:, of_b]])
    assert np.array_equal(outs[0], outs[1])
    assert np.array_equal(outs[0], outs[2])
    assert np.array_equal(gradients[0], gradients[1])
    assert np.array_equal(gradients[0], gradients[2])


def test_an_unknown_half_is_refused() -> None:
    with pytest.raises(ParameterError, match="gate is left, but must be second, first or even"):
        layer("glu:gate=left")


def test_the_gate_of_gpt_oss_is_clamped() -> None:
    """What PyTorch 2.14 gives for the formula of gpt-oss, with torch.clamp and autograd."""
    tried = layer("swiglu_oai")
    x = np.array([[8.0, 2.0, 7.0, 7.0], [-3.0, -9.0, 1.0, -0.5]])
    out = np.array(
        [[20.999859384909954, 55.99962502642654], [0.10842785824671582, 0.4228978829664106]]
    )
    dx = np.array(
        [
            [0.0, 6.999953128303318, 0.0, 0.0],
            [0.1472899434339141, 0.0, 0.533889803278167, 0.8457957659328212],
        ]
    )
    assert tried.forward(x) == pytest.approx(out, rel=1e-15)
    assert tried.backward(np.ones((2, 2))) == pytest.approx(dx, rel=1e-14)


@pytest.mark.parametrize("name", GATED)
def test_an_odd_axis_cannot_be_halved(name: str) -> None:
    with pytest.raises(ShapeError, match=rf"{name} halves axis -1, but x has shape \(2, 3\)"):
        layer(name).forward(np.ones((2, 3)))
