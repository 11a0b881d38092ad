"""A panel of a plot, lines and marks over one pair of axes, and how a terminal shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from actgrad.cli.show.axis import Axis, axis_between, rounded_axis
from actgrad.cli.show.folding import fold
from actgrad.cli.show.page import Page, numeral
from actgrad.cli.show.raster import Raster, stroke
from actgrad.layers.arrays import Array
from actgrad.layers.explain import Curve

if TYPE_CHECKING:
    from rich.text import Text

#: The columns of the widest plot, of the narrowest raster, and for the label of a tick.
WIDEST, LEAST, PER_TICK = 96, 8, 9
#: The least span of an axis, and how far from 0 it may end: the span of a plot must not overflow.
LEAST_SPAN, FARTHEST = 1e-318, 8e307
#: The value at a break, and a limit that is not attained.
CLOSED, OPEN = "●", "○"
#: A mark at a wrong result.
WRONG = "✗"


class Marks(NamedTuple):
    """Points that are drawn as one character each."""

    x: Array
    y: Array
    char: str
    style: str


class Panel(NamedTuple):
    """Curves and marks, all finite, over one pair of axes."""

    title: str
    curves: Sequence[Curve]
    marks: Sequence[Marks] = ()

    @property
    def x_ends(self) -> tuple[float, float]:
        """The least and the greatest x; a span of 0 is widened."""
        x = np.concatenate([*(each.x for each in self.curves), *(each.x for each in self.marks)])
        return drawable(float(x.min()), float(x.max()))

    @property
    def y_ends(self) -> tuple[float, float]:
        """The least and the greatest finite y."""
        pieces = [y for curve in self.curves for _, y in curve.pieces()]
        y = np.concatenate([*pieces, *(each.y for each in self.marks)])
        y = y[np.isfinite(y)]
        return drawable(float(y.min()), float(y.max())) if y.size else (0.0, 1.0)


def drawable(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, whose distance can be divided."""
    if not high - low > LEAST_SPAN:
        low, high = low - 1, high + 1
    return max(low, -FARTHEST), min(high, FARTHEST)


def panel_text(panel: Panel, page: Page, rows: int) -> Text:
    """The panel in about that many rows of the page, its title and its x axis besides."""
    # Imported here, because files of plots need no Rich.
    from rich.text import Text

    vertical = rounded_axis(*panel.y_ends, max(rows // 2, 2))
    intervals = len(vertical.ticks) - 1
    # The ticks are equally many rows apart.
    rows = intervals * max(round((rows - 1) / intervals), 1) + 1
    labels = [numeral(tick, 4) for tick in vertical.ticks]
    margin = max(map(len, labels))
    columns = max(min(page.width, WIDEST) - margin - 2, LEAST)
    horizontal = axis_between(*panel.x_ends, max(columns // PER_TICK, 1))
    raster = Raster(columns, rows, page.has_braille)
    draw(panel, raster, horizontal, vertical)
    ticks = [raster.row(vertical.share(tick)) for tick in vertical.ticks]
    at = dict(zip(ticks, labels, strict=True))
    text = Text("\n".join(fold(panel.title, page.width)), "dim")
    zeros = zero_places(raster, horizontal, vertical)
    for row, line in enumerate(raster.lines(*zeros)):
        label = at.get(row, "")
        text.append(f"\n{label:>{margin}} {'┤' if label else '│'}").append(line)
    return text.append(f"\n{x_axis(horizontal, raster, margin)}")


def zero_places(raster: Raster, horizontal: Axis, vertical: Axis) -> tuple[int | None, int | None]:
    """The row and the column of the axes through 0, where these are inside."""
    shares = vertical.share(0), horizontal.share(0)
    places = raster.row(shares[0]), raster.column(shares[1])
    row, column = (p if 0 < s < 1 else None for p, s in zip(places, shares, strict=True))
    return row, column


def draw(panel: Panel, raster: Raster, horizontal: Axis, vertical: Axis) -> None:
    """Draw the curves, the ends at their breaks, and the marks."""
    for series, curve in enumerate(panel.curves):
        for x, y in curve.pieces():
            if x.size:
                raster.line(horizontal.share(x), vertical.share(y), series)
    closed, unattained = (CLOSED, OPEN) if raster.high > 1 else ("@", "o")
    for series, curve in enumerate(panel.curves):
        for point in curve.breaks:
            across, colour = horizontal.share(point.x), stroke(series).colour
            for limit in (point.left, point.right):
                raster.mark(across, vertical.share(limit), unattained, colour)
            raster.mark(across, vertical.share(point.here), closed, colour)
    for marks in panel.marks:
        places = zip(horizontal.share(marks.x), vertical.share(marks.y), strict=True)
        for place in places:
            raster.mark(float(place[0]), float(place[1]), marks.char, marks.style)


def x_axis(horizontal: Axis, raster: Raster, margin: int) -> str:
    """The line below a panel with its ticks, and their labels below it."""
    line, below = ["─"] * raster.columns, [" "] * (raster.columns + margin + 8)
    for tick in horizontal.ticks:
        column, label = raster.column(horizontal.share(tick)), numeral(tick, 4)
        line[column] = "┬"
        centred = margin + 2 + column - (len(label) - label.startswith("-")) // 2
        start = min(centred, margin + 2 + raster.columns - len(label))
        if "".join(below[max(start - 1, 0) : start + len(label) + 1]).strip() == "":
            below[start : start + len(label)] = label
    return f"{'':>{margin}} └{''.join(line)}\n{''.join(below).rstrip()}"


def legend(names: Sequence[str], page: Page) -> Text:
    """Each series' name behind a piece of its line."""
    from rich.text import Text

    text, column = Text(), 0
    for series, name in enumerate(names):
        sample = Raster(4, 1, page.has_braille)
        sample.line(np.array([0.0, 1.0]), np.array([0.5, 0.5]), series)
        if column and column + len(name) + 7 > page.width:
            text.append("\n")
            column = 0
        elif column:
            text.append("  ")
        text.append(sample.lines(None, None)[0]).append(f" {name}")
        column += len(name) + 7
    return text
