"""Ways to compute a layer, the best first: as a table, as JSON, as CSV and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import IO

from rich.table import Table

from actgrad.cli.answer import TextAnswer
from actgrad.cli.show.page import Page, numeral
from actgrad.cli.show.parts import Paragraph, Part, Rows, markdown_of
from actgrad.cli.show.verification import verification_answer
from actgrad.cli.show.verification_json import verification_json
from actgrad.cli.show.verified_dump import VerifiedDump
from actgrad.layers.verify import Attempt

CSV_COLUMNS = (
    *("computed as", "out max ULP", "out x", "out rounded right"),
    *("dx max ULP", "dx x", "wrong inf or nan", "fail"),
)
COLUMNS = (
    *("computed as", "out: max ULP", "at x", "rounded right"),
    *("dx: max ULP", "at x", "wrong inf or nan", "fail"),
)


def attempts_answer(attempts: Sequence[Attempt]) -> TextAnswer:
    """One attempt as any verification; several in a table of all formats of `actgrad verify`."""
    if len(attempts) == 1:
        return verification_answer(dump_of(attempts[0]))
    texts: dict[str, Callable[[], str | bytes]] = {
        "json": partial(_json_text, attempts),
        "csv": partial(_csv_text, attempts),
        "markdown": lambda: markdown_of(attempts_parts(attempts)),
    }
    best = f"the best of {len(attempts)} is {attempts[0].text}"
    return TextAnswer("verify", partial(_show_table, attempts), texts, best)


def dump_of(attempt: Attempt) -> VerifiedDump:
    """The attempt as a dump that was verified, whose elements stand in a row."""
    return VerifiedDump(attempt.verification, {}, lambda name, position: (position,))


def _cells(attempt: Attempt) -> Iterator[str]:
    out, dx = (attempt.verification.tallies[name] for name in ("out", "dx"))
    yield attempt.text
    yield numeral(out.max, 3)
    yield "" if out.at is None else numeral(out.at)
    yield f"{100 * out.nearest / out.count:.2f}%"
    yield numeral(dx.max, 3)
    yield "" if dx.at is None else numeral(dx.at)
    yield str(attempt.unmeasured)
    yield str(out.failed + dx.failed)


def _title(attempts: Sequence[Attempt]) -> str:
    verification = attempts[0].verification
    count = verification.tallies["out"].count
    layers = " ".join(verification.layers)
    return f"{layers} in {verification.dtype}, {count} x; {verification.policy}; the best first"


def _show_table(attempts: Sequence[Attempt], file: IO[str]) -> None:
    page = Page(file)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if i == 0 else "right")
    for attempt in attempts:
        table.add_row(*_cells(attempt))
    page.print(page.fold(_title(attempts)))
    if page.fits(table):
        page.print(table)
        return
    for attempt in attempts:
        text, *others = _cells(attempt)
        facts = ", ".join(map(" ".join, zip(COLUMNS[1:], others, strict=True)))
        page.print(page.fold(f"{text}: {facts}"))


def _json_text(attempts: Sequence[Attempt]) -> str:
    reports = [json.loads(verification_json(dump_of(attempt))) for attempt in attempts]
    shared = {name: reports[0][name] for name in ("command", "layers", "dtype", "policy")}
    tried = [
        {"computed_as": attempt.text, "ok": report["ok"], "results": report["results"]}
        for attempt, report in zip(attempts, reports, strict=True)
    ]
    return json.dumps(shared | {"attempts": tried}, ensure_ascii=False) + "\n"


def _csv_text(attempts: Sequence[Attempt]) -> str:
    import csv
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([*_cells(attempt)] for attempt in attempts)
    return text.getvalue()


def attempts_parts(attempts: Sequence[Attempt]) -> Iterator[Part]:
    """The parts of a report: what was tried, and a row for each attempt."""
    yield Paragraph(_title(attempts))
    rows = ((f"`{text}`", *others) for text, *others in map(_cells, attempts))
    yield Rows(COLUMNS, list(rows))
