"""The computational graph: a formula read forward to every value, then backward to every gradient.

A `Sweep` does this on any kind of number, given how each operation reads on it. A `Graph` holds the
sweeps that a drawing needs: one on floats, as a plain implementation of the formula would compute,
and two on symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from actgrad.layers.formula import words as f
from actgrad.layers.formula.readings import FLOATS, SYMBOLS
from actgrad.layers.formula.symbol import Symbol, name, number
from actgrad.layers.formula.tracing import Formula, indexed
from actgrad.layers.formula.words import Node, Operation

T = TypeVar("T")


class Edge(NamedTuple):
    """A value on its way from `source` to its place among the inputs of `target`.

    Without a target it leaves the graph as the output in that place. Without a place it only
    decides which branch the target takes.
    """

    source: Node
    target: Node | None
    place: int | None


class Sweep(Generic[T]):
    """One reading of a formula, on numbers of the type T: forward, then backward from `dout`.

    Without `dout` it is read forward only. `known` are the values given beforehand, those of the
    inputs at least.
    """

    def __init__(
        self,
        formula: Formula,
        reading: Mapping[Operation, Callable[..., Any]],
        known: Mapping[Node, Any],
        dout: Sequence[T] = (),
    ) -> None:
        self.reading = reading
        self.dout = dout
        self.values: dict[Node, Any] = dict(known)
        self._gradients: dict[Node, T] = {}
        self._flows: dict[tuple[Node | None, int | None], T] = {}
        for node in formula.nodes:
            self.value(node)
        for i, (output, gradient) in enumerate(
            zip(formula.outputs if dout else (), dout, strict=True)
        ):
            self._pass_back(Edge(output, None, i), gradient)
        for node in reversed(formula.nodes):
            if node in self._gradients:
                self._backward(node, self._gradients[node])

    def value(self, node: Node) -> Any:
        """The value of a node of the formula, or of a derivative."""
        if node not in self.values:
            inputs = [self.value(source) for source in node.inputs] or [node.leaf]
            self.values[node] = self.reading[node.operation](*inputs)
        return self.values[node]

    def gradient(self, node: Node) -> T:
        """∂L by the node: the sum of what its edges carry back."""
        return self._gradients.get(node, self._number(0))

    def flow(self, edge: Edge) -> T:
        """The gradient that the edge carries back."""
        return self._flows.get((edge.target, edge.place), self._number(0))

    def derivative(self, edge: Edge) -> T:
        """The target's derivative by the edge's value: 1 where the edge leaves the graph."""
        if edge.target is None:
            return self._number(1)
        by = None if edge.place is None else edge.target.derivatives[edge.place]
        local = False if by is None else self.value(by)
        return self._number(int(local)) if isinstance(local, bool) else local

    def _number(self, value: int) -> T:
        number: T = self.reading[f.literal](value)
        return number

    def _backward(self, node: Node, gradient: T) -> None:
        for i, (source, derivative) in enumerate(zip(node.inputs, node.derivatives, strict=True)):
            if derivative is None or source.is_constant:
                continue
            local = self.value(derivative)
            if local is True:
                self._pass_back(Edge(source, node, i), gradient)
            elif local is not False:
                self._pass_back(Edge(source, node, i), self.reading[f.multiply](gradient, local))

    def _pass_back(self, edge: Edge, gradient: T) -> None:
        self._flows[edge.target, edge.place] = gradient
        if edge.source in self._gradients:
            # A value used more than once sums what comes back.
            gradient = self.reading[f.add](self._gradients[edge.source], gradient)
        self._gradients[edge.source] = gradient


class Graph:
    """The graph of a formula at x, with dout coming in at the outputs (default: 1 at each).

    x has a number for each input and dout one for each output; without x the graph is in symbols
    only, and `numbers` is None. A choice follows the branch that it takes at x. No number is an
    error: floats overflow to ±inf, and what has no value is nan. `names` are those that nodes
    besides the outputs have in the labels.
    """

    def __init__(
        self,
        formula: Formula,
        x: Sequence[float] | None = None,
        dout: Sequence[float] | None = None,
        names: Mapping[Node, str] | None = None,
    ) -> None:
        count = len(formula.outputs)
        self.names = names or {}
        self.formula = formula
        self.output_names = ["y"] if formula.is_scalar else indexed("y", count)
        self.numbers: Sweep[float] | None = None
        if x is not None:
            known = dict(zip(formula.inputs, map(float, x), strict=True))
            given = [1.0] * count if dout is None else [float(one) for one in dout]
            self.numbers = Sweep(formula, FLOATS, known, given)

    @cached_property
    def expressions(self) -> Sweep[Symbol]:
        """Values and gradients in terms of the inputs and ∂L/∂y."""
        return self._symbols({})

    @cached_property
    def labels(self) -> Sweep[Symbol]:
        """The same, where an output is called y: so is every derivative that is made of it."""
        outputs = zip(self.formula.outputs, self.output_names, strict=True)
        named = {**self.names, **dict(outputs)}
        return self._symbols({node: name(y) for node, y in named.items() if node.inputs})

    def slope(self, x: Symbol, y: Symbol) -> Symbol:
        """∂y/∂x, where the only input and the only output are called so."""
        (start,), (end,) = self.formula.inputs, self.formula.outputs
        known = {**self._decisions, end: y, start: x}
        return Sweep(self.formula, SYMBOLS, known, [number(1)]).gradient(start)

    @cached_property
    def nodes(self) -> list[Node]:
        """The inputs and the operations, each after those it takes, without branches not taken."""
        found = {*self.formula.inputs, *self.formula.outputs}
        for node in reversed(self.formula.nodes):
            if node in found:
                found.update(edge.source for edge in self._into(node))
        operations = [node for node in self.formula.nodes if node in found and node.inputs]
        return [*self.formula.inputs, *(node for node in operations if not node.is_constant)]

    @cached_property
    def edges(self) -> list[Edge]:
        """Every value passed on, in the order of the nodes that take it; the outputs come last."""
        inner = [edge for node in self.nodes for edge in self._into(node)]
        return inner + [Edge(node, None, i) for i, node in enumerate(self.formula.outputs)]

    def constants(self, node: Node) -> list[Node]:
        """The constants that enter an operation from the side."""
        return [edge.source for edge in self.taken(node) if edge.source.is_constant]

    def taken(self, node: Node) -> list[Edge]:
        """What an operation takes, constants too; a choice takes the branch it follows at x."""
        edges = [Edge(source, node, i) for i, source in enumerate(node.inputs)]
        if node.operation is not f.where:
            return edges
        decision = self._decisions.get(node.inputs[0])
        return edges[1:] if decision is None else [edges[1 if decision else 2]]

    def _into(self, node: Node) -> list[Edge]:
        """A choice that took a constant is drawn with what its condition asked about."""
        edges = [edge for edge in self.taken(node) if not edge.source.is_constant]
        if edges or node.operation is not f.where:
            return edges
        return [Edge(one, node, None) for one in node.inputs[0].inputs if not one.is_constant]

    @property
    def _decisions(self) -> dict[Node, bool]:
        """What each condition came to at x, which symbols cannot tell."""
        values = {} if self.numbers is None else self.numbers.values
        return {node: value for node, value in values.items() if isinstance(value, bool)}

    def _symbols(self, outputs: Mapping[Node, Symbol]) -> Sweep[Symbol]:
        inputs = {node: name(str(node.leaf)) for node in self.formula.inputs}
        dout = [name(f"∂L/∂{y}") for y in self.output_names]
        return Sweep(self.formula, SYMBOLS, {**self._decisions, **inputs, **outputs}, dout)
