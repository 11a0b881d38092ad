"""Arrays outside memory, as sources of `actgrad.layers.run`: in a file, or arriving in a stream."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack
from typing import IO, Any, Protocol

import numpy as np

from actgrad.layers import SampleError, UnreadableError
from actgrad.layers.arrays import Array, Order
from actgrad.layers.run import MemoryArray, Source

#: Elements that are copied at a time.
CHUNK = 1 << 20
#: The bytes of memory that drawing a number takes.
PER_NUMBER = 64


class IncompleteArrayError(UnreadableError):
    """The data end before the array does, or the array is larger than memory."""


class Stream(Protocol):
    """A source of bytes: a pipe, a member of an archive."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class ExternalArray(Source):
    """An array outside memory, its shape, dtype and order known before its data are read."""

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], order: Order
    ) -> None:
        self.name, self.shape, self.dtype, self.order = name, shape, dtype, order

    def read(self, start: int, buffer: Array) -> Array:
        data, place = buffer.view(np.uint8).data, start * self.dtype.itemsize
        try:
            filled = self._read_into(data, place) or 0
            while filled < len(data):
                count = self._read_into(data[filled:], place + filled)
                if not count:
                    raise self.incomplete(place + filled)
                filled += count
        except OSError as error:
            raise IncompleteArrayError(f"{self.name}: {error.strerror}") from error
        return buffer

    def _read_into(self, data: memoryview, place: int) -> int | None:
        """Read data bytes from `place` on; return how many, 0 at the end of the data."""
        raise NotImplementedError

    def incomplete(self, available: int) -> IncompleteArrayError:
        """The error for data that end after `available` bytes."""
        return IncompleteArrayError(
            f"{self.name} is cut short: {self.shape} of {self.dtype.name} takes {nbytes(self)}"
            f" bytes, {available} are there"
        )


class StreamedArray(ExternalArray):
    """An array in a stream, which can be read from start to end only."""

    ordered = True

    def __init__(
        self, stream: Stream, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], order: Order
    ) -> None:
        super().__init__(name, shape, dtype, order)
        self._stream = stream

    def _read_into(self, data: memoryview, place: int) -> int | None:
        return self._stream.readinto(data)


class FileArray(ExternalArray):
    """An array in an open file, from the byte `offset` on; any part of it can be read."""

    ordered = False
    in_file = True

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

    def _read_into(self, data: memoryview, place: int) -> int:
        return os.preadv(self._descriptor, [data], self.offset + place)

    def mapped(self) -> Array:
        """The array mapped into memory: its data are read where they are used."""
        if not nbytes(self):
            return np.empty(self.shape, self.dtype)
        array: Array = np.memmap(self.file, self.dtype, "r", self.offset, self.shape, self.order)
        return array


class Repeated:
    """A single number as an array of any shape."""

    ordered = False
    in_file = True

    def __init__(self, value: Array, shape: tuple[int, ...], order: Order) -> None:
        self.shape, self.dtype, self.order = shape, value.dtype, order
        self._value = value
        self._piece = np.empty(0, value.dtype)

    def read(self, start: int, buffer: Array) -> Array:
        # Another thread may replace the piece by a shorter one at any time.
        piece = self._piece
        if piece.size < buffer.size:
            self._piece = piece = np.full(buffer.size, self._value)
        return piece if piece.size == buffer.size else piece[: buffer.size]

    def mapped(self) -> Array:
        """The number, broadcast."""
        return np.broadcast_to(self._value, self.shape)


def shape_problem(shape: tuple[int, ...]) -> str | None:
    """Why no array of float64 can have this shape, in NumPy's words; None if one can."""
    try:
        np.broadcast_to(np.empty(()), shape)
    except (ValueError, TypeError, OverflowError) as error:
        return str(error)
    return None


def nbytes(source: Source) -> int:
    """The number of data bytes."""
    return math.prod(source.shape) * source.dtype.itemsize


def read_whole(source: Source) -> Array:
    """The source's array, read into memory.

    Raises:
        IncompleteArrayError: the data end too early, or memory is too small.
    """
    if isinstance(source, ExternalArray) and nbytes(source) > memory():
        raise IncompleteArrayError(
            f"{source.name} promises {in_bytes(nbytes(source))}, more than this machine's memory"
        )
    flat = source.read(0, np.empty(math.prod(source.shape), source.dtype))
    return flat.reshape(source.shape, order=source.order)


def random_access(source: Array | Source, files: ExitStack) -> MemoryArray | FileArray | Repeated:
    """The array as a source of which any part can be read; a stream is copied into a file.

    The file has no name; it is open until `files` is closed.
    """
    if isinstance(source, np.ndarray):
        return MemoryArray(source)
    if isinstance(source, (MemoryArray, FileArray, Repeated)):
        return source
    assert isinstance(source, StreamedArray)
    import tempfile

    file = files.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 — the stack closes it
    buffer = np.empty(CHUNK, source.dtype)
    size = math.prod(source.shape)
    for start in range(0, size, CHUNK):
        file.write(source.read(start, buffer[: size - start]).data)
    return FileArray(file, 0, source.name, source.shape, source.dtype, source.order)


def check_drawn(count: int) -> None:
    """Check that so many drawn numbers fit into memory.

    Raises:
        SampleError: they do not.
    """
    if count * PER_NUMBER > memory():
        raise SampleError(f"{count} numbers need more than this machine's memory")


def memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def in_bytes(count: int) -> str:
    """A count of bytes in words: 4290000000 is `4.29 GB`."""
    power = min((len(str(count)) - 1) // 3, 6)
    return f"{count / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[power]}"
