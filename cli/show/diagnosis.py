"""A diagnosis as a table with findings, as JSON, as Markdown, or as CSV with a row for a unit."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from io import StringIO
from itertools import groupby
from typing import IO, Any

from rich.table import Table
from rich.text import Text

from actgrad.cli.answer import TextAnswer, json_number
from actgrad.cli.show.page import Page, numeral
from actgrad.cli.show.parts import Heading, Items, Paragraph, Part, Rows, markdown_of
from actgrad.cli.show.units import show_units
from actgrad.layers.diagnose import Diagnosis, Fault, NetworkDiagnosis, UnitSummary

#: The heights of a histogram in one line; an empty bin is a space.
HEIGHTS = "▁▂▃▄▅▆▇█"
#: The most bins of such a histogram on each side of 0.
SIDE = 4
#: The most ranges of units that a finding lists.
LISTED = 12
#: The columns of the CSV, and of each unit in the JSON.
UNIT_NUMBERS = ("mean", "std", "low", "high", "slope", "slope_square")
UNIT_COUNTS = ("samples", "nan", "inf", "zeros", "stopped", "small_slopes")
#: The columns of the table that hold no numbers.
TEXTS = {"name", "layer", "verdict", "x", "out"}
#: The histograms in the JSON, and of what they are.
HISTOGRAMS = {
    "histogram": "histogram",
    "out_histogram": "outs",
    "slope_histogram": "slopes",
    "gradient_histogram": "gradients",
}

_short = partial(numeral, digits=3)


def diagnosis_answer(network: NetworkDiagnosis, detailed: bool = False) -> TextAnswer:
    """The diagnosis in every format of `actgrad diagnose`; a `detailed` table shows every unit."""
    texts: dict[str, Callable[[], str]] = {
        "json": partial(diagnosis_json, network),
        "csv": partial(diagnosis_csv, network),
        "markdown": lambda: markdown_of(diagnosis_parts(network)),
    }
    return TextAnswer("diagnose", partial(show_diagnosis, network, detailed), texts)


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
    row = {"name": diagnosis.name} if diagnosis.name else {}
    row |= {
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
    if diagnosis.factor is not None:
        row["factor"] = _short(diagnosis.factor)
    return row | {diagnosis.given: sparkline(units), "verdict": rule_names(diagnosis) or "ok"}


def rule_names(faulty: Diagnosis | NetworkDiagnosis) -> str:
    """The rules that fire."""
    return ", ".join(finding.rule.name for finding in faulty.findings)


def summary_line(network: NetworkDiagnosis) -> str:
    """The last line: the verdict, and what it rests on."""
    layers = len(network.layers)
    if layers > 1 or network.findings:
        failed = sum(not layer.ok for layer in network.layers)
        counts = f"{layers} layer{'s' * (layers > 1)}: {layers - failed} ok"
        counts += f", {failed} FAILED" if failed else ""
        whole = f"; the network FAILED ({rule_names(network)})" if network.findings else ""
        return counts + whole
    (diagnosis,) = network.layers
    units, faults = diagnosis.units, len(diagnosis.findings)
    names = f"{faults} finding{'s' * (faults > 1)} ({rule_names(diagnosis)})"
    verdict = f"FAILED, {names}" if faults else "ok, no finding"
    fewest, most = int(units.samples.min()), int(units.samples.max())
    samples = f"{fewest} sample" if fewest == most else f"{fewest} to {most} sample"
    samples += "s" * (most > 1)
    count = f"{units.units} unit{'s' * (units.units > 1)}"
    return f"{diagnosis.layer}: {verdict}; {count} of {samples}, {units.dtype.name}"


def lines_of(finding: Fault, units: int, name: str = "") -> Iterator[str]:
    """A finding in lines: the fault, the units, what to do, and the rule."""
    count = f"{len(finding.units)} of {units} units: " if finding.units else ""
    where = f"{name}: " if name else ""
    yield f"{where}{finding.rule.name}: {count}{finding.message}"
    if finding.units:
        yield f"units: {unit_ranges(finding.units)}"
    yield f"advice: {finding.advice}"
    yield f"source: {finding.rule.source}"


def all_findings(network: NetworkDiagnosis) -> Iterator[list[str]]:
    """Every finding in lines: those of the network, then those of each layer."""
    for finding in network.findings:
        yield list(lines_of(finding, 0))
    for layer in network.layers:
        for finding in layer.findings:
            yield list(lines_of(finding, layer.units.units, layer.name))


def notes(network: NetworkDiagnosis) -> Iterator[str]:
    """What could not be judged, each reason once."""
    yield from dict.fromkeys(layer.note for layer in network.layers if layer.note)


def show_diagnosis(network: NetworkDiagnosis, detailed: bool, file: IO[str]) -> None:
    """Print the table, the findings, and the verdict as the last line."""
    page = Page(file)
    show_rows([row_of(layer) for layer in network.layers], page)
    for layer in network.layers if detailed else ():
        show_units(layer, page)
    for first, *rest in all_findings(network):
        page.print("")
        page.print(Text(page.fold(first), "red"))
        for line in rest:
            page.print(Text(page.fold(f"  {line}", "    ")))
    if detailed or not network.ok or any(notes(network)):
        page.print("")
    for note in notes(network):
        page.print(Text(page.fold(f"note: {note}")))
    page.print(Text(page.fold(summary_line(network)), _style(network.ok)))


def _style(is_ok: bool) -> str:
    return "bold green" if is_ok else "bold red"


def show_rows(rows: Sequence[Mapping[str, str]], page: Page) -> None:
    """Print the table; where it does not fit, a line for each number of a layer."""
    heads = list(dict.fromkeys(head for row in rows for head in row))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in heads:
        table.add_column(head, justify="left" if head in TEXTS else "right", no_wrap=True)
    for row in rows:
        cells = [Text(row.get(head, "")) for head in heads]
        cells[-1].stylize(_style(row["verdict"] == "ok"))
        table.add_row(*cells)
    if page.fits(table):
        page.print(table)
        return
    for row in rows:
        for head, cell in row.items():
            page.print(Text(page.fold(f"{head}: {cell}")))


def diagnosis_parts(network: NetworkDiagnosis) -> Iterator[Part]:
    """The verdict, the table of the layers, the findings and the notes."""
    rows = [row_of(layer) for layer in network.layers]
    heads = list(dict.fromkeys(head for row in rows for head in row))
    numeric = [head for head in heads if head not in TEXTS]
    yield Paragraph(summary_line(network), is_verdict=True)
    # Between no-break spaces, a sparkline stays in one line.
    cells = [[row.get(head, "").replace(" ", "\u00a0") for head in heads] for row in rows]
    yield Rows(heads, cells, numeric)
    for first, *rest in all_findings(network):
        yield Heading(2, first)
        yield Items(rest)
    for note in notes(network):
        yield Paragraph(f"note: {note}")


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


def diagnosis_csv(network: NetworkDiagnosis) -> str:
    """A row for each unit of each layer; the rules that name it are separated by spaces."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    heads: list[str] = []
    for layer in network.layers:
        for row in unit_rows(layer):
            row["findings"] = " ".join(row["findings"])
            if not heads:
                heads = list(row)
                writer.writerow(["name", "layer", *heads])
            values = [row.get(head, "") for head in heads]
            cells = [json_number(v) if isinstance(v, float) else v for v in values]
            writer.writerow([layer.name, layer.layer, *cells])
    return file.getvalue()


def diagnosis_json(network: NetworkDiagnosis) -> str:
    """The diagnosis as one JSON object."""
    whole = {
        "command": "diagnose",
        "layers": [layer.name or layer.layer for layer in network.layers],
        "ok": network.ok,
        "findings": list(map(described_fault, network.findings)),
        "diagnoses": list(map(described_layer, network.layers)),
    }
    return json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n"


def described_fault(finding: Fault) -> dict[str, Any]:
    """A finding, for JSON."""
    return {
        "rule": finding.rule.name,
        "message": finding.message,
        "advice": finding.advice,
        "source": finding.rule.source,
        "units": list(finding.units),
    }


def described_layer(diagnosis: Diagnosis) -> dict[str, Any]:
    """A layer's numbers, findings, histogram and units, for JSON."""
    findings = list(map(described_fault, diagnosis.findings))
    histograms = {
        head: [
            {"low": json_number(low), "high": json_number(high), "count": count}
            for low, high, count in diagnosis.units.histogram(name)
        ]
        for head, name in HISTOGRAMS.items()
        if name != "gradients" or diagnosis.units.has_gradient
        if name != "outs" or diagnosis.given == "x"
    }
    rows = [
        {
            name: json_number(value) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in unit_rows(diagnosis)
    ]
    parts = {"note": diagnosis.note, "findings": findings, **histograms, "unit": rows}
    return layer_numbers(diagnosis) | parts


def layer_numbers(diagnosis: Diagnosis) -> dict[str, Any]:
    """The numbers of a layer as a whole."""
    units = diagnosis.units
    mean, std = units.overall
    numbers: dict[str, Any] = {
        "name": diagnosis.name,
        "layer": diagnosis.layer,
        "step": diagnosis.step,
        "ok": diagnosis.ok,
        "given": diagnosis.given,
        "dtype": units.dtype.name,
        "shapes": list(map(list, diagnosis.shapes)),
        "units": units.units,
        **{name: units.total(name) for name in UNIT_COUNTS},
        "dead": int(units.dead.sum()),
        "saturated": int(units.saturated.sum()),
        "mean": json_number(mean),
        "std": json_number(std),
    }
    if units.has_gradient:
        dout, dx = units.norms
        if dout is not None:
            numbers["dout_norm"] = json_number(dout)
            numbers["norm_ratio"] = json_number(dx / dout if dout else math.nan)
        numbers["dx_norm"] = json_number(dx)
        numbers["mean_gradient"] = json_number(units.mean_gradient)
        numbers["factor"] = None if diagnosis.factor is None else json_number(diagnosis.factor)
    return numbers
