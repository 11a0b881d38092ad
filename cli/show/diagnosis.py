"""A diagnosis as a table with findings, as JSON, as Markdown, or as CSV with a row for a unit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import IO, Any

from rich.table import Table
from rich.text import Text

from actgrad.cli.answer import TextAnswer, json_number
from actgrad.cli.show.page import Page, numeral
from actgrad.layers.diagnose import Diagnosis, Fault, UnitSummary

#: The heights of a histogram in one line; an empty bin is a space.
HEIGHTS = "▁▂▃▄▅▆▇█"
#: The most bins of such a histogram on each side of 0.
SIDE = 4
#: The most ranges of units that a finding lists.
LISTED = 12
#: The columns of the CSV, and of each unit in the JSON.
UNIT_NUMBERS = ("mean", "std", "low", "high", "slope", "slope_square")
UNIT_COUNTS = ("samples", "nan", "inf", "zeros", "stopped", "small_slopes")

_short = partial(numeral, digits=3)


def diagnosis_answer(diagnosis: Diagnosis) -> TextAnswer:
    """The diagnosis in every format of `actgrad diagnose`."""
    texts = {
        "json": partial(diagnosis_json, diagnosis),
        "csv": partial(diagnosis_csv, diagnosis),
        "markdown": partial(diagnosis_markdown, diagnosis),
    }
    return TextAnswer("diagnose", partial(show_diagnosis, diagnosis), texts)


def unit_ranges(units: Sequence[int]) -> str:
    """Units as ranges: `0-3, 7`; the middle of a long list is left out."""
    runs = groupby(enumerate(units), lambda pair: pair[1] - pair[0])
    ranges = []
    for _, run in runs:
        numbers = [unit for _, unit in run]
        ranges.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    if len(ranges) > LISTED:
        ranges = [*ranges[: LISTED - 2], "…", ranges[-1]]
    return ", ".join(ranges)


def sparkline(units: UnitSummary) -> str:
    """The histogram in one line between its ends: `-8 ▁█▇ ▂█▁ 8`; each bin has two octaves.

    What lies beyond the ends, or nearer to 0 than the innermost bins, is in the outermost or the
    innermost bin.
    """
    bins = units.histogram()
    if not bins:
        return ""
    total = sum(count for *_, count in bins)
    far = [max(-low, high) for low, high, count in bins if count >= total / 1000]
    end = max(far)
    magnitudes = [end / 4.0**k for k in range(SIDE)]
    counts = {sign * size: 0 for sign in (-1, 1) for size in magnitudes}
    for low, high, count in bins:
        size = min(max(max(-low, high), magnitudes[-1]), end)
        counts[size if high > 0 else -size] += count
    most = max(counts.values())
    places = [-size for size in magnitudes] + magnitudes[::-1]
    bars = [
        HEIGHTS[round((len(HEIGHTS) - 1) * counts[at] / most)] if counts[at] else " "
        for at in places
    ]
    return f"{_short(-end)} {''.join(bars)} {_short(end)}"


def row_of(diagnosis: Diagnosis) -> dict[str, str]:
    """The row of a layer in the table: heads and cells."""
    units = diagnosis.units
    mean, std = units.overall
    row = {
        "layer": diagnosis.layer,
        "units": str(units.units),
        "dead": str(int(units.dead.sum())),
        "saturated": str(int(units.saturated.sum())),
        "stopped": f"{units.total('stopped') / units.samples.sum():.0%}",
        "mean": _short(mean),
        "std": _short(std),
    }
    if units.has_gradient:
        row["mean |dx|"] = _short(units.mean_gradient)
    return row | {
        diagnosis.given: sparkline(units),
        "verdict": ", ".join(finding.rule.name for finding in diagnosis.findings) or "ok",
    }


def summary_line(diagnosis: Diagnosis) -> str:
    """The last line: the verdict, and what it rests on."""
    units = diagnosis.units
    names = ", ".join(finding.rule.name for finding in diagnosis.findings)
    count = len(diagnosis.findings)
    verdict = f"FAILED, {count} finding{'s' * (count > 1)} ({names})" if names else "ok, no finding"
    fewest, most = int(units.samples.min()), int(units.samples.max())
    samples = f"{fewest} samples" if fewest == most else f"{fewest} to {most} samples"
    return f"{diagnosis.layer}: {verdict}; {units.units} units of {samples}, {units.dtype.name}"


def lines_of(finding: Fault, units: int) -> Iterator[str]:
    """A finding in lines: the fault, the units, what to do, and the rule."""
    count = f"{len(finding.units)} of {units} units: " if finding.units else ""
    yield f"{finding.rule.name}: {count}{finding.message}"
    if finding.units:
        yield f"units: {unit_ranges(finding.units)}"
    yield f"advice: {finding.advice}"
    yield f"source: {finding.rule.source}"


def show_diagnosis(diagnosis: Diagnosis, file: IO[str]) -> None:
    """Print the table, the findings, and the verdict as the last line."""
    page = Page(file)
    row = row_of(diagnosis)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in row:
        is_text = head in {"layer", "verdict", diagnosis.given}
        table.add_column(head, justify="left" if is_text else "right", no_wrap=True)
    style = "bold green" if diagnosis.ok else "bold red"
    table.add_row(*(Text(cell, style if head == "verdict" else "") for head, cell in row.items()))
    if page.fits(table):
        page.print(table)
    else:
        for head, cell in row.items():
            page.print(Text(page.fold(f"{head}: {cell}"), style if head == "verdict" else ""))
    for finding in diagnosis.findings:
        first, *rest = lines_of(finding, diagnosis.units.units)
        page.print("")
        page.print(Text(page.fold(first), "red"))
        for line in rest:
            page.print(Text(page.fold(f"  {line}", "    ")))
    if not diagnosis.ok or diagnosis.note:
        page.print("")
    if diagnosis.note:
        page.print(Text(page.fold(f"note: {diagnosis.note}")))
    page.print(Text(page.fold(summary_line(diagnosis)), style))


def diagnosis_markdown(diagnosis: Diagnosis) -> str:
    """The diagnosis as Markdown."""
    row = row_of(diagnosis)
    heads = [head.replace("|", "\\|") for head in row]
    lines = [f"**{summary_line(diagnosis)}**", ""]
    lines += [f"| {' | '.join(heads)} |", f"| {' | '.join(['---'] * len(row))} |"]
    lines.append(f"| {' | '.join(row.values())} |")
    for finding in diagnosis.findings:
        first, *rest = lines_of(finding, diagnosis.units.units)
        lines += ["", f"## {first}", "", *(f"- {line}" for line in rest)]
    if diagnosis.note:
        lines += ["", f"note: {diagnosis.note}"]
    return "\n".join(lines) + "\n"


def unit_rows(diagnosis: Diagnosis) -> Iterator[dict[str, Any]]:
    """The numbers of each unit, and the rules that name it."""
    units = diagnosis.units
    columns: dict[str, list[Any]] = {name: units.counts[name].tolist() for name in UNIT_COUNTS}
    columns |= {name: getattr(units, name).tolist() for name in UNIT_NUMBERS}
    if units.has_gradient:
        columns["gradient"] = units.gradient.tolist()
    at_fault: dict[int, list[str]] = {}
    for finding in diagnosis.findings:
        for unit in finding.units:
            at_fault.setdefault(unit, []).append(finding.rule.name)
    for unit, numbers in enumerate(zip(*columns.values(), strict=True)):
        row = {"unit": unit} | dict(zip(columns, numbers, strict=True))
        yield row | {"findings": at_fault.get(unit, [])}


def diagnosis_csv(diagnosis: Diagnosis) -> str:
    """A row for each unit; the rules that name it are separated by spaces."""
    lines: list[str] = []
    for row in unit_rows(diagnosis):
        if not lines:
            lines.append(",".join(("layer", *row)))
        numbers = [str(json_number(value)) for name, value in row.items() if name != "findings"]
        spec = f'"{diagnosis.layer}"' if "," in diagnosis.layer else diagnosis.layer
        lines.append(",".join((spec, *numbers, " ".join(row["findings"]))))
    return "\n".join(lines) + "\n"


def diagnosis_json(diagnosis: Diagnosis) -> str:
    """The diagnosis as one JSON object."""
    whole = {
        "command": "diagnose",
        "layers": [diagnosis.layer],
        "ok": diagnosis.ok,
        "diagnoses": [described_layer(diagnosis)],
    }
    return json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n"


def described_layer(diagnosis: Diagnosis) -> dict[str, Any]:
    """A layer's numbers, findings, histogram and units, for JSON."""
    findings = [
        {
            "rule": finding.rule.name,
            "message": finding.message,
            "advice": finding.advice,
            "source": finding.rule.source,
            "units": list(finding.units),
        }
        for finding in diagnosis.findings
    ]
    bins = [
        {"low": json_number(low), "high": json_number(high), "count": count}
        for low, high, count in diagnosis.units.histogram()
    ]
    rows = [
        {
            name: json_number(value) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in unit_rows(diagnosis)
    ]
    parts = {"note": diagnosis.note, "findings": findings, "histogram": bins, "unit": rows}
    return layer_numbers(diagnosis) | parts


def layer_numbers(diagnosis: Diagnosis) -> dict[str, Any]:
    """The numbers of a layer as a whole."""
    units = diagnosis.units
    mean, std = units.overall
    numbers: dict[str, Any] = {
        "layer": diagnosis.layer,
        "ok": diagnosis.ok,
        "given": diagnosis.given,
        "dtype": units.dtype.name,
        "shape": list(diagnosis.shape),
        "units": units.units,
        **{name: units.total(name) for name in UNIT_COUNTS},
        "dead": int(units.dead.sum()),
        "saturated": int(units.saturated.sum()),
        "mean": json_number(mean),
        "std": json_number(std),
    }
    if units.has_gradient:
        dout, dx = units.norms
        numbers["dout_norm"], numbers["dx_norm"] = json_number(dout), json_number(dx)
        numbers["mean_gradient"] = json_number(units.mean_gradient)
    return numbers
