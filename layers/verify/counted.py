"""What a verification has counted: it is merged with that of other parts, and sent to them."""

from __future__ import annotations

import pickle
import zlib

from actgrad.layers.errors import PolicyError, ShapeError
from actgrad.layers.verify.causes import FailedLines
from actgrad.layers.verify.tally import Tally


class Counted:
    """The tallies of a dump's results, of the whole dump or of a part of it."""

    def __init__(self) -> None:
        #: The tally of each result that the dump has: out, dx, d2x.
        self.tallies: dict[str, Tally] = {}
        #: How many elements needed exact arithmetic.
        self.exact = 0
        #: By result, the first lines in which some failed, to infer the cause from.
        self.failed_lines: dict[str, FailedLines] = {}

    def check_any(self, field: str = "within") -> None:
        """Check that of each result at least one element was verified.

        Raises:
            ShapeError: no element was given.
            PolicyError: every x is outside the range that `field` of the policy states.
        """
        if not self.tallies:
            raise ShapeError("there is no element to verify")
        for name, tally in self.tallies.items():
            if not tally.count:
                problem = f"leaves no element of {name} to verify: widen it, or leave it out"
                raise PolicyError(field, problem)

    def merge(self, later: Counted) -> None:
        """Include what was counted of a later part."""
        self.exact += later.exact
        for name, tally in later.tallies.items():
            if name in self.tallies:
                self.tallies[name].merge(tally)
            else:
                self.tallies[name] = tally
        for name, lines in later.failed_lines.items():
            kept = self.failed_lines.get(name)
            self.failed_lines[name] = lines if kept is None else kept.followed_by(lines)

    def packed(self) -> bytes:
        """These counts in few bytes; most of them are 0."""
        return zlib.compress(pickle.dumps(self), 1)

    @staticmethod
    def unpacked(packed: bytes) -> Counted:
        """What `packed` has packed. Its bytes are trusted: they come from workers of one's own."""
        counted: Counted = pickle.loads(zlib.decompress(packed))
        return counted
