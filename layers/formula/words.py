"""The vocabulary in which every layer states its formula, and the nodes that a formula is made of.

A formula is a function over nodes, written as mathematics, with the operators ``+ - * / **``,
``abs`` and the words below::

    def sigmoid(x: Node) -> Node:
        return 1 / (1 + exp(-x))

Calling it computes nothing. It builds nodes, and these are read later: on floats and on symbols
(`actgrad.layers.formula.graph`), or on intervals of any precision (`actgrad.layers.exact.values`).
Each derivative is written in the same vocabulary, beside its operation, so that every reading of a
formula is also a reading of its gradient.

Numbers in a formula are exact: an int or a Fraction is itself, a float is the number it holds to
the last bit, and ``constant("1.702")`` is that decimal. ``sqrt(2)`` and ``sqrt(2 / pi)`` are nodes
too, hence right to any precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from numbers import Rational, Real
from typing import Any, NoReturn, TypeAlias


class Node:
    """A value in a formula: an operation and the nodes it takes, or a `leaf`: a name, a number."""

    __slots__ = ("_derivatives", "inputs", "is_constant", "leaf", "operation")

    def __init__(
        self,
        operation: Operation,
        inputs: tuple[Node, ...] = (),
        leaf: str | float | None = None,
    ) -> None:
        self.operation = operation
        self.inputs = inputs
        self.leaf = leaf
        self.is_constant: bool = operation is not variable and all(
            one.is_constant for one in inputs
        )
        self._derivatives: tuple[Node | None, ...] | None = None

    @property
    def derivatives(self) -> tuple[Node | None, ...]:
        """∂self/∂input for each input, as nodes; None where nothing flows back."""
        if self._derivatives is None:
            local = self.operation.derivative(self, *self.inputs)
            self._derivatives = tuple(None if d is None else constant(d) for d in local)
        return self._derivatives

    def __add__(self, other: Operand) -> Node:
        return add(self, other)

    def __radd__(self, other: Operand) -> Node:
        return self if other == 0 else add(other, self)  # sum() begins with 0

    def __sub__(self, other: Operand) -> Node:
        return subtract(self, other)

    def __rsub__(self, other: Operand) -> Node:
        return subtract(other, self)

    def __mul__(self, other: Operand) -> Node:
        return multiply(self, other)

    def __rmul__(self, other: Operand) -> Node:
        return multiply(other, self)

    def __truediv__(self, other: Operand) -> Node:
        return divide(self, other)

    def __rtruediv__(self, other: Operand) -> Node:
        return reciprocal(self) if other == 1 else divide(other, self)

    def __pow__(self, exponent: int) -> Node:
        if not isinstance(exponent, int) or exponent < 1:
            raise TypeError(f"a formula's exponent is a whole number from 1, not {exponent!r}")
        return power(self, exponent)

    def __neg__(self) -> Node:
        return multiply(self, -1)

    def __abs__(self) -> Node:
        return absolute(self)

    def __gt__(self, other: Operand) -> Node:
        return above(self, other)

    def __le__(self, other: Operand) -> Node:
        return not_above(self, other)

    def __lt__(self, other: Operand) -> Node:
        return above(other, self)

    def __ge__(self, other: Operand) -> Node:
        return not_above(other, self)

    def __invert__(self) -> Node:
        return Node(not_above if self.operation is above else above, self.inputs)

    def __bool__(self) -> NoReturn:
        raise TypeError("a condition in a formula is not decided yet: write where(condition, a, b)")


Operand: TypeAlias = Node | float | str | Rational


class Operation:
    """A word of the vocabulary: its symbol, and its derivative by each input.

    The derivative is a function of the operation's own value y and of its inputs. It may be a
    condition: where that holds the gradient passes as it is, elsewhere nothing passes. None is an
    input through which nothing passes at all.
    """

    def __init__(self, symbol: str, derivative: Callable[..., tuple[Operand | None, ...]]) -> None:
        self.symbol = symbol
        self.derivative = derivative

    def __call__(self, *inputs: Operand) -> Node:
        return Node(self, tuple(constant(value) for value in inputs))


literal = Operation("constant", lambda y: ())
variable = Operation("input", lambda y: ())
add = Operation("+", lambda y, u, v: (1, 1))
subtract = Operation("-", lambda y, u, v: (1, -1))
multiply = Operation("×", lambda y, u, v: (v, u))
divide = Operation("/", lambda y, u, v: (1 / v, -y / v))
reciprocal = Operation("/", lambda y, u: (-(y**2),))
power = Operation("^", lambda y, u, n: (n * u ** (n.leaf - 1) if n.leaf > 1 else 1, None))
exp = Operation("exp", lambda y, u: (y,))
log = Operation("log", lambda y, u: (1 / u,))
sqrt = Operation("sqrt", lambda y, u: (1 / (2 * y),))
tanh = Operation("tanh", lambda y, u: (1 - y**2,))
erf = Operation("erf", lambda y, u: (2 / sqrt(pi) * exp(-(u**2)),))
absolute = Operation("abs", lambda y, u: (sign(u),))
sign: Operation = Operation("sign", lambda y, u: (None,))
# Between equals, maximum and minimum take the second: hence minimum(x, 6) has no gradient at 6.
maximum = Operation("max", lambda y, u, v: (u > v, u <= v))
minimum = Operation("min", lambda y, u, v: (u < v, u >= v))
where = Operation("where", lambda y, condition, u, v: (None, condition, ~condition))
above = Operation(">", lambda y, u, v: (None, None))
not_above = Operation("≤", lambda y, u, v: (None, None))

pi: Node = Node(literal, leaf="π")


def constant(value: Operand) -> Node:
    """The node of a number: an int, a Fraction, a float, each exactly itself, or a decimal's text.

    Raises:
        ValueError: the text is not a decimal.
    """
    if isinstance(value, Node):
        return value
    if isinstance(value, Rational):
        whole = Node(literal, leaf=int(value.numerator))
        return whole if value.denominator == 1 else divide(whole, int(value.denominator))
    if isinstance(value, Real):
        return Node(literal, leaf=float(value))
    float(value)  # refuses what is not a decimal
    return Node(literal, leaf=value)


class Formula:
    """A formula's named inputs, its outputs, and all its nodes, each after those it takes."""

    def __init__(self, inputs: Sequence[Node], outputs: Node | Sequence[Node]) -> None:
        self.is_scalar = isinstance(outputs, Node)
        self.inputs = tuple(inputs)
        self.outputs = (outputs,) if isinstance(outputs, Node) else tuple(outputs)
        self.nodes = tuple(_in_order(self.outputs))


def trace(formula: Callable[..., Any], *arguments: str | int) -> Formula:
    """Call `formula` on fresh inputs, and keep the nodes that it builds.

    An argument is a name, or a length for a list x₁, x₂, … of inputs; by default there is one, "x".
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
    """x₁, x₂, … as many as asked."""
    return [name + str(i).translate(SUBSCRIPTS) for i in range(1, count + 1)]


SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _in_order(outputs: Sequence[Node]) -> Iterator[Node]:
    """Depth first without recursion: a sum over a long axis is as deep as the axis is long."""
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
