"""A graph drawn as SVG: the drawing of the terminal with circles and curves, needing nothing else.

Columns, lanes, branches and joins are those of `actgrad.cli.draw.layout`; only their sizes differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from actgrad.cli.draw.boxes import Drawing
from actgrad.cli.draw.diagram import escaped, is_operation
from actgrad.cli.draw.labels import Label
from actgrad.cli.draw.layout import LABELS, PER_RANK, STUBS, Across, Strand, Vertex
from actgrad.cli.draw.picture import Picture
from actgrad.layers.formula import Node

#: Sizes in pixels: a character of the labels' font, a lane, the margin, a node, a channel's track.
CHAR, LANE, MARGIN, NODE, TRACK, RADIUS = 7.3, 100, 24, 40, 24, 10
#: The longest label that stands in the drawing itself.
LONGEST = 60
STYLE = """
  text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace }
  text { fill: #1f2328; text-anchor: middle }
  .title { font-weight: bold; text-anchor: start }
  .legend { text-anchor: start; fill: #57606a }
  .node { fill: #fff8e6; stroke: #1f2328; stroke-width: 1.3 }
  .edge { fill: none; stroke: #1f2328; stroke-width: 1.3 }
  .constant, .entry { fill: #57606a }
  line.entry { stroke: #57606a }
  .name, .operation { font-size: 15px; font-weight: bold }
  .positive { fill: #0550ae } .negative { fill: #b42318 } .zero { fill: #8c959f }
  .undefined { fill: #8250df; font-weight: bold }
"""
CLASSES = {1: "positive", -1: "negative", 0: "zero", None: "undefined"}


def svg(picture: Picture) -> str:
    """The whole document, on a white ground."""
    drawing = Sheet(picture)
    parts = "\n".join(f"  {part}" for part in drawing.parts())
    width, height = f"{drawing.width:g}", f"{drawing.height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img">\n'
        f"  <title>{escaped(picture.title)}</title>\n  <style>{STYLE}  </style>\n"
        '  <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
        ' markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#1f2328"/></marker></defs>\n'
        f'  <rect width="100%" height="100%" fill="white"/>\n{parts}\n</svg>\n'
    )


class Sheet:
    """The drawing with places in pixels."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.labels = picture.labels
        self.drawing = Drawing(picture.labels, LONGEST)
        self.layout = self.drawing.layout
        self.left, at = list[float](), float(MARGIN)
        for column in range(self.layout.columns):
            at += TRACK * len(self.drawing.tracks(column - 1))
            self.left.append(at)
            at += self.size(column)
        self.top = 2.0 * MARGIN
        legend = [*picture.names, *self.drawing.legend.lines()]
        self.legend = [*legend, "above each edge its value, below it the gradient"]
        bottom = self.top + LANE * len(self.layout.lanes)
        self.height = bottom + 20 * (len(self.legend) + 1) + MARGIN
        texts = [picture.title, *self.legend]
        self.width = max(at + MARGIN, *(2 * MARGIN + 8 * len(text) for text in texts))

    def size(self, column: int) -> float:
        width = self.drawing.widths[column]
        if column % PER_RANK:
            return CHAR * width + 14 if width else 0
        vertices = [v for v in self.layout.ranks if self.layout.column(v) == column]
        return max((self.room(vertex) for vertex in vertices), default=0)

    def room(self, vertex: Vertex) -> float:
        """The width of a node, or of the constants beside it."""
        text = self.drawing.box(vertex)
        if not is_operation(vertex):
            return CHAR * len(text) + 16
        constants = (CHAR * len(one) for one in self.drawing.sides[vertex].values())
        return max(self.node(vertex), *constants, 0)

    def node(self, vertex: Vertex) -> float:
        return max(NODE, 9 * len(self.drawing.box(vertex)) + 18)

    def row(self, lane: int) -> float:
        return self.top + LANE * (lane + 0.5)

    def middle(self, column: int) -> float:
        return self.left[column] + self.size(column) / 2

    def track(self, line: Across) -> float:
        sources = list(self.drawing.tracks(line.column))
        place = len(sources) - sources.index(line.edge.source)
        return self.left[line.column + 1] - TRACK * place + TRACK / 2

    def parts(self) -> Iterator[str]:
        """Every element: lines first, so that nodes lie upon them."""
        yield text(MARGIN, MARGIN + 13, self.picture.title, "title")
        lanes = list(enumerate(self.layout.lanes))
        for i, lane in lanes:
            for strand in lane:
                yield from self.lines(strand, i)
        for line in self.drawing.branches:
            yield f'<circle cx="{self.track(line):g}" cy="{self.row(line.source):g}" r="3.5"/>'
        for i, lane in lanes:
            for strand in lane:
                yield from self.values(strand, self.row(i))
                for vertex in strand.vertices:
                    yield from self.vertex(vertex, self.row(i))
        bottom = self.top + LANE * len(lanes)
        for i, words in enumerate(self.legend):
            yield text(MARGIN, bottom + 20 * (i + 1) + 8, words, "legend")

    def lines(self, strand: Strand, lane: int) -> Iterator[str]:
        """A strand's line, an arrow into each of its nodes, with rounded turns at its ends."""
        row = self.row(lane)
        stops = [vertex for vertex in strand.vertices if self.layout.entering[vertex]]
        at, path = self._departure(strand, lane)
        for vertex in stops:
            end = self._entry(vertex)
            yield edge(f"{path} H{end:g}")
            at = end + (self.node(vertex) if is_operation(vertex) else 0)
            path = f"M{at:g} {row:g}"
        if strand.joins:
            joined = next(line for line in self.drawing.joins if line.edge is strand.joins)
            column, other = self.middle(joined.column), self.row(joined.target)
            down = 1 if other > row else -1
            turn = f"Q{column:g} {row:g} {column:g} {row + down * RADIUS:g}"
            yield edge(f"{path} H{column - RADIUS:g} {turn} V{other - down * NODE / 2:g}")

    def _departure(self, strand: Strand, lane: int) -> tuple[float, str]:
        row = self.row(lane)
        if strand.leaves:
            left = next(line for line in self.drawing.branches if line.edge is strand.leaves)
            at, source = self.track(left), self.row(left.source)
            up = 1 if source > row else -1
            turn = f"V{row + up * RADIUS:g} Q{at:g} {row:g} {at + RADIUS:g} {row:g}"
            return at, f"M{at:g} {source:g} {turn}"
        at = self.left[strand.start] + self.size(strand.start)
        return at, f"M{at:g} {row:g}"

    def _entry(self, vertex: Vertex) -> float:
        column = self.layout.column(vertex)
        if not is_operation(vertex):
            return self.left[column]
        return self.middle(column) - self.node(vertex) / 2

    def values(self, strand: Strand, row: float) -> Iterator[str]:
        for column in range(strand.start, strand.end):
            label = self.drawing.label(column, strand)
            if label is not None and column % PER_RANK in (STUBS, LABELS):
                yield from self.label(label, self.middle(column), row)

    def label(self, label: Label, at: float, row: float) -> Iterator[str]:
        yield text(at, row - 7, label.value, "value")
        yield text(at, row + 18, label.gradient, CLASSES[label.sign])

    def vertex(self, vertex: Vertex, row: float) -> Iterator[str]:
        column, words = self.layout.column(vertex), self.drawing.box(vertex)
        at = self.middle(column)
        if not is_operation(vertex):
            side = 0 if isinstance(vertex, int) else self.size(column) - self.room(vertex)
            left = self.left[column] + side
            yield text(left + self.room(vertex) / 2, row + 5, words, "name")
            return
        assert isinstance(vertex, Node)
        width = self.node(vertex)
        for side, constant in self.drawing.sides[vertex].items():
            start, end = row + side * (NODE / 2 + 12), row + side * NODE / 2
            yield f'<line class="entry" x1="{at:g}" x2="{at:g}" y1="{start:g}" y2="{end:g}"/>'
            yield text(at, start + (13 if side > 0 else -4), constant, "constant")
        yield (
            f'<rect class="node" x="{at - width / 2:g}" y="{row - NODE / 2:g}"'
            f' width="{width:g}" height="{NODE}" rx="{NODE / 2:g}"/>'
        )
        yield text(at, row + 5, words, "operation")


def text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escaped(words)}</text>'


def edge(path: str) -> str:
    return f'<path class="edge" d="{path}" marker-end="url(#arrow)"/>'
