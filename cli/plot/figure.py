"""Curves of layers, a panel for each order of the derivative, and the answer of `actgrad plot`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, NamedTuple

from actgrad.cli.answer import TextAnswer, json_number
from actgrad.cli.plot.svg import figure_svg
from actgrad.cli.show import Page, Panel, legend, panel_text
from actgrad.layers import ActgradError
from actgrad.layers.explain import Curve

#: What each order of the derivative is called.
TITLES = ("out", "∂out/∂x", "∂²out/∂x²")
#: The rows of a panel in a terminal: of a single one, and of several.
ALONE, STACKED = 16, 10


class PlotError(ActgradError):
    """The range or the order of a plot is not understood."""


class Figure(NamedTuple):
    """Panels over the same x, each with a curve for each layer."""

    layers: Sequence[str]
    panels: Sequence[Panel]

    @property
    def title(self) -> str:
        """What the figure shows, in a line."""
        what = " and ".join(panel.title for panel in self.panels)
        return f"{', '.join(self.layers)}: {what}"

    def show(self, file: IO[str]) -> None:
        """Print the legend, and the panels below one another."""
        page = Page(file)
        page.print(legend(self.layers, page))
        for panel in self.panels:
            page.print(panel_text(panel, page, STACKED if len(self.panels) > 1 else ALONE))

    def columns(self) -> dict[str, list[float]]:
        """x, and the y of each curve: `relu` for out, `relu.∂out/∂x` for its derivative."""
        curves = [curve for panel in self.panels for curve in panel.curves]
        named = {
            curve.layer + (f".{TITLES[curve.order]}" if curve.order else ""): curve.y
            for curve in curves
        }
        return {name: y.tolist() for name, y in {"x": curves[0].x, **named}.items()}

    def json(self) -> str:
        """The columns and the breaks of the curves, as one JSON object."""
        described = {
            "command": "plot",
            "layers": list(self.layers),
            "columns": {name: list(map(json_number, y)) for name, y in self.columns().items()},
            "breaks": [
                {"layer": curve.layer, "order": curve.order}
                | {name: json_number(value) for name, value in point._asdict().items()}
                for panel in self.panels
                for curve in panel.curves
                for point in curve.breaks
            ],
        }
        return json.dumps(described, ensure_ascii=False) + "\n"

    def csv(self) -> str:
        """A row for each x."""
        columns = self.columns()
        rows = [columns, *zip(*columns.values(), strict=True)]
        return "".join(",".join(map(str, row)) + "\n" for row in rows)


def figure_of(curves: Sequence[Curve]) -> Figure:
    """The figure with a panel for each order among the curves."""
    orders = dict.fromkeys(curve.order for curve in curves)
    panels = [Panel(TITLES[n], [curve for curve in curves if curve.order == n]) for n in orders]
    return Figure(list(dict.fromkeys(curve.layer for curve in curves)), panels)


def figure_answer(figure: Figure) -> TextAnswer:
    """The figure in every format of `actgrad plot`."""
    from actgrad.cli.plot.paper import figure_file

    texts: dict[str, Callable[[], str | bytes]] = {
        "json": figure.json,
        "csv": figure.csv,
        "svg": partial(figure_svg, figure),
        "png": partial(figure_file, figure, "png"),
        "pdf": partial(figure_file, figure, "pdf"),
    }
    return TextAnswer("plot", figure.show, texts)
