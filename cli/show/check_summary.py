"""The reports on several layers: the findings of each that failed, and one summary table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import IO

from rich.table import Table
from rich.text import Text

from actgrad.cli.answer import TextAnswer
from actgrad.cli.show.check_report import check_parts, described, show_findings
from actgrad.cli.show.page import Page
from actgrad.cli.show.parts import Heading, Paragraph, Part, Rows, markdown_of
from actgrad.layers.check import Report

STYLES = {"ok": "bold green", "FAILED": "bold red", "not checked": "bold yellow"}


def checks_answer(reports: Sequence[Report], refused: Mapping[str, Exception]) -> TextAnswer:
    """The reports in every format of `actgrad check`; `refused` says which layers have none, and
    why."""
    texts = {
        "json": partial(_json_text, reports, refused),
        "markdown": partial(_markdown, reports, refused),
    }
    return TextAnswer("check", partial(_show, reports, refused), texts, _counts(reports, refused))


def _rows(
    reports: Sequence[Report], refused: Mapping[str, Exception]
) -> Iterator[tuple[str, str, str]]:
    """Each layer, its verdict and its findings."""
    for report in reports:
        findings = [finding.name for finding in report.errors]
        findings += [f"{finding.name} (warning)" for finding in report.warnings]
        yield report.layer, "ok" if report.ok else "FAILED", ", ".join(findings)
    for layer in refused:
        yield layer, "not checked", ""


def _counts(reports: Sequence[Report], refused: Mapping[str, Exception]) -> str:
    verdicts = [verdict for _, verdict, _ in _rows(reports, refused)]
    counts = (f"{verdicts.count(each)} {each}" for each in STYLES if each in verdicts)
    return f"{len(verdicts)} layer{'s' * (len(verdicts) > 1)}: {', '.join(counts)}"


def _show(reports: Sequence[Report], refused: Mapping[str, Exception], file: IO[str]) -> None:
    """Print the findings of each layer that failed, the table, and the counts."""
    page = Page(file)
    for report in reports:
        if not report.ok:
            page.print(Text(page.fold(report.layer), "bold"))
            show_findings(report, page)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("layer", "verdict", "findings"):
        table.add_column(name)
    rows = [*_rows(reports, refused)]
    for layer, verdict, findings in rows:
        table.add_row(layer, Text(verdict, STYLES[verdict]), findings)
    if page.fits(table):
        page.print(table)
    else:
        for layer, verdict, findings in rows:
            page.print(page.fold(f"{layer}: {verdict}{findings and f', {findings}'}"))
    page.print(_counts(reports, refused))


def checks_parts(reports: Sequence[Report], refused: Mapping[str, Exception]) -> Iterator[Part]:
    """The parts of the summary: the counts, a row for each layer, and why a layer has no report."""
    yield Heading(1, "check")
    yield Paragraph(_counts(reports, refused))
    rows = [(f"`{layer}`", verdict, names) for layer, verdict, names in _rows(reports, refused)]
    yield Rows(("layer", "verdict", "findings"), rows)
    for layer, error in refused.items():
        yield Paragraph(f"{layer}: {error}")


def _markdown(reports: Sequence[Report], refused: Mapping[str, Exception]) -> str:
    failed = (part for report in reports if not report.ok for part in check_parts(report))
    return markdown_of([*checks_parts(reports, refused), *failed])


def _json_text(reports: Sequence[Report], refused: Mapping[str, Exception]) -> str:
    whole = {
        "command": "check",
        "layers": [layer for layer, _, _ in _rows(reports, refused)],
        "ok": not refused and all(report.ok for report in reports),
        "reports": [described(report) for report in reports],
        "refused": [
            {"layer": layer, "message": str(error), "hint": getattr(error, "hint", None)}
            for layer, error in refused.items()
        ],
    }
    return json.dumps(whole, ensure_ascii=False) + "\n"
