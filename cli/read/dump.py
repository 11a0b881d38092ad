"""The dump of a kernel's run: x, out, dout, dx and d2x, read block by block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from actgrad.cli.read.external import Repeated, random_access
from actgrad.cli.read.source import Encoding, in_memory, open_array
from actgrad.layers import DtypeError, Layer, ShapeError
from actgrad.layers.arrays import Array, Order, floating, named, native_dtype
from actgrad.layers.casting import in_dtype
from actgrad.layers.run import MemoryArray, SliceLayout, Source, slice_layout
from actgrad.layers.verify import Block

#: Elements in a block; a slice that is longer is a block of its own.
BLOCK = 1 << 16
#: The arrays of a dump that a kernel computes.
RESULTS = ("out", "dx", "d2x")


class DumpLayout(NamedTuple):
    """The dtype and the shapes of a dump's arrays, and where their elements are."""

    dtype: np.dtype[Any]
    shapes: dict[str, tuple[int, ...]]
    order: Order
    #: The axes that the layer works along, and the slices of x that are verified one by one.
    axes: tuple[int, ...]
    cut: SliceLayout

    def size(self, name: str) -> int:
        """How many elements an array has."""
        return math.prod(self.shapes[name])

    def indices(self, name: str, position: int) -> tuple[int, ...]:
        """The indices of an element of an array, from its position in all blocks."""
        shape = self.shapes[name]
        if self.axes:
            length = self.size(name) // (self.cut.number * self.cut.stride)
            slice_, rest = divmod(position, length * self.cut.stride)
            side, along = divmod(rest, length)
            position = (slice_ * length + along) * self.cut.stride + side
        return tuple(int(i) for i in np.unravel_index(position, shape, self.order)) if shape else ()


class Dump:
    """The arrays of one run that are given, open until `files` is closed.

    `arguments` are the ARRAYs of x, out, dout, dx and d2x by name, None for one that is not given.

    Raises:
        ActgradError: an array cannot be read, or its dtype or shape does not fit x.
    """

    def __init__(
        self,
        chain: Layer,
        arguments: Mapping[str, str | None],
        encoding: Encoding,
        files: ExitStack,
    ) -> None:
        self.sources: dict[str, Source] = {}
        dtype, encoding = encoding.dtype, encoding._replace(unnamed="bfloat16")
        for name, argument in arguments.items():
            if argument is not None:
                array = files.enter_context(open_array(argument, f"--{name}", encoding))
                self.sources[name] = random_access(array, files)
        x = self.sources["x"]
        shapes = dict.fromkeys(("x", "dx", "d2x"), x.shape)
        shapes |= dict.fromkeys(("out", "dout"), chain.out_shape(x.shape))
        if not (chain.is_elementwise or chain.runs_in_parts):
            raise chain.refused("there are no exact values to verify with")
        own = native_dtype(x.dtype) if dtype is None else named(dtype)
        axes = tuple(chain.axes(len(x.shape)))
        self.layout = DumpLayout(own, shapes, x.order, axes, _cut(chain, x))
        for name, source in self.sources.items():
            self.sources[name] = self._fitting(name, source, f"--{name} {arguments[name]}", dtype)

    def _fitting(self, name: str, source: Source, what: str, dtype: str | None) -> Source:
        """The array in x's memory order; a number as dout is repeated.

        Raises:
            DtypeError, ShapeError: the array does not fit x.
        """
        dtype_of_x, shapes, order = self.layout[:3]
        shape = shapes[name]
        if name == "dout" and not source.shape:
            return Repeated(in_dtype(in_memory(source), dtype_of_x), shape, order)
        own = native_dtype(source.dtype)
        if dtype is None and own != dtype_of_x:
            raise DtypeError(
                f"{what} is {own.name}, but --x is {dtype_of_x.name}",
                "all arrays of a dump need one dtype; --dtype casts them",
            )
        if source.shape != shape:
            raise ShapeError(
                f"{what} has shape {source.shape}, but must have {shape} for --x of {shapes['x']}"
            )
        if source.order != order and len(shape) > 1:
            return MemoryArray(np.asarray(in_memory(source), order=order))
        return source

    @property
    def blocks(self) -> int:
        """The number of blocks."""
        return -(-self.layout.cut.number // self._slices)

    def block(self, number: int) -> Block:
        """A block, in native byte order: 1-d, or lines along the layer's axis as rows."""
        first = number * self._slices
        count = min(self._slices, self.layout.cut.number - first)
        return Block(**{name: self._part(name, first, count) for name in self.sources})

    def elements_before(self, number: int) -> dict[str, int]:
        """How many elements of each result are before a block."""
        cut, first = self.layout.cut, number * self._slices
        return {name: self.layout.size(name) // cut.number * first for name in RESULTS}

    @property
    def _slices(self) -> int:
        """The slices in a block."""
        return max(1, BLOCK // (self.layout.cut.length * self.layout.cut.stride))

    def _part(self, name: str, first: int, count: int) -> Array:
        source = self.sources[name]
        cut = self.layout.cut
        size = int(np.prod(source.shape)) // cut.number
        read = source.read(first * size, np.empty(count * size, source.dtype))
        part = in_dtype(floating(read, f"--{name}"), self.layout.dtype)
        if not self.layout.axes:
            return part
        stride = cut.stride
        return part.reshape(count, -1, stride).swapaxes(1, 2).reshape(count * stride, -1)


def _cut(chain: Layer, x: Source) -> SliceLayout:
    """The slices of x that can be verified one by one.

    Raises:
        ShapeError: the layers of the chain work along several axes.
    """
    if not (axes := chain.axes(len(x.shape))):
        return SliceLayout(int(np.prod(x.shape)), 1, 1)
    cut = slice_layout(chain, x.shape, x.order) if len(axes) == 1 else None
    if cut is None:
        raise ShapeError("verify needs a chain whose layers all work along one axis")
    return cut
