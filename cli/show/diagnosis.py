"""A diagnosis as a table with findings, and as the parts of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import IO

from rich.text import Text

from actgrad.cli.answer import TextAnswer
from actgrad.cli.show.diagnosis_json import diagnosis_csv, diagnosis_json
from actgrad.cli.show.faults import (
    NOT_JUDGED,
    finding_blocks,
    layer_rules,
    layer_verdict,
    listed,
    rule_names,
)
from actgrad.cli.show.layer_table import TEXTS, heads_of, show_rows, table_rows
from actgrad.cli.show.page import Page
from actgrad.cli.show.parts import Heading, Items, Paragraph, Part, Rows, markdown_of
from actgrad.cli.show.units import show_units
from actgrad.layers.diagnose import Diagnosis, NetworkDiagnosis


def diagnosis_answer(network: NetworkDiagnosis, detailed: bool = False) -> TextAnswer:
    """The diagnosis in every format of `actgrad diagnose`; a `detailed` table shows every unit."""
    texts: dict[str, Callable[[], str]] = {
        "json": partial(diagnosis_json, network),
        "csv": partial(diagnosis_csv, network),
        "markdown": lambda: markdown_of(diagnosis_parts(network)),
    }
    show = partial(show_diagnosis, network, detailed)
    return TextAnswer("diagnose", show, texts, summary_line(network))


def summary_line(network: NetworkDiagnosis) -> str:
    """The last line: the verdict, and what it rests on."""
    layers = len(network.layers)
    at = "" if network.step is None else f" at step {network.step}"
    if layers == 1 and not network.findings:
        return layer_summary(network.layers[0], at)
    failed = sum(not layer.ok for layer in network.layers)
    affected = sum(layer.ok and bool(layer.consequences) for layer in network.layers)
    unjudged = sum(layer_verdict(layer) == NOT_JUDGED for layer in network.layers)
    ok = layers - failed - affected - unjudged
    counts = f"{layers} layer{'s' * (layers > 1)}{at}: {ok} ok"
    counts += f", {unjudged} {NOT_JUDGED}" if unjudged else ""
    counts += f", {affected} affected by others" if affected else ""
    counts += f", {failed} FAILED ({layer_rules(network)})" if failed else ""
    whole = f"; the network FAILED ({rule_names(network)})" if network.findings else ""
    before = network.last_finite
    if before is not None and not before.ok:
        names = filter(None, (rule_names(before), layer_rules(before)))
        whole += f"; at step {before.step}: {', '.join(names)}"
    return counts + whole


def layer_summary(diagnosis: Diagnosis, at: str) -> str:
    """The verdict on a single layer."""
    units, faults = diagnosis.units, len(diagnosis.findings)
    verdict = "ok, no finding" if diagnosis.is_judged else NOT_JUDGED
    if faults:
        verdict = f"FAILED, {faults} finding{'s' * (faults > 1)} ({rule_names(diagnosis)})"
    elif diagnosis.consequences:
        verdict = f"ok, but affected: {rule_names(diagnosis)}"
    fewest, most = int(units.samples.min()), int(units.samples.max())
    samples = f"{fewest} sample" if fewest == most else f"{fewest} to {most} sample"
    samples += "s" * (most > 1)
    count = f"{units.units} unit{'s' * (units.units > 1)}"
    name = diagnosis.layer
    if diagnosis.name not in {"", diagnosis.layer}:
        name = f"{diagnosis.name} ({diagnosis.layer})"
    return f"{name}{at}: {verdict}; {count} of {samples}, {units.dtype.name}"


def step_line(network: NetworkDiagnosis) -> str:
    """Which step the table is of, and which steps are known; empty where no step is."""
    if network.step is None:
        return ""
    if len(network.recorded) == 1:
        return f"step {network.step}, the only one recorded"
    steps = listed(list(map(str, network.recorded)))
    return f"step {network.step}; recorded: {steps} (--step N shows another)"


def finite_line(network: NetworkDiagnosis) -> str:
    """The heading of the report on the last step with finite numbers."""
    return f"step {network.step}, the last with finite numbers only"


def notes(network: NetworkDiagnosis) -> Iterator[str]:
    """What could not be judged, each reason once, and what another recording would show."""
    for note in dict.fromkeys(layer.note for layer in network.layers if layer.note):
        yield (
            note
            if network.step is None
            else (f"{note} at this step: record a larger batch, or more rows by --samples")
        )
    before = network.last_finite
    if before is not None and before.step is not None and network.step is not None:
        following = next(step for step in network.recorded if step > before.step)
        if following > before.step + 1:
            yield (
                f"nothing was recorded between the steps {before.step} and {following}:"
                " actgrad record --every with a smaller number shows where the first nan is"
            )


def show_diagnosis(network: NetworkDiagnosis, detailed: bool, file: IO[str]) -> None:
    """Print the table, the findings, and the verdict as the last line."""
    page = Page(file)
    if line := step_line(network):
        page.print(Text(page.fold(line), "dim"))
    show_layers(network, detailed, page)
    if network.last_finite is not None:
        page.print("")
        page.print(Text(page.fold(finite_line(network.last_finite)), "bold"))
        show_layers(network.last_finite, detailed, page)
    has_more = detailed or any(finding_blocks(network)) or network.last_finite is not None
    if has_more or any(notes(network)):
        page.print("")
    for note in notes(network):
        page.print(Text(page.fold(f"note: {note}")))
    style = "bold red"
    if network.ok:
        style = "bold green" if network.is_judged else "bold yellow"
    page.print(Text(page.fold(summary_line(network)), style))


def show_layers(network: NetworkDiagnosis, detailed: bool, page: Page) -> None:
    """Print the table, each unit of a `detailed` report, and the findings."""
    show_rows(network, page)
    for layer in network.layers if detailed else ():
        show_units(layer, page)
    for first, *rest in finding_blocks(network):
        page.print("")
        page.print(Text(page.fold(first), "red"))
        for line in rest:
            page.print(Text(page.fold(f"  {line}", "    ")))


def diagnosis_parts(network: NetworkDiagnosis) -> Iterator[Part]:
    """The verdict, the table of the layers, the findings and the notes."""
    yield Paragraph(summary_line(network), is_verdict=True)
    if line := step_line(network):
        yield Paragraph(line)
    yield from layer_parts(network)
    if network.last_finite is not None:
        yield Heading(2, finite_line(network.last_finite))
        yield from layer_parts(network.last_finite)
    for note in notes(network):
        yield Paragraph(f"note: {note}")


def layer_parts(network: NetworkDiagnosis) -> Iterator[Part]:
    """The table of the layers, with the verdict beside the layer, and the findings."""
    rows = table_rows(network)
    heads = heads_of(rows)
    heads.insert(heads.index("layer") + 1, heads.pop())
    # Between no-break spaces, a sparkline stays in one line.
    cells = [
        [row.get(head, "").replace(" ", " " if head == "verdict" else "\u00a0") for head in heads]
        for row in rows
    ]
    yield Rows(heads, cells, [head for head in heads if head not in TEXTS])
    for first, *rest in finding_blocks(network):
        yield Heading(2, first)
        yield Items(rest)
