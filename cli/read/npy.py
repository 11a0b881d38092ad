"""Reading `.npy` arrays from any stream; every field of the header is checked.

See: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import os
import re
import warnings
from io import BufferedReader
from typing import Any, NamedTuple

import numpy as np

from actgrad.cli.read.external import (
    FileArray,
    Stream,
    StreamedArray,
    in_bytes,
    nbytes,
    shape_problem,
)
from actgrad.layers import DtypeError, UnreadableError
from actgrad.layers.arrays import Order, floating, named
from actgrad.layers.casting import OF_PACKAGE

#: The longest header that is read, in bytes. NumPy writes about 100, and reads at most 10,000.
LONGEST_HEADER = 1 << 16
#: The dtypes of ml_dtypes in headers: by their names, and by `<g2` and `<f1`, which stand for
#: bfloat16 and for one of the 8-bit floats.
OF_PACKAGE_NAMES = {**{name: name for name in OF_PACKAGE}, "g2": "bfloat16", "f1": None}
OF_PACKAGE_IN_HEADER = rf"['\"][<|=]?({'|'.join(OF_PACKAGE_NAMES)})['\"]".encode()
#: What NumPy writes for the dtypes of ml_dtypes that it has no name for.
UNNAMED = {np.dtype("V1"), np.dtype("V2")}
MAGIC = b"\x93NUMPY"
READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    # Version 3 encodes the names of fields differently; arrays with fields are refused.
    (3, 0): np.lib.format.read_array_header_2_0,
}


class NpyError(UnreadableError):
    """The bytes are not a `.npy` array, or its header is broken."""


class Header(NamedTuple):
    """The header of a `.npy` file, which describes the data after it."""

    shape: tuple[int, ...]
    order: Order
    dtype: np.dtype[Any]
    #: The length of the header in bytes, without the first 8 of the file.
    length: int


def streamed_npy(
    head: bytes, stream: Stream, name: str, available: int | None = None
) -> StreamedArray:
    """The array of a `.npy` stream whose first 8 bytes, `head`, have been read.

    `available` is the number of bytes that follow `head`, if it is known.

    Raises:
        NpyError: the bytes are not a `.npy` array, no array can have its shape, or no layer
            computes in its dtype.
        IncompleteArrayError: the data end too early.
    """
    shape, order, dtype, length = read_header(head, stream, name)
    if dtype.hasobject:
        raise NpyError(f"{name} holds pickled objects, which are never loaded")
    if dtype.subdtype:
        raise NpyError(f"{name} holds arrays of arrays: its dtype is {dtype}")
    if dtype not in UNNAMED:
        try:
            floating(np.empty(0, dtype), name)
        except DtypeError as error:
            raise NpyError(str(error), error.hint) from None
    array = StreamedArray(stream, name, shape, dtype, order)
    if available is not None and nbytes(array) > available - length:
        raise array.incomplete(available - length)
    if problem := shape_problem(shape):
        raise NpyError(f"{name} has a shape that no array can have: {problem}")
    return array


def npy_array(head: bytes, stream: BufferedReader, name: str) -> FileArray | StreamedArray:
    """The array of a `.npy` file or pipe whose first 8 bytes, `head`, have been read.

    Raises:
        NpyError, IncompleteArrayError, DtypeError: as `streamed_npy`.
    """
    if not (isinstance(stream, BufferedReader) and stream.seekable()):
        return streamed_npy(head, stream, name)
    here = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    array = streamed_npy(head, stream, name, size - here)
    at = stream.tell()
    # A second array may follow.
    stream.seek(at + nbytes(array))
    return FileArray(stream, at, name, array.shape, array.dtype, array.order)


def read_header(head: bytes, stream: Stream, name: str) -> Header:
    """Read the header of a `.npy` stream whose first 8 bytes, `head`, have been read.

    Raises:
        NpyError: the bytes are not a `.npy` header.
    """
    if not head:
        raise NpyError(f"{name} is empty")
    if not head.startswith(MAGIC):
        raise NpyError(f"{name} is no .npy file: it begins with {head[:6]!r}, not {MAGIC!r}")
    version = (head[6], head[7]) if len(head) == 8 else (0, 0)
    reader = READERS.get(version)
    if reader is None:
        raise NpyError(
            f"{name} is of .npy version {'.'.join(map(str, version))}", "1.0 to 3.0 are read"
        )
    prefix = read_up_to(stream, 2 if version == (1, 0) else 4)
    length = int.from_bytes(prefix, "little")
    if length > LONGEST_HEADER:
        raise NpyError(f"{name} has a broken .npy header: it claims to be {in_bytes(length)} long")
    try:
        with warnings.catch_warnings(action="ignore"):
            text = read_up_to(stream, length)
            of_package = re.search(OF_PACKAGE_IN_HEADER, text)
            plain = re.sub(OF_PACKAGE_IN_HEADER, lambda match: b"'V1'".ljust(len(match[0])), text)
            shape, fortran_order, dtype = reader(io.BytesIO(prefix + plain))
    except Exception as error:
        # Python's message may end with an address; for a deeply nested header it is empty.
        reason = re.split(" on line|\n", str(error))[0] or "it cannot be parsed"
        raise NpyError(f"{name} has a broken .npy header: {reason}") from error
    if any(size < 0 for size in shape):
        raise NpyError(f"{name} has a broken .npy header: negative shape {shape}")
    if of_package is not None:
        dtype_name = OF_PACKAGE_NAMES[of_package[1].decode()]
        dtype = named(dtype_name) if dtype_name else np.dtype("V1")
    return Header(shape, "F" if fortran_order else "C", dtype, len(prefix) + length)


def read_up_to(stream: Stream, count: int) -> bytes:
    """Read the next `count` bytes of a stream, or fewer at its end."""
    data = bytearray(count)
    filled = 0
    while filled < count:
        more = stream.readinto(memoryview(data)[filled:])
        if not more:
            break
        filled += more
    return bytes(data[:filled])
