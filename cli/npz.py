"""Reading one array of a `.npz` archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from actgrad.cli.member import chosen
from actgrad.cli.npy import NpyError, read_npy
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array

SUFFIX = ".npy"


class NpzError(NpyError):
    """A broken archive."""


def read_npz(file: IO[bytes], name: str, member: str | None) -> Array:
    """The array `member` of an archive, or its only one.

    Raises:
        NpzError: the archive is broken.
        MemberError: it has no such member, or several and none is named.
        NpyError, DtypeError: the member is no array that a layer computes in.
    """
    with broken(name), zipfile.ZipFile(file) as archive:
        names = [
            entry.removesuffix(SUFFIX) for entry in archive.namelist() if entry.endswith(SUFFIX)
        ]
        member = chosen(names, name, member, ".npz")
        info = archive.getinfo(member + SUFFIX)
        with archive.open(info) as stream:
            head = stream.read(8)
            return read_npy(head, stream, f"{name}:{member}", info.file_size - len(head))


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Say that the archive is broken: zipfile and its decompressors raise whatever they like."""
    try:
        yield
    except (ActgradError, MemoryError):
        raise
    except Exception as error:
        raise NpzError(f"{name} is no readable .npz archive: {error}") from error
