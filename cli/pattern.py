"""A pattern of files: an ARRAY whose * stands for what differs from file to file."""

from __future__ import annotations

import re

from actgrad.layers import ActgradError

STAR = "*"


def is_pattern(argument: str) -> bool:
    """Whether an ARRAY names files by a `*`, or a member of each of several archives."""
    file = r"\.[A-Za-z]\w*$|\.(npz|safetensors):."
    return STAR in argument and re.search(file, argument) is not None


def matching_files(pattern: str) -> dict[str, str]:
    """Each ARRAY that the pattern of --x names, in natural order, with what its `*` stands for.

    Raises:
        ActgradError: the pattern has more than one `*`, or names no file.
    """
    # Imported for a pattern only: one array needs no globs.
    import glob

    from actgrad.cli.read import natural_key, split_member

    if pattern.count(STAR) != 1:
        raise ActgradError(f"--x {pattern} has more than one *", "one * stands for what differs")
    whole, member = split_member(pattern)
    if STAR in member:
        raise ActgradError(f"--x {pattern} has its * in the name of a member", "name the member")
    start, end = whole.split(STAR)
    files = glob.glob(f"{glob.escape(start)}{STAR}{glob.escape(end)}")  # noqa: PTH207
    if not files:
        raise ActgradError(f"--x: no file is called {pattern}")
    return {
        file + member: file.removeprefix(start).removesuffix(end)
        for file in sorted(files, key=natural_key)
    }


def filled(argument: str, own: str) -> str:
    """The argument with what the `*` of --x stands for in one of its files."""
    return argument.replace(STAR, own)
