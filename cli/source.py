"""ARRAY on the command line: standard input, a literal, or a file."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import IO

import numpy as np

from actgrad.cli import literal, npy
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array, floating, named

#: What a `.npz` archive begins with.
ZIP = b"PK"
#: `weights.npz:layer1`: an archive and the name of one of its arrays.
MEMBER = r"(?is)(.*\.(?:npz|safetensors)):(.+)"
#: A text literal longer than this is refused; that much of it takes gigabytes once parsed.
LONGEST = 1 << 28


class SourceError(ActgradError):
    """Nothing that could be read as an array."""


def read(argument: str, option: str, dtype: str | None = None) -> Array:
    """The array that `argument`, given to `option`, stands for, cast to `dtype` if that is given.

    It is `-` for standard input, a literal, or a path, whichever fits first.

    Raises:
        ActgradError: it is none of them, or cannot be read.
    """
    array = _read(argument, option)
    if array.dtype == npy.OPAQUE:
        array = _bfloat16(array, argument, dtype)
    array = floating(array, option)
    if dtype is None:
        return array
    with np.errstate(all="ignore"):
        return array.astype(named(dtype))


def _bfloat16(array: Array, argument: str, dtype: str | None) -> Array:
    """NumPy stores bfloat16 as two bytes of no kind: taken for it only if `--dtype` says so."""
    if dtype != "bfloat16":
        raise SourceError(
            f"{argument} holds two bytes an element, of no known dtype",
            "--dtype bfloat16 reads them as bfloat16, which NumPy stores so",
        )
    return array.view(named(dtype))


def _read(argument: str, option: str) -> Array:
    if not argument.strip():
        raise SourceError(f"{option} is empty", "give a number, an array such as [1, 2] or a file")
    if argument == "-":
        return _read_stdin(option)
    try:
        return literal.parse(argument)
    except literal.LiteralError as error:
        path, member = _path(argument)
        if os.path.exists(path):  # noqa: PTH110 — False, not an error, for a name that is too long
            return _read_file(path, member)
        raise _neither(argument, option, error) from None


def _path(argument: str) -> tuple[Path, str | None]:
    """The file, and the member of it that the argument names."""
    found = re.fullmatch(MEMBER, argument)
    if found and not os.path.lexists(argument):
        return Path(found[1]), found[2]
    return Path(argument), None


def _neither(argument: str, option: str, error: literal.LiteralError) -> ActgradError:
    """The error for a text that is no literal and names no file."""
    path, _ = _path(argument)
    if path.suffix.lower() in {".npy", ".npz", ".safetensors"}:
        return SourceError(f"{path}: {_why_missing(path)}")
    if argument.lstrip()[0] in "[(" or re.match(literal.WRAPPER, argument.lstrip()):
        return SourceError(f"{option}: {error}", error.hint)
    return SourceError(f"{option}: {argument!r} is no number, no array and no file", error.hint)


def _why_missing(path: Path) -> str:
    try:
        path.stat()
    except OSError as missing:
        return str(missing.strerror)
    return "it was not there a moment ago"


def _read_stdin(option: str) -> Array:
    if sys.stdin is None:
        raise SourceError(f"{option} is -, but standard input is closed")
    try:
        array = _read_stream(sys.stdin.buffer, "standard input", None)
    except OSError as error:
        raise SourceError(f"standard input: {error.strerror}") from error
    if array is None:
        raise SourceError(
            f"standard input ended without an array for {option}",
            "it holds one array as text, .npy or .npz, or two as .npy, one after the other",
        )
    return array


def _read_file(path: Path, member: str | None) -> Array:
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".safetensors":
                from actgrad.cli.tensors import read_safetensors

                return read_safetensors(path, member)
            size = os.fstat(file.fileno()).st_size if path.is_file() else None
            array = _read_stream(file, str(path), member, size)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if array is None:
        raise SourceError(f"{path} is empty")
    return array


def _read_stream(
    stream: IO[bytes], name: str, member: str | None, size: int | None = None
) -> Array | None:
    """The array of a stream, told by its first bytes; None of an empty one."""
    head = stream.read(8)
    if not head:
        return None
    if head.startswith(ZIP) or member is not None or name.lower().endswith(".npz"):
        from actgrad.cli import npz

        archive = _seekable(head, stream)
        array = npz.read_npz(archive, name, member)
        archive.seek(0, os.SEEK_END)  # nothing of it may be read as a second array
        return array
    if head.startswith(npy.MAGIC) or name.lower().endswith(".npy"):
        return npy.read_npy(head, stream, name, None if size is None else size - stream.tell())
    return _read_text(head + stream.read(LONGEST), name)


def _seekable(head: bytes, stream: IO[bytes]) -> IO[bytes]:
    """The stream from its start; a pipe's is kept in memory, for an archive's index is its end."""
    if not stream.seekable():
        return io.BytesIO(head + stream.read())
    stream.seek(0)
    return stream


def _read_text(data: bytes, name: str) -> Array:
    if len(data) > LONGEST:
        raise SourceError(f"{name} is too long for a text", "save it with numpy.save as .npy")
    try:
        return literal.parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SourceError(f"{name} is no text, no .npy and no .npz") from None
    except literal.LiteralError as error:
        raise literal.LiteralError(f"{name}: {error}", error.hint) from None
