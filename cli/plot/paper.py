"""A figure as `.png` or `.pdf`, drawn by matplotlib."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from actgrad.cli.answer import OutputError
from actgrad.cli.show import rounded_axis, stroke

if TYPE_CHECKING:
    from actgrad.cli.plot.figure import Figure

#: The size of a panel in inches, the dots per inch of a `.png`, and the most ticks of an axis.
WIDTH, HEIGHT, DPI, TICKS = 7.0, 2.8, 160, 6
#: The width of a line and the size of a marker in points.
LINE, MARKER = 1.6, 5.0


# matplotlib computes with the ends of axes, which may be as large as floats are.
@np.errstate(over="ignore")
def figure_file(figure: Figure, form: str) -> bytes:
    """The bytes of the file.

    Raises:
        OutputError: matplotlib is not installed.
    """
    # A notebook names its own backend there, which need not be installed; a file needs none.
    os.environ.pop("MPLBACKEND", None)
    try:
        from matplotlib.figure import Figure as Sheet
    except ImportError:
        hint = 'pip install "actgrad[plot]", or write .svg or .html'
        raise OutputError(f"matplotlib, which writes .{form}, is not installed", hint) from None
    count = len(figure.panels)
    sheet = Sheet(figsize=(WIDTH, HEIGHT * count + 0.4), layout="constrained")
    grid = sheet.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for panel, place in zip(figure.panels, grid, strict=True):
        for series, curve in enumerate(panel.curves):
            look = stroke(series)
            dashes = {"dashes": (look.dash, look.gap)} if look.gap else {}
            colour = {"color": look.light, "linewidth": LINE}
            for number, (x, y) in enumerate(curve.pieces()):
                place.plot(x, y, label="" if number else curve.layer, **colour, **dashes)
            for point in curve.breaks:
                ends = {"color": look.light, "markersize": MARKER, "zorder": 3}
                limits = [point.left, point.right]
                place.plot([point.x] * 2, limits, "o", markerfacecolor="white", **ends)
                place.plot([point.x], [point.here], "o", **ends)
        place.set_title(panel.title, loc="left", fontsize="medium")
        place.set_yticks(rounded_axis(*panel.y_ends, TICKS).ticks)
        place.set_xlim(*panel.x_ends)
        place.grid(True, color="#d8dee4", linewidth=0.6)
    grid[-1].set_xlabel("x")
    grid[0].legend(frameon=False, fontsize="small")
    stream = BytesIO()
    # Neither the version nor the date belongs into the file: the same figure gives the same bytes.
    metadata = {"Software": None} if form == "png" else {"CreationDate": None}
    sheet.savefig(stream, format=form, dpi=DPI, metadata=metadata)
    return stream.getvalue()
