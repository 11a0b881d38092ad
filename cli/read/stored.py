"""Arrays that are still outside memory, as sources of `actgrad.layers.run.streaming`."""

from __future__ import annotations

import math
import os
from typing import IO, Any, Protocol

import numpy as np

from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array, Order, floating, named
from actgrad.layers.run import Held, Source

#: Elements that are copied at a time.
CHUNK = 1 << 20


class StoredError(ActgradError):
    """An array that is not all there, or more than there is room for."""


class Stream(Protocol):
    """What bytes arrive from: a pipe, a member of an archive."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Outside(Source):
    """An array outside memory: what is known of it before it is read."""

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], order: Order
    ) -> None:
        self.name, self.shape, self.dtype, self.order = name, shape, dtype, order

    def cut_short(self, available: int) -> StoredError:
        """The error for data that end before they should."""
        return StoredError(
            f"{self.name} is cut short: {self.shape} of {self.dtype.name} takes {nbytes(self)}"
            f" bytes, {available} are there"
        )


class Arriving(Outside):
    """An array that comes out of a stream, from its start to its end."""

    ordered = True

    def __init__(
        self, stream: Stream, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], order: Order
    ) -> None:
        super().__init__(name, shape, dtype, order)
        self._stream = stream

    def read(self, start: int, buffer: Array) -> Array:
        data = buffer.view(np.uint8).data
        filled = 0
        while filled < len(data):
            try:
                count = self._stream.readinto(data[filled:])
            except OSError as error:
                raise StoredError(f"{self.name}: {error.strerror}") from error
            if not count:
                raise self.cut_short(start * self.dtype.itemsize + filled)
            filled += count
        return buffer


class Stored(Outside):
    """An array that lies in an open file, from the byte `offset` on."""

    ordered = False

    def __init__(
        self,
        file: IO[bytes],
        offset: int,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        order: Order,
    ) -> None:
        super().__init__(name, shape, dtype, order)
        self.file, self.offset = file, offset
        self._descriptor = file.fileno()

    def read(self, start: int, buffer: Array) -> Array:
        data = buffer.view(np.uint8).data
        place, filled = start * self.dtype.itemsize, 0
        while filled < len(data):
            try:
                count = os.preadv(self._descriptor, [data[filled:]], self.offset + place + filled)
            except OSError as error:
                raise StoredError(f"{self.name}: {error.strerror}") from error
            if not count:
                raise self.cut_short(place + filled)
            filled += count
        return buffer

    def mapped(self) -> Array:
        """The array in its file, read only where it is looked at."""
        if not nbytes(self):
            return np.empty(self.shape, self.dtype)
        array: Array = np.memmap(self.file, self.dtype, "r", self.offset, self.shape, self.order)
        return array


class Repeated:
    """One number as an array of any shape."""

    ordered = False

    def __init__(self, value: Array, shape: tuple[int, ...], order: Order) -> None:
        self.shape, self.dtype, self.order = shape, value.dtype, order
        self._value = value
        self._piece = np.empty(0, value.dtype)

    def read(self, start: int, buffer: Array) -> Array:
        if self._piece.size < buffer.size:
            self._piece = np.full(buffer.size, self._value)
        return self._piece[: buffer.size]

    def mapped(self) -> Array:
        """The number, broadcast."""
        return np.broadcast_to(self._value, self.shape)


def whole(source: Source, dtype: str | None = None) -> Array:
    """The source's array in memory, in a dtype that layers compute in, or cast to `dtype`.

    Raises:
        StoredError: it is cut short, or takes more memory than this machine has.
    """
    size = math.prod(source.shape)
    if isinstance(source, Outside) and nbytes(source) > memory():
        raise StoredError(
            f"{source.name} promises {in_bytes(nbytes(source))}, more than this machine's memory"
        )
    flat = source.read(0, np.empty(size, source.dtype))
    array = floating(flat.reshape(source.shape, order=source.order), "x")
    if dtype is None:
        return array
    with np.errstate(all="ignore"):
        return array.astype(named(dtype))


def nbytes(source: Source) -> int:
    """The number of data bytes."""
    return math.prod(source.shape) * source.dtype.itemsize


def at_rest(source: Source) -> Held | Stored | Repeated:
    """The source itself, or, if it can be read from start to end only, a copy of it in a file.

    The file has no name, and vanishes with the process.
    """
    if isinstance(source, (Held, Stored, Repeated)):
        return source
    assert isinstance(source, Arriving)
    import tempfile

    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 — the source holds it
    buffer = np.empty(CHUNK, source.dtype)
    size = math.prod(source.shape)
    for start in range(0, size, CHUNK):
        file.write(source.read(start, buffer[: size - start]).data)
    return Stored(file, 0, source.name, source.shape, source.dtype, source.order)


def memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def in_bytes(count: int) -> str:
    """A count of bytes as a person says it."""
    power = min((len(str(count)) - 1) // 3, 6)
    return f"{count / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[power]}"
