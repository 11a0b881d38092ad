"""A graph as SVG: the drawing of the terminal with curves, in one file without references.

The layout is that of `actgrad.cli.draw.layout`; only the sizes differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from actgrad.cli.draw.drawing import BELOW, Drawing
from actgrad.cli.draw.flowchart import xml_text
from actgrad.cli.draw.labels import Label
from actgrad.cli.draw.layout import (
    BRANCH_LABELS,
    COLUMNS_PER_RANK,
    EDGE_LABELS,
    LanePath,
    OutputVertex,
    Vertex,
    VerticalSegment,
)
from actgrad.cli.draw.picture import Picture
from actgrad.cli.show import SIGNS
from actgrad.layers.formula import Node

#: Sizes in pixels: a character of a label, a lane's height, the margin around the drawing, a node's
#: height, the width of a channel's track, the radius of a turn, a line of the legend.
CHARACTER, LANE, MARGIN, NODE, TRACK, RADIUS, LINE = 7.3, 100, 24, 40, 24, 10, 20
KEY = "above each edge its value →, below it the gradient ← ∂L/∂value"
#: The longest label that stands in the drawing itself, in characters.
LONGEST = 60
STYLE = """
  .graph text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace }
  .graph text { fill: #1f2328; text-anchor: middle }
  .graph .title { font-weight: bold; text-anchor: start }
  .graph .legend { text-anchor: start; fill: #57606a }
  .graph .node { fill: #fff8e6; stroke: #1f2328; stroke-width: 1.3 }
  .graph .edge { fill: none; stroke: #1f2328; stroke-width: 1.3 }
  .graph .constant, .graph .entry { fill: #57606a }
  .graph line.entry { stroke: #57606a }
  .graph .undefined { font-weight: bold }
  .graph .name, .graph .operation { font-size: 15px; font-weight: bold }
""" + "".join(f"  .graph .{ink.name} {{ fill: {ink.paper} }}\n" for ink in SIGNS.values())


def picture_svg(picture: Picture) -> str:
    """The whole document, on white ground."""
    sheet = Sheet(picture)
    parts = "\n".join(f"  {part}" for part in sheet.parts())
    width, height = f"{sheet.width:g}", f"{sheet.height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img">\n'
        f"  <title>{xml_text(picture.title)}</title>\n  <style>{STYLE}  </style>\n"
        '  <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
        ' markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#1f2328"/></marker></defs>\n'
        f'  <rect width="100%" height="100%" fill="white"/>\n{parts}\n</svg>\n'
    )


class Sheet:
    """The drawing with its places in pixels."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.drawing = Drawing(picture.labels, LONGEST)
        self.layout = self.drawing.layout
        self.left, right = list[float](), float(MARGIN)
        for column in range(self.layout.columns):
            left = right + TRACK * len(self.drawing.tracks(column - 1))
            self.left.append(left)
            right = left + self._column_width(column)
        self.legend = [*picture.names, *self.drawing.legend.lines(), KEY]
        self.bottom = 2.0 * MARGIN + LANE * len(self.layout.lanes)
        self.height = self.bottom + LINE * (len(self.legend) + 1) + MARGIN
        texts = [picture.title, *self.legend]
        self.width = max(right + MARGIN, *(2 * MARGIN + 8 * len(text) for text in texts))

    def parts(self) -> Iterator[str]:
        """Every element; lines come first, so that nodes cover them."""
        yield text(MARGIN, MARGIN + 13, self.picture.title, "title")
        for lane, paths in enumerate(self.layout.lanes):
            for path in paths:
                yield from self._lines(path, lane)
        for segment in self.drawing.branches:
            x, y = self._track(segment), self._lane_y(segment.source)
            yield f'<circle cx="{x:g}" cy="{y:g}" r="3.5"/>'
        for lane, paths in enumerate(self.layout.lanes):
            for path in paths:
                yield from self._labels(path, self._lane_y(lane))
                for vertex in path.vertices:
                    yield from self._vertex(vertex, self._lane_y(lane))
        for i, line in enumerate(self.legend, 1):
            yield text(MARGIN, self.bottom + LINE * i + 8, line, "legend")

    def _column_width(self, column: int) -> float:
        width = self.drawing.widths[column]
        if column % COLUMNS_PER_RANK:
            return CHARACTER * width + 14 if width else 0
        vertices = [v for v in self.layout.ranks if self.layout.column(v) == column]
        return max(map(self._vertex_width, vertices), default=0)

    def _vertex_width(self, vertex: Vertex) -> float:
        """The width of a node and the constants beside it, or of a name."""
        if not vertex.is_operation:
            return CHARACTER * len(self.drawing.text(vertex)) + 16
        constants = (CHARACTER * len(text) for text in self.drawing.constants[vertex].values())
        return max(self._node_width(vertex), *constants, 0)

    def _node_width(self, vertex: Vertex) -> float:
        return max(NODE, 9 * len(self.drawing.text(vertex)) + 18)

    def _lane_y(self, lane: int) -> float:
        return 2 * MARGIN + LANE * (lane + 0.5)

    def _middle(self, column: int) -> float:
        return self.left[column] + self._column_width(column) / 2

    def _track(self, segment: VerticalSegment) -> float:
        """The x of a segment that branches off."""
        place = self.drawing.track_from_right(segment)
        return self.left[segment.column + 1] - TRACK * place + TRACK / 2

    def _lines(self, path: LanePath, lane: int) -> Iterator[str]:
        """A path's line, with an arrow into each of its nodes and rounded turns at its ends."""
        y = self._lane_y(lane)
        line = self._line_start(path, lane)
        for vertex in path.vertices:
            if not self.layout.entering[vertex]:
                continue
            x = self._entry(vertex)
            yield edge(f"{line} H{x:g}")
            line = f"M{x + (self._node_width(vertex) if vertex.is_operation else 0):g} {y:g}"
        if path.join:
            segment = next(join for join in self.drawing.joins if join.edge is path.join)
            x, end = self._middle(segment.column), self._lane_y(segment.target)
            down = 1 if end > y else -1
            turn = f"Q{x:g} {y:g} {x:g} {y + down * RADIUS:g}"
            yield edge(f"{line} H{x - RADIUS:g} {turn} V{end - down * NODE / 2:g}")

    def _line_start(self, path: LanePath, lane: int) -> str:
        y = self._lane_y(lane)
        if path.branch:
            segment = next(b for b in self.drawing.branches if b.edge is path.branch)
            x, source = self._track(segment), self._lane_y(segment.source)
            up = 1 if source > y else -1
            turn = f"V{y + up * RADIUS:g} Q{x:g} {y:g} {x + RADIUS:g} {y:g}"
            return f"M{x:g} {source:g} {turn}"
        return f"M{self.left[path.start] + self._column_width(path.start):g} {y:g}"

    def _entry(self, vertex: Vertex) -> float:
        """The x at which an edge enters the vertex."""
        column = self.layout.column(vertex)
        if not vertex.is_operation:
            return self.left[column]
        return self._middle(column) - self._node_width(vertex) / 2

    def _labels(self, path: LanePath, y: float) -> Iterator[str]:
        for column in range(path.start, path.end):
            label = self.drawing.label(column, path)
            if label is not None and column % COLUMNS_PER_RANK in (BRANCH_LABELS, EDGE_LABELS):
                yield from label_texts(label, self._middle(column), y)

    def _vertex(self, vertex: Vertex, y: float) -> Iterator[str]:
        column, name = self.layout.column(vertex), self.drawing.text(vertex)
        if isinstance(vertex, Node) and vertex.is_operation:
            yield from self._node(vertex, y)
            return
        width = self._vertex_width(vertex)
        indent = 0 if isinstance(vertex, OutputVertex) else self._column_width(column) - width
        yield text(self.left[column] + indent + width / 2, y + 5, name, "name")

    def _node(self, node: Node, y: float) -> Iterator[str]:
        """An operation with the constants that enter it from above and below."""
        x, width = self._middle(self.layout.column(node)), self._node_width(node)
        for side, constant in self.drawing.constants[node].items():
            start, end = y + side * (NODE / 2 + 12), y + side * NODE / 2
            yield f'<line class="entry" x1="{x:g}" x2="{x:g}" y1="{start:g}" y2="{end:g}"/>'
            yield text(x, start + (13 if side == BELOW else -4), constant, "constant")
        yield (
            f'<rect class="node" x="{x - width / 2:g}" y="{y - NODE / 2:g}"'
            f' width="{width:g}" height="{NODE}" rx="{NODE / 2:g}"/>'
        )
        yield text(x, y + 5, self.drawing.text(node), "operation")


def label_texts(label: Label, x: float, y: float) -> Iterator[str]:
    """An edge's value above its line and its gradient below it."""
    yield text(x, y - 7, label.value, "value")
    yield text(x, y + 18, label.gradient, SIGNS[label.sign].name)


def text(x: float, y: float, content: str, kind: str) -> str:
    """A text element of that class."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{xml_text(content)}</text>'


def edge(path: str) -> str:
    """A line that ends in an arrow."""
    return f'<path class="edge" d="{path}" marker-end="url(#arrow)"/>'
