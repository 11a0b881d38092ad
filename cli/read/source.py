"""ARRAY on the command line: standard input, a literal, or a file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from actgrad.cli.read import literal
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array, floating, named

if TYPE_CHECKING:
    from actgrad.cli.read.external import ExternalArray
    from actgrad.layers.run import Source

#: The first bytes of a `.npz` archive.
ZIP = b"PK"
#: `weights.npz:layer1`: an archive and the name of one of its arrays.
ARCHIVE_MEMBER = r"(?is)(.*\.(?:npz|safetensors)):(.+)"
#: The most bytes of text that are read; parsing more would take gigabytes of memory.
LONGEST = 1 << 28


class SourceError(ActgradError):
    """The argument is no number, no array and no file that holds one."""


def read_array(argument: str, option: str, dtype: str | None = None) -> Array:
    """The array that `argument` of `option` stands for, cast to `dtype` if that is given.

    Raises:
        ActgradError: the argument stands for no array, or its data end too early.
    """
    with open_array(argument, option, dtype) as array:
        return in_memory(array, dtype)


@contextmanager
def open_array(
    argument: str, option: str, dtype: str | None = None
) -> Iterator[Array | ExternalArray]:
    """The array that `argument` of `option` stands for, in memory or still outside it.

    The argument is `-` for standard input, a literal, or a path: the first of them that it can be.
    `dtype` is the one that the array will be cast to.

    Raises:
        ActgradError: the argument stands for no array, or the file cannot be read.
    """
    if not argument.strip():
        raise SourceError(f"{option} is empty", "give a number, an array such as [1, 2] or a file")
    with ExitStack() as files:
        array = _opened(argument, option, files)
        if not isinstance(array, np.ndarray) and array.dtype == np.dtype("V2"):
            array.dtype = _bfloat16(argument, dtype)
        yield array


def in_memory(array: Array | Source, dtype: str | None = None) -> Array:
    """The array in memory, in a dtype that layers compute in, or cast to `dtype`.

    Raises:
        IncompleteArrayError: its data end too early, or memory is too small.
    """
    if not isinstance(array, np.ndarray):
        from actgrad.cli.read.external import read_whole

        array = read_whole(array)
    array = floating(array, "x")
    if dtype is None:
        return array
    with np.errstate(all="ignore"):
        return array.astype(named(dtype))


def _bfloat16(argument: str, dtype: str | None) -> np.dtype[Any]:
    """bfloat16, which NumPy stores as two bytes of no known dtype; `--dtype` must name it."""
    if dtype != "bfloat16":
        raise SourceError(
            f"{argument} holds two bytes an element, of no known dtype",
            "--dtype bfloat16 reads them as bfloat16, which NumPy stores so",
        )
    return named(dtype)


def _opened(argument: str, option: str, files: ExitStack) -> Array | ExternalArray:
    if argument == "-":
        return _stdin(option, files)
    error = None
    if _may_be_literal(argument):
        try:
            return floating(literal.parse(argument), option)
        except literal.LiteralError as refused:
            error = refused
    path, member = _path(argument)
    if os.path.exists(path):  # noqa: PTH110 — False, not an error, for a name that is too long
        return _file(path, member, files)
    raise _neither(argument, option, error)


def _may_be_literal(argument: str) -> bool:
    """Whether the text begins like an array; `/tmp/x.npy` does not."""
    start = argument.replace("−", "-").lstrip()
    patterns = literal.NUMBER, literal.WRAPPER
    return start[:1] in tuple("[(.…") or any(re.match(pattern, start) for pattern in patterns)


def _path(argument: str) -> tuple[Path, str | None]:
    """The path of the file, and the name of the member that the argument names."""
    match = re.fullmatch(ARCHIVE_MEMBER, argument)
    if match and not os.path.lexists(argument):
        return Path(match[1]), match[2]
    return Path(argument), None


def _neither(argument: str, option: str, error: literal.LiteralError | None) -> ActgradError:
    """The error for a text that is no literal and names no file."""
    path, _ = _path(argument)
    if path.suffix.lower() in {".npy", ".npz", ".safetensors"}:
        return SourceError(f"{path}: {_why_missing(path)}")
    hint = error.hint if error else None
    if error and (argument.lstrip()[0] in "[(" or re.match(literal.WRAPPER, argument.lstrip())):
        return SourceError(f"{option}: {error}", hint)
    return SourceError(f"{option}: {argument!r} is no number, no array and no file", hint)


def _why_missing(path: Path) -> str:
    try:
        path.stat()
    except OSError as missing:
        return str(missing.strerror)
    return "the file has just appeared; try again"


def _stdin(option: str, files: ExitStack) -> Array | ExternalArray:
    if sys.stdin is None:
        raise SourceError(f"{option} is -, but standard input is closed")
    try:
        source = _stream(cast(BufferedReader, sys.stdin.buffer), "standard input", None, files)
    except OSError as error:
        raise SourceError(f"standard input: {error.strerror}") from error
    if source is None:
        raise SourceError(
            f"standard input ended without an array for {option}",
            "it holds one array as text, .npy or .npz, or two as .npy, one after the other",
        )
    return source


def _file(path: Path, member: str | None, files: ExitStack) -> Array | ExternalArray:
    name = str(path)
    try:
        file = path.open("rb") if path.is_file() else _left_open(path)
        if path.is_file():
            files.enter_context(file)
        if path.suffix.lower() == ".safetensors":
            from actgrad.cli.read import safetensors

            return safetensors.safetensors_array(file, name, member)
        source = _stream(file, name, member, files)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if source is None:
        raise SourceError(f"{path} is empty")
    return source


def _left_open(path: Path) -> BufferedReader:
    """A pipe or a device. It stays open, because closing it would wait for its writer."""
    return open(os.open(path, os.O_RDONLY), "rb", closefd=False)


def _stream(
    stream: BufferedReader, name: str, member: str | None, files: ExitStack
) -> Array | ExternalArray | None:
    """The array of a stream, in the format that its first bytes show; None if it is empty."""
    # Imported here, because a literal needs no file format.
    from actgrad.cli.read import npy

    head = npy.read_up_to(stream, 8)
    if not head:
        return None
    if head.startswith(ZIP) or member is not None or name.lower().endswith(".npz"):
        from actgrad.cli.read import npz

        return files.enter_context(npz.npz_array(_seekable(head, stream, files), name, member))
    if head.startswith(npy.MAGIC) or name.lower().endswith(".npy"):
        return npy.npy_array(head, stream, name)
    return floating(_text(head + stream.read(LONGEST), name), name)


def _seekable(head: bytes, stream: BufferedReader, files: ExitStack) -> IO[bytes]:
    """The archive from its start; a stream is copied to a file, because the index is at the end."""
    if stream.seekable() and stream is not sys.stdin.buffer:
        stream.seek(0)
        return stream
    import shutil
    import tempfile

    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 — the stack closes it
    file.write(head)
    shutil.copyfileobj(stream, file)
    return file


def _text(data: bytes, name: str) -> Array:
    if len(data) > LONGEST:
        raise SourceError(f"{name} is too long for a text", "save it with numpy.save as .npy")
    try:
        return literal.parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SourceError(f"{name} is no text, no .npy and no .npz") from None
    except literal.LiteralError as error:
        raise literal.LiteralError(f"{name}: {error}", error.hint) from None
