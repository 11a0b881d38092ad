"""A layered layout of a graph: vertices in ranks from left to right, edges routed along lanes.

The graph is decomposed into paths, the longest first, and each path runs straight along one lane.
Lanes are horizontal. An edge has a vertical segment only where a path branches off another path or
joins one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from actgrad.layers.formula import Edge, Graph, Node

#: The columns of a rank: its vertices, the labels of values that branch, the labels of edges.
VERTICES, BRANCH_LABELS, EDGE_LABELS = range(3)
COLUMNS_PER_RANK = 3

#: The costs of a placement: an edge through a box, two edges that cross, one more lane, inputs or
#: outputs out of order, and an operand that enters on the wrong side.
THROUGH_BOX, CROSSING, LANE, OUT_OF_ORDER, WRONG_SIDE = 100.0, 3.0, 2.0, 10.0, 1.5


class OutputVertex(NamedTuple):
    """An output of the graph as a vertex, by its place among the outputs."""

    place: int

    @property
    def is_operation(self) -> bool:
        """False, as for inputs and constants."""
        return False


Vertex: TypeAlias = Node | OutputVertex


class LanePath(NamedTuple):
    """A path of the graph in one lane, from the column `start` to the column `end`.

    `branch` is the edge by which it begins at a vertex of another path, `join` the edge by which it
    ends at a vertex of another path. A path without vertices is a single edge: both are this edge.
    """

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    start: int
    end: int
    branch: Edge | None
    join: Edge | None

    def covers(self, column: int) -> bool:
        """Whether the path occupies its lane in that column."""
        return self.start <= column <= self.end


class VerticalSegment(NamedTuple):
    """The part of an edge that leads from the lane `source` to the lane `target`.

    A segment that branches off runs just after its column, one that joins runs in it.
    """

    edge: Edge
    column: int
    source: int
    target: int

    @property
    def lanes_between(self) -> range:
        """The lanes that it crosses."""
        return range(min(self.source, self.target) + 1, max(self.source, self.target))


#: The paths in each lane, from the top lane to the bottom lane.
Lanes: TypeAlias = Sequence[Sequence[LanePath]]


class Layout:
    """The ranks and lanes of a graph, without sizes.

    Each path is added to the lanes at the place of least cost, so the result depends on the order
    of the paths and is good, not optimal.
    """

    def __init__(self, graph: Graph) -> None:
        self.edges = graph.edges
        self.ranks = longest_path_ranks(graph)
        self.leaving: dict[Vertex, list[Edge]] = {vertex: [] for vertex in self.ranks}
        self.entering: dict[Vertex, list[Edge]] = {vertex: [] for vertex in self.ranks}
        for edge in self.edges:
            self.leaving[edge.source].append(edge)
            self.entering[target(edge)].append(edge)
        self.lanes: Lanes = []
        for path in path_decomposition(self):
            self.lanes = min(placements(self.lanes, path), key=lambda lanes: cost(lanes, self))

    @property
    def columns(self) -> int:
        """How many columns the ranks have; the last rank has no labels after it."""
        return COLUMNS_PER_RANK * max(self.ranks.values(), default=0) + 1

    @property
    def paths(self) -> list[LanePath]:
        """All paths, lane by lane."""
        return [path for lane in self.lanes for path in lane]

    def branches(self, vertex: Vertex) -> bool:
        """Whether the vertex's value is used more than once."""
        return len(self.leaving[vertex]) > 1

    def column(self, vertex: Vertex) -> int:
        """The column of the vertex."""
        return COLUMNS_PER_RANK * self.ranks[vertex]

    def vertical_segments(
        self, lanes: Lanes
    ) -> tuple[list[VerticalSegment], list[VerticalSegment]]:
        """The segments that branch off, and those that join, between paths that are placed."""
        lane_of = {vertex: i for i, lane in enumerate(lanes) for p in lane for vertex in p.vertices}
        branches, joins = [], []
        for i, lane in enumerate(lanes):
            for path in lane:
                if path.branch and path.branch.source in lane_of:
                    source = path.branch.source
                    column = self.column(source) + BRANCH_LABELS
                    branches.append(VerticalSegment(path.branch, column, lane_of[source], i))
                if path.join and target(path.join) in lane_of:
                    end = target(path.join)
                    joins.append(VerticalSegment(path.join, self.column(end), i, lane_of[end]))
        return branches, joins


def target(edge: Edge) -> Vertex:
    """The vertex that the edge leads to."""
    if edge.target is not None:
        return edge.target
    assert edge.place is not None
    return OutputVertex(edge.place)


def longest_path_ranks(graph: Graph) -> dict[Vertex, int]:
    """Each vertex's rank: the number of edges on the longest path to it; outputs have the last."""
    ranks: dict[Vertex, int] = dict.fromkeys(graph.formula.inputs, 0)
    for edge in graph.edges:
        rank = ranks.setdefault(edge.source, 0) + 1
        ranks[target(edge)] = max(ranks.get(target(edge), 0), rank)
    last = max(ranks.values())
    return {v: last if isinstance(v, OutputVertex) else rank for v, rank in ranks.items()}


def path_decomposition(layout: Layout) -> Iterator[LanePath]:
    """The longest path, the longest path of the vertices that remain, …, then single edges."""
    free = dict.fromkeys(layout.ranks)
    routed: set[Edge] = set()
    while free:
        vertices = longest_path(layout, free)
        for vertex in vertices:
            del free[vertex]
        edges = [
            next(edge for edge in layout.leaving[vertex] if target(edge) == following)
            for vertex, following in pairwise(vertices)
        ]
        branch = next(iter(layout.entering[vertices[0]]), None)
        join = next(iter(layout.leaving[vertices[-1]]), None)
        path = lane_path(layout, tuple(vertices), edges, branch, join)
        routed.update(path.edges)
        yield path
    single = [edge for edge in layout.edges if edge not in routed]
    for edge in sorted(single, key=lambda e: layout.ranks[target(e)] - layout.ranks[e.source]):
        yield lane_path(layout, (), [], edge, edge)


def longest_path(layout: Layout, free: dict[Vertex, None]) -> list[Vertex]:
    """The longest path through the free vertices; of several, the one that comes first."""
    length: dict[Vertex, int] = {}
    successor: dict[Vertex, Vertex | None] = {}
    for vertex in sorted(free, key=lambda v: -layout.ranks[v]):
        onward = [target(edge) for edge in layout.leaving[vertex] if target(edge) in length]
        successor[vertex] = max(onward, key=length.__getitem__, default=None)
        length[vertex] = 1 + max((length[v] for v in onward), default=0)
    path = [max(free, key=length.__getitem__)]
    while (following := successor[path[-1]]) is not None:
        path.append(following)
    return path


def lane_path(
    layout: Layout,
    vertices: tuple[Vertex, ...],
    edges: Sequence[Edge],
    branch: Edge | None,
    join: Edge | None,
) -> LanePath:
    """The path along the vertices, with its columns."""
    start = layout.column(branch.source) + EDGE_LABELS if branch else layout.column(vertices[0])
    end = layout.column(target(join) if join else vertices[-1])
    ends = [edge for edge in (branch, join) if edge is not None]
    return LanePath(vertices, tuple(dict.fromkeys([*edges, *ends])), start, end, branch, join)


def placements(lanes: Lanes, path: LanePath) -> Iterator[Lanes]:
    """Every way to add the path: as a new lane, or in a lane that is free in its columns."""
    for i in range(len(lanes) + 1):
        yield [*lanes[:i], [path], *lanes[i:]]
    for i, lane in enumerate(lanes):
        if all(other.end < path.start or path.end < other.start for other in lane):
            yield [*lanes[:i], [*lane, path], *lanes[i + 1 :]]


def cost(lanes: Lanes, layout: Layout) -> float:
    """The cost of a placement: its lanes, the length of vertical segments, what they cross."""
    branches, joins = layout.vertical_segments(lanes)
    total = LANE * len(lanes) + OUT_OF_ORDER * inversions(lanes, layout)
    for segment in branches:
        total += abs(segment.source - segment.target)
        for i in segment.lanes_between:
            total += CROSSING * any(path.start <= segment.column < path.end for path in lanes[i])
    for segment in joins:
        total += abs(segment.source - segment.target)
        total += sum(crossing_cost(lanes[i], segment.column, layout) for i in segment.lanes_between)
        operands = layout.entering[target(segment.edge)]
        is_first = bool(operands) and operands[0] == segment.edge
        total += WRONG_SIDE * (is_first != (segment.source < segment.target))
    return total


def crossing_cost(lane: Sequence[LanePath], column: int, layout: Layout) -> float:
    """The cost of a segment that crosses the lane in a column of vertices."""
    for path in lane:
        if path.covers(column):
            is_box = any(layout.column(vertex) == column for vertex in path.vertices)
            return THROUGH_BOX if is_box or (path.join and path.end == column) else CROSSING
    return 0.0


def inversions(lanes: Lanes, layout: Layout) -> int:
    """How many neighbours among the inputs, and among the outputs, are in the wrong order."""
    vertices = [vertex for lane in lanes for path in lane for vertex in path.vertices]
    outputs = [vertex.place for vertex in vertices if isinstance(vertex, OutputVertex)]
    order = {vertex: i for i, vertex in enumerate(layout.ranks)}
    inputs = [order[v] for v in vertices if isinstance(v, Node) and not layout.entering[v]]
    return sum(a > b for places in (outputs, inputs) for a, b in pairwise(places))
