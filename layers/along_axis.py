"""Layers along one axis: every element of out depends on a whole line of x."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, check_dout, deliver, destination, floating
from actgrad.layers.blocks import lines
from actgrad.layers.errors import ShapeError
from actgrad.layers.formula import Node, Operation, variable
from actgrad.layers.layer import Layer
from actgrad.layers.parameter import parameter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Line(NamedTuple):
    """The elements of a line that equations name: the element i, and j, over which sums run."""

    i: Node
    j: Node


def line(name: str) -> Line:
    """The elements `nameᵢ` and `nameⱼ`."""
    return Line(*(Node(variable, leaf=name + index) for index in "ᵢⱼ"))


#: The sum over the elements j of a line.
total = Operation("total", lambda y, u: (None,))


class AlongAxis(Layer):
    """A layer over the lines of an array along `axis`; its kernels take them as float64 rows."""

    line_notation = "x is a line of numbers"

    axis: int = parameter(-1, "the axis along which the lines lie; −1 is the last", whole=True)

    @abstractmethod
    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        """Fill the rows of `out` and of each kept array from the rows of x."""

    @abstractmethod
    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        """Fill the rows of dx from the rows of dout and of each kept array."""

    def axes(self, ndim: int) -> set[int]:
        if not ndim:
            raise ShapeError(
                f"{self.name} needs an array with at least one axis, but x is a single number"
            )
        if not -ndim <= self.axis < ndim:
            count = f"{ndim} axis" if ndim == 1 else f"{ndim} axes"
            raise ShapeError(f"{self.name} works along axis {self.axis}, but x has only {count}")
        return {self.axis % ndim}

    def along(self, axis: int) -> Layer:
        layer = copy(self)
        layer.axis = axis
        return layer

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        self.axes(len(shape))
        return shape

    def forward(self, x: ArrayLike, out: Array | None = None) -> Array:
        x = floating(x, "x")
        dtype = x.dtype.newbyteorder("=")
        result = destination(out, self.out_shape(x.shape), dtype)
        saved: dict[str, Array] = {
            name: np.empty(x.shape, kept.dtype) for name, kept in self.keeps.items()
        }
        with np.errstate(all="ignore"):
            for rows in lines(self.axis, [x], [result, *saved.values()]):
                self.forward_rows(*rows)
        self._saved, self._shape, self._dtype = saved, x.shape, dtype
        return deliver(result, out)

    def backward(self, dout: ArrayLike, out: Array | None = None) -> Array:
        saved = self.saved.values()
        dout = floating(dout, "dout")
        check_dout(dout.shape, self.out_shape(self._shape), self.name)
        result = destination(out, self._shape, self._dtype)
        with np.errstate(all="ignore"):
            for dout_rows, *kept, dx in lines(self.axis, [dout, *saved], [result]):
                self.backward_rows(dout_rows, dx, *kept)
        return deliver(result, out)
