"""The table of a diagnosis: a row for each layer, with the columns that fit the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from rich.table import Table
from rich.text import Text

from actgrad.cli.show.faults import layer_verdict
from actgrad.cli.show.page import Page, numeral
from actgrad.layers.diagnose import Diagnosis, NetworkDiagnosis, UnitSummary

#: The heights of a histogram in one line; an empty bin is a space.
HEIGHTS = "▁▂▃▄▅▆▇█"
#: The most bins of such a histogram on each side of 0.
SIDE = 4
#: The columns of the table, in order.
HEADS = (
    "name", "layer", "step", "units", "dead", "saturated", "stopped", "mean", "std", "mean |dx|",
    "factor", "x", "out", "verdict",
)  # fmt: skip
#: The columns that hold no numbers.
TEXTS = {"name", "layer", "verdict", "x", "out"}
#: The columns that a narrow page has no place for, the first that is left out first.
LEFT_OUT = (
    "x", "out", "std", "mean", "stopped", "factor", "units", "layer", "saturated", "mean |dx|",
    "dead",
)  # fmt: skip
GAP = 2

_short = partial(numeral, digits=3)


def table_rows(network: NetworkDiagnosis) -> list[dict[str, str]]:
    """The rows of the table: heads and cells."""
    return [
        row_of(layer) | ({} if layer.step == network.step else {"step": str(layer.step)})
        for layer in network.layers
    ]


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
    return row | {diagnosis.given: sparkline(units), "verdict": layer_verdict(diagnosis)}


def heads_of(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """The heads of the rows, in the order of the columns."""
    return [head for head in HEADS if any(head in row for row in rows)]


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


def show_rows(network: NetworkDiagnosis, page: Page) -> None:
    """Print the table.

    On a narrow page a verdict takes several lines, then the columns of least importance are left
    out. The names and the verdicts stay.
    """
    rows = table_rows(network)
    styles = [verdict_style(layer) for layer in network.layers]
    heads = heads_of(rows)
    table = table_of(rows, heads, styles)
    if not page.fits(table):
        rows = [row | {"verdict": row["verdict"].replace(", ", ",\n")} for row in rows]
    gone = []
    removable = [head for head in LEFT_OUT if head in heads and not (head == "layer" == heads[0])]
    while not page.fits(table := table_of(rows, heads, styles)) and removable:
        gone.append(removable.pop(0))
        heads.remove(gone[-1])
    if page.fits(table):
        page.print(table)
    else:
        for line in verdict_lines(rows, page):
            page.print(Text(line))
    if gone:
        page.print(Text(page.fold(f"left out for lack of width: {', '.join(gone)}"), "dim"))


def table_of(
    rows: Sequence[Mapping[str, str]], heads: Sequence[str], styles: Sequence[str]
) -> Table:
    """The rows as a table; the last column is the verdict, each in its style."""
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for head in heads:
        table.add_column(head, justify="left" if head in TEXTS else "right", no_wrap=True)
    for row, style in zip(rows, styles, strict=True):
        *cells, verdict = [Text(row.get(head, "")) for head in heads]
        table.add_row(*cells, Text(str(verdict), style))
    return table


def verdict_lines(rows: Sequence[Mapping[str, str]], page: Page) -> Iterator[str]:
    """The name of each layer and its verdict, in lines that fit the page."""
    for row in rows:
        verdict = row["verdict"].replace("\n", " ")
        yield page.fold(f"{row.get('name', row['layer'])}: {verdict}")


def verdict_style(diagnosis: Diagnosis) -> str:
    """The style of a layer's verdict."""
    if not diagnosis.ok:
        return "bold red"
    return "yellow" if diagnosis.consequences or not diagnosis.is_judged else "bold green"
