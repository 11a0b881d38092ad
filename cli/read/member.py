"""Which array of a file that may hold several."""

from __future__ import annotations

from collections.abc import Sequence

from actgrad.layers import ActgradError


class MemberError(ActgradError):
    """No array of that name in the file, or several and none is named."""


def chosen(names: Sequence[str], file: str, member: str | None, suffix: str) -> str:
    """The array to read: the one named `member`, or the only one there is.

    Raises:
        MemberError: it is not there, or several are and none is named.
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
