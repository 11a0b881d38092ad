"""The labels of a graph's vertices and edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from math import isfinite
from typing import NamedTuple

from actgrad.cli.draw.layout import OutputVertex, Vertex
from actgrad.cli.show import numeral
from actgrad.layers.formula import Edge, Graph, Node, Sweep, Symbol
from actgrad.layers.formula import words as f

#: A condition of more characters does not fit into a box.
CONDITION = 12


class Label(NamedTuple):
    """An edge's value, its gradient ∂L/∂value, and the gradient's sign, None for nan and ±∞."""

    value: str
    gradient: str
    sign: int | None = 1


class Labels:
    """The labels of a graph: its numbers, or expressions if it has none or `symbolic` is set."""

    def __init__(self, graph: Graph, symbolic: bool = False) -> None:
        self.graph = graph
        self.numbers = None if symbolic else graph.numbers

    @cached_property
    def _conditions(self) -> Sweep[Symbol]:
        """The expressions without an x: no condition in them is decided."""
        return Graph(self.graph.formula, names=self.graph.names).labels

    def vertex(self, vertex: Vertex) -> str:
        """An operation's symbol, a choice's condition, or the name of an input or output."""
        if isinstance(vertex, OutputVertex):
            return self.graph.output_names[vertex.place]
        if not vertex.is_operation:
            return str(self.graph.expressions.value(vertex))
        if vertex.operation is f.where:
            condition = str(self._conditions.value(vertex.inputs[0]))[1:-1]
            if len(condition) <= CONDITION:
                return condition
        return vertex.operation.symbol

    def id(self, node: Node) -> str:
        """A node's name in tables: an input's name, an operation's number, a constant's value."""
        return self.graph.ids.get(node) or str(self.graph.expressions.value(node))

    def constants(self, node: Node) -> list[str]:
        """The constants among the node's operands."""
        return [str(self.graph.expressions.value(c)) for c in self.graph.constants(node)]

    def edge(self, edge: Edge) -> Label:
        """The value that the edge carries forward, and the gradient that it carries back."""
        if self.numbers is None:
            return self._symbols(edge.source, self.graph.labels.contribution(edge))
        return self._numbers(edge.source, self.numbers.contribution(edge))

    def branching(self, node: Node) -> Label:
        """A node's value before it branches, and the sum of the gradients that come back."""
        if self.numbers is None:
            return self._symbols(node, self.graph.labels.gradient(node))
        return self._numbers(node, self.numbers.gradient(node))

    def _symbols(self, node: Node, gradient: object) -> Label:
        text = str(gradient)
        return Label(str(self.graph.expressions.value(node)), text, 0 if text == "0" else 1)

    def _numbers(self, node: Node, gradient: float) -> Label:
        assert self.numbers is not None
        sign = int(gradient > 0) - int(gradient < 0) if isfinite(gradient) else None
        return Label(numeral(self.numbers.value(node)), numeral(gradient), sign)


class Legend:
    """Letters in place of texts longer than `longest`, and what they stand for.

    `encode` turns a text into characters that the output takes.

    >>> legend = Legend(5)
    >>> legend.short("x"), legend.short("1/(1 + exp(-x))")
    ('x', '[a]')
    >>> list(legend.lines())
    ['[a] = 1/(1 + exp(-x))']
    """

    def __init__(self, longest: int, encode: Callable[[str], str] | None = None) -> None:
        self.longest = longest
        self.encode = encode
        self.letters: dict[str, str] = {}

    def short(self, text: str) -> str:
        """The text, or the letter that stands for it."""
        text = self.encode(text) if self.encode else text
        if len(text) <= self.longest:
            return text
        return self.letters.setdefault(text, f"[{letter(len(self.letters))}]")

    def lines(self) -> Iterator[str]:
        """Each letter with its text."""
        return (f"{letter} = {text}" for text, letter in self.letters.items())


def letter(index: int) -> str:
    """a, b, … z, a1, b1, …"""
    return "abcdefghijklmnopqrstuvwxyz"[index % 26] + (str(index // 26) if index >= 26 else "")
