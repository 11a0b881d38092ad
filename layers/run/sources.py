"""Sources and sinks: arrays that are read and written piece by piece."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from actgrad.layers.arrays import Array, Order, order


class Source(Protocol):
    """An array that is read piece by piece, in the order of its elements in memory."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Order
    #: Whether it can be read from start to end only, as a pipe can.
    ordered: bool
    #: Whether it is in a file, which any process may read, or is a number.
    in_file: bool = False

    def read(self, start: int, buffer: Array) -> Array:
        """Read `buffer.size` elements from position `start` on; return `buffer` or a view."""


class Sink(Protocol):
    """An array that is written piece by piece, in the order in which the source is read."""

    #: Whether it can be written from start to end only, as a pipe can.
    ordered: bool
    #: Whether it is in a file, which any process may write, in blocks that are still in the cache.
    in_file: bool = False

    def array_for(self, start: int, buffer: Array) -> Array:
        """Where to compute the elements from `start` on: `buffer`, or a view of the sink."""
        return buffer

    def write(self, start: int, values: Array) -> None:
        """Write `values` from position `start` on; the caller may change `values` afterwards."""


class MemoryArray:
    """An array in memory, or mapped into it, as a source and as a sink."""

    ordered = False
    in_file = False

    def __init__(self, array: Array) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype
        self.order: Order = order(array)
        self._flat = array.reshape(-1, order=self.order)

    def read(self, start: int, buffer: Array) -> Array:
        view: Array = self._flat[start : start + buffer.size]
        return view

    def array_for(self, start: int, buffer: Array) -> Array:
        view = self.read(start, buffer)
        return view if view.dtype == buffer.dtype else buffer

    def mapped(self) -> Array:
        """The array itself."""
        return self._array

    def write(self, start: int, values: Array) -> None:
        view = self.read(start, values)
        if not np.may_share_memory(view, values):
            np.copyto(view, values, casting="same_kind")


class ArraySpec(NamedTuple):
    """The shape and the dtype of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """How many elements the array has."""
        return prod(self.shape)
