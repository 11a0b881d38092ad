"""A verification as the parts of a report, for Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterator

from actgrad.cli.show.error_tables import bucket_rows, region_rows
from actgrad.cli.show.parts import Heading, Items, Paragraph, Part, Rows
from actgrad.cli.show.verified_dump import (
    REPORTED,
    VerifiedDump,
    cause_text,
    error_statistics,
    failure_rows,
    has_wrong,
    passed_counts,
    verdict_of,
    worst_cells,
)


def verification_parts(dump: VerifiedDump) -> Iterator[Part]:
    """The verification as the parts of a report: the summary, then each result."""
    yield from head_parts(dump)
    for name in dump.verification.tallies:
        yield from result_parts(dump, name)
        yield from worst_parts(dump, name)


def head_parts(dump: VerifiedDump) -> Iterator[Part]:
    """The summary, what was run, and its results that depend on the size of a block."""
    yield Paragraph(dump.verification.summary, is_verdict=True)
    if dump.verification.with_flushing:
        yield Paragraph(dump.verification.with_flushing)
    if dump.run is not None:
        yield Items([f"run: {dump.run}", *map(str, dump.run.differences)])
    if dump.files is not None:
        yield Items([f"files: {dump.files.number}", *(f"unread: {e}" for e in dump.files.unread)])


def result_parts(dump: VerifiedDump, name: str) -> Iterator[Part]:
    """A result as the parts of a report: statistics, failures and the likely cause."""
    tally = dump.verification.tallies[name]
    yield Heading(2, f"{name}: {verdict_of(tally)}")
    yield Rows(("ULP", ""), error_statistics(tally))
    yield Items(passed_counts(tally))
    if tally.failed:
        yield Rows(("failure", "elements", "meaning"), failure_rows(tally))
    if name in dump.likely_causes:
        yield Paragraph(cause_text(dump.likely_causes[name]))
    yield bucket_rows(tally)
    if tally.failed:
        yield region_rows(tally)


def worst_parts(dump: VerifiedDump, name: str) -> Iterator[Part]:
    """The worst elements of a result, if one of them is not correctly rounded."""
    if has_wrong(dump.verification.tallies[name]):
        yield Rows(*worst_cells(dump.worst(name, REPORTED)))
