"""A survey of a framework as a table, as JSON, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import IO, NamedTuple

from rich.table import Table
from rich.text import Text

from actgrad.cli.answer import TextAnswer, json_fields
from actgrad.cli.show.binades import short_numeral
from actgrad.cli.show.page import Page, numeral
from actgrad.cli.show.parts import Heading, Items, Paragraph, Part, Rows, markdown_of
from actgrad.layers.survey import Cell, Change, Survey

#: The version of the JSON object; it changes where a key is renamed or removed.
SCHEMA = 1
#: Failures that the largest error shows already.
MEASURED = ("ulp", "abs", "rel")
HEADS = (
    *("layer", "dtype", "result", "max ULP", "at x"),
    *("right", "fail", "of", "kinds", "likely cause"),
)
#: What a cell of `short_text` holds.
LEGEND = (
    "A cell has the largest finite error in ULP, the share that is correctly rounded, and the"
    " failures without a size; -f csv has the x and all counts."
)
NUMERIC = ("max ULP", "at x", "right", "fail", "of")


class SurveyReport(NamedTuple):
    """A survey, and what changed since its baseline; None without one."""

    survey: Survey
    changes: Sequence[Change] | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing got worse."""
        return not any(change.worse for change in self.changes or ())


def survey_answer(report: SurveyReport) -> TextAnswer:
    """The survey in every format of `actgrad survey` but HTML."""
    texts: dict[str, Callable[[], str | bytes]] = {
        "json": partial(survey_json, report),
        "csv": partial(survey_csv, report.survey),
        "markdown": lambda: markdown_of(survey_parts(report)),
    }
    compared = "" if report.changes is None else verdict(report.changes)
    return TextAnswer("survey", partial(show_survey, report), texts, compared)


def survey_json(report: SurveyReport) -> str:
    """The survey as one JSON object."""
    survey, changes = report
    objects = {
        "command": "survey",
        "schema": SCHEMA,
        "target": survey.target,
        "environment": survey.environment._asdict(),
        "numbers": survey.numbers,
        "policy": survey.policy,
        "cells": [json_fields(cell._asdict()) for cell in survey.cells],
        "refused": [refusal._asdict() for refusal in survey.refusals],
        "baseline": None if changes is None else [json_fields(each._asdict()) for each in changes],
    }
    return json.dumps(objects, ensure_ascii=False, allow_nan=False) + "\n"


def survey_csv(survey: Survey) -> str:
    """The cells as CSV, one a row; the kinds of failures are separated by spaces."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Cell._fields)
    for cell in survey.cells:
        kinds = " ".join(f"{kind}:{number}" for kind, number in cell.failures.items())
        fields = json_fields(cell._asdict()) | {"failures": kinds}
        writer.writerow(["" if value is None else value for value in fields.values()])
    return text.getvalue()


def survey_parts(report: SurveyReport) -> Iterator[Part]:
    """The survey as the parts of a report: a table for each dtype."""
    survey = report.survey
    yield Heading(1, f"survey {survey.target}")
    yield Paragraph(f"{heading(survey)}.")
    yield Paragraph(LEGEND)
    if report.changes is not None:
        yield Paragraph(verdict(report.changes), is_verdict=True)
        if report.changes:
            yield Items([str(change) for change in report.changes])
    for dtype in dict.fromkeys(cell.dtype for cell in survey.cells):
        yield Heading(2, dtype)
        yield Rows(("layer", *results_of(survey), "likely cause"), [*layer_rows(survey, dtype)])
    if survey.refusals:
        yield Heading(2, "Not run")
        yield Items(refused_lines(survey))


def results_of(survey: Survey) -> list[str]:
    """The results that the framework has: out, and dx where it has gradients."""
    return [*dict.fromkeys(cell.result for cell in survey.cells)]


def layer_rows(survey: Survey, dtype: str) -> Iterator[list[str]]:
    """A row for each layer: the largest error, the share rounded right, and the failures."""
    cells = {cell.key: cell for cell in survey.cells}
    for layer in dict.fromkeys(cell.layer for cell in survey.cells if cell.dtype == dtype):
        both = [cells.get((layer, dtype, result)) for result in results_of(survey)]
        causes = {cell.cause: cell.result for cell in both if cell is not None and cell.cause}
        cause = "; ".join(f"{result}: {cause}" for cause, result in causes.items())
        yield [layer, *("" if cell is None else short_text(cell) for cell in both), cause]


def short_text(cell: Cell) -> str:
    """A cell in a few words: `1.68e7; 79.4%; 33 inf, 2 nan`."""
    parts = [short_numeral(cell.max_ulp), right_share(cell), kinds_of(cell)]
    return "; ".join(filter(None, parts))


def right_share(cell: Cell) -> str:
    """The share of correctly rounded results, rounded down, so that 100% means all."""
    share = math.floor(1000 * cell.correctly_rounded / cell.elements) / 10 if cell.elements else 0
    return f"{share:g}%"


def kinds_of(cell: Cell) -> str:
    """The failures that are no matter of size, and the elements that depend on the block."""
    kinds = [f"{n} {kind}" for kind, n in cell.failures.items() if kind not in MEASURED]
    if cell.depends_on_block:
        kinds.append(f"{cell.depends_on_block} by block")
    return ", ".join(kinds)


def heading(survey: Survey) -> str:
    """What was run, and how it was judged."""
    return f"{survey.environment}; {survey.numbers} numbers a layer; {survey.policy}"


def verdict(changes: Sequence[Change]) -> str:
    """How many figures changed since the baseline."""
    worse = sum(change.worse for change in changes)
    return f"against the baseline: {worse} worse, {len(changes) - worse} better"


def refused_lines(survey: Survey) -> list[str]:
    """The layers that did not run, a line for each reason."""
    dtypes: dict[tuple[str, str], list[str]] = {}
    for each in survey.refusals:
        dtypes.setdefault((each.layer, each.reason), []).append(each.dtype)
    return [f"{layer} {', '.join(names)}: {why}" for (layer, why), names in dtypes.items()]


def show_survey(report: SurveyReport, file: IO[str]) -> None:
    """Print the survey for people: a row for each cell, then what changed."""
    page, survey = Page(file), report.survey
    page.print(page.fold(f"{survey.target}: {heading(survey)}"))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in HEADS:
        table.add_column(head, justify="right" if head in NUMERIC else "left", no_wrap=True)
    rows = [cell_texts(cell) for cell in survey.cells]
    for cell, row in zip(survey.cells, rows, strict=True):
        table.add_row(*row, style="red" if cell.failed else "green")
    if page.fits(table):
        page.print(table)
    else:
        for row in rows:
            named = (
                f"{head} {text}" for head, text in zip(HEADS[3:], row[3:], strict=True) if text
            )
            page.print(page.fold(f"{' '.join(row[:3])}: {', '.join(named)}", "    "))
    for line in refused_lines(survey):
        page.print(Text(page.fold(f"not run: {line}", "    "), "yellow"))
    if report.changes is not None:
        for change in report.changes:
            page.print(Text(page.fold(str(change)), "red" if change.worse else "green"))
        page.print(Text(verdict(report.changes), "bold green" if report.ok else "bold red"))


def cell_texts(cell: Cell) -> list[str]:
    """A row of the table for people."""
    at = "" if cell.worst_x is None or not cell.max_ulp + cell.failed else numeral(cell.worst_x)
    figures = [short_numeral(cell.max_ulp), at, right_share(cell)]
    failed = [str(cell.failed or ""), str(cell.elements)]
    return [*cell.key, *figures, *failed, kinds_of(cell), cell.cause]
