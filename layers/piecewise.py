"""Piecewise linear layers: the slope of each piece is a constant, and the kinks lie between."""

from __future__ import annotations

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.formula import Node, where
from actgrad.layers.layer import Elementwise
from actgrad.layers.parameter import parameter


class Relu(Elementwise):
    """The rectifier: out = x for x > 0, else 0.

    ∂out/∂x = 1 for x > 0, else 0; at the kink x = 0 it is 0. Of any shape; nan stays nan, and
    its gradient passes.

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """

    name = "relu"
    keeps = {"mask": bool}
    range = "0 ≤ y"
    exact = True

    def formula(self, x: Node) -> Node:
        return where(x > 0, x, 0)

    @property
    def mask(self) -> Array:
        """True where x ≤ 0, so where the gradient is stopped."""
        return self.saved["mask"]

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        np.less_equal(x, 0, out=mask)
        stop(x, mask, out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (mask,) = saved
        stop(dout, mask, dx)


class LeakyRelu(Elementwise):
    """The rectifier that lets a little through: out = x for x > 0, else negative_slope·x.

    ∂out/∂x = 1 for x > 0, else negative_slope, at the kink x = 0 too. Of any shape.

    Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic
    models", 2013.
    """

    name = "leaky_relu"
    aliases = ("LeakyReLU",)
    keeps = {"mask": bool}

    negative_slope: float = parameter(0.01, "the slope for x ≤ 0")

    def formula(self, x: Node) -> Node:
        return where(x > 0, x, self.negative_slope * x)

    @property
    def mask(self) -> Array:
        """True where x ≤ 0, so where the gradient is scaled by negative_slope."""
        return self.saved["mask"]

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        np.less_equal(x, 0, out=mask)
        self._scale(x, mask, out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (mask,) = saved
        self._scale(dout, mask, dx)

    def _scale(self, values: Array, mask: Array, out: Array) -> None:
        np.copyto(out, values)
        np.multiply(values, self.negative_slope, out=out, where=mask)


def stop(values: Array, mask: Array, out: Array) -> None:
    """`values` with 0 under the mask. Multiplying would turn ±inf into nan there, and 0 into −0."""
    np.copyto(out, values)
    np.copyto(out, 0, where=mask)
