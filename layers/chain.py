"""Layers one after the other: forward left to right, backward right to left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from actgrad.layers.arrays import Array
from actgrad.layers.layer import Elementwise, Layer


class Chain:
    """A composition of layers, itself with `forward(x)` and `backward(dout)`.

    Layers are used as they are given, so one object must not stand in it twice.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The last out's shape for an x of that shape; raises what the layers raise."""
        for layer in self.layers:
            shape = layer.out_shape(shape)
        return shape

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

    def trace(self, x: ArrayLike, dout: ArrayLike | None = None) -> dict[str, Array]:
        """Every array of a run, by name: x, what each layer keeps and puts out, out.

        With dout, also dout, each layer's dx, dx, and the gradients of trained parameters. Of
        several layers, the k-th's own arrays are named `k.…`. Raises what the layers raise.
        """
        arrays = {"x": np.asarray(x)}
        for (prefix, layer), out in zip(self.named(), self.forward_steps(x), strict=True):
            arrays |= {
                prefix + name: kept
                for name, kept in layer.saved.items()
                if name not in {"x", "out"}
            }
            arrays[f"{prefix}out"] = out
        arrays["out"] = out
        if dout is None:
            return arrays
        arrays["dout"] = np.asarray(dout)
        for (prefix, _), dx in zip(self.named()[::-1], self.backward_steps(dout), strict=True):
            arrays[f"{prefix}dx"] = dx
        arrays["dx"] = dx
        for prefix, layer in self.named():
            arrays |= {prefix + name: np.asarray(one) for name, one in layer.gradients.items()}
        return arrays

    def named(self) -> list[tuple[str, Layer]]:
        """The layers, each with what its own arrays' names begin with: of several, `k.`."""
        alone = len(self.layers) == 1
        return [("" if alone else f"{k}.", layer) for k, layer in enumerate(self.layers, 1)]

    def canonical(self, name: str) -> str:
        """Of an array's two names in `trace`, if it has two, that which is not the layer's."""
        return {f"{len(self.layers)}.out": "out", "1.dx": "dx"}.get(name, name)

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
