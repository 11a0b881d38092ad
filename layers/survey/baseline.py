"""A survey against an earlier one: which cells got worse, and which better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from actgrad.layers.survey.survey import Cell, Survey


class Change(NamedTuple):
    """A figure of a cell that changed."""

    layer: str
    dtype: str
    result: str
    #: What changed: `max ULP`, `failed`, `correctly rounded` or `runs`.
    figure: str
    before: float
    now: float
    worse: bool

    def __str__(self) -> str:
        """The change as a report states it."""
        verdict = "worse" if self.worse else "better"
        figures = f"{self.figure} {self.before:.6g} → {self.now:.6g}"
        return f"{self.layer} {self.dtype} {self.result}: {verdict}: {figures}"


def changes(before: Survey, now: Survey) -> list[Change]:
    """Every figure that changed in a cell of both surveys, and the cells that no longer run.

    Shares are compared, because samples may have other sizes.
    """
    cells = {cell.key: cell for cell in now.cells}
    asked = {key[:2] for key in cells} | {(each.layer, each.dtype) for each in now.refusals}
    changed: list[Change] = []
    for old in before.cells:
        if (new := cells.get(old.key)) is not None:
            changed += cell_changes(old, new)
        elif old.key[:2] in asked:
            changed.append(Change(*old.key, "runs", 1, 0, worse=True))
    return changed


def cell_changes(old: Cell, new: Cell) -> Iterator[Change]:
    """The figures of a cell that changed."""
    sizes = max(old.elements, 1), max(new.elements, 1)
    right = old.correctly_rounded / sizes[0], new.correctly_rounded / sizes[1]
    failed = old.failed / sizes[0], new.failed / sizes[1]
    figures = {
        "max ULP": (old.max_ulp, new.max_ulp, 1),
        "share that fails": (*failed, 1),
        "share correctly rounded": (*right, -1),
        "elements that depend on the block": (old.depends_on_block, new.depends_on_block, 1),
    }
    for figure, (before, now, sign) in figures.items():
        if before != now:
            yield Change(*old.key, figure, before, now, worse=(now - before) * sign > 0)
