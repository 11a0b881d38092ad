"""Kernels of smooth layers: they compute value and slope together, in float64."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.layer import Elementwise, Kept


class Smooth(Elementwise):
    """An elementwise layer that keeps its slope ∂out/∂x, so that dx = dout·slope.

    Value and slope share their exponentials, and the slope has a form that does not cancel.
    """

    keeps = {"slope": Kept(float, "∂out/∂x")}

    @abstractmethod
    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        """The layer's value and slope at a block of float64."""

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (slope,) = saved
        out[...], slope[...] = self.value_and_slope(x)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (slope,) = saved
        np.multiply(dout, slope, out=dx)


class SmoothRectifier(Smooth):
    """A smooth rectifier, for which f(x) − f(−x) = x, and so f′(x) + f′(−x) = 1.

    Its kernel computes x ≤ 0 only, the tail. For x > 0 the value is x + f(−x) and the slope is 1 −
    f′(−x); neither cancels.
    """

    @abstractmethod
    def tail(self, x: Array) -> tuple[Array, Array]:
        """Value and slope at a block of numbers ≤ 0, −∞ and nan included."""

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        value, slope = self.tail(-np.abs(x))
        return np.where(x < 0, value, x + value), np.where(x > 0, 1 - slope, slope)
