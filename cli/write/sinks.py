"""Where arrays go that memory need not hold, as sinks of `actgrad.layers.run.streaming`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, Any

import numpy as np

from actgrad.cli.write.output import blamed
from actgrad.layers.arrays import Array, Order
from actgrad.layers.run import Blank, release


class Poured:
    """An array that is written into a stream, from its start to its end."""

    ordered = True

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name

    def room(self, start: int, buffer: Array) -> Array:
        return buffer

    def write(self, start: int, values: Array) -> None:
        with blamed(self._name):
            self._stream.write(values.view(np.uint8).data)


class Placed:
    """An array that is written into a regular file, from the byte `offset` on, anywhere in it."""

    ordered = False

    def __init__(self, file: IO[bytes], blank: Blank, name: str) -> None:
        self._file, self._name, self.blank = file, name, blank
        with blamed(name):
            file.flush()
            self._offset = file.tell()
            reserve(file.fileno(), self._offset + blank.size * blank.dtype.itemsize)

    def room(self, start: int, buffer: Array) -> Array:
        return buffer

    def write(self, start: int, values: Array) -> None:
        data = values.view(np.uint8).data
        place, done = self._offset + start * values.itemsize, 0
        with blamed(self._name):
            while done < len(data):
                done += os.pwrite(self._file.fileno(), data[done:], place + done)


def reserve(file: int, size: int) -> None:
    """Have the system find room for a file of that size now, where it can.

    Raises:
        OSError: there is none.
    """
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)


class Spool(Placed):
    """A file without a name, for an array that is written in one order and read in another."""

    def __init__(self, blank: Blank, order: Order) -> None:
        # Here, for it imports every compressor there is.
        import tempfile

        self._order: Order = order
        file = tempfile.TemporaryFile()  # noqa: SIM115 — it lives as long as this
        super().__init__(file, blank, "a temporary file")

    def mapped(self) -> Array:
        """The file as an array, to write to."""
        if not self.blank.size:
            return np.empty(self.blank.shape, self.blank.dtype)
        array: Array = np.memmap(
            self._file, self.blank.dtype, "r+", 0, self.blank.shape, self._order
        )
        return array


class Lean:
    """A stream that spooled arrays are written to; it gives back the memory they are mapped to."""

    def __init__(self, stream: IO[bytes], arrays: Iterable[Array]) -> None:
        self._stream, self._arrays = stream, list(arrays)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: bytes) -> int:
        release(*self._arrays)
        return self._stream.write(data)
