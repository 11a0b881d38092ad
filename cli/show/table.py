"""Arrays as tables for the terminal, side by side where the page is wide enough.

A table has a row for each index before the last and a column for the last index. A long axis is
shown by its two ends, and a line below the table summarizes the whole array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import IO, Any, Protocol

import numpy as np

from actgrad.cli.show.frame import Cell, Frame, print_panels, write_frames
from actgrad.cli.show.page import SIGNS, Page, numeral
from actgrad.cli.show.summary import summary_of

#: An axis longer than the first number is shown by its two ends; the second is an end's length.
ROWS = (40, 6)
COLUMNS = (24, 4)
#: A gradient is faint below this share of the largest one shown, and bold from that share on.
FAINT, BOLD = 1e-3, 0.1
GAP: Cell = ("  ", "")

#: Numbers of rows or of columns; None is the gap between the ends of a long axis.
Numbers = Sequence[int | None]
#: The index of an element, or None in a gap.
Place = tuple[int, ...] | None


class Cells(Protocol):
    """An array in memory, or an excerpt with the elements that its table shows."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def ndim(self) -> int: ...

    def __getitem__(self, place: Any, /) -> Any: ...


def show_arrays(arrays: Mapping[str, Any], names: Iterable[str], file: IO[str]) -> None:
    """Print a table for each of the arrays that `names` picks.

    On a terminal the tables are coloured and have as many columns as fit; in a file nothing is cut.
    """
    page = Page(file)
    frames = (framed(arrays, name, page) for name in names)
    # A name in other characters may take two columns for one of them.
    if page.is_plain and all(map(str.isascii, arrays)):
        write_frames(frames, page.width, file)
    else:
        print_panels((frame.panel() for frame in frames), page)


def framed(arrays: Mapping[str, Any], name: str, page: Page) -> Frame:
    """An array's table in a frame with name, shape and dtype; a terminal bounds its width."""
    array = arrays[name]
    title = (name, "bold"), (f" {array.shape} {array.dtype.name}", "")
    if not array.size:
        return Frame(title, [[("empty", "")]], "")
    layer, _, own_name = name.rpartition(".")
    mask = arrays.get(f"{layer}.mask" if layer else "mask")
    grid = Grid(array, mask, gradient=own_name.startswith("d"))
    rows, columns = grid.rows, grid.columns
    while True:
        note = str(summary_of(array)) if None in [*rows, *columns] else ""
        frame = Frame(title, grid.lines(rows, columns), note)
        if not page.terminal or len(columns) <= 2 or page.fits(frame.panel()):
            return frame
        columns = narrower(columns)


class Grid:
    """An array's elements in rows and columns.

    Elements where `mask` is True are dim; a mask of another shape than the array's is not used. In
    a gradient, colours show each element's sign and size.
    """

    def __init__(self, array: Cells, mask: Cells | None = None, gradient: bool = False) -> None:
        self.array = array
        self.mask = mask if mask is not None and mask.shape == array.shape else None
        self.gradient = gradient

    @property
    def rows(self) -> list[int | None]:
        """The rows to show, numbered through all axes but the last."""
        shape = self.array.shape
        return ends(int(np.prod(shape[:-1] if len(shape) > 1 else shape)), *ROWS)

    @property
    def columns(self) -> list[int | None]:
        """The columns to show; a 1-d array is a single column."""
        return ends(self.array.shape[-1] if self.array.ndim > 1 else 1, *COLUMNS)

    def places(self) -> list[tuple[int, ...]]:
        """The indices of all elements that the table may show."""
        places = (self._place(row, column) for row in self.rows for column in self.columns)
        return [place for place in places if place is not None]

    def lines(self, rows: Numbers, columns: Numbers) -> list[list[Cell]]:
        """The elements of those rows and columns, with their indices beside and above them."""
        places = [[self._place(row, column) for row in rows] for column in columns]
        largest = self._largest(place for column in places for place in column)
        body = [self._cells(column, largest) for column in places]
        has_header = self.array.ndim > 1
        if has_header:
            body = [with_header(number, cells) for number, cells in zip(columns, body, strict=True)]
        if self.array.ndim:
            indices = [""] * has_header + [self._row_index(row) for row in rows]
            body.insert(0, right_aligned([(index, "dim") for index in indices]))
        return [[*chain(*((GAP, cell) for cell in line))][1:] for line in zip(*body, strict=True)]

    def _place(self, row: int | None, column: int | None) -> Place:
        """The index of the element in that row and column."""
        if row is None or column is None:
            return None
        if self.array.ndim < 2:
            return (row,)[: self.array.ndim]
        leading = np.unravel_index(row, self.array.shape[:-1])
        return (*(int(index) for index in leading), column)

    def _row_index(self, row: int | None) -> str:
        """The indices that all elements of a row share, such as `1,0`."""
        place = self._place(row, 0)
        return "⋮" if place is None else ",".join(map(str, place[:-1] or place))

    def _largest(self, places: Iterable[Place]) -> float:
        """The largest finite magnitude at those places, in a gradient."""
        if not self.gradient:
            return 0.0
        sizes = (abs(float(self.array[place])) for place in places if place is not None)
        return max((size for size in sizes if np.isfinite(size)), default=0.0)

    def _cells(self, places: Sequence[Place], largest: float) -> list[Cell]:
        """The cells of one column, decimal points aligned."""
        texts = iter(aligned([numeral(self.array[place]) for place in places if place is not None]))
        return [
            ("…", "dim") if place is None else (next(texts), self._style(place, largest))
            for place in places
        ]

    def _style(self, place: tuple[int, ...], largest: float) -> str:
        value: Any = self.array[place]
        if value.dtype.kind == "b":
            return "dim" if value else ""
        if self.mask is not None and self.mask[place]:
            return "dim"
        if not np.isfinite(value):
            return SIGNS[None].terminal
        if not self.gradient or value == 0:
            return ""
        size, style = abs(float(value)) / largest, SIGNS[int(np.sign(value))].terminal
        return f"bold {style}" if size >= BOLD else f"dim {style}" if size < FAINT else style


def with_header(number: int | None, cells: list[Cell]) -> list[Cell]:
    """A column below its number."""
    return right_aligned([("…" if number is None else str(number), "dim"), *cells])


def right_aligned(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, padded on the left to one width."""
    width = max(len(text) for text, _ in cells)
    return [(text.rjust(width), style) for text, style in cells]


def aligned(texts: Sequence[str]) -> list[str]:
    """The numbers, padded to one width so that their decimal points are in one column."""
    parts = [at_decimal_point(text) for text in texts]
    left = max((len(whole) for whole, _ in parts), default=0)
    right = max((len(rest) for _, rest in parts), default=0)
    return [whole.rjust(left) + rest.ljust(right) for whole, rest in parts]


def at_decimal_point(text: str) -> tuple[str, str]:
    """A number up to its units digit, and the rest: `12.5e3` is `12` and `.5e3`."""
    for mark in ".e":
        at = text.find(mark)
        if at > 0 and text[at - 1].isdigit():
            return text[:at], text[at:]
    return text, ""


def ends(count: int, longest: int, edge: int) -> list[int | None]:
    """The numbers below `count`, or `edge` of them at both ends if they are more than `longest`."""
    if count <= longest:
        return list(range(count))
    return [*range(edge), None, *range(count - edge, count)]


def narrower(columns: Numbers) -> list[int | None]:
    """The columns without the middle one, in place of which there is a gap."""
    kept = [column for column in columns if column is not None]
    middle = len(kept) // 2
    return [*kept[:middle], None, *kept[middle + 1 :]]
