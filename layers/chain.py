"""Layers one after the other: forward left to right, backward right to left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from actgrad.layers.arrays import Array
from actgrad.layers.errors import ActgradError
from actgrad.layers.layer import Layer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Chain(Layer):
    """A composition of layers, itself a layer.

    It runs the layer objects that it is given, so one object must not stand in it twice. Its
    methods raise what the layers' own methods raise.
    """

    name = "chain"

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(single for layer in layers for single in layer.layers)
        self.runs_in_parts = all(layer.runs_in_parts for layer in self._layers)

    def __copy__(self) -> Chain:
        return Chain([copy(layer) for layer in self.layers])

    def __str__(self) -> str:
        return " ".join(map(str, self.layers))

    def __repr__(self) -> str:
        return f"Chain({list(self.layers)!r})"

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._layers

    @property
    def is_elementwise(self) -> bool:
        return all(layer.is_elementwise for layer in self.layers)

    @property
    def trained(self) -> tuple[str, ...]:
        return tuple(prefix + name for prefix, layer in self.named() for name in layer.trained)

    @property
    def saved(self) -> Mapping[str, Array]:
        saved: dict[str, Array] = {}
        for prefix, layer in self.named():
            saved |= {prefix + name: array for name, array in layer.saved.items()}
        return saved

    @property
    def gradients(self) -> Mapping[str, float]:
        gradients: dict[str, float] = {}
        for prefix, layer in self.named():
            gradients |= {prefix + name: value for name, value in layer.gradients.items()}
        return gradients

    def refused(self, because: str) -> ActgradError:
        along = [layer for layer in self.layers if not layer.is_elementwise]
        return along[0].refused(because)

    def axes(self, ndim: int) -> set[int]:
        return {axis for layer in self.layers for axis in layer.axes(ndim)}

    def along(self, axis: int) -> Chain:
        return Chain([layer.along(axis) for layer in self.layers])

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for layer in self.layers:
            shape = layer.out_shape(shape)
        return shape

    def named(self) -> list[tuple[str, Layer]]:
        if len(self.layers) == 1:
            return [("", *self.layers)]
        return [(f"{k}.", layer) for k, layer in enumerate(self.layers, 1)]

    def canonical(self, name: str) -> str:
        return {f"{len(self.layers)}.out": "out", "1.dx": "dx"}.get(name, name)

    def formula(self, x: Any) -> Any:
        *_, result = self.formula_steps(x)
        return result

    def formula_steps(self, x: Any) -> Iterator[Any]:
        for layer in self.layers:
            (x,) = layer.formula_steps(x)
            yield x

    def forward(self, x: ArrayLike, out: Array | None = None) -> Array:
        *_, result = self.forward_steps(x, out)
        return result

    def backward(self, dout: ArrayLike, out: Array | None = None) -> Array:
        *_, result = self.backward_steps(dout, out)
        return result

    def forward_steps(self, x: ArrayLike, out: Array | None = None) -> Iterator[Array]:
        last = self.layers[-1]
        for layer in self.layers:
            x = layer.forward(x, out if layer is last else None)
            yield x

    def backward_steps(self, dout: ArrayLike, out: Array | None = None) -> Iterator[Array]:
        first = self.layers[0]
        for layer in reversed(self.layers):
            dout = layer.backward(dout, out if layer is first else None)
            yield dout
