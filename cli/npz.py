"""Reading one array of a `.npz` archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from actgrad.cli.npy import NpyError, read_npy
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array

SUFFIX = ".npy"


class NpzError(NpyError):
    """A broken archive, or a member that is not there."""


def read_npz(file: IO[bytes], name: str, member: str | None) -> Array:
    """The array `member` of an archive, or its only one.

    Raises:
        NpzError: the archive is broken, has no such member, or several and none is named.
        NpyError, DtypeError: the member is no array that a layer computes in.
    """
    with broken(name), zipfile.ZipFile(file) as archive:
        member = choose(archive, name, member)
        info = archive.getinfo(member + SUFFIX)
        with archive.open(info) as stream:
            head = stream.read(8)
            return read_npy(head, stream, f"{name}:{member}", info.file_size - len(head))


def choose(archive: zipfile.ZipFile, name: str, member: str | None) -> str:
    """The member to read.

    Raises:
        NpzError: it is not there, or several are and none is named.
    """
    names = [entry.removesuffix(SUFFIX) for entry in archive.namelist() if entry.endswith(SUFFIX)]
    listed = f"{name} holds {', '.join(names) or 'no array'}"
    if member is None and len(names) == 1:
        return names[0]
    if member is None and names:
        file = name if name.lower().endswith(".npz") else "FILE.npz"
        raise NpzError(f"{listed}: which one?", f"{file}:NAME names it")
    if member is None:
        raise NpzError(listed)
    if member not in names:
        raise NpzError(f"{name} holds no array {member!r}", listed)
    return member


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Say that the archive is broken: zipfile and its decompressors raise whatever they like."""
    try:
        yield
    except (ActgradError, MemoryError):
        raise
    except Exception as error:
        raise NpzError(f"{name} is no readable .npz archive: {error}") from error
