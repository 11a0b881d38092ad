"""A dump that was verified, and what every format states about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from actgrad.cli.show.binades import short_numeral
from actgrad.cli.show.page import numeral
from actgrad.layers.arrays import short_exponent
from actgrad.layers.verify import (
    FAILURES,
    LikelyCause,
    Tally,
    Verification,
    VerifiedElement,
)

if TYPE_CHECKING:
    from actgrad.layers.survey import TargetRun

#: How many of the worst elements a report has.
REPORTED = 50
#: The quantiles of the error that are shown, in per cent.
QUANTILES = (50, 99, 99.9)
#: What elements do that pass by another convention.
CONVENTIONS = "by another convention: the slope at a kink, or the result for infinities in a line"
#: An element's number in nine digits; its bits have the rest.
nine_digits = partial(numeral, digits=9)


class ElementPlace(NamedTuple):
    """Where an element is: its indices, `3,7`, and its file where the dump has several."""

    indices: str
    file: str | None = None

    def __str__(self) -> str:
        """`3,7`, or `x-2.npy[3,7]`."""
        return self.indices if self.file is None else f"{self.file}[{self.indices}]"


#: Elements, each with its place.
Worst: TypeAlias = Sequence[tuple[ElementPlace, VerifiedElement]]


class FilesRead(NamedTuple):
    """The files of x of a dump in several."""

    number: int
    #: What is wrong with those that could not be read.
    unread: tuple[str, ...]
    #: The file of an element of a result, from its position in the whole dump.
    file: Callable[[str, int], str]


class VerifiedDump(NamedTuple):
    """A dump that was verified to its end."""

    verification: Verification
    likely_causes: Mapping[str, LikelyCause]
    #: The indices of an element of a result, from its position in the dump.
    indices: Callable[[str, int], tuple[int, ...]]
    #: What was run, where the results are not those of a file.
    run: TargetRun | None = None
    #: The files that were read, where the dump has several.
    files: FilesRead | None = None

    def worst(self, name: str, count: int) -> Worst:
        """At most `count` of the worst elements of a result."""
        return [
            (self.place(name, element.position), element)
            for element in self.verification.worst(name, count)
        ]

    def place(self, name: str, position: int) -> ElementPlace:
        """Where the element of that position in the whole dump is."""
        indices = ",".join(map(str, self.indices(name, position)))
        return ElementPlace(indices, self.files.file(name, position) if self.files else None)


def verdict_of(tally: Tally) -> str:
    """The verdict on a result, in a word."""
    return "FAILED" if tally.failed else "ok"


def has_wrong(tally: Tally) -> bool:
    """Whether an element fails or is not correctly rounded."""
    return tally.max > 0.5 or tally.failed > 0


def error_statistics(tally: Tally) -> list[tuple[str, str]]:
    """The statistics of the errors in ULP."""
    quantiles = [(f"p{share:g}", short_numeral(tally.quantile(share / 100))) for share in QUANTILES]
    return [("max", short_numeral(tally.max)), ("mean", short_numeral(tally.mean)), *quantiles]


def passed_counts(tally: Tally) -> list[str]:
    """How many elements are correctly rounded, flushed and left out."""
    share = f"{tally.nearest / tally.count:.4%}" if tally.count else "none"
    lines = [f"correctly rounded: {share} of {tally.count}"]
    if tally.flushed:
        lines.append(f"flushed, as allowed: {tally.flushed}")
    for failure, count in tally.zero_signs.items():
        if count:
            lines.append(f"passed: {count} {failure}: {FAILURES[failure]}; see --keep-zero-sign")
    if tally.conventions:
        lines.append(f"passed: {tally.conventions} {CONVENTIONS}; see --strict")
    if tally.against and not tally.failures["decreasing"]:
        lines.append(f"against the layer's direction: {tally.against}; see --monotonic")
    if tally.left_out:
        lines.append(f"outside --range, not verified: {tally.left_out}")
    return lines


def failure_rows(tally: Tally) -> list[tuple[str, str, str]]:
    """Each failure that occurs: its name, how many elements have it, and what it means."""
    counts = tally.failures.items()
    return [(failure, str(count), FAILURES[failure]) for failure, count in counts if count]


def cause_text(cause: LikelyCause) -> str:
    """The likely cause, and how much it explains."""
    examined = "the elements examined" + " that fail by much" * cause.of_large
    return f"likely cause: {cause.cause} (explains {cause.share:.0%} of {examined})"


def worst_cells(worst: Worst) -> tuple[list[str], list[list[str]]]:
    """The heads and rows of a table of the worst elements; a dout of ones has no column."""
    rows = [
        {
            "at": str(place),
            "x": f"{nine_digits(element.x)}\n{element.x_bits}",
            "dout": nine_digits(element.dout),
            "got": f"{nine_digits(element.got)}\n{element.got_bits}",
            "truth": f"{short_exponent(element.truth)}\n{element.nearest_bits}",
            "ULP": short_numeral(element.error),
            "failure": element.failure,
        }
        for place, element in worst
    ]
    has_dout = any(element.dout != 1 for _, element in worst)
    heads = [head for head in rows[0] if head != "dout" or has_dout]
    return heads, [[row[head] for head in heads] for row in rows]
