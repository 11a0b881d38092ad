"""Where the parts of a graph's drawing stand: nodes in columns, left to right, edges in lanes.

The graph is taken apart into strands, each a path that runs straight along one lane, the longest
first. Only where a strand leaves another, at a branch, or joins one is there a line across.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from actgrad.layers.formula import Edge, Graph, Node

#: A node, or the place of an output among the outputs.
Vertex: TypeAlias = Node | int

#: Columns a rank of nodes takes: the nodes, a branching value's label, the edges' labels.
NODES, STUBS, LABELS = range(3)
PER_RANK = 3

#: What is bad about a placement, and how bad: a line through a box, a crossing, one more lane.
THROUGH, CROSSING, LANE, OUT_OF_ORDER, WRONG_SIDE = 100.0, 3.0, 2.0, 10.0, 1.5


class Strand(NamedTuple):
    """Vertices and edges in one lane, from the column `start` to the column `end`.

    `leaves` is the edge by which it begins at another strand's branch, `joins` the one by which it
    ends at another strand's node.
    """

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    start: int
    end: int
    leaves: Edge | None
    joins: Edge | None

    def covers(self, column: int) -> bool:
        return self.start <= column <= self.end


class Across(NamedTuple):
    """A line across the lanes, from the source's to the target's, in a column or just after it."""

    edge: Edge
    column: int
    source: int
    target: int

    @property
    def between(self) -> range:
        """The lanes that it passes."""
        return range(min(self.source, self.target) + 1, max(self.source, self.target))


class Layout:
    """The drawing of a graph, before it has a size."""

    def __init__(self, graph: Graph) -> None:
        self.edges = graph.edges
        self.ranks = ranks(graph)
        self.leaving: dict[Vertex, list[Edge]] = {vertex: [] for vertex in self.ranks}
        self.entering: dict[Vertex, list[Edge]] = {vertex: [] for vertex in self.ranks}
        for edge in self.edges:
            self.leaving[edge.source].append(edge)
            self.entering[target(edge)].append(edge)
        self.lanes: list[list[Strand]] = []
        for strand in strands(self):
            self.lanes = min(places(self.lanes, strand), key=lambda lanes: cost(lanes, self))

    @property
    def columns(self) -> int:
        return PER_RANK * max(self.ranks.values(), default=0) + 1

    def branches(self, vertex: Vertex) -> bool:
        """Whether the vertex's value is used more than once."""
        return len(self.leaving[vertex]) > 1

    def column(self, vertex: Vertex) -> int:
        return PER_RANK * self.ranks[vertex]

    def across(self, lanes: Sequence[Sequence[Strand]]) -> tuple[list[Across], list[Across]]:
        """The lines across from branches, each after a column of stubs, and those into nodes."""
        lane = {v: i for i, row in enumerate(lanes) for strand in row for v in strand.vertices}
        branches, joins = [], []
        for i, row in enumerate(lanes):
            for strand in row:
                if strand.leaves and strand.leaves.source in lane:
                    source = strand.leaves.source
                    column = self.column(source) + STUBS
                    branches.append(Across(strand.leaves, column, lane[source], i))
                if strand.joins and target(strand.joins) in lane:
                    vertex = target(strand.joins)
                    joins.append(Across(strand.joins, self.column(vertex), i, lane[vertex]))
        return branches, joins


def target(edge: Edge) -> Vertex:
    """What the edge leads to; the outputs are known by their places."""
    if edge.target is not None:
        return edge.target
    assert edge.place is not None
    return edge.place


def ranks(graph: Graph) -> dict[Vertex, int]:
    """How many operations lead to each vertex at most; the outputs stand last, in one column."""
    found: dict[Vertex, int] = dict.fromkeys(graph.formula.inputs, 0)
    for edge in graph.edges:
        after = found.setdefault(edge.source, 0) + 1
        found[target(edge)] = max(found.get(target(edge), 0), after)
    last = max(found.values())
    return {vertex: last if isinstance(vertex, int) else rank for vertex, rank in found.items()}


def strands(layout: Layout) -> Iterator[Strand]:
    """The longest path, the longest of what remains, and so on; then the edges that are left."""
    free = dict.fromkeys(layout.ranks)
    drawn: set[Edge] = set()
    while free:
        path = longest(layout, free)
        for vertex in path:
            del free[vertex]
        edges = [
            next(e for e in layout.leaving[one] if target(e) == other)
            for one, other in pairwise(path)
        ]
        leaves = next(iter(layout.entering[path[0]]), None)
        joins = next(iter(layout.leaving[path[-1]]), None)
        strand = between(layout, tuple(path), edges, leaves, joins)
        drawn.update(strand.edges)
        yield strand
    left = [edge for edge in layout.edges if edge not in drawn]
    for edge in sorted(left, key=lambda e: layout.ranks[target(e)] - layout.ranks[e.source]):
        yield between(layout, (), [], edge, edge)


def between(
    layout: Layout,
    path: tuple[Vertex, ...],
    edges: Sequence[Edge],
    leaves: Edge | None,
    joins: Edge | None,
) -> Strand:
    """The strand along the path, from where it leaves another strand to where it joins one."""
    start = layout.column(leaves.source) + LABELS if leaves else layout.column(path[0])
    end = layout.column(target(joins)) if joins else layout.column(path[-1])
    ends = [edge for edge in (leaves, joins) if edge is not None]
    return Strand(path, tuple(dict.fromkeys([*edges, *ends])), start, end, leaves, joins)


def longest(layout: Layout, free: dict[Vertex, None]) -> list[Vertex]:
    """The longest path through the free vertices; of equals, the one that comes first."""
    length: dict[Vertex, int] = {}
    after: dict[Vertex, Vertex | None] = {}
    for vertex in sorted(free, key=lambda one: -layout.ranks[one]):
        onward = [target(edge) for edge in layout.leaving[vertex] if target(edge) in length]
        after[vertex] = max(onward, key=lambda one: length[one], default=None)
        length[vertex] = 1 + max((length[one] for one in onward), default=0)
    vertex = max(free, key=lambda one: length[one])
    path = [vertex]
    while (following := after[path[-1]]) is not None:
        path.append(following)
    return path


def places(lanes: list[list[Strand]], strand: Strand) -> Iterator[list[list[Strand]]]:
    """Every way to add the strand: to a lane with room for it, or as a lane of its own."""
    for i in range(len(lanes) + 1):
        yield [*lanes[:i], [strand], *lanes[i:]]
    for i, lane in enumerate(lanes):
        if all(other.end < strand.start or strand.end < other.start for other in lane):
            yield [*lanes[:i], [*lane, strand], *lanes[i + 1 :]]


def cost(lanes: Sequence[Sequence[Strand]], layout: Layout) -> float:
    """How far the placement is from a clear drawing."""
    branches, joins = layout.across(lanes)
    total = LANE * len(lanes)
    for line in branches:
        total += abs(line.source - line.target)
        for i in line.between:
            total += CROSSING * any(strand.start <= line.column < strand.end for strand in lanes[i])
    for line in joins:
        total += abs(line.source - line.target)
        for i in line.between:
            total += obstacle(lanes[i], line.column, layout)
        straight = layout.entering[target(line.edge)]
        is_first = straight and straight[0] == line.edge
        total += WRONG_SIDE * (is_first != (line.source < line.target))
    return total + OUT_OF_ORDER * disorder(lanes, layout)


def obstacle(lane: Sequence[Strand], column: int, layout: Layout) -> float:
    """What it costs to cross the lane in a column of nodes."""
    for strand in lane:
        if strand.covers(column):
            box = any(layout.column(vertex) == column for vertex in strand.vertices)
            return THROUGH if box or (strand.joins and strand.end == column) else CROSSING
    return 0.0


def disorder(lanes: Sequence[Sequence[Strand]], layout: Layout) -> int:
    """How many neighbours among the inputs, and among the outputs, stand in the wrong order."""
    ordered = [v for lane in lanes for strand in lane for v in strand.vertices]
    outputs = [vertex for vertex in ordered if isinstance(vertex, int)]
    known = {vertex: i for i, vertex in enumerate(layout.ranks)}
    inputs = [known[v] for v in ordered if not layout.entering[v] and not isinstance(v, int)]
    return sum(a > b for row in (outputs, inputs) for a, b in pairwise(row))
