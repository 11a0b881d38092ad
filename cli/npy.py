"""Reading `.npy` arrays from any stream, believing nothing that the header says.

See: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import os
import re
import warnings
from typing import Any, NamedTuple, Protocol

import numpy as np

from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array, floating

#: NumPy itself writes headers of some hundred bytes, and refuses to read beyond 10,000.
LONGEST_HEADER = 1 << 16
#: What NumPy makes of bfloat16, which it does not know.
OPAQUE = np.dtype("V2")
MAGIC = b"\x93NUMPY"
READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    # Version 3 differs in the encoding of field names alone, and arrays of fields are refused.
    (3, 0): np.lib.format.read_array_header_2_0,
}


class NpyError(ActgradError):
    """Bytes that are no `.npy` array, or not the whole of one."""


class Stream(Protocol):
    """What an array is read from: a file, a pipe, a member of an archive."""

    def read(self, size: int = ..., /) -> bytes: ...


class Header(NamedTuple):
    """What a `.npy` file says of the data that follow."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    #: How many bytes it took, the first 8 of the file not counted.
    length: int

    @property
    def size(self) -> int:
        """The number of data bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(head: bytes, stream: Stream, name: str, available: int | None = None) -> Array:
    """The array of a `.npy` stream, of which the 8 bytes `head` are already read.

    `available` is how many bytes follow these, where that is known beforehand.

    Raises:
        NpyError: the bytes are no such array, end too early, or need more memory than there is.
        DtypeError: no layer computes in the array's dtype.
    """
    header = read_header(head, stream, name)
    if header.dtype.hasobject:
        raise NpyError(f"{name} holds pickled objects, which are never loaded")
    if header.dtype.subdtype:
        raise NpyError(f"{name} holds arrays of arrays: its dtype is {header.dtype}")
    if header.dtype != OPAQUE:
        floating(np.empty(0, header.dtype), name)
    if available is not None and header.size > available - header.length:
        raise cut_short(name, header, available - header.length)
    if header.size > memory():
        raise NpyError(f"{name} promises {in_bytes(header.size)}, more than this machine's memory")
    data = np.empty(header.size, np.uint8)
    filled = fill(data.data, stream)
    if filled < header.size:
        raise cut_short(name, header, filled)
    array: Array = data.view(header.dtype)
    try:
        return array.reshape(header.shape, order="F" if header.fortran_order else "C")
    except (ValueError, TypeError) as error:
        raise NpyError(f"{name} has a shape that no array can have: {error}") from error


def read_header(head: bytes, stream: Stream, name: str) -> Header:
    """The header of a `.npy` stream, of which the 8 bytes `head` are already read.

    Raises:
        NpyError: it is none.
    """
    if not head:
        raise NpyError(f"{name} is empty")
    if not head.startswith(MAGIC):
        raise NpyError(f"{name} is no .npy file: it begins with {head[:6]!r}, not {MAGIC!r}")
    version = (head[6], head[7]) if len(head) == 8 else (0, 0)
    reader = READERS.get(version)
    if reader is None:
        raise NpyError(f"{name} is of .npy version {'.'.join(map(str, version))}; 1.0 to 3.0 are")
    prefix = stream.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(prefix, "little")
    if length > LONGEST_HEADER:
        raise NpyError(f"{name} has a broken .npy header: it claims to be {in_bytes(length)} long")
    try:
        with warnings.catch_warnings(action="ignore"):
            shape, fortran_order, dtype = reader(io.BytesIO(prefix + stream.read(length)))
    except Exception as error:
        # Of a header that is no literal, Python tells an address in memory; of a deep one, nothing.
        reason = re.split(" on line|\n", str(error))[0] or "it cannot be parsed"
        raise NpyError(f"{name} has a broken .npy header: {reason}") from error
    if any(size < 0 for size in shape):
        raise NpyError(f"{name} has a broken .npy header: negative shape {shape}")
    return Header(shape, fortran_order, dtype, len(prefix) + length)


def fill(buffer: memoryview, stream: Stream) -> int:
    """Read until the buffer is full or the stream ends; how many bytes were read."""
    filled = 0
    while filled < len(buffer):
        chunk = stream.read(min(1 << 20, len(buffer) - filled))
        if not chunk:
            break
        buffer[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return filled


def cut_short(name: str, header: Header, available: int) -> NpyError:
    """The error for data that end before the header's promise."""
    return NpyError(
        f"{name} is cut short: {header.shape} of {header.dtype.name} takes {header.size} bytes,"
        f" {available} are there"
    )


def memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def in_bytes(count: int) -> str:
    """A count of bytes as a person says it."""
    power = min((len(str(count)) - 1) // 3, 6)
    return f"{count / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[power]}"
