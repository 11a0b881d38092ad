"""Layers in other forms, as layers with forward(x) and backward(dout) over NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.points import ordinary_sample
from actgrad.layers.check.subject import NUMBERS, Subject
from actgrad.layers.frameworks import as_array, framework_of


class FunctionPair:
    """Two functions as a layer: forward(x), and backward(x, dout)."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        self._functions = forward, backward

    def forward(self, x: Array) -> Any:
        """The result of the first function at x; x is saved for backward."""
        self._x = x
        return self._functions[0](x)

    def backward(self, dout: Array) -> Any:
        """The result of the second function at the saved x and dout."""
        return self._functions[1](self._x, dout)


class ArrayLayer:
    """A layer whose forward may be its `__call__`, and whose results may be lists, tensors of
    PyTorch or arrays of JAX, as a layer over NumPy arrays.

    With `tensors`, the layer itself gets tensors of PyTorch.
    """

    def __init__(self, wrapped: Any, tensors: bool = False) -> None:
        self.wrapped, self.tensors = wrapped, tensors
        self._in_jax = framework_of(wrapped) == "jax"
        self.input_shape = getattr(wrapped, "input_shape", None)

    def forward(self, x: Array) -> Array:
        """The layer's out as an array."""
        return self._called(getattr(self.wrapped, "forward", self.wrapped), x)

    def backward(self, dout: Array) -> Array:
        """The layer's dx as an array."""
        return self._called(self.wrapped.backward, dout)

    def _called(self, method: Callable[[Any], Any], array: Array) -> Array:
        if self.tensors:
            from actgrad.layers.frameworks import tensor_of

            return as_array(method(tensor_of(array)))
        if self._in_jax:
            import jax

            with jax.enable_x64(True):
                return as_array(method(array)).copy()
        return as_array(method(array))


def adapter_of(layer: Any) -> type | None:
    """The class that makes a layer of what has no forward and backward of its own; None for none.

    A function or module of PyTorch or JAX becomes a layer by its framework's gradient, and an
    object with `__call__` and backward by these.
    """
    if callable(getattr(layer, "backward", None)) and callable(layer):
        return ArrayLayer
    framework = framework_of(layer) if callable(layer) else None
    if framework is None:
        return None
    from actgrad.layers.frameworks import JaxLayer, TorchLayer

    return {"torch": TorchLayer, "jax": JaxLayer}[framework]


def over_arrays(subject: Subject, shapes: Iterable[tuple[int, ...]]) -> tuple[Subject, str | None]:
    """The layer over NumPy arrays, and a note if its own are others.

    That is seen at the first of the shapes that the layer takes.
    """
    wrapper = "from actgrad.layers.check import ArrayLayer; layer = ArrayLayer(layer)"
    wrapped = subject._replace(
        make=lambda: ArrayLayer(subject.make()), setup=with_wrapper(subject.setup, wrapper)
    )
    for shape in shapes:
        kinds = kinds_of_results(subject, shape)
        if kinds:
            others = kinds - {np.ndarray, float, int}
            names = " and ".join(sorted(kind.__name__ for kind in others))
            return (wrapped, f"its results are of type {names}") if others else (subject, None)
    if framework_of(subject.make()) == "torch":
        tensors = subject._replace(
            make=lambda: ArrayLayer(subject.make(), tensors=True),
            setup=with_wrapper(subject.setup, f"{wrapper[:-1]}, tensors=True)"),
        )
        if any(kinds_of_results(tensors, shape) for shape in shapes):
            return tensors, "it gets tensors of PyTorch"
    return subject, None


def with_wrapper(setup: str, wrapper: str) -> str:
    """The statement that makes a layer, and then the one that wraps it, before any comment."""
    code, mark, comment = setup.partition("  #")
    return f"{code}; {wrapper}{mark}{comment}"


def kinds_of_results(subject: Subject, shape: tuple[int, ...]) -> set[type]:
    """The types of out and dx; none if the layer refuses the shape, or gives no numbers."""
    layer = subject.make()
    try:
        out = layer.forward(ordinary_sample(shape).array)
        dx = layer.backward(np.ones_like(as_array(out)))
        if any(as_array(each).dtype.kind not in NUMBERS for each in (out, dx)):
            return set()
        return {np.ndarray if isinstance(each, np.generic) else type(each) for each in (out, dx)}
    except (Exception, SystemExit):
        return set()
