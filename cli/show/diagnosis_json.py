"""A diagnosis as JSON, and as CSV with a row for each unit."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from io import StringIO
from typing import Any

from actgrad.cli.answer import json_fields, json_number
from actgrad.cli.show.faults import dated_message
from actgrad.layers.diagnose import Diagnosis, Fault, NetworkDiagnosis

#: The columns of the CSV, and of each unit in the JSON.
UNIT_NUMBERS = ("mean", "std", "low", "high", "slope", "slope_square")
UNIT_COUNTS = ("samples", "nan", "inf", "zeros", "stopped", "small_slopes")
#: The histograms in the JSON, and of what they are.
HISTOGRAMS = {
    "histogram": "histogram",
    "out_histogram": "outs",
    "slope_histogram": "slopes",
    "gradient_histogram": "gradients",
}


def unit_rows(diagnosis: Diagnosis) -> Iterator[dict[str, Any]]:
    """The numbers of each unit, and the rules that name it."""
    units = diagnosis.units
    columns: dict[str, list[Any]] = {name: units.counts[name].tolist() for name in UNIT_COUNTS}
    columns |= {name: getattr(units, name).tolist() for name in UNIT_NUMBERS}
    if units.has_gradient:
        columns["gradient"] = units.gradient.tolist()
    at_fault: dict[int, list[str]] = {}
    for finding in (*diagnosis.findings, *diagnosis.consequences):
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
    before = network.last_finite
    whole = {
        "command": "diagnose",
        "layers": [layer.name or layer.layer for layer in network.layers],
        "ok": network.ok,
        "judged": network.is_judged,
        "steps": network.recorded,
        **described_step(network),
        "last_finite": None if before is None else described_step(before),
    }
    return json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n"


def described_step(network: NetworkDiagnosis) -> dict[str, Any]:
    """The network at one step, for JSON."""
    return {
        "step": network.step,
        "findings": list(map(described_fault, network.findings)),
        "diagnoses": list(map(described_layer, network.layers)),
    }


def described_fault(finding: Fault) -> dict[str, Any]:
    """A finding, for JSON."""
    return {
        "rule": finding.rule.name,
        "message": dated_message(finding),
        "advice": " ".join(filter(None, (finding.numbers, finding.advice))),
        "source": finding.rule.source,
        "units": list(finding.units),
        "since": finding.since,
        "cause": finding.cause or None,
    }


def described_layer(diagnosis: Diagnosis) -> dict[str, Any]:
    """A layer's numbers, findings, histogram and units, for JSON."""
    findings = list(map(described_fault, diagnosis.findings))
    consequences = list(map(described_fault, diagnosis.consequences))
    histograms = {
        head: [
            {"low": json_number(low), "high": json_number(high), "count": count}
            for low, high, count in diagnosis.units.histogram(name)
        ]
        for head, name in HISTOGRAMS.items()
        if name != "gradients" or diagnosis.units.has_gradient
        if name != "outs" or diagnosis.given == "x"
    }
    rows = list(map(json_fields, unit_rows(diagnosis)))
    parts = {"note": diagnosis.note, "findings": findings, "consequences": consequences}
    return layer_numbers(diagnosis) | parts | histograms | {"unit": rows}


def layer_numbers(diagnosis: Diagnosis) -> dict[str, Any]:
    """The numbers of a layer as a whole."""
    units = diagnosis.units
    mean, std = units.overall
    numbers: dict[str, Any] = {
        "name": diagnosis.name,
        "layer": diagnosis.layer,
        "step": diagnosis.step,
        "ok": diagnosis.ok,
        "judged": diagnosis.is_judged,
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
