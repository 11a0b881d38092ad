"""Sinks of `actgrad.layers.run` that write an array to a stream or a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from typing import IO, Any

import numpy as np

from actgrad.cli.write.output import blamed
from actgrad.layers.arrays import Array, Order
from actgrad.layers.run import ArraySpec, Sink, release


class StreamSink(Sink):
    """Writes an array into a stream, from its start to its end."""

    ordered = True

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name

    def write(self, start: int, values: Array) -> None:
        with blamed(self._name):
            self._stream.write(values.view(np.uint8).data)


class FileSink(Sink):
    """Writes an array into a regular file, after its present end; the parts come in any order."""

    ordered = False
    in_file = True

    def __init__(self, file: IO[bytes], spec: ArraySpec, name: str) -> None:
        self._file, self._name, self.spec = file, name, spec
        self._descriptor = file.fileno()
        with blamed(name):
            file.flush()
            self._offset = file.tell()
            size = spec.size * spec.dtype.itemsize
            if size and hasattr(os, "posix_fallocate"):
                # If the disk has no room for the array, this fails before anything is computed.
                os.posix_fallocate(file.fileno(), 0, self._offset + size)

    def write(self, start: int, values: Array) -> None:
        data, place = values.view(np.uint8).data, self._offset + start * values.itemsize
        try:  # `blamed` takes as long as NumPy needs for thousands of elements
            done = os.pwrite(self._descriptor, data, place)
            while done < len(data):
                done += os.pwrite(self._descriptor, data[done:], place + done)
        except OSError:
            with blamed(self._name):
                raise


class TemporaryArray(FileSink):
    """An array in a temporary file without a name: written as a sink, read as a mapped array.

    The file is open until `files` is closed.
    """

    def __init__(self, spec: ArraySpec, order: Order, files: ExitStack) -> None:
        # Imported here, because tempfile imports every compressor of the standard library.
        import tempfile

        self._order: Order = order
        file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 — the stack closes it
        super().__init__(file, spec, "a temporary file")

    def mapped(self) -> Array:
        """The file as an array, to write to."""
        if not self.spec.size:
            return np.empty(self.spec.shape, self.spec.dtype)
        array: Array = np.memmap(self._file, self.spec.dtype, "r+", 0, self.spec.shape, self._order)
        return array


class ReleasingStream:
    """A stream that mapped arrays are written to; each write releases the memory they occupy."""

    def __init__(self, stream: IO[bytes], arrays: Iterable[Array]) -> None:
        self._stream, self._arrays = stream, list(arrays)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: bytes) -> int:
        release(*self._arrays)
        return self._stream.write(data)
