"""A report as a table of findings and a plot, as JSON, or as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import IO, Any

from rich.text import Text

from actgrad.cli.show.page import DEFAULT_WIDTH, Page
from actgrad.cli.show.scatter import scatter
from actgrad.cli.write import TextAnswer, json_number
from actgrad.layers import ActgradError
from actgrad.layers.check import FAULTS, Finding, Report, spelled

ERROR, WARNING = "bold red", "bold yellow"
#: A terminal of so many columns has room for the meaning of each finding.
WIDE = 110


class UnknownFindingError(ActgradError):
    """`--ignore` names no finding."""


def see_names(names: Sequence[str]) -> None:
    """See that every name is a finding's.

    Raises:
        UnknownFindingError: one is not.
    """
    for name in names:
        if name not in FAULTS:
            raise UnknownFindingError(
                f"--ignore: no finding is called {name!r}", f"one of {', '.join(FAULTS)}"
            )


def answer(report: Report) -> TextAnswer:
    """The report in every format of `actgrad check`."""
    return TextAnswer(
        "check",
        partial(show, report),
        json=lambda: json.dumps(described(report), ensure_ascii=False) + "\n",
        markdown=partial(markdown, report),
    )


def show(report: Report, file: IO[str]) -> None:
    """Print the report; the verdict is its last line."""
    page = Page(file)
    if report.findings:
        page.print(tabulated(report, page))
        page.print(Text(f"\n{report.opening}", "dim"), soft_wrap=True)
        for finding in report.findings:
            page.print(headed(finding, finding in report.errors))
            page.print(Text("\n".join(finding.example), "dim"), soft_wrap=True)
        page.print("")
    if report.curve is not None:
        page.print(scatter(report.curve, page.width))
    for note in noted(report):
        page.print(Text(f"note: {note}", "dim"))
    page.print(Text(report.summary, "bold green" if report.ok else "bold red"))


def markdown(report: Report) -> str:
    """The report as a Markdown section."""
    lines = [f"## check {report.layer}: {'ok' if report.ok else 'FAILED'}", "", report.summary, ""]
    for finding in report.findings:
        severity = "error" if finding in report.errors else "warning"
        lines += [f"### {severity}: {finding.name}", "", finding.message, ""]
        lines += ["```python", *filter(None, [report.opening]), *finding.example, "```", ""]
    lines += [f"- {note}" for note in noted(report)]
    return "\n".join(lines).rstrip() + "\n"


def tabulated(report: Report, page: Page) -> Any:
    """The findings, a row each; where the page is narrow, what is wrong is left to the examples."""
    from rich.table import Table

    wide = not page.terminal or page.width >= WIDE
    narrow = page.terminal and page.width < DEFAULT_WIDTH
    table = Table(box=None, padding=(0, 1 if narrow else 2, 0, 0), pad_edge=False)
    table.add_column("finding", no_wrap=True, overflow="ellipsis")
    for name in ("worst x", "got", "expected", "error"):
        table.add_column(name, justify="right", overflow="fold")
    if wide:
        table.add_column("")
    for one in report.findings:
        style = ERROR if one in report.errors else WARNING
        at = one.where
        numbers = ["", "", "", ""]
        if at is not None:
            numbers = ["" if at.x != at.x else f"{at.x:.6g}", *spelled(at.got, at.expected)]
            if narrow:
                numbers = [f"{float(one):.2g}" if one else "" for one in numbers]
            numbers.append(f"{abs(at.got - at.expected):.2g}")
        table.add_row(Text(one.name, style), *numbers, *([FAULTS[one.name]] if wide else []))
    return table


def headed(finding: Finding, is_error: bool) -> Text:
    """What is wrong, in words."""
    word, style = ("error", ERROR) if is_error else ("warning", WARNING)
    return Text.assemble((f"\n{word}: {finding.name}", style), f": {finding.message}")


def noted(report: Report) -> Iterator[str]:
    """What is worth knowing, and no fault."""
    yield from map(str, report.kinks)
    for dtype, (out, dx) in report.ulp.items():
        yield f"{dtype}: out within {out:.3g} ULP, dx within {dx:.3g}"
    if report.unjudged:
        points = "1 point" if report.unjudged == 1 else f"{report.unjudged} points"
        yield f"at {points} the numerical derivative tells nothing: not judged there"
    yield from report.notes


def described(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    curve = report.curve
    return {
        "command": "check",
        "layers": [report.layer],
        "ok": report.ok,
        "strict": report.strict,
        "summary": report.summary,
        "kind": report.kind,
        "dtypes": list(report.dtypes),
        "points": report.points,
        "unjudged": report.unjudged,
        "setup": report.opening,
        "findings": [
            {
                "name": one.name,
                "severity": "error" if one in report.errors else "warning",
                "meaning": FAULTS[one.name],
                "message": one.message,
                "example": list(one.example),
                "dtype": one.dtype,
                "where": one.where
                and {key: json_number(value) for key, value in one.where._asdict().items()},
            }
            for one in report.findings
        ],
        "kinks": [
            {key: json_number(value) for key, value in kink.at._asdict().items()}
            | {"gradient": json_number(kink.gradient)}
            for kink in report.kinks
        ],
        "ulp": {
            dtype: {"out": json_number(out), "dx": json_number(dx)}
            for dtype, (out, dx) in report.ulp.items()
        },
        "notes": list(report.notes),
        "curve": curve
        and {
            name: [json_number(value) for value in column.tolist()]
            for name, column in curve._asdict().items()
        },
    }
