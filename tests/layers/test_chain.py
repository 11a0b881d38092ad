"""Layers one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from actgrad.layers import BackwardBeforeForwardError, Chain, LeakyRelu, Relu, ShapeError, Sigmoid


def test_forward_goes_left_to_right_and_backward_right_to_left() -> None:
    x = np.array([-3.0, 0.5, 2.0])
    chain = Chain([LeakyRelu(negative_slope=0.1), Sigmoid()])
    first, second = LeakyRelu(negative_slope=0.1), Sigmoid()
    assert np.array_equal(chain.forward(x), second.forward(first.forward(x)))
    assert np.array_equal(chain.backward([1, 2, 3]), first.backward(second.backward([1, 2, 3])))


def test_steps_are_each_layers_own() -> None:
    chain = Chain([Sigmoid(), Relu()])
    outs = list(chain.forward_steps([2.0]))
    assert [out.tolist() for out in outs] == [[Sigmoid().forward(2.0)]] * 2
    dxs = list(chain.backward_steps([1.0]))
    assert dxs[0].tolist() == [1.0]
    assert dxs[1][0] == pytest.approx(outs[0][0] * (1 - outs[0][0]))


def test_out_receives_the_chains_result_alone() -> None:
    x, out = np.array([-1.0, 1.0]), np.empty(2)
    chain = Chain([Sigmoid(), Relu()])
    assert chain.forward(x, out=out) is out
    dx = np.empty(2)
    assert chain.backward([1.0, 1.0], out=dx) is dx
    np.testing.assert_allclose(dx, out * (1 - out), rtol=1e-15)


def test_errors_are_the_layers() -> None:
    chain = Chain([Sigmoid(), Relu()])
    with pytest.raises(BackwardBeforeForwardError):
        chain.backward([1.0])
    chain.forward([1.0])
    with pytest.raises(ShapeError):
        chain.backward([1.0, 2.0])
