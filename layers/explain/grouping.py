"""The graph of a chain with one node for each layer, labelled with the derivative it states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise

from actgrad.layers.formula import (
    FLOATS,
    Expressions,
    Formula,
    Graph,
    Node,
    Operation,
    Sweep,
    Symbol,
    indexed,
    name,
    variable,
)
from actgrad.layers.layer import Layer


class Grouped(Graph):
    """The graph of a chain in which every layer is one node for each number that it gives.

    A node's value and derivatives are computed by the graph of its layer's formula. The derivative
    of a layer of one number is written as the layer states it, in terms of the node's input and
    output. A layer along an axis takes a line of `length` numbers; its derivatives have names such
    as ∂y₁/∂x₂.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        x: Sequence[float] | None = None,
        dout: Sequence[float] | None = None,
        names: Sequence[str] = (),
        length: int | None = None,
    ) -> None:
        self._layers = layers
        letters = ("x", *names, "y")
        self._is_line = length is not None
        self._steps = [[Node(variable, leaf=text) for text in self._named("x", length or 1)]]
        #: The graphs of the layers at x, by the layer's number and that of the number it gives.
        self._inner: dict[tuple[int, int], Graph] = {}
        #: For each layer, the derivatives of each of its numbers by each number that it takes.
        self._slopes: list[dict[tuple[int, int], Node]] = []
        for layer, given, result in zip(layers, letters, letters[1:], strict=False):
            self._add(layer, given, result)
        outputs = self._steps[-1]
        super().__init__(Formula(self._steps[0], outputs[0] if length is None else outputs))
        self._letters = letters
        if x is not None:
            self._at(x, [1.0] * len(outputs) if dout is None else dout)

    def _named(self, letter: str, count: int) -> list[str]:
        """The names of that many numbers: the letter itself, or x₁, x₂, … on a line."""
        return indexed(letter, count) if self._is_line else [letter]

    def _add(self, layer: Layer, given: str, result: str) -> None:
        """Add the nodes of a layer; `given` and `result` are the letters of its ends."""
        inputs = self._steps[-1]
        reached = reached_inputs(layer, len(inputs))
        ends = (self._named(given, len(inputs)), self._named(result, len(reached)))
        slopes = {
            (i, j): Node(variable, leaf=f"∂{ends[1][i]}/∂{ends[0][j]}")
            for i, places in enumerate(reached)
            for j in places
        }
        self._slopes.append(slopes)
        operations = (
            Operation(layer.name, with_derivatives([slopes[i, j] for j in places]))
            for i, places in enumerate(reached)
        )
        self._steps.append(
            [
                Node(operation, tuple(inputs[j] for j in places))
                for operation, places in zip(operations, reached, strict=True)
            ]
        )

    @cached_property
    def labels(self) -> Sweep[Symbol]:
        known: dict[Node, Symbol] = {}
        for letter, step in zip(self._letters, self._steps, strict=True):
            known.update(zip(step, map(name, self._named(letter, len(step))), strict=True))
        places = zip(self._layers, self._slopes, pairwise(self._steps), strict=True)
        for number, (layer, slopes, (given, result)) in enumerate(places):
            for (i, j), slope in slopes.items():
                known[slope] = name(str(slope.leaf))
                if layer.is_elementwise:
                    inner = self._inner.get((number, i)) or Graph(layer.traced())
                    ends = known[given[j]], known[result[i]]
                    known[slope] = derivative_symbol(layer, inner, *ends)
        dout = [name(f"∂L/∂{y}") for y in self.output_names]
        return Expressions(self.formula, known, dout, self.ids)

    @cached_property
    def expressions(self) -> Sweep[Symbol]:
        """The same as `labels`, because a layer's node is not expanded."""
        return self.labels

    def _at(self, x: Sequence[float], dout: Sequence[float]) -> None:
        known: dict[Node, float] = dict(zip(self._steps[0], map(float, x), strict=True))
        for number, (layer, slopes) in enumerate(zip(self._layers, self._slopes, strict=True)):
            values = [known[node] for node in self._steps[number]]
            for i, node in enumerate(self._steps[number + 1]):
                inner, end = graph_of_number(layer, values, i)
                self._inner[number, i] = inner
                assert inner.numbers is not None
                known[node] = inner.numbers.value(inner.formula.outputs[end])
                for j in range(len(values)):
                    if (i, j) in slopes:
                        start = inner.formula.inputs[0 if layer.is_elementwise else j]
                        known[slopes[i, j]] = inner.numbers.gradient(start)
        self.numbers = Sweep(self.formula, FLOATS, known, list(map(float, dout)))


def reached_inputs(layer: Layer, length: int) -> list[list[int]]:
    """For each number that a layer gives, the places of the numbers that it depends on."""
    if layer.is_elementwise:
        return [[i] for i in range(length)]
    formula = layer.traced(length)
    nodes = ({*Formula(formula.inputs, output).nodes} for output in formula.outputs)
    return [[j for j, node in enumerate(formula.inputs) if node in each] for each in nodes]


def graph_of_number(layer: Layer, values: Sequence[float], place: int) -> tuple[Graph, int]:
    """The graph of a layer that gives the gradients of one of its numbers, and its output there."""
    if layer.is_elementwise:
        return Graph(layer.traced(), [values[place]]), 0
    formula = layer.traced(len(values))
    dout = [float(i == place) for i in range(len(formula.outputs))]
    return Graph(formula, values, dout), place


def with_derivatives(slopes: Sequence[Node]) -> Callable[..., tuple[Node, ...]]:
    """The derivative of an operation by each of its inputs."""
    return lambda y, *u: tuple(slopes)


def derivative_symbol(layer: Layer, graph: Graph, x: Symbol, y: Symbol) -> Symbol:
    """∂y/∂x as the layer states it in terms of y, else as the graph of its formula gives it."""
    x_node, y_node = (Node(variable, leaf=leaf) for leaf in "xy")
    stated = layer.derivative_in_y(x_node, y_node)
    if stated is None:
        return graph.slope(x, y)
    known = {x_node: x, y_node: y}
    value: Symbol = Expressions(Formula([x_node, y_node], stated), known).value(stated)
    return value
