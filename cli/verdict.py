"""A report as a table of findings and a plot, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from actgrad.cli.formats import exactly
from actgrad.cli.output import STDOUT, blamed, open_stdout
from actgrad.cli.page import Page
from actgrad.cli.scatter import scatter
from actgrad.layers import ActgradError
from actgrad.layers.report import FAULTS, Finding, Report


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


def show(report: Report) -> None:
    """Print the report; the verdict is its last line."""
    with blamed(STDOUT):
        page = Page(open_stdout())
        for finding in report.findings:
            page.print(told(finding, finding in report.errors))
        if report.curve is not None:
            page.print(scatter(report.curve))
        for kink in report.kinks:
            page.print(Text(f"note: {kink}", "dim"))
        for dtype, (out, dx) in report.ulp.items():
            page.print(Text(f"note: {dtype}: out within {out:.3g} ULP, dx within {dx:.3g}", "dim"))
        for note in report.notes:
            page.print(Text(f"note: {note}", "dim"))
        page.print(Text(report.summary, "bold green" if report.ok else "bold red"))
        open_stdout().flush()


def told(finding: Finding, is_error: bool) -> Any:
    """One finding: what, where, and the example that shows it."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table

    style = "red" if is_error else "yellow"
    rows: list[Any] = [Text(finding.message)]
    if finding.where is not None:
        at = finding.where
        table = Table("worst x", "got", "expected", "error", box=None, padding=(0, 2, 0, 0))
        table.add_row(
            *(f"{one:.9g}" for one in (at.x, at.got, at.expected)),
            f"{abs(at.got - at.expected):.3g}",
        )
        rows.append(table)
    rows.append(Text("\n".join(finding.example), "dim"))
    title = Text(f"{'error' if is_error else 'warning'}: {finding.name}", f"bold {style}")
    return Panel(Group(*rows), title=title, title_align="left", border_style=style, expand=False)


def write_json(report: Report) -> None:
    """Print the report as one strict JSON object on one line."""
    import json

    with blamed(STDOUT):
        json.dump(described(report), open_stdout(), ensure_ascii=False)
        open_stdout().write("\n")
        sys.stdout.flush()


def described(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    curve = report.curve
    return {
        "command": "check",
        "layers": [report.layer],
        "ok": report.ok,
        "summary": report.summary,
        "kind": report.kind,
        "dtypes": list(report.dtypes),
        "points": report.points,
        "findings": [
            {
                "name": one.name,
                "severity": "error" if one in report.errors else "warning",
                "meaning": FAULTS[one.name],
                "message": one.message,
                "example": list(one.example),
                "dtype": one.dtype,
                "where": one.where
                and {key: exactly(value) for key, value in one.where._asdict().items()},
            }
            for one in report.findings
        ],
        "kinks": [
            {key: exactly(value) for key, value in kink.at._asdict().items()}
            | {"gradient": exactly(kink.gradient)}
            for kink in report.kinks
        ],
        "ulp": {
            dtype: {"out": exactly(out), "dx": exactly(dx)}
            for dtype, (out, dx) in report.ulp.items()
        },
        "notes": list(report.notes),
        "curve": curve
        and {
            name: [exactly(value) for value in column.tolist()]
            for name, column in curve._asdict().items()
        },
    }
