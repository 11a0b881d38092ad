"""One array's cells as a grid: a row for each index before the last, a column for the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

import numpy as np
from rich.text import Text

from actgrad.cli.show.numerals import aligned, numeral

#: An axis longer than a screenful is cut to its ends: how long, and how much of each end stays.
ROWS = (40, 6)
COLUMNS = (24, 4)
#: Gradients this much smaller than the largest one shown are faint, or not bold.
FAINT, BOLD = 1e-3, 0.1
GAP = "  "

Indices = Sequence[int | None]
Place = tuple[int, ...] | None
Cell = tuple[str, str]
"""A cell's text and its style."""


class Cells(Protocol):
    """An array, or of a large one at least the cells that a grid shows."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def ndim(self) -> int: ...

    def __getitem__(self, place: Any, /) -> Any: ...


class Grid:
    """An array to be shown; `mask` dims cells, and gradients show their sign and size in colour."""

    def __init__(self, array: Cells, mask: Cells | None = None, gradient: bool = False) -> None:
        self.array = array
        self.mask = mask
        self.gradient = gradient

    @property
    def rows(self) -> list[int | None]:
        """The rows to show, numbered through all axes but the last; None is a gap."""
        shape = self.array.shape
        return ends(int(np.prod(shape[:-1] if len(shape) > 1 else shape)), *ROWS)

    @property
    def columns(self) -> list[int | None]:
        """The columns to show; a 1-d array stands upright, in a single one."""
        return ends(self.array.shape[-1] if self.array.ndim > 1 else 1, *COLUMNS)

    def places(self) -> list[tuple[int, ...]]:
        """Where the cells lie that it shows at most."""
        places = (self._place(row, column) for row in self.rows for column in self.columns)
        return [place for place in places if place is not None]

    def text(self, rows: Indices, columns: Indices) -> Text:
        """The cells at those rows and columns, beside and under their indices."""
        places = [[self._place(row, column) for row in rows] for column in columns]
        largest = self._largest(chain.from_iterable(places))
        body = [self._cells(column, largest) for column in places]
        headed = self.array.ndim > 1
        if headed:
            body = [headed_by(column, cells) for column, cells in zip(columns, body, strict=True)]
        if self.array.ndim:
            body.insert(0, labels([""] * headed + [self._label(row) for row in rows]))
        text = Text(no_wrap=True)
        for number, line in enumerate(zip(*body, strict=True)):
            text.append("\n" if number else "")
            for place, (content, style) in enumerate(line):
                text.append(GAP if place else "")
                text.append(content, style)
        return text

    def _place(self, row: int | None, column: int | None) -> Place:
        """Where the array has that cell; None in a gap."""
        if row is None or column is None:
            return None
        if self.array.ndim < 2:
            return (row,)[: self.array.ndim]
        lead = np.unravel_index(row, self.array.shape[:-1])
        return (*(int(axis) for axis in lead), column)

    def _label(self, row: int | None) -> str:
        place = self._place(row, 0)
        return "⋮" if place is None else ",".join(map(str, place[:-1] or place))

    def _largest(self, places: Iterator[Place]) -> float:
        if not self.gradient:
            return 0.0
        shown = [abs(float(self.array[place])) for place in places if place is not None]
        return max((size for size in shown if np.isfinite(size)), default=0.0)

    def _cells(self, places: Sequence[Place], largest: float) -> list[Cell]:
        """The cells of one column, decimal points aligned."""
        texts = iter(aligned([numeral(self.array[place]) for place in places if place is not None]))
        return [
            ("…" if place is None else next(texts), self._style(place, largest)) for place in places
        ]

    def _style(self, place: Place, largest: float) -> str:
        if place is None:
            return "dim"
        value: Any = self.array[place]
        if value.dtype.kind == "b":
            return "dim" if value else ""
        if self.mask is not None and self.mask[place]:
            return "dim"
        if not np.isfinite(value):
            return "bold magenta"
        if not self.gradient or value == 0:
            return ""
        sign = "red" if value < 0 else "bright_blue"
        size = abs(float(value)) / largest
        return f"bold {sign}" if size >= BOLD else f"dim {sign}" if size < FAINT else sign


def headed_by(column: int | None, cells: list[Cell]) -> list[Cell]:
    """A column under its index, all of one width."""
    heading = "…" if column is None else str(column)
    width = max(len(text) for text, _ in [(heading, ""), *cells])
    return [(text.rjust(width), style) for text, style in [(heading, "dim"), *cells]]


def labels(texts: list[str]) -> list[Cell]:
    """The column of the rows' indices."""
    width = max(map(len, texts))
    return [(text.rjust(width), "dim") for text in texts]


def ends(count: int, longest: int, edge: int) -> list[int | None]:
    """The indices to show of `count`: all, or both ends about a gap, which is None."""
    if count <= longest:
        return list(range(count))
    return [*range(edge), None, *range(count - edge, count)]


def narrower(columns: Indices) -> list[int | None]:
    """One column fewer, from the middle, where the gap is or comes to be."""
    kept = [column for column in columns if column is not None]
    middle = len(kept) // 2
    return [*kept[:middle], None, *kept[middle + 1 :]]
