"""A graph drawn in box-drawing characters, left to right, folded to the width of its page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from string import ascii_lowercase, ascii_uppercase

from rich.text import Text

from actgrad.cli.draw.labels import Label, Labels, Legend
from actgrad.cli.draw.layout import LABELS, NODES, PER_RANK, STUBS, Across, Layout, Strand, Vertex
from actgrad.layers.formula import Edge, Node

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
#: Lines by the sides that they lead to.
LINES = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
BRANCH = "●"
#: What a gradient looks like by its sign, as in tables.
SIGNS = {-1: "red", 0: "dim", 1: "blue", None: "bold magenta"}
NODE, CONSTANT, TURN = "bold", "yellow", "cyan"
#: Room on either side of a label, and that the mark of a fold takes.
GAP, FOLD = 1, 3


class Canvas:
    """Characters at places, lines that merge where they meet."""

    def __init__(self) -> None:
        self.lines: dict[tuple[int, int], int] = {}
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}

    def write(self, row: int, column: int, text: str, style: str = "") -> None:
        for i, char in enumerate(text):
            self.cells[row, column + i] = char, style

    def across(self, row: int, start: int, end: int) -> None:
        """A line from one column to another."""
        for column in range(start, end):
            self._line(row, column, RIGHT)
            self._line(row, column + 1, LEFT)

    def down(self, column: int, start: int, end: int) -> None:
        """A line from one row to another."""
        for row in range(min(start, end), max(start, end)):
            self._line(row, column, DOWN)
            self._line(row + 1, column, UP)

    def _line(self, row: int, column: int, side: int) -> None:
        self.lines[row, column] = self.lines.get((row, column), 0) | side

    def text(self) -> Text:
        """Everything drawn, without blanks at the lines' ends."""
        drawn = {place: (LINES[sides], "") for place, sides in self.lines.items()} | self.cells
        text = Text(no_wrap=True)
        for row in range(max((row for row, _ in drawn), default=-1) + 1):
            columns = [column for at, column in drawn if at == row]
            for column in range(max(columns, default=-1) + 1):
                text.append(*drawn.get((row, column), (" ", "")))
            text.append("\n")
        text.rstrip()
        return text


class Drawing:
    """A graph's drawing; labels longer than `longest` are letters that the legend explains."""

    def __init__(self, labels: Labels, longest: int) -> None:
        self.labels = labels
        self.legend = Legend(longest)
        self.layout = Layout(labels.graph)
        self.branches, self.joins = self.layout.across(self.layout.lanes)
        self.sides = {
            vertex: self._constants(vertex) for vertex in self.layout.ranks if is_operation(vertex)
        }
        self.widths = [self._width(column) for column in range(self.layout.columns)]
        self.marks = cycle(ascii_uppercase + ascii_lowercase)

    def fold(self, width: int) -> Iterator[Text]:
        """The drawing in bands no wider than that, if the widest column allows it."""
        start, marks = 0, dict[int, str]()
        while start < self.layout.columns:
            end, used = start + 1, self.widths[start]
            used += (FOLD + self.channel(start - 1)) * (start > 0)
            while end < self.layout.columns:
                used += self.channel(end - 1) + self.widths[end]
                if used + FOLD * (end + 1 < self.layout.columns) > width:
                    break
                end += 1
            band = Band(self, start, end, marks)
            yield band.canvas.text()
            start, marks = end, band.leaving

    def label(self, column: int, strand: Strand) -> Label | None:
        """What the strand is labelled with in a column between nodes."""
        found = None
        if column % PER_RANK == LABELS:
            for edge in strand.edges:
                target = edge.target if edge.target is not None else edge.place
                assert target is not None
                if self.layout.column(target) == column + 1:
                    found = self.labels.edge(edge)
        elif column % PER_RANK == STUBS:
            for vertex in strand.vertices:
                at = self.layout.column(vertex) + STUBS == column
                if at and isinstance(vertex, Node) and self.layout.branches(vertex):
                    found = self.labels.stub(vertex)
        if found is None:
            return None
        return found._replace(
            value=self.legend.short(found.value), gradient=self.legend.short(found.gradient)
        )

    def channel(self, column: int) -> int:
        """The room after a column, in which the values of that rank branch."""
        return 2 * len(self.tracks(column))

    def tracks(self, column: int) -> dict[Vertex, list[Across]]:
        """The lines across just after a column, by the value that branches there."""
        found: dict[Vertex, list[Across]] = {}
        for line in self.branches:
            if line.column == column:
                found.setdefault(line.edge.source, []).append(line)
        return found

    def box(self, vertex: Vertex) -> str:
        return self.legend.short(self.labels.vertex(vertex))

    def joined(self, node: Vertex) -> set[int]:
        """The sides, -1 above and 1 below, on which strands join the node."""
        return {
            -1 if line.source < line.target else 1
            for line in self.joins
            if line.edge.target is node
        }

    def _constants(self, node: Vertex) -> dict[int, str]:
        """The constants to be written above (-1) and below (1) the node."""
        assert isinstance(node, Node)
        texts = [self.legend.short(text) for text in self.labels.constants(node)]
        taken = self.joined(node)
        free = [side for side in (1, -1) if side not in taken]
        if len(texts) == 2 == len(free):
            return {-1: texts[0], 1: texts[1]}
        return {free[0]: ", ".join(texts)} if texts and free else {}

    def _width(self, column: int) -> int:
        if column % PER_RANK == NODES:
            sizes = [self._size(v) for v in self.layout.ranks if self.layout.column(v) == column]
            return max(sizes, default=0)
        strands = [strand for lane in self.layout.lanes for strand in lane]
        labels = [label for strand in strands if (label := self.label(column, strand))]
        size = max((max(len(one.value), len(one.gradient)) for one in labels), default=0)
        return size + 2 * GAP if size else 0

    def _size(self, vertex: Vertex) -> int:
        size = len(self.box(vertex))
        if not is_operation(vertex):
            return size + 1
        return max(self.box_size(vertex), *(len(text) for text in self.sides[vertex].values()), 0)

    def box_size(self, vertex: Vertex) -> int:
        """A box holds its text, and what enters from above does not hit its number."""
        assert isinstance(vertex, Node)
        above = -1 in self.sides[vertex] or -1 in self.joined(vertex)
        room = 2 * len(self.labels.id(vertex)) + 3 if above else 0
        return max(len(self.box(vertex)) + 4, room)


class Band:
    """The part of a drawing between two columns, with marks where lines come from and go on."""

    def __init__(self, drawing: Drawing, start: int, end: int, entering: dict[int, str]) -> None:
        self.drawing = drawing
        self.layout = drawing.layout
        self.columns = range(start, end)
        self.canvas = Canvas()
        self.left: dict[int, int] = {}
        self.right = self._measure()
        self.rows = dict(self._rows())
        self.leaving: dict[int, str] = {}
        self._strands(entering)
        self._branches()
        self._joins()
        self._nodes()

    def _measure(self) -> int:
        """Where each column begins; the result is where the last one ends."""
        first = self.columns.start
        at = FOLD if first else 0
        for column in self.columns:
            if first or column:
                at += self.drawing.channel(column - 1)
            self.left[column] = at
            at += self.drawing.widths[column]
        return at

    def _rows(self) -> Iterator[tuple[int, int]]:
        """The row of each lane's line: under a label, a box's edge, and constants if any."""
        row = 0
        for i, lane in enumerate(self.layout.lanes):
            if not any(s.start <= self.columns[-1] + 1 and self.columns[0] <= s.end for s in lane):
                continue
            nodes = [
                vertex
                for strand in lane
                for vertex in strand.vertices
                if is_operation(vertex) and self.layout.column(vertex) in self.columns
            ]
            row += 1 + any(-1 in self.drawing.sides[node] for node in nodes)
            yield i, row
            row += 2 + any(1 in self.drawing.sides[node] for node in nodes)

    def _middle(self, column: int) -> int:
        return self.left[column] + self.drawing.widths[column] // 2

    def _track(self, line: Across) -> int:
        sources = list(self.drawing.tracks(line.column))
        return self.left[line.column + 1] - 2 * (len(sources) - sources.index(line.edge.source)) + 1

    def _strands(self, entering: dict[int, str]) -> None:
        first, last = self.columns[0], self.columns[-1]
        branches = self.drawing.branches
        tracks = {b.edge: self._track(b) for b in branches if b.column + 1 in self.columns}
        for i, lane in enumerate(self.layout.lanes):
            for strand in lane:
                if strand.end < first or strand.start > last:
                    continue
                row = self.rows[i]
                begin = self._begin(strand, tracks)
                if strand.start < first:
                    begin = 2
                    self.canvas.write(row, 0, entering[i], TURN)
                end = self.right
                if strand.end > last:
                    self.leaving[i] = next(self.drawing.marks)
                    self.canvas.write(row, self.right + 2, self.leaving[i], TURN)
                    end += 1
                elif strand.joins:
                    end = self._middle(strand.end)
                else:
                    end = self.left[strand.end]
                self.canvas.across(row, begin, end)
                self._labels(strand, row)

    def _begin(self, strand: Strand, tracks: dict[Edge, int]) -> int:
        if strand.leaves is not None and strand.leaves in tracks:
            return tracks[strand.leaves]
        if strand.start in self.left:
            return self.left[strand.start]
        return 0

    def _labels(self, strand: Strand, row: int) -> None:
        for column in self.columns:
            label = self.drawing.label(column, strand)
            if label is None or not strand.covers(column):
                continue
            width = self.drawing.widths[column]
            for text, at, style in (
                (label.value, row - 1, ""),
                (label.gradient, row + 1, SIGNS[label.sign]),
            ):
                self.canvas.write(at, self.left[column] + (width - len(text)) // 2, text, style)

    def _branches(self) -> None:
        for line in self.drawing.branches:
            if line.column + 1 in self.columns:
                column, row = self._track(line), self.rows[line.source]
                self.canvas.down(column, row, self.rows[line.target])
                self.canvas.write(row, column, BRANCH)

    def _joins(self) -> None:
        for line in self.drawing.joins:
            if line.column in self.columns:
                column = self._middle(line.column)
                self.canvas.down(column, self.rows[line.source], self.rows[line.target])

    def _nodes(self) -> None:
        for i, lane in enumerate(self.layout.lanes):
            for strand in lane:
                for vertex in strand.vertices:
                    if self.layout.column(vertex) in self.columns:
                        self._node(vertex, self.rows[i])

    def _node(self, vertex: Vertex, row: int) -> None:
        text, column = self.drawing.box(vertex), self.layout.column(vertex)
        if not is_operation(vertex):
            at = self.left[column]
            if isinstance(vertex, int):
                self.canvas.write(row, at, f" {text}", NODE)
            else:
                at = at + self.drawing.widths[column] - len(text) - 1
                self.canvas.write(row, self.left[column], " " * (at - self.left[column]))
                self.canvas.write(row, at, f"{text} ", NODE)
            return
        middle, size = self._middle(column), self.drawing.box_size(vertex)
        left = middle - size // 2
        sides, joined = self.drawing.sides[vertex], self.drawing.joined(vertex)
        for side, ends, tee in ((-1, "╭╮", "┴"), (1, "╰╯", "┬")):
            edge = list(ends[0] + "─" * (size - 2) + ends[1])
            if side in joined or side in sides:
                edge[middle - left] = tee
            self.canvas.write(row + side, left, "".join(edge))
            if side == -1:
                assert isinstance(vertex, Node)
                self.canvas.write(row - 1, left + 1, self.drawing.labels.id(vertex), "dim")
            if side in sides:
                constant = sides[side]
                self.canvas.write(row + 2 * side, middle - len(constant) // 2, constant, CONSTANT)
        self.canvas.write(row, left, "┤" + " " * (size - 2) + "├")
        self.canvas.write(row, left + (size - len(text)) // 2, text, NODE)


def is_operation(vertex: Vertex) -> bool:
    return isinstance(vertex, Node) and bool(vertex.inputs) and not vertex.is_constant
