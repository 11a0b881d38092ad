"""Layers one after the other: forward left to right, backward right to left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import ArrayLike

from actgrad.layers.arrays import Array
from actgrad.layers.layer import Elementwise, Layer


class Chain:
    """A composition of layers, itself with `forward(x)` and `backward(dout)`.

    Layers are used as they are given, so one object must not stand in it twice.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    def forward(self, x: ArrayLike, out: Array | None = None) -> Array:
        """The last layer's out at x; raises what the layers raise."""
        *_, result = self.forward_steps(x, out)
        return result

    def backward(self, dout: ArrayLike, out: Array | None = None) -> Array:
        """The first layer's dx from dout; raises what the layers raise."""
        *_, result = self.backward_steps(dout, out)
        return result

    def forward_steps(self, x: ArrayLike, out: Array | None = None) -> Iterator[Array]:
        """Each layer's out, first to last; the last is written to `out` if that is given."""
        last = self.layers[-1]
        for layer in self.layers:
            x = layer.forward(x, out if layer is last else None)
            yield x

    def backward_steps(self, dout: ArrayLike, out: Array | None = None) -> Iterator[Array]:
        """Each layer's dx, last to first; the first layer's is written to `out` if given."""
        first = self.layers[0]
        for layer in reversed(self.layers):
            dout = layer.backward(dout, out if layer is first else None)
            yield dout

    def formula(self, x: Any) -> Any:
        """The last layer's out as a formula of x, a node or a list of them."""
        *_, result = self.formula_steps(x)
        return result

    def formula_steps(self, x: Any) -> Iterator[Any]:
        """Each layer's out, first to last, as a formula of x."""
        for layer in self.layers:
            each = isinstance(layer, Elementwise) and isinstance(x, list)
            x = [layer.formula(one) for one in x] if each else layer.formula(x)
            yield x
