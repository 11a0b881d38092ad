"""The graph of a chain with one node for each layer, labelled with the derivative it states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise

from actgrad.layers.errors import ShapeError
from actgrad.layers.formula import (
    FLOATS,
    SYMBOLS,
    Formula,
    Graph,
    Node,
    Operation,
    Sweep,
    Symbol,
    name,
    variable,
)
from actgrad.layers.layer import Layer


class Grouped(Graph):
    """The graph of a chain in which every layer is one node.

    A node's value and derivative are computed by the graph of its layer's formula. Its derivative
    is written as the layer states it, in terms of the node's input and output.

    Raises:
        ShapeError: a layer's formula takes several numbers, so it is no node with one value.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        x: float | None = None,
        dout: float = 1,
        names: Sequence[str] = (),
    ) -> None:
        self._layers = layers
        self._steps = [Node(variable, leaf="x")]
        self._slopes = [Node(variable, leaf="∂y/∂x") for _ in layers]
        for layer, slope in zip(layers, self._slopes, strict=True):
            if not layer.is_elementwise:
                raise ShapeError(f"{layer.name} has many inputs, so it is no single node")
            operation = Operation(layer.name, with_derivative(slope))
            self._steps.append(Node(operation, (self._steps[-1],)))
        super().__init__(Formula(self._steps[:1], self._steps[-1]))
        self._names = [name(text) for text in ("x", *names, "y")]
        self._inner = [Graph(layer.traced()) for layer in layers]
        if x is not None:
            self._at(x, dout)

    @cached_property
    def labels(self) -> Sweep[Symbol]:
        known = dict(zip(self._steps, self._names, strict=True))
        ends = zip(*pairwise(self._names), strict=True)
        slopes = map(derivative_symbol, self._layers, self._inner, *ends)
        known.update(zip(self._slopes, slopes, strict=True))
        return Sweep(self.formula, SYMBOLS, known, [name("∂L/∂y")])

    @cached_property
    def expressions(self) -> Sweep[Symbol]:
        """The same as `labels`, because a layer's node is not expanded."""
        return self.labels

    def _at(self, x: float, dout: float) -> None:
        values, slopes = [x], []
        self._inner = []
        for layer in self._layers:
            inner = Graph(layer.traced(), values[-1:])
            assert inner.numbers is not None
            self._inner.append(inner)
            values.append(inner.numbers.value(inner.formula.outputs[0]))
            slopes.append(inner.numbers.gradient(inner.formula.inputs[0]))
        known = dict(zip([*self._steps, *self._slopes], [*values, *slopes], strict=True))
        self.numbers = Sweep(self.formula, FLOATS, known, [dout])


def with_derivative(slope: Node) -> Callable[..., tuple[Node]]:
    """The derivative of an operation of one input, ∂y/∂u = slope."""
    return lambda y, u: (slope,)


def derivative_symbol(layer: Layer, graph: Graph, x: Symbol, y: Symbol) -> Symbol:
    """∂y/∂x as the layer states it in terms of y, else as the graph of its formula gives it."""
    x_node, y_node = (Node(variable, leaf=leaf) for leaf in "xy")
    stated = layer.derivative_in_y(x_node, y_node)
    if stated is None:
        return graph.slope(x, y)
    known = {x_node: x, y_node: y}
    value: Symbol = Sweep(Formula([x_node, y_node], stated), SYMBOLS, known).value(stated)
    return value
