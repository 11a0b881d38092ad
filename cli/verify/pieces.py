"""Dumps that are verified in pieces, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from actgrad.cli.read import Dump
from actgrad.layers import ActgradError
from actgrad.layers.casting import overflow
from actgrad.layers.run import Progress, cores, share_pieces
from actgrad.layers.verify import Counted, Verification

#: What is counted of a piece takes up to 1 MiB until all pieces are merged.
MOST_PIECES = 32
#: The fewest blocks of a piece: to hand over what is counted of it takes as long as to verify one.
FEWEST_BLOCKS = 4


class HandedOver:
    """What was counted of pieces, packed, and the errors there, by their numbers."""

    def __init__(self) -> None:
        self.by_piece: dict[int, tuple[bytes, list[ActgradError]]] = {}

    def merge(self, other: HandedOver) -> None:
        """Include the pieces of another process."""
        self.by_piece.update(other.by_piece)


def share_counting(
    whole: Verification,
    pieces: int,
    count: Callable[[int], tuple[Counted, list[ActgradError]]],
    progress: Progress | None,
) -> list[ActgradError] | None:
    """Include what `count` gives of each piece, which processes share; return the errors.

    Returns None, and counts nothing, where processes share no pieces; see `share_pieces`.

    Raises:
        ActgradError: `count` raises it.
    """
    handed = HandedOver()

    def run(piece: int) -> None:
        counted, errors = count(piece)
        handed.by_piece[piece] = counted.packed(), errors

    show = None if progress is None else lambda done: progress(done / pieces)
    # Anyone's code may not run in several processes.
    processes = cores() if whole.reference.layer.runs_in_parts else 1
    if not share_pieces(range(pieces), run, processes, show, handed):
        return None
    lost = []
    for piece in range(pieces):
        packed, errors = handed.by_piece.pop(piece)
        whole.merge(Counted.unpacked(packed))
        lost += errors
    return lost


def counted_dump(
    whole: Verification,
    dump: Dump,
    starts: Mapping[str, int],
    processes: int = 1,
    progress: Progress | None = None,
) -> Counted:
    """What is counted of a dump. `starts` are the elements of each result before it in the whole.

    Raises:
        ActgradError: an array cannot be read.
    """
    verification = whole.part(starts)
    together = max(FEWEST_BLOCKS, -(-dump.blocks // MOST_PIECES))

    def count(piece: int) -> tuple[Counted, list[ActgradError]]:
        blocks = range(dump.blocks)[piece * together : (piece + 1) * together]
        return counted_blocks(verification, dump, blocks, starts), []

    pieces = -(-dump.blocks // together)
    if processes > 1 and share_counting(verification, pieces, count, progress) is not None:
        return verification.counted
    return counted_blocks(verification, dump, range(dump.blocks), starts, progress)


def counted_blocks(
    whole: Verification,
    dump: Dump,
    blocks: range,
    starts: Mapping[str, int],
    progress: Progress | None = None,
) -> Counted:
    """What is counted of neighbouring blocks of a dump.

    Raises:
        ActgradError: an array cannot be read.
    """
    before = dump.elements_before(blocks.start)
    part = whole.part({name: count + starts.get(name, 0) for name, count in before.items()})
    with overflow(part.policy.overflow, dump.layout.dtype):
        for done, number in enumerate(blocks):
            part.add(dump.block(number))
            if progress is not None:
                progress((done + 1) / len(blocks))
    return part.counted
