"""The vocabulary in which every layer states its formula.

A formula is a function over nodes, written as mathematics, with the operators ``+ - * / **``,
``abs`` and the words below::

    def sigmoid(x: Node) -> Node:
        return 1 / (1 + exp(-x))

Calling it computes nothing. It builds nodes, which are read later. Each word states in one place
its derivative, in the same vocabulary, and how it is computed on each kind of number:

- ``number``: on Python floats, with the results of IEEE arithmetic where Python would raise;
- ``array``: on NumPy arrays;
- ``symbol``: on expressions; by default the word is written as a call, ``sin(x)``;
- ``node``: on nodes; by default the result is a node of the word itself;
- on intervals and balls: the method of `arithmetic.intervals.Intervals`, and the function of
  `arithmetic.balls` or `arithmetic.ball_functions`, that bear the word's name. Every word needs an
  interval. A word without a ball is left to intervals.

Numbers in a formula are exact: an int or a Fraction is itself, a float is the number it holds to
the last bit, and ``constant("1.702")`` is that decimal. ``sqrt(2)`` and ``sqrt(2 / pi)`` are nodes
too, and so right to any precision.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from numbers import Rational, Real
from typing import Any, TypeAlias

import numpy as np

from actgrad.layers.formula.floats import (
    comparison,
    either,
    logarithm,
    nonnegative_power,
    overflowing,
    sign_of,
    square_root,
    wave,
    within_1,
)
from actgrad.layers.formula.symbol import (
    NamedNumber,
    call_symbol,
    choice_symbol,
    comparison_symbol,
    literal_symbol,
    name,
    root_symbol,
)

#: Exponents with more than this below the line are no single numbers: 1e-320 has 1074 bits there.
WIDEST_DENOMINATOR = 2**64


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
            source.is_constant for source in inputs
        )
        self._derivatives: tuple[Node | None, ...] | None = None

    @property
    def is_operation(self) -> bool:
        """Whether the node computes a value from others: it is no input and no constant."""
        return bool(self.inputs) and not self.is_constant

    @property
    def derivatives(self) -> tuple[Node | None, ...]:
        """∂self/∂input for each input, as nodes; None where no gradient flows back."""
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

    def __bool__(self) -> bool:
        """The truth of a condition on numbers alone, such as a named parameter's."""
        if self.is_constant:
            return bool(_value(self))
        raise TypeError("a condition in a formula is not decided yet: write where(condition, a, b)")


Operand: TypeAlias = Node | float | str | Rational


class Operation:
    """A word of the vocabulary.

    `derivative` takes the operation's value y and its inputs, and returns the derivative by each
    input. A derivative may be a condition: the gradient passes where it holds, and is stopped
    elsewhere. None means that no gradient passes to that input. The readings are those that the
    module's docstring lists.
    """

    def __init__(
        self,
        name: str,
        derivative: Callable[..., tuple[Operand | None, ...]],
        number: Callable[..., Any] | None = None,
        array: Callable[..., Any] | None = None,
        on_symbols: Callable[..., Any] | None = None,
        *,
        symbol: str | None = None,
        on_nodes: Callable[..., Any] | None = None,
    ) -> None:
        self.name, self.symbol, self.derivative = name, symbol or name, derivative
        self.number, self.array = number, array
        self.on_symbols = on_symbols or call_symbol(self.symbol)
        self.on_nodes = on_nodes or self

    def __call__(self, *inputs: Operand) -> Node:
        return Node(self, tuple(constant(value) for value in inputs))

    def __repr__(self) -> str:
        return f"<word {self.name}>"


def _value(node: Node) -> Any:
    """The number that a constant is, on floats."""
    function = node.operation.number
    assert function is not None
    return function(*([_value(source) for source in node.inputs] or [node.leaf]))


def _literal(leaf: str | float) -> float:
    try:
        return math.pi if leaf == "π" else float(leaf)
    except OverflowError:  # a whole number
        return math.inf if Fraction(leaf) > 0 else -math.inf


def _literal_node(leaf: str | float) -> Node:
    return pi if leaf == "π" else constant(leaf)


def _rational(v: Node) -> Fraction | None:
    """The number that a literal holds; None for π and for what is no literal."""
    return Fraction(v.leaf or 0) if v.operation is literal and v.leaf != "π" else None


def raised(u: Node, v: Node) -> Node:
    """u^v: a whole constant v takes any u, every other v takes a u of 0 or more; u^0 is 1."""
    exponent = _rational(v)
    if exponent is None or exponent.denominator != 1:
        return real_power(u, v)
    if not exponent:
        return constant(1)
    positive = power(u, abs(int(exponent)))
    return positive if exponent > 0 else reciprocal(positive)


def _real_power_slope(u: Node, v: Node) -> Node:
    """v·u^(v − 1), where v − 1 is a single number if v is one with few digits."""
    exponent = _rational(v)
    if exponent is None or exponent.denominator > WIDEST_DENOMINATOR:
        return v * real_power(u, v - 1)
    return v * real_power(u, exponent - 1)


_above, _not_above = comparison(operator.gt), comparison(operator.le)


def _decides(y: Node, u: Node, v: Node) -> tuple[None, None]:
    """No gradient passes through a comparison."""
    return None, None


def _through(gradient: Node, local: Node) -> Node:
    """A gradient times a local derivative; a condition passes the gradient or stops it."""
    if local.operation in (above, not_above):
        return where(local, gradient, 0)
    if gradient.operation is where and gradient.inputs[2].leaf == 0:
        # What is stopped stays stopped, also where the local derivative does not exist.
        return where(gradient.inputs[0], _through(gradient.inputs[1], local), 0)
    return local if gradient.leaf == 1 else gradient if local.leaf == 1 else gradient * local


def _erf_array(function: Callable[[float], float]) -> Callable[..., Any]:
    """erf or erfc of `math` on arrays, in float64, because NumPy has neither."""
    elementwise = np.vectorize(function, otypes=[np.float64])
    return lambda u: elementwise(np.asarray(u, np.float64))


literal = Operation(
    "literal", lambda y: (), _literal, _literal, literal_symbol, on_nodes=_literal_node
)
variable = Operation("input", lambda y: (), on_symbols=lambda leaf: name(str(leaf)))

add = Operation("add", lambda y, u, v: (1, 1), operator.add, np.add, operator.add, symbol="+")
subtract = Operation(
    "subtract", lambda y, u, v: (1, -1), operator.sub, np.subtract, operator.sub, symbol="-"
)
multiply = Operation(
    "multiply",
    lambda y, u, v: (v, u),
    operator.mul,
    np.multiply,
    operator.mul,
    symbol="×",
    on_nodes=_through,
)
divide = Operation(
    "divide",
    lambda y, u, v: (1 / v, -y / v),
    lambda u, v: u / v if v else u * math.copysign(math.inf, v),
    np.divide,
    operator.truediv,
    symbol="/",
)
reciprocal = Operation(
    "reciprocal",
    lambda y, u: (-(y**2),),
    lambda u: 1 / u if u else math.copysign(math.inf, u),
    lambda u: 1 / u,
    lambda u: u**-1,
    symbol="/",
)
power = Operation(
    "power",
    lambda y, u, n: (n * u ** (n.leaf - 1) if n.leaf > 1 else 1, None),
    lambda u, n: math.prod([u] * int(n)),
    lambda u, n: u ** int(n),
    lambda u, n: u ** int(str(n)),
    symbol="^",
)
# The base is 0 or more; `power` has the whole exponents, for which it may be negative.
real_power: Operation = Operation(
    "real_power",
    lambda y, u, v: (_real_power_slope(u, v), y * log(u)),
    nonnegative_power,
    np.power,
    symbol="pow",
)

exp = Operation("exp", lambda y, u: (y,), overflowing(math.exp), np.exp)
expm1 = Operation("expm1", lambda y, u: (exp(u),), overflowing(math.expm1), np.expm1)
log: Operation = Operation("log", lambda y, u: (1 / u,), logarithm(math.log, 0), np.log)
log1p = Operation("log1p", lambda y, u: (1 / (1 + u),), logarithm(math.log1p, -1), np.log1p)
sqrt = Operation("sqrt", lambda y, u: (1 / (2 * y),), square_root, np.sqrt, root_symbol)
sin = Operation("sin", lambda y, u: (cos(u),), wave(math.sin), np.sin)
cos: Operation = Operation("cos", lambda y, u: (-sin(u),), wave(math.cos), np.cos)
tan = Operation("tan", lambda y, u: (1 + y**2,), wave(math.tan), np.tan)
asin = Operation("asin", lambda y, u: (1 / sqrt(1 - u**2),), within_1(math.asin), np.arcsin)
acos = Operation("acos", lambda y, u: (-1 / sqrt(1 - u**2),), within_1(math.acos), np.arccos)
atan = Operation("atan", lambda y, u: (1 / (1 + u**2),), math.atan, np.arctan)
sinh = Operation("sinh", lambda y, u: (cosh(u),), overflowing(math.sinh, odd=True), np.sinh)
cosh: Operation = Operation("cosh", lambda y, u: (sinh(u),), overflowing(math.cosh), np.cosh)
tanh = Operation("tanh", lambda y, u: (1 - y**2,), math.tanh, np.tanh)
erf = Operation("erf", lambda y, u: (2 / sqrt(pi) * exp(-(u**2)),), math.erf, _erf_array(math.erf))
erfc = Operation(
    "erfc", lambda y, u: (-2 / sqrt(pi) * exp(-(u**2)),), math.erfc, _erf_array(math.erfc)
)

absolute = Operation(
    "absolute", lambda y, u: (sign(u),), abs, np.abs, lambda u: name(f"|{u}|"), symbol="abs"
)
sign: Operation = Operation("sign", lambda y, u: (None,), sign_of, np.sign)
# Of equal inputs, maximum and minimum take the second: minimum(x, 6) has no gradient at x = 6.
maximum = Operation(
    "maximum",
    lambda y, u, v: (u > v, u <= v),
    lambda u, v: either(_above(u, v), u, v),
    np.maximum,
    symbol="max",
)
minimum = Operation(
    "minimum",
    lambda y, u, v: (u < v, u >= v),
    lambda u, v: either(_above(v, u), u, v),
    np.minimum,
    symbol="min",
)
where = Operation(
    "where",
    lambda y, condition, u, v: (None, condition, ~condition),
    either,
    np.where,
    choice_symbol,
)
above = Operation("above", _decides, _above, np.greater, comparison_symbol(">", "<"), symbol=">")
not_above = Operation(
    "not_above", _decides, _not_above, np.less_equal, comparison_symbol("≤", "≥"), symbol="≤"
)

#: Every word but `variable`, whose values are given.
WORDS: tuple[Operation, ...] = tuple(
    word
    for word in list(globals().values())
    if isinstance(word, Operation) and word is not variable
)
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
    if isinstance(value, NamedNumber):
        return Node(literal, leaf=value)
    if isinstance(value, Real):
        return Node(literal, leaf=float(value))
    float(value)  # refuses what is not a decimal
    return Node(literal, leaf=value)
