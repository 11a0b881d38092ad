"""A raster of characters to draw lines and marks on: braille dots, or a mark for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array

if TYPE_CHECKING:
    from rich.text import Text


class Stroke(NamedTuple):
    """How the line of a series looks, in colour and without it."""

    #: Seen on dark and on light grounds; colour-blind readers tell them apart.
    colour: str
    #: The colours in a file, on a light and on a dark ground.
    light: str
    dark: str
    #: The lengths of a dash and of the gap behind it, in braille dots.
    dash: int
    gap: int
    #: The character that draws a line where braille is not shown.
    mark: str


STROKES = (
    Stroke("#0087d7", "#0063b1", "#5cb3ff", 1, 0, "*"),
    Stroke("#d75f00", "#b34700", "#ff9d5c", 6, 3, "+"),
    Stroke("#00875f", "#00704f", "#3ecf9f", 2, 2, "x"),
    Stroke("#af5faf", "#8a3c8a", "#e29ae2", 9, 2, "%"),
    Stroke("#808000", "#6b6400", "#d3c84a", 1, 3, "&"),
    Stroke("#5f5fff", "#4a3fd0", "#a3a0ff", 4, 4, "~"),
)
#: The bit of each of the dots of a braille cell, by row and column.
BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
BRAILLE = 0x2800


def stroke(series: int) -> Stroke:
    """The stroke of a series, by its number; strokes repeat after the last."""
    return STROKES[series % len(STROKES)]


class Raster:
    """Cells in rows, each with the dots of lines, or with one mark.

    Places are shares of the width and of the height: (0, 0) is the lower left corner.
    """

    def __init__(self, columns: int, rows: int, has_braille: bool) -> None:
        self.columns, self.rows = columns, rows
        self.wide, self.high = (2, 4) if has_braille else (1, 1)
        self._dots = np.zeros((rows * self.high, columns * self.wide), bool)
        self._owner = np.full((rows, columns), -1)
        self._marks: dict[tuple[int, int], tuple[str, str]] = {}

    def line(self, x: Array, y: Array, series: int) -> None:
        """Draw the line through these places; what is outside is left out."""
        height, width = self._dots.shape
        across, down = x * (width - 1), (1 - y) * (height - 1)
        lengths = np.maximum(np.abs(np.diff(across)), np.abs(np.diff(down)))
        way = np.concatenate([[0], np.cumsum(lengths)])
        steps = np.arange(0, way[-1] + 0.5, 0.5)
        if self.high > 1:
            dash, gap = stroke(series)[3:5]
            steps = steps[steps % (dash + gap) < dash]
        columns, rows = (np.interp(steps, way, place) for place in (across, down))
        inside = (columns > -0.5) & (columns < width - 0.5) & (rows > -0.5) & (rows < height - 0.5)
        column, row = (np.rint(place[inside]).astype(int) for place in (columns, rows))
        self._dots[row, column] = True
        self._owner[row // self.high, column // self.wide] = series

    def mark(self, x: float, y: float, char: str, style: str) -> None:
        """Put a character into the cell at that place, if it is inside."""
        if 0 <= x <= 1 and 0 <= y <= 1:
            self._marks[self.row(y), self.column(x)] = char, style

    def row(self, y: float) -> int:
        """The row of cells, counted from the top, of a share of the height."""
        return round((1 - y) * (self._dots.shape[0] - 1)) // self.high

    def column(self, x: float) -> int:
        """The column of cells of a share of the width."""
        return round(x * (self._dots.shape[1] - 1)) // self.wide

    def lines(self, zero_row: int | None, zero_column: int | None) -> Sequence[Text]:
        """The rows as text. The axes through 0 are drawn where nothing else is."""
        return [self._text(row, row == zero_row, zero_column) for row in range(self.rows)]

    def _text(self, row: int, is_zero: bool, zero_column: int | None) -> Text:
        # Imported here, because files of plots need no Rich.
        from rich.text import Text

        text = Text()
        for column in range(self.columns):
            mark = self._marks.get((row, column))
            owner = int(self._owner[row, column])
            if mark is not None:
                text.append(*mark)
            elif owner >= 0:
                text.append(self._cell(row, column, owner), stroke(owner).colour)
            else:
                empty = "┼" if is_zero and column == zero_column else "─" if is_zero else " "
                empty = "│" if column == zero_column and not is_zero else empty
                text.append(empty, "dim" if empty != " " else "")
        return text

    def _cell(self, row: int, column: int, owner: int) -> str:
        if self.high == 1:
            return stroke(owner).mark
        top, left = row * self.high, column * self.wide
        dots = self._dots[top : top + self.high, left : left + self.wide]
        return chr(BRAILLE + int(BITS[dots].sum()))
