"""Kernels of smooth layers: they compute value and slope together, in float64."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from actgrad.layers.activations.near_ties import NearTies
from actgrad.layers.arrays import Array
from actgrad.layers.layer import Elementwise, Kept


class Nearest(Elementwise):
    """An elementwise layer whose formula decides the results that lie beside a tie.

    So values of at most 32 bits, and gradients where dout is ±2ⁿ and the slope is kept, are the
    numbers of the dtype that are nearest to the exact ones.
    """

    #: Whether the kernel's float64 decides every tie: it is exact there.
    holds_ties: ClassVar[bool] = False
    #: Whether float64 does so in float32 except next to x = 0.
    ties_beside_0: ClassVar[bool] = True

    def forward_kernel(self, dtype: np.dtype[Any]) -> Callable[..., None]:
        if dtype.itemsize > 4 or self.holds_ties:
            return super().forward_kernel(dtype)
        return partial(self.nearest_block, NearTies(self, dtype, self.ties_beside_0))

    def nearest_block(self, ties: NearTies, x: Array, out: Array, *saved: Array) -> None:
        """`short_block`, and then the results beside ties."""
        places = ties.places(x, out)
        self.short_block(x, out, *saved)
        ties.mend(x, places, out, saved[0] if "slope" in self.keeps else None)


class Smooth(Nearest):
    """An elementwise layer that keeps its slope ∂out/∂x, so that dx = dout·slope.

    Value and slope share their exponentials, and the slope has a form that does not cancel.
    """

    keeps = {"slope": Kept(float, "∂out/∂x")}
    in_place = True

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
