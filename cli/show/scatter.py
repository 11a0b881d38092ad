"""A plot of backward and the numerical derivative, with their differences marked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from rich.text import Text

from actgrad.cli.show.folding import fold
from actgrad.cli.show.page import numeral
from actgrad.layers.check import GradientCurve

#: The size of the plot, and the columns that its labels take.
WIDTH, HEIGHT, MARGIN = 61, 9, 12
#: A gradient that varies less is a constant with rounding errors.
FLAT = 1e-6
DERIVATIVE, BOTH, DIFFER = "○", "•", "✗"
MARK_STYLES = {BOTH: "bright_blue", DERIVATIVE: "green", DIFFER: "bold red"}


class Plot(NamedTuple):
    """A plot, and whether backward and the derivative differ in it."""

    text: Text
    shows_difference: bool


def scatter(curve: GradientCurve, columns: int) -> Plot | None:
    """The plot: `•` where both agree; else `✗` for backward and `○` for the derivative.

    It takes no more than that many columns. Points that are not finite are left out. There is none
    of two constants.
    """
    finite = np.isfinite(curve.backward) & np.isfinite(curve.derivative)
    x, backward, derivative = (column[finite] for column in curve[:3])
    if not finite.any() or max(np.ptp(backward), np.ptp(derivative)) < FLAT:
        return None
    title = "dx for dout = 1"
    allowed = curve.tolerance[finite] + 1e-6 * np.abs(derivative).max()
    differ = np.abs(backward - derivative) > allowed
    low, high = (float(f(np.concatenate([backward, derivative]))) for f in (np.min, np.max))
    height, length = (high - low) or 1.0, float(x[-1] - x[0]) or 1.0
    width = max(min(WIDTH, columns - MARGIN), 2)
    cells = np.full((HEIGHT, width), " ")
    across = np.rint((x - x[0]) / length * (width - 1)).astype(int)

    def down(values: np.ndarray) -> np.ndarray:
        return np.rint((high - values) / height * (HEIGHT - 1)).astype(int)

    cells[down(derivative), across] = np.where(differ, DERIVATIVE, BOTH)
    cells[down(backward)[differ], across[differ]] = DIFFER
    if differ.any():
        title += f": {DIFFER} backward, {DERIVATIVE} the numerical derivative"
    text = Text("\n".join(fold(title, columns)), "dim")
    for number, line in enumerate(cells):
        label = {0: numeral(high, 4), HEIGHT - 1: numeral(low, 4)}.get(number, "")
        text.append(f"\n{label:>10} │")
        for cell in line:
            text.append(str(cell), MARK_STYLES.get(str(cell), ""))
    start, end = numeral(x[0], 4), numeral(x[-1], 4)
    text.append(f"\n{'':>10} └{'─' * width}\n{'':>11}{start}{end.rjust(width - len(start))}")
    return Plot(text, bool(differ.any()))
