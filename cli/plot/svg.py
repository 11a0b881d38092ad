"""A figure as SVG, in one file without references, for light and dark grounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from actgrad.cli.show import (
    STROKES,
    WRONG,
    Axis,
    Panel,
    axis_between,
    numeral,
    rounded_axis,
    stroke,
)
from actgrad.layers.arrays import Array
from actgrad.layers.explain import Curve

if TYPE_CHECKING:
    from actgrad.cli.plot.figure import Figure

#: Sizes in pixels: the document's width, a panel's height, and the margins to the left and to the
#: right of panels, above each and below it.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 240, 64, 24, 30, 44
#: The height of a row of the legend, and the width of a sample of a line with its gaps.
ROW, SAMPLE = 26, 44
#: The most ticks of an axis.
X_TICKS, Y_TICKS = 10, 6
#: The lengths of dashes in pixels per braille dot.
DASH = 2
SHAPES = """.plot text { font: 13px system-ui, sans-serif }
.plot .title { font-weight: 600 }
.plot .x { text-anchor: middle }
.plot .y { text-anchor: end }
.plot .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round }
.plot .end { stroke-width: 1.8 }
.plot .mark { fill: none; stroke-width: 2 }
.plot .limit { stroke-dasharray: 6 4 }
"""
#: Colours on a light and on a dark ground, by what they are for.
LIGHT = {
    ".ground": "fill: #fff",
    "text": "fill: #1f2328",
    ".grid": "stroke: #d8dee4",
    ".zero": "stroke: #6e7781",
    ".open": "fill: #fff",
    ".limit": "stroke: #b42318",
    ".mark.wrong": "stroke: #b42318",
    ".mark.right": "stroke: #0063b1",
    ".dot.wrong": "fill: #b42318",
    ".dot.right": "fill: #0063b1",
}
DARK = {
    ".ground": "fill: #0d1117",
    "text": "fill: #e6edf3",
    ".grid": "stroke: #30363d",
    ".zero": "stroke: #8b949e",
    ".open": "fill: #0d1117",
    ".limit": "stroke: #ff9b8f",
    ".mark.wrong": "stroke: #ff9b8f",
    ".mark.right": "stroke: #5cb3ff",
    ".dot.wrong": "fill: #ff9b8f",
    ".dot.right": "fill: #5cb3ff",
}


def rules_of(ground: str) -> dict[str, str]:
    """The rules that give each series its colour on a light or a dark ground."""
    rules = {}
    for number, each in enumerate(STROKES):
        colour = getattr(each, ground)
        rules[f".s{number}"] = f"stroke: {colour}"
        rules[f".s{number}.closed"] = f"fill: {colour}"
    return rules


def style() -> str:
    """The style sheet; a reader's dark scheme changes the colours alone."""
    light, dark = (
        # Every rule is for plots alone, because a page or a notebook has other drawings.
        "".join(f".plot {selector} {{ {rule} }}\n" for selector, rule in rules.items())
        for rules in (LIGHT | rules_of("light"), DARK | rules_of("dark"))
    )
    return f"\n{SHAPES}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def figure_svg(figure: Figure) -> str:
    """The whole document."""
    rows = list(legend_rows(figure.layers))
    above = ROW * len(rows) + 8
    height = above + (HEIGHT + TOP + BOTTOM) * len(figure.panels)
    parts = [part for row, line in enumerate(rows) for part in legend_row(line, ROW * row + 20)]
    for place, panel in enumerate(figure.panels):
        parts += panel_parts(panel, above + (HEIGHT + TOP + BOTTOM) * place + TOP)
    return svg_document(figure.title, height, parts)


def svg_document(title: str, height: float, parts: Iterable[str]) -> str:
    """A drawing of that height, with a title for readers who do not see it."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH} {height:g}"'
        f' width="{WIDTH}" height="{height:g}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{style()}</style>\n"
        f'<rect class="ground" width="100%" height="100%"/>\n{body}\n</svg>\n'
    )


def legend_rows(names: Sequence[str]) -> Iterator[list[tuple[int, int, str]]]:
    """The names in rows that fit: each with its series and its x."""
    row: list[tuple[int, int, str]] = []
    x = LEFT
    for series, name in enumerate(names):
        width = SAMPLE + 8 * len(name) + 16
        if row and x + width > WIDTH:
            yield row
            row, x = [], LEFT
        row.append((series, x, name))
        x += width
    yield row


def legend_row(row: list[tuple[int, int, str]], y: int) -> Iterator[str]:
    """Each name of the row behind a sample of its line."""
    for series, x, name in row:
        yield line_path(f"M{x} {y - 4}h{SAMPLE - 12}", series)
        yield f'<text x="{x + SAMPLE - 4}" y="{y}">{escape(name)}</text>'


class GridLine(NamedTuple):
    """A line of the grid: where it is in pixels, and its label."""

    place: float
    label: str
    is_zero: bool


def grid_parts(
    titles: tuple[str, str], across: Iterable[GridLine], up: Iterable[GridLine], top: int
) -> Iterator[str]:
    """The grid of a panel with its labels; `titles` are those of the panel and of its x."""
    right, bottom = WIDTH - RIGHT, top + HEIGHT
    yield f'<text class="title" x="{LEFT}" y="{top - 10}">{escape(titles[0])}</text>'
    for x, label, is_zero in across:
        yield f'<path class="{"zero" if is_zero else "grid"}" d="M{x:.1f} {top}V{bottom}"/>'
        yield f'<text class="x" x="{x:.1f}" y="{bottom + 18}">{escape(label)}</text>'
    for y, label, is_zero in up:
        yield f'<path class="{"zero" if is_zero else "grid"}" d="M{LEFT} {y:.1f}H{right}"/>'
        yield f'<text class="y" x="{LEFT - 8}" y="{y + 4:.1f}">{escape(label)}</text>'
    middle = (LEFT + right) / 2
    yield f'<text class="x" x="{middle:g}" y="{bottom + 36}">{escape(titles[1])}</text>'


def panel_parts(panel: Panel, top: int) -> Iterator[str]:
    """The grid, the axes' numbers, the curves, the ends at their breaks, and the marks."""
    across, up = axis_between(*panel.x_ends, X_TICKS), rounded_axis(*panel.y_ends, Y_TICKS)
    x, y = (across, LEFT, WIDTH - RIGHT), (up, top + HEIGHT, top)
    columns, rows = (
        [
            GridLine(float(pixels(over, tick, *ends)), numeral(tick), tick == 0)
            for tick in over.ticks
        ]
        for over, *ends in (x, y)
    )
    yield from grid_parts((panel.title, "x"), columns, rows, top)
    for series, curve in enumerate(panel.curves):
        yield from curve_parts(curve, series, x, y)
    for marks in panel.marks:
        places = zip(pixels(across, marks.x, *x[1:]), pixels(up, marks.y, *y[1:]), strict=True)
        for column, row in places:
            yield mark_part(marks.char == WRONG, "", True, float(column), float(row))


def mark_part(is_wrong: bool, text: str, is_element: bool, x: float, y: float) -> str:
    """A cross for an element, else a dot; a reader who points at it sees the text."""
    title = f"<title>{escape(text)}</title>" if text else ""
    kind = "wrong" if is_wrong else "right"
    if is_element:
        shape = f"M{x - 4:.1f} {y - 4:.1f}l8 8m-8 0l8 -8"
        return f'<path class="mark {kind}" d="{shape}">{title}</path>'
    return f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3">{title}</circle>'


def curve_parts(
    curve: Curve, series: int, x: tuple[Axis, float, float], y: tuple[Axis, float, float]
) -> Iterator[str]:
    """The pieces of a curve; at a break an open circle for each limit, a closed one for the value.

    x and y are the axes, each with the pixels of its low and its high end.
    """
    for pieces in curve.pieces():
        columns, rows = (
            pixels(over[0], values, *over[1:]) for over, values in zip((x, y), pieces, strict=True)
        )
        points = (f"{column:.1f} {row:.1f}" for column, row in zip(columns, rows, strict=True))
        if path := "L".join(points):
            yield line_path(f"M{path}", series)
    for point in curve.breaks:
        column = pixels(x[0], point.x, *x[1:])
        for kind, value in (("open", point.left), ("open", point.right), ("closed", point.here)):
            row = pixels(y[0], value, *y[1:])
            yield f'<circle class="end {kind} s{series}" cx="{column:.1f}" cy="{row:.1f}" r="4"/>'


def line_path(path: str, series: int) -> str:
    """A line in the colour and the dashes of its series."""
    dash, gap = (DASH * length for length in stroke(series)[3:5])
    dashes = f' stroke-dasharray="{dash} {gap}"' if gap else ""
    return f'<path class="curve s{series % len(STROKES)}"{dashes} d="{path}"/>'


def pixels(over: Axis, values: float | Array, low: float, high: float) -> Array:
    """The pixels of values on an axis whose ends are at these pixels."""
    return np.asarray(low + (high - low) * over.share(np.asarray(values)))
