"""Several arrays named by one argument: the members of an archive, a folder, a pattern of files."""

from __future__ import annotations

import glob
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from actgrad.layers import ActgradError
from actgrad.layers.arrays import ARRAY_FILES

#: What marks a pattern of files.
WILDCARDS = re.compile(r"[*?\[]")
#: What reading the list of an archive's members raises, if its bytes are broken.
BROKEN = (
    OSError,
    ValueError,
    TypeError,
    zipfile.BadZipFile,
    MemoryError,
    OverflowError,
    RecursionError,
)


class Named(NamedTuple):
    """An array: its name, and the argument that `open_array` takes."""

    name: str
    argument: str


class CollectionError(ActgradError):
    """A folder or a pattern of files that leads to no array."""


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts `layer2` before `layer10`."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def split_member(argument: str) -> tuple[str, str]:
    """The file of an ARRAY, and `:NAME` if it names a member of an archive.

    >>> split_member("a-*.npz:x")
    ('a-*.npz', ':x')
    """
    archive = re.fullmatch(r"(?is)(.+\.(?:npz|safetensors))(:.+)", argument)
    return (archive[1], archive[2]) if archive else (argument, "")


def named_arrays(argument: str, option: str) -> list[Named]:
    """The arrays that an argument names, in natural order.

    A folder and a pattern such as `acts/*.npy` name every array of their files, an archive names
    all its members, and `acts/*.npz:x` that member of each archive. Any other argument is one
    array; a file's name is that of its array.

    Raises:
        CollectionError: there is no such array.
    """
    path, (pattern, member) = Path(argument), split_member(argument)
    is_folder, is_file = os.path.isdir(path), os.path.isfile(path)
    if is_folder:
        files = [file for file in path.iterdir() if file.suffix.lower() in ARRAY_FILES]
        if not files:
            raise CollectionError(
                f"{option}: {argument} holds no array",
                f"it may hold {', '.join(ARRAY_FILES)} files",
            )
    elif is_file:
        files = [path]
    elif WILDCARDS.search(pattern) and pattern.lower().endswith(ARRAY_FILES):
        files = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207
        if not files:
            raise CollectionError(f"{option}: no file is called {pattern}")
        if member:
            arrays = [Named(file.stem, f"{file}{member}") for file in files]
            return sorted(arrays, key=lambda array: natural_key(array.name))
    else:
        return [Named("", argument)]
    arrays = [array for file in files for array in members(file, len(files) > 1)]
    return sorted(arrays, key=lambda array: natural_key(array.name))


def members(file: Path, is_one_of_many: bool) -> Iterator[Named]:
    """The arrays of a file: of an archive with several, each with the name of the archive.

    A broken archive that is one of many files is named like any other: its reader will refuse it.

    Raises:
        CollectionError: the file is no archive, although its name says so.
    """
    names: list[str] = []
    try:
        if file.suffix.lower() == ".npz":
            with zipfile.ZipFile(file) as archive:
                names = [n[:-4] for n in archive.namelist() if n.endswith(".npy")]
        elif file.suffix.lower() == ".safetensors":
            with file.open("rb") as stream:
                header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            names = [name for name in header if name != "__metadata__"]
    except BROKEN as error:
        if not is_one_of_many:
            raise CollectionError(f"{file} is no readable archive: {error}") from error
    if len(names) < 2:
        yield Named(file.stem, str(file))
        return
    for name in names:
        yield Named(f"{file.stem}:{name}" if is_one_of_many else name, f"{file}:{name}")
