"""The page of a diagnosis: heat maps of layers × steps, with the histograms of every cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from actgrad.cli.page.frame import html_of
from actgrad.cli.page.reports import report_page
from actgrad.cli.show import diagnosis_parts, merged_bins, numeral, rule_names
from actgrad.layers.diagnose import Diagnosis, NetworkDiagnosis

#: The most steps that a heat map shows, evenly chosen; the last is one of them.
STEPS = 40
#: The share of the colour in the strongest cell: the text on it stays readable.
STRONGEST = 55
#: A mean |dx| that differs from 1 by so many powers of ten has the strongest colour.
POWERS = 10
#: The size of a histogram, and the height of the line below it.
WIDTH, HEIGHT, BELOW = 240, 70, 16


def diagnosis_page(network: NetworkDiagnosis) -> str:
    """A diagnosis on a page: the verdict, the heat maps, the table of layers, the findings."""
    verdict, *rest = map(html_of, diagnosis_parts(network))
    return report_page("diagnose", ["<h1>diagnose</h1>", verdict, *heat_maps(network), *rest])


def heat_maps(network: NetworkDiagnosis) -> Iterator[str]:
    """A heat map of the units at fault, and one of the gradients where they are known."""
    yield "<h2>Dead and saturated units</h2>"
    yield (
        "<p>Each cell is a layer at a step: the share of its units that are dead or saturated."
        " An exclamation mark says that a rule fires. Point at a cell, or move to it with the tab"
        " key, to see its histograms.</p>"
    )
    yield heat_map(network.steps, at_fault, "--down")
    if any(layer.units.has_gradient for layer in network.layers):
        yield "<h2>Mean |dx|</h2>"
        yield f"<p>The further from 1 a number is, the stronger its colour: up to 1e±{POWERS}.</p>"
        yield heat_map(network.steps, gradient, "--slope")


def at_fault(diagnosis: Diagnosis) -> tuple[float, str]:
    """The share of the units that are dead or saturated, as a colour and as text."""
    units = diagnosis.units
    share = int((units.dead | units.saturated).sum()) / units.units
    return share, f"{share:.0%}{'' if diagnosis.ok else ' !'}"


def gradient(diagnosis: Diagnosis) -> tuple[float, str]:
    """How far the mean |dx| is from 1, as a colour, and the number."""
    if not diagnosis.units.has_gradient:
        return 0.0, ""
    size = diagnosis.units.mean_gradient
    powers = abs(math.log10(size)) if 0 < size < math.inf else POWERS
    return min(powers / POWERS, 1.0), numeral(size, 2)


def heat_map(
    layers: Sequence[Sequence[Diagnosis]],
    shown: Callable[[Diagnosis], tuple[float, str]],
    colour: str,
) -> str:
    """A table with a row for each layer and a column for each step."""
    steps = sorted({each.step for layer in layers for each in layer if each.step is not None})
    stride = math.ceil(len(steps) / STEPS) or 1
    columns: list[int | None] = [*steps[::-1][::stride][::-1]] or [None]
    heads = "".join(f'<th scope="col">{"" if k is None else f"step {k}"}</th>' for k in columns)
    rows = []
    for layer in layers:
        by_step = {each.step: each for each in layer}
        cells = "".join(heat_cell(by_step.get(k), shown, colour) for k in columns)
        name = escape(layer[-1].name or layer[-1].layer)
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return (
        f'<div class="wide"><table class="heat"><thead><tr><th scope="col">layer</th>{heads}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def heat_cell(
    diagnosis: Diagnosis | None, shown: Callable[[Diagnosis], tuple[float, str]], colour: str
) -> str:
    """A cell, and what appears when it is pointed at or focused."""
    if diagnosis is None:
        return "<td></td>"
    share, text = shown(diagnosis)
    mixed = f"color-mix(in srgb, var({colour}) {STRONGEST * share:.0f}%, var(--ground))"
    step = "" if diagnosis.step is None else f", step {diagnosis.step}"
    title = f"{diagnosis.name or diagnosis.layer}{step}: {rule_names(diagnosis) or 'ok'}"
    drawings = "".join(
        histogram_svg(head, merged_bins(bins)) for head, bins in diagnosis.histograms.items()
    )
    return (
        f'<td tabindex="0" style="background: {mixed}">{text}'
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
