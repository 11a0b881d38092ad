"""A drawing in box-drawing characters, left to right, folded to the width of its page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from string import ascii_lowercase, ascii_uppercase

from rich.text import Text

from actgrad.cli.draw.drawing import ABOVE, BELOW, Drawing
from actgrad.cli.draw.layout import LanePath, OutputVertex, Vertex, VerticalSegment
from actgrad.cli.show import SIGNS
from actgrad.layers.formula import Node

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
#: The character of a line, by the sum of the codes of the sides that it leads to.
LINES = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
BRANCH = "●"
#: The upper and the lower edge of a box: its corners, and where a line joins it.
BOX_EDGES = {ABOVE: ("╭", "╮", "┴"), BELOW: ("╰", "╯", "┬")}
BOLD, CONSTANT, FOLD_MARK = "bold", "yellow", "cyan"
#: The columns that the letter at a fold takes.
FOLD = 3


class Canvas:
    """Characters at places; lines merge where they meet."""

    def __init__(self) -> None:
        self.lines: dict[tuple[int, int], int] = {}
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}

    def write(self, row: int, column: int, text: str, style: str = "") -> None:
        """Put a text over what is there."""
        for i, char in enumerate(text):
            self.cells[row, column + i] = char, style

    def horizontal(self, row: int, start: int, end: int) -> None:
        """A line from one column to another."""
        for column in range(start, end):
            self._extend(row, column, RIGHT)
            self._extend(row, column + 1, LEFT)

    def vertical(self, column: int, start: int, end: int) -> None:
        """A line from one row to another."""
        for row in range(min(start, end), max(start, end)):
            self._extend(row, column, DOWN)
            self._extend(row + 1, column, UP)

    def _extend(self, row: int, column: int, side: int) -> None:
        self.lines[row, column] = self.lines.get((row, column), 0) | side

    def text(self) -> Text:
        """Everything drawn, without spaces at the ends of lines."""
        drawn = {place: (LINES[sides], "") for place, sides in self.lines.items()} | self.cells
        text = Text(no_wrap=True)
        for row in range(max((row for row, _ in drawn), default=-1) + 1):
            columns = [column for drawn_row, column in drawn if drawn_row == row]
            for column in range(max(columns, default=-1) + 1):
                text.append(*drawn.get((row, column), (" ", "")))
            text.append("\n")
        text.rstrip()
        return text


def folded(drawing: Drawing, width: int) -> Iterator[Text]:
    """The drawing in sections no wider than that; a section has at least one column.

    Where a line is interrupted, both sections have the same letter at its end.
    """
    columns, start = drawing.layout.columns, 0
    letters, entering = cycle(ascii_uppercase + ascii_lowercase), dict[int, str]()
    while start < columns:
        end, used = start + 1, drawing.widths[start]
        used += (FOLD + channel_width(drawing, start - 1)) * (start > 0)
        while end < columns:
            used += channel_width(drawing, end - 1) + drawing.widths[end]
            if used + FOLD * (end + 1 < columns) > width:
                break
            end += 1
        section = Section(drawing, range(start, end), entering, letters)
        yield section.canvas.text()
        start, entering = end, section.leaving


def channel_width(drawing: Drawing, column: int) -> int:
    """The width of the channel after a column, in which the values of that rank branch."""
    return 2 * len(drawing.tracks(column))


class Section:
    """Some neighbouring columns of a drawing, on a canvas.

    `entering` and `leaving` are the letters of the lines that are interrupted at its two ends, by
    lane.
    """

    def __init__(
        self, drawing: Drawing, columns: range, entering: dict[int, str], letters: Iterator[str]
    ) -> None:
        self.drawing = drawing
        self.layout = drawing.layout
        self.columns = columns
        self.entering = entering
        self.leaving: dict[int, str] = {}
        self.letters = letters
        self.canvas = Canvas()
        self.left = dict(self._left_edges())
        self.right = self.left[columns[-1]] + drawing.widths[columns[-1]]
        self.rows = dict(self._lane_rows())
        for lane, paths in enumerate(self.layout.lanes):
            for path in paths:
                if path.start <= columns[-1] and columns[0] <= path.end:
                    self._draw_path(path, lane)
        self._draw_vertical_segments()
        for lane, paths in enumerate(self.layout.lanes):
            for vertex in (vertex for path in paths for vertex in path.vertices):
                if self.layout.column(vertex) in columns:
                    self._draw_vertex(vertex, self.rows[lane])

    def _left_edges(self) -> Iterator[tuple[int, int]]:
        """Where each column begins on the canvas, after its channel."""
        left = FOLD if self.columns.start else 0
        for column in self.columns:
            if column:
                left += channel_width(self.drawing, column - 1)
            yield column, left
            left += self.drawing.widths[column]

    def _lane_rows(self) -> Iterator[tuple[int, int]]:
        """The row of each lane's line: below its labels and the constants above its boxes."""
        row = 0
        for lane, paths in enumerate(self.layout.lanes):
            if not any(p.start <= self.columns[-1] + 1 and self.columns[0] <= p.end for p in paths):
                continue
            constants = [
                self.drawing.constants[vertex]
                for path in paths
                for vertex in path.vertices
                if vertex.is_operation and self.layout.column(vertex) in self.columns
            ]
            row += 1 + any(ABOVE in sides for sides in constants)
            yield lane, row
            row += 2 + any(BELOW in sides for sides in constants)

    def _middle(self, column: int) -> int:
        return self.left[column] + self.drawing.widths[column] // 2

    def _track(self, segment: VerticalSegment) -> int:
        """The column of the canvas in which a branching segment runs."""
        return self.left[segment.column + 1] - 2 * self.drawing.track_from_right(segment) + 1

    def _draw_path(self, path: LanePath, lane: int) -> None:
        """The path's line and labels, with a letter where it is interrupted."""
        row = self.rows[lane]
        start = self._path_start(path)
        if path.start < self.columns[0]:
            start = 2
            self.canvas.write(row, 0, self.entering[lane], FOLD_MARK)
        if path.end > self.columns[-1]:
            self.leaving[lane] = next(self.letters)
            self.canvas.write(row, self.right + 2, self.leaving[lane], FOLD_MARK)
            end = self.right + 1
        else:
            end = self._middle(path.end) if path.join else self.left[path.end]
        self.canvas.horizontal(row, start, end)
        for column in self.columns:
            if path.covers(column):
                self._draw_label(path, column, row)

    def _path_start(self, path: LanePath) -> int:
        for segment in self.drawing.branches:
            if segment.edge is path.branch and segment.column + 1 in self.columns:
                return self._track(segment)
        return self.left.get(path.start, 0)

    def _draw_label(self, path: LanePath, column: int, row: int) -> None:
        """The value above the line, the gradient below it."""
        label = self.drawing.label(column, path)
        if label is None:
            return
        left, width = self.left[column], self.drawing.widths[column]
        style = SIGNS[label.sign].terminal
        self.canvas.write(row - 1, left + (width - len(label.value)) // 2, label.value)
        self.canvas.write(row + 1, left + (width - len(label.gradient)) // 2, label.gradient, style)

    def _draw_vertical_segments(self) -> None:
        for segment in self.drawing.branches:
            if segment.column + 1 in self.columns:
                column, row = self._track(segment), self.rows[segment.source]
                self.canvas.vertical(column, row, self.rows[segment.target])
                self.canvas.write(row, column, BRANCH)
        for segment in self.drawing.joins:
            if segment.column in self.columns:
                start, end = self.rows[segment.source], self.rows[segment.target]
                self.canvas.vertical(self._middle(segment.column), start, end)

    def _draw_vertex(self, vertex: Vertex, row: int) -> None:
        text, column = self.drawing.text(vertex), self.layout.column(vertex)
        left, width = self.left[column], self.drawing.widths[column]
        if isinstance(vertex, OutputVertex):
            self.canvas.write(row, left, f" {text}", BOLD)
        elif vertex.is_operation:
            self._draw_box(vertex, row)
        else:
            indent = width - len(text) - 1
            self.canvas.write(row, left, " " * indent)
            self.canvas.write(row, left + indent, f"{text} ", BOLD)

    def _draw_box(self, node: Node, row: int) -> None:
        """An operation's box: its number on the upper edge, its constants above and below."""
        text, width = self.drawing.text(node), self.drawing.box_width(node)
        middle = self._middle(self.layout.column(node))
        left = middle - width // 2
        constants, joined = self.drawing.constants[node], self.drawing.joined_sides(node)
        for side, (first, last, tee) in BOX_EDGES.items():
            self.canvas.write(row + side, left, first + "─" * (width - 2) + last)
            if side in joined or side in constants:
                self.canvas.write(row + side, middle, tee)
            if side in constants:
                start = middle - len(constants[side]) // 2
                self.canvas.write(row + 2 * side, start, constants[side], CONSTANT)
        self.canvas.write(row - 1, left + 1, self.drawing.labels.id(node), "dim")
        self.canvas.write(row, left, "┤" + " " * (width - 2) + "├")
        self.canvas.write(row, left + (width - len(text)) // 2, text, BOLD)
