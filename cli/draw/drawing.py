"""A layout with its labels, for every renderer that draws boxes and lanes itself."""

from __future__ import annotations

from collections.abc import Callable

from actgrad.cli.draw.labels import Label, Labels, Legend
from actgrad.cli.draw.layout import (
    BRANCH_LABELS,
    COLUMNS_PER_RANK,
    EDGE_LABELS,
    VERTICES,
    LanePath,
    Layout,
    Vertex,
    VerticalSegment,
    target,
)
from actgrad.layers.formula import Node

#: Columns of characters on either side of a label.
GAP = 1
#: The two sides of a box.
ABOVE, BELOW = -1, 1


class Drawing:
    """A graph's layout with its labels, measured in characters.

    A label longer than `longest` is replaced by a letter that the legend explains. `encode` turns
    each label into characters that the output takes.
    """

    def __init__(
        self, labels: Labels, longest: int, encode: Callable[[str], str] | None = None
    ) -> None:
        self.labels = labels
        self.legend = Legend(longest, encode)
        self.layout = Layout(labels.graph)
        self.branches, self.joins = self.layout.vertical_segments(self.layout.lanes)
        self.constants = {v: self._constants(v) for v in self.layout.ranks if v.is_operation}
        self.widths = [self._width(column) for column in range(self.layout.columns)]

    def text(self, vertex: Vertex) -> str:
        """What stands in the vertex's box, or in place of a box."""
        return self.legend.short(self.labels.vertex(vertex))

    def label(self, column: int, path: LanePath) -> Label | None:
        """The label of the path in a column between vertices; None if it has none there."""
        label = None
        if column % COLUMNS_PER_RANK == EDGE_LABELS:
            for edge in path.edges:
                if self.layout.column(target(edge)) == column + 1:
                    label = self.labels.edge(edge)
        elif column % COLUMNS_PER_RANK == BRANCH_LABELS:
            for vertex in path.vertices:
                is_here = self.layout.column(vertex) + BRANCH_LABELS == column
                if is_here and isinstance(vertex, Node) and self.layout.branches(vertex):
                    label = self.labels.branching(vertex)
        if label is None:
            return None
        value, gradient = self.legend.short(label.value), self.legend.short(label.gradient)
        return label._replace(value=value, gradient=gradient)

    def tracks(self, column: int) -> dict[Vertex, list[VerticalSegment]]:
        """The vertical tracks of the channel after a column: one for each value that branches."""
        tracks: dict[Vertex, list[VerticalSegment]] = {}
        for segment in self.branches:
            if segment.column == column:
                tracks.setdefault(segment.edge.source, []).append(segment)
        return tracks

    def track_from_right(self, segment: VerticalSegment) -> int:
        """The place of a segment's track in its channel, from 1 for the last track."""
        sources = list(self.tracks(segment.column))
        return len(sources) - sources.index(segment.edge.source)

    def joined_sides(self, vertex: Vertex) -> set[int]:
        """The sides of the box on which paths join it."""
        return {
            ABOVE if segment.source < segment.target else BELOW
            for segment in self.joins
            if segment.edge.target is vertex
        }

    def box_width(self, vertex: Vertex) -> int:
        """The width of the box: its text, and above it its number beside a line that enters."""
        assert isinstance(vertex, Node)
        enters_above = ABOVE in self.constants[vertex] or ABOVE in self.joined_sides(vertex)
        edge = 2 * len(self.labels.id(vertex)) + 3 if enters_above else 0
        return max(len(self.text(vertex)) + 4, edge)

    def _constants(self, vertex: Vertex) -> dict[int, str]:
        """The constants that enter the box, by the side on which they are written."""
        assert isinstance(vertex, Node)
        texts = [self.legend.short(text) for text in self.labels.constants(vertex)]
        joined = self.joined_sides(vertex)
        free = [side for side in (BELOW, ABOVE) if side not in joined]
        if len(texts) == 2 == len(free):
            return {ABOVE: texts[0], BELOW: texts[1]}
        return {free[0]: ", ".join(texts)} if texts and free else {}

    def _width(self, column: int) -> int:
        """The width of a column of vertices, or of a column of labels."""
        if column % COLUMNS_PER_RANK == VERTICES:
            here = [vertex for vertex in self.layout.ranks if self.layout.column(vertex) == column]
            return max(map(self._vertex_width, here), default=0)
        labels = [label for path in self.layout.paths if (label := self.label(column, path))]
        width = max((max(len(label.value), len(label.gradient)) for label in labels), default=0)
        return width + 2 * GAP if width else 0

    def _vertex_width(self, vertex: Vertex) -> int:
        if not vertex.is_operation:
            return len(self.text(vertex)) + 1
        return max(self.box_width(vertex), *map(len, self.constants[vertex].values()), 0)
