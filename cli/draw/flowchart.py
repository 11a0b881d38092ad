"""A graph's parts under names, for the programs that lay out graphs themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from actgrad.cli.draw.labels import Label, Labels
from actgrad.cli.draw.layout import OutputVertex, Vertex, target
from actgrad.layers.formula import Node

#: What the two lines on an edge are.
EDGE_KEY = "on each edge its value →, and below it the gradient ← ∂L/∂value"
DASHED_KEY = "a dashed edge decides which branch is taken"


class Arrow(NamedTuple):
    """An edge between two named parts, with its label.

    `decides` says that the value only decides which branch its target takes, and `splits` that the
    arrow ends where the value branches.
    """

    source: str
    target: str
    label: Label
    decides: bool = False
    splits: bool = False


class Flowchart:
    """A graph's parts: each vertex, each constant and each place where a value branches."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        edges = labels.graph.edges
        vertices: list[Vertex] = list(labels.graph.nodes)
        for edge in edges:
            vertices += [edge.source, target(edge)]
        ordered = sorted(dict.fromkeys(vertices), key=lambda v: isinstance(v, OutputVertex))
        self.names = {vertex: f"n{i}" for i, vertex in enumerate(ordered)}
        uses = Counter(edge.source for edge in edges)
        self.branchings = {
            node: f"b{self.names[node][1:]}" for node, count in uses.items() if count > 1
        }

    @property
    def constants(self) -> list[tuple[str, str, str]]:
        """Every constant operand: its name, the name of its operation, and its text."""
        operands = [
            (name, text)
            for vertex, name in self.names.items()
            if isinstance(vertex, Node)
            for text in self.labels.constants(vertex)
        ]
        return [(f"c{i}", name, text) for i, (name, text) in enumerate(operands)]

    @property
    def arrows(self) -> Iterator[Arrow]:
        """Every edge; a value that is used more than once first goes to where it branches."""
        for node, branching in self.branchings.items():
            label = self.labels.branching(node)
            yield Arrow(self.names[node], branching, label, splits=True)
        for edge in self.labels.graph.edges:
            source = self.branchings.get(edge.source) or self.names[edge.source]
            label = self.labels.edge(edge)
            yield Arrow(source, self.names[target(edge)], label, edge.place is None)

    def key(self, names: tuple[str, ...]) -> list[str]:
        """The lines that explain the drawing: the names in it, and what is on the edges."""
        has_dashes = any(arrow.decides for arrow in self.arrows)
        return [*names, EDGE_KEY, *[DASHED_KEY] * has_dashes]


def replacing(*pairs: tuple[str, str]) -> Callable[[str], str]:
    """A function that replaces single characters of a text."""
    table = str.maketrans(dict(pairs))
    return lambda text: text.translate(table)


#: A text in XML, as SVG and the labels of Graphviz need it.
xml_text = replacing(("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


def quoted(text: str) -> str:
    """The text as a string of DOT or YAML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
