"""Choosing an array of a file that may hold several."""

from __future__ import annotations

from collections.abc import Sequence

from actgrad.layers import UnreadableError


class MemberError(UnreadableError):
    """The file holds no array of that name, or it holds several and the argument names none."""


def member_name(names: Sequence[str], file: str, member: str | None, suffix: str) -> str:
    """The name of the array to read: `member`, or the only name there is.

    Raises:
        MemberError: there is no array `member`, or it is None and there are several.
    """
    listed = f"{file} holds {', '.join(names) or 'no array'}"
    if member is None and len(names) == 1:
        return names[0]
    if member is None and names:
        written = file if file.lower().endswith(suffix) else f"FILE{suffix}"
        raise MemberError(f"{listed}: which one?", f"{written}:NAME names it")
    if member is None:
        raise MemberError(listed)
    if member not in names:
        raise MemberError(f"{file} holds no array {member!r}", listed)
    return member
