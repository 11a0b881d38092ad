"""A report on a layer as a table of findings and a plot, as JSON, or as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import IO, Any

from rich.table import Table
from rich.text import Text

from actgrad.cli.answer import TextAnswer, json_number
from actgrad.cli.show.page import DEFAULT_WIDTH, Page, numeral
from actgrad.cli.show.parts import Code, Heading, Items, Paragraph, Part, Rows, markdown_of
from actgrad.cli.show.scatter import scatter
from actgrad.layers import ActgradError
from actgrad.layers.check import FAULTS, Finding, Report, shortest_texts

STYLES = {"error": "bold red", "warning": "bold yellow"}
#: The columns of a finding's worst element.
NUMBERS = ("at x", "got", "expected")


#: A longer result is shown in the example only.
LONGEST_CELL = 16


class UnknownFindingError(ActgradError):
    """`--ignore` names no finding."""


def require_finding_names(names: Sequence[str]) -> None:
    """Raise UnknownFindingError unless every name is a finding's."""
    for name in names:
        if name not in FAULTS:
            raise UnknownFindingError(
                f"--ignore: no finding is called {name!r}", f"one of {', '.join(FAULTS)}"
            )


def check_answer(report: Report) -> TextAnswer:
    """The report in every format of `actgrad check`."""
    texts: dict[str, Callable[[], str | bytes]] = {
        "json": partial(check_json, report),
        "markdown": lambda: markdown_of(check_parts(report)),
    }
    return TextAnswer("check", partial(show_check, report), texts, report.summary)


def show_check(report: Report, file: IO[str]) -> None:
    """Print the report: the table, the plot, each finding, notes; the last line is the verdict."""
    page = Page(file)
    show_findings(report, page)
    for note in _notes(report):
        page.print(Text(page.fold(f"note: {note}"), "dim"))
    page.print(Text(page.fold(report.summary), "bold green" if report.ok else "bold red"))


def show_findings(report: Report, page: Page) -> None:
    """Print the table of findings, the plot where it shows something, and each finding."""
    narrow = page.limit < DEFAULT_WIDTH
    if report.findings and not narrow:
        page.print(_findings_table(report))
        page.print("")
    plot = report.curve and scatter(report.curve, page)
    if plot and (plot.shows_difference or not report.findings):
        page.print(plot.text)
        page.print("")
    if not report.findings:
        return
    page.print(Text(report.opening, "dim"), soft_wrap=True)
    for finding in report.findings:
        severity = _severity(report, finding)
        heading = f"{severity}: {finding.name}"
        message = Text(page.fold(f"{heading}: {finding.message}"))
        message.stylize(STYLES[severity], 0, len(heading))
        page.print("")
        page.print(message)
        if narrow:
            cells = zip((*NUMBERS, "dtypes"), _cells(report, finding), strict=True)
            page.print(page.fold(", ".join(f"{name} {cell}" for name, cell in cells if cell)))
        for line in _advice(finding):
            page.print(page.fold(line))
        page.print(Text("\n".join(finding.example), "dim"), soft_wrap=True)
    page.print("")


def check_parts(report: Report) -> Iterator[Part]:
    """The parts of a report: the verdict, a table of findings, each of them, and the notes."""
    yield Heading(2, f"check `{report.layer}`: {'ok' if report.ok else 'FAILED'}")
    yield Paragraph(report.summary)
    if report.findings:
        rows = [
            (f"`{finding.name}`", _severity(report, finding), *_cells(report, finding))
            for finding in report.findings
        ]
        meanings = (FAULTS[finding.name] for finding in report.findings)
        whole = [(*row, meaning) for row, meaning in zip(rows, meanings, strict=True)]
        yield Rows(("finding", "severity", *NUMBERS, "dtypes", "meaning"), whole, NUMBERS)
    for finding in report.findings:
        yield Heading(3, f"{_severity(report, finding)}: {finding.name}")
        yield Paragraph(finding.message)
        if advice := list(_advice(finding)):
            yield Items(advice)
        yield Code([report.opening, *finding.example])
    if notes := list(_notes(report)):
        yield Heading(3, "Notes")
        yield Items(notes)


def _advice(finding: Finding) -> Iterator[str]:
    """The likely cause, and what to change."""
    if finding.cause:
        yield f"likely cause: {finding.cause}"
    if finding.remedy:
        yield f"change: {finding.remedy}"


def _severity(report: Report, finding: Finding) -> str:
    return "error" if finding in report.errors else "warning"


def _cells(report: Report, finding: Finding) -> list[str]:
    """The numbers of the worst element, as NUMBERS names them, and the dtypes; empty if unknown."""
    dtypes = finding.dtypes or (finding.dtype,)
    where = "all" if len(dtypes) == len(report.dtypes) > 1 else ", ".join(dtypes)
    if finding.where is None:
        compared = finding.example[1].partition("  # ")[2].split(", not ")
        short = len(compared) == 2 and max(map(len, compared)) <= LONGEST_CELL
        return ["", *(compared if short else ("", "")), where]
    x, got, expected = finding.where[:3]
    results = ["", ""] if got == expected else shortest_texts(got, expected)
    return ["" if x != x else numeral(x), *results, where]


def _findings_table(report: Report) -> Table:
    """One row for each finding."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("finding", no_wrap=True)
    for name in NUMBERS:
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("dtypes", overflow="fold")
    for finding in report.findings:
        title = Text(finding.name, STYLES[_severity(report, finding)])
        table.add_row(title, *_cells(report, finding))
    return table


def _notes(report: Report) -> Iterator[str]:
    """Facts that are no fault."""
    yield from map(str, report.kinks)
    for dtype, (out, dx) in report.ulp.items():
        largest = f"out is {numeral(out, 3)} ULP, that of dx {numeral(dx, 3)} ULP"
        yield f"{dtype}: the largest error of {largest}"
    if report.unjudged:
        points = "1 point" if report.unjudged == 1 else f"{report.unjudged} points"
        yield f"{points} not checked: the numerical derivative is too uncertain there"
    yield from report.notes


def check_json(report: Report) -> str:
    """The report as one JSON object."""
    return json.dumps(described(report), ensure_ascii=False) + "\n"


def described(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    curve = report.curve
    return {
        "command": "check",
        "layers": [report.layer],
        "ok": report.ok,
        "strict": report.strict,
        "summary": report.summary,
        "kind": report.coupling,
        "dtypes": list(report.dtypes),
        "points": report.points,
        "unjudged": report.unjudged,
        "setup": report.opening,
        "findings": [
            {
                **finding._asdict(),
                "meaning": FAULTS[finding.name],
                "severity": _severity(report, finding),
                "where": finding.where and _json_numbers(finding.where),
            }
            for finding in report.findings
        ],
        "kinks": [
            _json_numbers(kink.at) | {"gradient": json_number(kink.gradient)}
            for kink in report.kinks
        ],
        "ulp": {
            dtype: {"out": json_number(out), "dx": json_number(dx)}
            for dtype, (out, dx) in report.ulp.items()
        },
        "notes": list(report.notes),
        "parameters": list(report.parameters),
        "curve": curve
        and {
            name: [json_number(value) for value in column.tolist()]
            for name, column in curve._asdict().items()
        },
    }


def _json_numbers(record: Any) -> dict[str, Any]:
    return {key: json_number(value) for key, value in record._asdict().items()}
