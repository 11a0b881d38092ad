"""The page of a diagnosis: heat maps of layers × steps, with the histograms of every cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from typing import NamedTuple

from actgrad.cli.page.frame import html_of
from actgrad.cli.page.reports import report_page
from actgrad.cli.show import diagnosis_parts, layer_verdict, merged_bins, numeral
from actgrad.layers.diagnose import NOT_FINITE, Diagnosis, NetworkDiagnosis

#: The most steps that a heat map shows, evenly chosen; the last is one of them.
STEPS = 40
#: The share of the colour in the strongest cell: the text on it stays readable.
STRONGEST = 55
#: The strength of the colour where a rule fires, whatever the share of the units.
FIRES = 0.4
#: A mean |dx| that differs from the last layer's by so many powers of ten has the strongest colour.
POWERS = 6
#: The size of a histogram, and the height of the line below it.
WIDTH, HEIGHT, BELOW = 240, 70, 16
#: The units in a row of their chart, the size of a unit, and the place of the row's first number.
ROW, SIZE, LEFT = 50, 14, 40
#: The most units that a chart shows.
MOST = 5000
#: The longest name of an array in the title.
LONGEST = 80


class Shade(NamedTuple):
    """What a cell of a heat map shows: its text, its colour, and the colour's strength, 0 to 1."""

    text: str
    colour: str
    strength: float


def diagnosis_page(network: NetworkDiagnosis, subject: str = "", is_detailed: bool = False) -> str:
    """A diagnosis on a page: the verdict, the heat maps, the table of layers, the findings.

    `subject` names what was diagnosed. A detailed page shows every unit.
    """
    title = title_of(network, subject)
    verdict, *rest = map(html_of, diagnosis_parts(network))
    charts = [unit_chart(layer) for layer in network.layers if is_detailed]
    body = [f"<h1>{escape(title)}</h1>", verdict, *heat_maps(network), *charts, *rest]
    return report_page(title, body)


def title_of(network: NetworkDiagnosis, subject: str) -> str:
    """The title: what was diagnosed, how many layers, and which steps."""
    count = len(network.layers)
    single = network.layers[0].name or network.layers[0].layer
    facts = [f"{count} layers" if count > 1 else f"layer {single}"]
    if len(network.recorded) > 1:
        facts.append(f"steps {network.recorded[0]} to {network.recorded[-1]}")
    elif network.recorded:
        facts.append(f"step {network.recorded[0]}")
    name = f" {subject}" if 0 < len(subject) <= LONGEST else ""
    return f"diagnose{name}: {', '.join(facts)}"


def heat_maps(network: NetworkDiagnosis) -> Iterator[str]:
    """A heat map of the findings, and one of the gradients where they are known."""
    yield "<h2>Findings by layer and step</h2>"
    yield (
        "<p>Each cell is a layer at a step: its gravest finding and the share of the units at"
        " fault, or the share that is dead or saturated where no rule fires. Point at a cell, or"
        " move to it with the tab key, to see its histograms.</p>"
    )
    yield heat_map(network.steps, at_fault)
    if any(each.units.has_gradient for layer in network.steps for each in layer):
        yield "<h2>Mean |dx|</h2>"
        yield (
            "<p>The further a number is from that of the last layer at the same step, the stronger"
            f" its colour: up to a factor of 1e±{POWERS}.</p>"
        )
        yield heat_map(network.steps, partial(gradient, last_gradients(network)))


def at_fault(diagnosis: Diagnosis) -> Shade:
    """The gravest finding and the share of the units at fault."""
    units = diagnosis.units
    if diagnosis.ok and diagnosis.consequences:
        return Shade(f"from {escape(diagnosis.consequences[0].cause)}", "--down", FIRES / 2)
    if diagnosis.ok and not diagnosis.is_judged:
        return Shade(layer_verdict(diagnosis), "--down", 0.0)
    if diagnosis.ok:
        share = int((units.dead | units.saturated).sum()) / units.units
        return Shade(f"{share:.0%}", "--down", share)
    fault = diagnosis.findings[0]
    name = fault.rule.name.removesuffix("-units").removesuffix("-gradient")
    if fault.rule == NOT_FINITE:
        return Shade(name, "--odd", 1.0)
    share = len(fault.units) / units.units
    text = f"{name} {share:.0%}" if fault.units else name
    return Shade(text, "--down", max(share, FIRES))


def last_gradients(network: NetworkDiagnosis) -> dict[int | None, float]:
    """By step, the mean |dx| of the last layer with a gradient."""
    return {
        each.step: each.units.mean_gradient
        for layer in network.steps
        for each in layer
        if each.units.has_gradient
    }


def gradient(last: Mapping[int | None, float], diagnosis: Diagnosis) -> Shade:
    """The mean |dx|, and how far it is from that of the last layer."""
    if not diagnosis.units.has_gradient:
        return Shade("", "--slope", 0.0)
    size, reference = diagnosis.units.mean_gradient, last[diagnosis.step]
    if not math.isfinite(size):
        return Shade(numeral(size, 2), "--odd", 1.0)
    powers = abs(math.log10(size) - math.log10(reference)) if size and reference > 0 else POWERS
    return Shade(numeral(size, 2), "--slope", min(powers / POWERS, 1.0))


def unit_chart(diagnosis: Diagnosis) -> str:
    """A square for each unit: the share of its samples in which the gradient is stopped."""
    shares = diagnosis.units.share("stopped")[:MOST].tolist()
    squares = []
    for unit, share in enumerate(shares):
        row, column = divmod(unit, ROW)
        if not column:
            squares.append(f'<text x="0" y="{(row + 1) * SIZE - 3}">{unit}</text>')
        squares.append(
            f'<rect x="{LEFT + column * SIZE}" y="{row * SIZE}" width="{SIZE - 1}"'
            f' height="{SIZE - 1}" class="grid" style="fill: {mixed("--down", share, 100)}">'
            f"<title>unit {unit}: {share:.1%}</title></rect>"
        )
    name = escape(diagnosis.name or diagnosis.layer)
    width, height = LEFT + ROW * SIZE, (len(shares) + ROW - 1) // ROW * SIZE
    first = f" of the first {MOST} units" if diagnosis.units.units > MOST else ""
    return (
        f"<h2>The units of {name}</h2><p>The share of the samples{first} in which the gradient is"
        " stopped: from no colour at 0 % to the full colour at 100 %.</p>"
        f'<div class="wide plain"><svg viewBox="0 0 {width} {height}" width="{width}" role="img"'
        f' aria-label="the units of {name}">{"".join(squares)}</svg></div>'
    )


def mixed(colour: str, share: float, strongest: int = STRONGEST) -> str:
    """The colour over the ground, in CSS."""
    return f"color-mix(in srgb, var({colour}) {strongest * share:.0f}%, var(--ground))"


def heat_map(
    layers: Sequence[Sequence[Diagnosis]],
    shown: Callable[[Diagnosis], Shade],
) -> str:
    """A table with a row for each layer and a column for each step."""
    steps = sorted({each.step for layer in layers for each in layer if each.step is not None})
    stride = math.ceil(len(steps) / STEPS) or 1
    columns: list[int | None] = [*steps[::-1][::stride][::-1]] or [None]
    heads = "".join(f'<th scope="col">{"" if k is None else f"step {k}"}</th>' for k in columns)
    rows = []
    for layer in layers:
        by_step = {each.step: each for each in layer}
        cells = "".join(heat_cell(by_step.get(k), shown) for k in columns)
        name = escape(layer[-1].name or layer[-1].layer)
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return (
        f'<div class="wide"><table class="heat"><thead><tr><th scope="col">layer</th>{heads}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def heat_cell(diagnosis: Diagnosis | None, shown: Callable[[Diagnosis], Shade]) -> str:
    """A cell, and what appears when it is pointed at or focused."""
    if diagnosis is None:
        return "<td></td>"
    text, colour, strength = shown(diagnosis)
    step = "" if diagnosis.step is None else f", step {diagnosis.step}"
    title = f"{diagnosis.name or diagnosis.layer}{step}: {layer_verdict(diagnosis)}"
    drawings = "".join(
        histogram_svg(head, merged_bins(bins)) for head, bins in diagnosis.histograms.items()
    )
    return (
        f'<td tabindex="0" style="background: {mixed(colour, strength)}">{text}'
        f'<div class="tip"><strong>{escape(title)}</strong>{drawings}</div></td>'
    )


def histogram_svg(head: str, bins: Sequence[tuple[float, float, int]]) -> str:
    """Bars of equal width, of which each stands for a bin; the ends are written below."""
    most = max((count for *_, count in bins), default=0) or 1
    width = WIDTH / len(bins)
    bars = "".join(
        f'<rect class="bar" x="{k * width:.1f}" y="{HEIGHT * (1 - count / most):.1f}"'
        f' width="{width - 1:.1f}" height="{HEIGHT * count / most:.1f}">'
        f"<title>{numeral(low, 3)} … {numeral(high, 3)}: {count}</title></rect>"
        for k, (low, high, count) in enumerate(bins)
    )
    ends = (
        f'<text x="0" y="{HEIGHT + BELOW - 3}">{numeral(bins[0][0], 3)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + BELOW - 3}" text-anchor="end">'
        f"{numeral(bins[-1][1], 3)}</text>"
    )
    return (
        f'<div>{head}<svg viewBox="0 0 {WIDTH} {HEIGHT + BELOW}" width="{WIDTH}"'
        f' role="img" aria-label="histogram of {head}">{bars}{ends}</svg></div>'
    )
