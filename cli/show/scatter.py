"""backward and the numerical derivative in one small plot, their differences marked."""

from __future__ import annotations

import numpy as np
from rich.text import Text

from actgrad.layers.check import GradientCurve

WIDTH, HEIGHT, MARGIN = 61, 9, 12
DERIVATIVE, BOTH, DIFFER = "○", "•", "✗"


def scatter(curve: GradientCurve, page: int) -> Text:
    """The plot: `•` where both agree; else `✗` for backward and `○` for what would be right.

    It takes no more columns than the page has.

    Points that are not finite are left out.
    """
    both = np.isfinite(curve.backward) & np.isfinite(curve.derivative)
    text = Text("dx for dout = 1", "dim")
    if not both.any():
        return text
    x, backward, derivative = (one[both] for one in curve[:3])
    allowed = curve.tolerance[both] + 1e-6 * np.abs(derivative).max()
    differ = np.abs(backward - derivative) > allowed
    low, high = (float(f(np.concatenate([backward, derivative]))) for f in (np.min, np.max))
    span, wide = (high - low) or 1.0, float(x[-1] - x[0]) or 1.0
    width = max(min(WIDTH, page - MARGIN), 2)
    cells = np.full((HEIGHT, width), " ")
    columns = np.rint((x - x[0]) / wide * (width - 1)).astype(int)

    def rows(values: np.ndarray) -> np.ndarray:
        return np.rint((high - values) / span * (HEIGHT - 1)).astype(int)

    cells[rows(derivative), columns] = np.where(differ, DERIVATIVE, BOTH)
    cells[rows(backward)[differ], columns[differ]] = DIFFER
    styles = {BOTH: "bright_blue", DERIVATIVE: "green", DIFFER: "bold red"}
    if differ.any():
        text.append(f": {DIFFER} backward, {DERIVATIVE} the numerical derivative")
    for number, line in enumerate(cells):
        label = {0: f"{high:.4g}", HEIGHT - 1: f"{low:.4g}"}.get(number, "")
        text.append(f"\n{label:>10} │")
        for cell in line:
            text.append(str(cell), styles.get(str(cell), ""))
    text.append(f"\n{'':>10} └{'─' * width}\n{'':>11}{float(x[0]):<.4g}")
    end = f"{float(x[-1]):.4g}"
    text.append(end.rjust(width - len(f"{float(x[0]):.4g}")))
    return text
