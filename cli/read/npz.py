"""Reading one array of a `.npz` archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from actgrad.cli.read import npy
from actgrad.cli.read.external import StreamedArray
from actgrad.cli.read.member import member_name
from actgrad.cli.read.npy import NpyError
from actgrad.layers import ActgradError

SUFFIX = ".npy"


class NpzError(NpyError):
    """An archive that cannot be read."""


class MemberStream:
    """The data of one name in an archive, as a stream."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name

    def readinto(self, buffer: memoryview, /) -> int:
        with broken(self._name):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def npz_array(file: IO[bytes], name: str, member: str | None) -> Iterator[StreamedArray]:
    """The array `member` of an archive, or its only one.

    Raises:
        NpzError: the archive is broken.
        MemberError: it has no such member, or several and `member` is None.
        NpyError, DtypeError: the member is no array that a layer computes in.
    """
    with ExitStack() as files:
        with broken(name):
            archive = files.enter_context(zipfile.ZipFile(file))
            entries = [n.removesuffix(SUFFIX) for n in archive.namelist() if n.endswith(SUFFIX)]
            member = member_name(entries, name, member, ".npz")
            info = archive.getinfo(member + SUFFIX)
            stream = MemberStream(files.enter_context(archive.open(info)), name)
        head = npy.read_up_to(stream, 8)
        yield npy.streamed_npy(head, stream, f"{name}:{member}", info.file_size - len(head))


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Turn any error of zipfile and its decompressors into an NpzError."""
    try:
        yield
    except (ActgradError, MemoryError):
        raise
    except Exception as error:
        raise NpzError(f"{name} is no readable .npz archive: {error}") from error
