"""The computational graph: a formula read forward to every value, then backward to every gradient.

A `Sweep` does this on any kind of number, given a reading. A `Graph` holds the sweeps that a
drawing needs: one on floats, as a plain implementation of the formula computes, and two on
symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from actgrad.layers.displayed import Displayed
from actgrad.layers.formula import words as f
from actgrad.layers.formula.readings import FLOATS, NODES, SYMBOLS
from actgrad.layers.formula.symbol import Symbol, name, number, require_length
from actgrad.layers.formula.words import Node, Operation, constant, variable

T = TypeVar("T")
#: The characters of the longest expression that others contain.
LONGEST = 2000
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Formula:
    """A formula's named inputs, its outputs, and all its nodes, each after its own inputs."""

    def __init__(self, inputs: Sequence[Node], outputs: Node | Sequence[Node]) -> None:
        self.is_scalar = isinstance(outputs, Node)
        self.inputs = tuple(inputs)
        self.outputs = (outputs,) if isinstance(outputs, Node) else tuple(outputs)
        self.nodes = tuple(_in_order(self.outputs))


def trace(formula: Callable[..., Any], *arguments: str | int) -> Formula:
    """Call `formula` on fresh inputs, and keep the nodes that it builds.

    An argument is a name, or the length of a list x₁, x₂, … of inputs; the default is one input
    "x".
    """
    inputs: list[Node] = []
    given: list[Node | list[Node]] = []
    for argument in arguments or ("x",):
        names = [argument] if isinstance(argument, str) else indexed("x", argument)
        nodes = [Node(variable, leaf=name) for name in names]
        inputs += nodes
        given.append(nodes[0] if isinstance(argument, str) else nodes)
    result = formula(*given)
    many = isinstance(result, list | tuple)
    return Formula(inputs, [constant(y) for y in result] if many else constant(result))


def indexed(name: str, count: int) -> list[str]:
    """The names x₁, x₂, … up to `count`."""
    return [name + str(i).translate(SUBSCRIPTS) for i in range(1, count + 1)]


def _in_order(outputs: Sequence[Node]) -> Iterator[Node]:
    """The nodes, each after its inputs; no recursion, as a sum over a long axis is deep."""
    seen: set[Node] = set()
    stack = [(node, False) for node in reversed(outputs)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((source, False) for source in reversed(node.inputs))


class Edge(NamedTuple):
    """An edge that carries the value of `source` to the input number `place` of `target`.

    Without a target, it leaves the graph as output number `place`. Without a place, it only decides
    which branch the target takes.
    """

    source: Node
    target: Node | None
    place: int | None


class Sweep(Generic[T]):
    """A formula read on numbers of the type T: forward, and backward if `dout` is given.

    `known` holds the values of the inputs, and of any other nodes whose values are given. `dout`
    has a gradient for each output.
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
        self._contributions: dict[tuple[Node | None, int | None], T] = {}
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
            inputs = [self.operand(source) for source in node.inputs] or [node.leaf]
            self.values[node] = self.reading[node.operation](*inputs)
        return self.values[node]

    def operand(self, node: Node) -> Any:
        """The value of a node as others take it."""
        return self.value(node)

    def gradient(self, node: Node) -> T:
        """∂L/∂node: the sum of the gradients that its edges carry backward."""
        return self._gradients.get(node, self._number(0))

    def contribution(self, edge: Edge) -> T:
        """The gradient that the edge carries backward."""
        return self._contributions.get((edge.target, edge.place), self._number(0))

    def derivative(self, edge: Edge) -> T:
        """The target's derivative by the value of the edge; 1 where the edge leaves the graph."""
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
        self._contributions[edge.target, edge.place] = gradient
        if edge.source in self._gradients:
            # The gradients of all uses of a value are added.
            gradient = self.reading[f.add](self._gradients[edge.source], gradient)
        self._gradients[edge.source] = gradient


class Expressions(Sweep[Symbol]):
    """A formula read on symbols.

    A node may be used twice, so a chain's expression doubles with each layer. Others contain the
    name of a node, which `names` has, in place of a long expression.

    Raises:
        ActgradError: an expression without a name is too long.
    """

    def __init__(
        self,
        formula: Formula,
        known: Mapping[Node, Any],
        dout: Sequence[Symbol] = (),
        names: Mapping[Node, str] | None = None,
    ) -> None:
        self._names = names or {}
        super().__init__(formula, SYMBOLS, known, dout)

    def operand(self, node: Node) -> Any:
        symbol = self.value(node)
        return symbol if isinstance(symbol, bool) else self._short(symbol, node, "")

    def _backward(self, node: Node, gradient: Symbol) -> None:
        super()._backward(node, self._short(gradient, node, "∂L/∂"))

    def _short(self, symbol: Symbol, node: Node, mark: str) -> Symbol:
        length = len(str(symbol))
        if length > LONGEST and node in self._names:
            return name(mark + self._names[node])
        require_length(length)
        return symbol


def slope_node(formula: Formula) -> Node:
    """∂y/∂x of a formula of one number, as a node: the graph's way back, read as nodes."""
    nodes: dict[Node, Any] = {node: node for node in formula.nodes}
    slope = Sweep(formula, NODES, nodes, [constant(1)]).gradient(formula.inputs[0])
    return constant(slope)


class Graph(Displayed):
    """The graph of a formula at x, with the gradients dout at its outputs (default: 1 each).

    x has a number for each input, dout a number for each output. Without x the graph is in symbols
    only, and `numbers` is None. A choice follows the branch that it takes at x. No number raises an
    error: floats overflow to ±inf, and a missing value is nan. `names` gives nodes names in the
    labels, besides the outputs.
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
            given = [1.0] * count if dout is None else [float(gradient) for gradient in dout]
            self.numbers = Sweep(formula, FLOATS, known, given)

    def __repr__(self) -> str:
        inputs = ", ".join(str(node.leaf) for node in self.formula.inputs)
        nodes = sum(bool(node.inputs) for node in self.formula.nodes)
        return f"Graph({inputs} → {', '.join(self.output_names)}, {nodes} operations)"

    @cached_property
    def expressions(self) -> Sweep[Symbol]:
        """Values and gradients in terms of the inputs and ∂L/∂y."""
        return self._symbols({})

    @cached_property
    def labels(self) -> Sweep[Symbol]:
        """The same, with every output written as y, also in the derivatives."""
        outputs = zip(self.formula.outputs, self.output_names, strict=True)
        named = {**self.names, **dict(outputs)}
        return self._symbols({node: name(y) for node, y in named.items() if node.inputs})

    def slope(self, x: Symbol, y: Symbol) -> Symbol:
        """∂y/∂x of a formula with one input x and one output y."""
        (start,), (end,) = self.formula.inputs, self.formula.outputs
        known = {**self._decisions, end: y, start: x}
        return Expressions(self.formula, known, [number(1)]).gradient(start)

    @cached_property
    def nodes(self) -> list[Node]:
        """The inputs, then the operations in the order of computation, without untaken branches."""
        reached = {*self.formula.inputs, *self.formula.outputs}
        for node in reversed(self.formula.nodes):
            if node in reached:
                reached.update(edge.source for edge in self._into(node))
        operations = [node for node in self.formula.nodes if node in reached and node.inputs]
        return [*self.formula.inputs, *(node for node in operations if not node.is_constant)]

    @cached_property
    def ids(self) -> dict[Node, str]:
        """The name of each node: an input's own, and the number of an operation, as in `#7`."""
        operations = [node for node in self.nodes if node.inputs]
        named = {node: str(node.leaf) for node in self.formula.inputs}
        return named | {node: f"#{i}" for i, node in enumerate(operations, 1)}

    @cached_property
    def edges(self) -> list[Edge]:
        """The edges in the order of the nodes that they enter; those of the outputs come last."""
        inner = [edge for node in self.nodes for edge in self._into(node)]
        return inner + [Edge(node, None, i) for i, node in enumerate(self.formula.outputs)]

    def constants(self, node: Node) -> list[Node]:
        """The constants among the inputs of an operation."""
        return [edge.source for edge in self.taken(node) if edge.source.is_constant]

    def taken(self, node: Node) -> list[Edge]:
        """The edges into an operation, constants included; of a choice, the branch taken at x."""
        edges = [Edge(source, node, i) for i, source in enumerate(node.inputs)]
        if node.operation is not f.where:
            return edges
        decision = self._decisions.get(node.inputs[0])
        return edges[1:] if decision is None else [edges[1 if decision else 2]]

    def _into(self, node: Node) -> list[Edge]:
        """The edges drawn into a node: a choice that is a constant is drawn with its condition."""
        edges = [edge for edge in self.taken(node) if not edge.source.is_constant]
        if edges or node.operation is not f.where:
            return edges
        return [Edge(u, node, None) for u in node.inputs[0].inputs if not u.is_constant]

    @property
    def _decisions(self) -> dict[Node, bool]:
        """The value of each condition at x, which symbols cannot decide."""
        values = {} if self.numbers is None else self.numbers.values
        return {node: value for node, value in values.items() if isinstance(value, bool)}

    def _symbols(self, outputs: Mapping[Node, Symbol]) -> Sweep[Symbol]:
        inputs = {node: name(str(node.leaf)) for node in self.formula.inputs}
        dout = [name(f"∂L/∂{y}") for y in self.output_names]
        known = {**self._decisions, **inputs, **outputs}
        return Expressions(self.formula, known, dout, self.ids)
