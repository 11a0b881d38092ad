"""A plot of backward and the numerical derivative, with their differences marked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from rich.text import Text

from actgrad.cli.show.page import Page
from actgrad.cli.show.panel import WRONG, Marks, Panel, panel_text
from actgrad.layers.arrays import Array
from actgrad.layers.check import GradientCurve

#: The rows of the plot.
ROWS = 9
#: A gradient that varies less is a constant with rounding errors.
FLAT = 1e-6
DERIVATIVE, BOTH = "○", "•"


class Plot(NamedTuple):
    """A plot, and whether backward and the derivative differ in it."""

    text: Text
    shows_difference: bool


def scatter(curve: GradientCurve, page: Page) -> Plot | None:
    """The plot: `•` where both agree; else `✗` for backward and `○` for the derivative.

    Points that are not finite are left out. There is none of two constants.
    """
    finite = np.isfinite(curve.backward) & np.isfinite(curve.derivative)
    x, backward, derivative = (column[finite] for column in curve[:3])
    if not finite.any() or max(np.ptp(backward), np.ptp(derivative)) < FLAT:
        return None
    differ = differing(curve)[0][finite]
    title = "dx for dout = 1"
    if differ.any():
        title += f": {WRONG} backward, {DERIVATIVE} the numerical derivative"
    marks = [
        Marks(x[~differ], derivative[~differ], BOTH, "bright_blue"),
        Marks(x[differ], derivative[differ], DERIVATIVE, "green"),
        Marks(x[differ], backward[differ], WRONG, "bold red"),
    ]
    return Plot(panel_text(Panel(title, [], marks), page, ROWS), bool(differ.any()))


def differing(curve: GradientCurve) -> tuple[Array, Array]:
    """Where backward differs from the derivative, and by how much it may differ."""
    finite = np.isfinite(curve.derivative)
    most = np.abs(curve.derivative[finite]).max() if finite.any() else 0.0
    allowed = curve.tolerance + 1e-6 * most
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(curve.backward - curve.derivative) <= allowed)
    return wrong & finite, allowed
