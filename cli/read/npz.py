"""Reading one array of a `.npz` archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from actgrad.cli.read import npy
from actgrad.cli.read.member import chosen
from actgrad.cli.read.npy import NpyError
from actgrad.cli.read.stored import Arriving
from actgrad.layers import ActgradError

SUFFIX = ".npy"


class NpzError(NpyError):
    """A broken archive."""


class Member:
    """What is in an archive under one name, as a stream."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name

    def readinto(self, buffer: memoryview, /) -> int:
        with broken(self._name):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def arriving(file: IO[bytes], name: str, member: str | None) -> Iterator[Arriving]:
    """The array `member` of an archive, or its only one.

    Raises:
        NpzError: the archive is broken.
        MemberError: it has no such member, or several and none is named.
        NpyError, DtypeError: the member is no array that a layer computes in.
    """
    with ExitStack() as opened:
        with broken(name):
            archive = opened.enter_context(zipfile.ZipFile(file))
            entries = [n.removesuffix(SUFFIX) for n in archive.namelist() if n.endswith(SUFFIX)]
            member = chosen(entries, name, member, ".npz")
            info = archive.getinfo(member + SUFFIX)
            stream = Member(opened.enter_context(archive.open(info)), name)
        head = npy.taken(stream, 8)
        yield npy.arriving(head, stream, f"{name}:{member}", info.file_size - len(head))


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Say that the archive is broken: zipfile and its decompressors raise whatever they like."""
    try:
        yield
    except (ActgradError, MemoryError):
        raise
    except Exception as error:
        raise NpzError(f"{name} is no readable .npz archive: {error}") from error
