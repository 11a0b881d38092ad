"""What stands on the parts of a graph's drawing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from math import isfinite
from typing import NamedTuple

from actgrad.cli.draw.layout import Vertex
from actgrad.cli.show import numeral
from actgrad.layers.formula import Edge, Graph, Node, Sweep, Symbol
from actgrad.layers.formula import words as f

#: A condition longer than this does not fit into a node.
CONDITION = 12


class Label(NamedTuple):
    """A value, above its edge, the gradient, below it, and its sign; None if it has no size."""

    value: str
    gradient: str
    sign: int | None = 1


class Labels:
    """A graph's labels: numbers if it has them, unless `symbolic`; else expressions."""

    def __init__(self, graph: Graph, symbolic: bool = False) -> None:
        self.graph = graph
        self.numbers = None if symbolic else graph.numbers
        operations = [node for node in graph.nodes if node.inputs]
        self.ids = {node: str(node.leaf) for node in graph.formula.inputs}
        self.ids |= {node: f"#{i}" for i, node in enumerate(operations, 1)}

    @cached_property
    def _conditions(self) -> Sweep[Symbol]:
        """Expressions without x, for at a number the conditions are decided."""
        return Graph(self.graph.formula, names=self.graph.names).labels

    def vertex(self, vertex: Vertex) -> str:
        """What is written in a node, or in place of one."""
        if isinstance(vertex, int):
            return self.graph.output_names[vertex]
        if not vertex.inputs or vertex.is_constant:
            return str(self.graph.expressions.value(vertex))
        if vertex.operation is f.where:
            condition = str(self._conditions.value(vertex.inputs[0]))[1:-1]
            if len(condition) <= CONDITION:
                return condition
        return vertex.operation.symbol

    def id(self, node: Node) -> str:
        """What a table calls the node: an input's name, an operation's number, a constant."""
        return self.ids.get(node) or str(self.graph.expressions.value(node))

    def constants(self, node: Node) -> list[str]:
        """What enters the node from the side."""
        return [str(self.graph.expressions.value(one)) for one in self.graph.constants(node)]

    def edge(self, edge: Edge) -> Label:
        """The value that goes along the edge, and the gradient that comes back."""
        if self.numbers is None:
            return self._symbols(edge.source, self.graph.labels.flow(edge))
        return self._floats(edge.source, self.numbers.flow(edge))

    def stub(self, node: Node) -> Label:
        """A node's value before it branches, and the sum of what comes back."""
        if self.numbers is None:
            return self._symbols(node, self.graph.labels.gradient(node))
        return self._floats(node, self.numbers.gradient(node))

    def _symbols(self, node: Node, gradient: object) -> Label:
        text = str(gradient)
        return Label(str(self.graph.expressions.value(node)), text, 0 if text == "0" else 1)

    def _floats(self, node: Node, gradient: float) -> Label:
        assert self.numbers is not None
        sign = int(gradient > 0) - int(gradient < 0) if isfinite(gradient) else None
        return Label(numeral(self.numbers.value(node)), numeral(gradient), sign)


class Legend:
    """Labels too long for a drawing, each replaced there by a letter."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.entries: dict[str, str] = {}

    def short(self, text: str) -> str:
        """The text, or the letter that stands for it."""
        if len(text) <= self.longest:
            return text
        return self.entries.setdefault(text, f"[{letter(len(self.entries)).lower()}]")

    def lines(self) -> Iterable[str]:
        return (f"{short} = {text}" for text, short in self.entries.items())


def letter(index: int) -> str:
    """A, B, … Z, A1, B1, …"""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index % 26] + (str(index // 26) if index >= 26 else "")
