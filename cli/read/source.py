"""ARRAY on the command line: standard input, a literal, or a file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from actgrad.cli.read import literal, npy
from actgrad.cli.read.stored import whole
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array, floating, named
from actgrad.layers.run import Held, Source

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

    Raises what `opened` raises, and:
        StoredError: it is cut short, or takes more memory than there is.
    """
    with opened(argument, option, dtype) as source:
        return whole(source, dtype)


@contextmanager
def opened(argument: str, option: str, dtype: str | None = None) -> Iterator[Source]:
    """The array that `argument`, given to `option`, stands for, which may still be outside memory.

    It is `-` for standard input, a literal, or a path, whichever fits first. `dtype` is what it
    will be cast to.

    Raises:
        ActgradError: it is none of them, or cannot be read.
    """
    if not argument.strip():
        raise SourceError(f"{option} is empty", "give a number, an array such as [1, 2] or a file")
    with ExitStack() as files:
        source = _found(argument, option, files)
        if source.dtype == npy.OPAQUE:
            source.dtype = _bfloat16(argument, dtype)
        yield source


def _bfloat16(argument: str, dtype: str | None) -> np.dtype[Any]:
    """NumPy stores bfloat16 as two bytes of no kind: taken for it only if `--dtype` says so."""
    if dtype != "bfloat16":
        raise SourceError(
            f"{argument} holds two bytes an element, of no known dtype",
            "--dtype bfloat16 reads them as bfloat16, which NumPy stores so",
        )
    return named(dtype)


def _found(argument: str, option: str, files: ExitStack) -> Source:
    if argument == "-":
        return _stdin(option, files)
    try:
        return Held(floating(literal.parse(argument), option))
    except literal.LiteralError as error:
        path, member = _path(argument)
        if os.path.exists(path):  # noqa: PTH110 — False, not an error, for a name that is too long
            return _file(path, member, files)
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


def _stdin(option: str, files: ExitStack) -> Source:
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


def _file(path: Path, member: str | None, files: ExitStack) -> Source:
    name = str(path)
    try:
        file = path.open("rb") if path.is_file() else _left_open(path)
        if path.is_file():
            files.enter_context(file)
        if path.suffix.lower() == ".safetensors":
            from actgrad.cli.read import safetensors

            return safetensors.stored(file, name, member)
        source = _stream(file, name, member, files)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if source is None:
        raise SourceError(f"{path} is empty")
    return source


def _left_open(path: Path) -> BufferedReader:
    """A pipe or a device: closing it while a thread waits for its writer would wait as well."""
    return open(os.open(path, os.O_RDONLY), "rb", closefd=False)


def _stream(
    stream: BufferedReader, name: str, member: str | None, files: ExitStack
) -> Source | None:
    """The array of a stream, told by its first bytes; None of an empty one."""
    head = npy.taken(stream, 8)
    if not head:
        return None
    if head.startswith(ZIP) or member is not None or name.lower().endswith(".npz"):
        from actgrad.cli.read import npz

        return files.enter_context(npz.arriving(_seekable(head, stream, files), name, member))
    if head.startswith(npy.MAGIC) or name.lower().endswith(".npy"):
        return npy.found(head, stream, name)
    return Held(floating(_text(head + stream.read(LONGEST), name), name))


def _seekable(head: bytes, stream: BufferedReader, files: ExitStack) -> IO[bytes]:
    """The stream from its start; standard input's is put in a file, for its index is its end."""
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
