"""Typed expressions: a text such as "x*sigmoid(1.702*x)" read as a formula. Nothing is evaluated.

Python's `ast` gives the structure; the words are those of the vocabulary. Numbers are what they are
elsewhere: an integer is exact, and a decimal is the float64 nearest to it, unless it has more
digits than a float64 holds: then it is that decimal.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple, NoReturn, Protocol

from actgrad.layers.errors import ActgradError, ExpressionError
from actgrad.layers.formula import words as f
from actgrad.layers.formula.notation import in_python
from actgrad.layers.formula.words import Node

#: The longest text, and the deepest nesting; a sum of n terms is nested n deep.
MOST_CHARACTERS, DEEPEST = 2000, 100
#: A power with a larger whole exponent is refused.
LARGEST_EXPONENT = 1024
#: The digits that a float64 tells apart.
FLOAT_DIGITS = 17


class LayerWord(Protocol):
    """A layer as a word: the node of its result, for the node of its input and its parameters.

    Raises:
        ParameterError: a parameter is unknown, missing or outside its domain.
    """

    def __call__(self, u: Node, *values: Fraction, **named: Fraction) -> Node:
        """The layer's node."""


class Function(NamedTuple):
    """A word that is called, with the least and the greatest number of its arguments."""

    of: Callable[..., Node]
    least: int = 1
    most: int = 1


def _clip(u: Node, low: Node, high: Node) -> Node:
    return f.minimum(f.maximum(u, low), high)


def _folded(word: Callable[..., Node]) -> Callable[..., Node]:
    """A word of two arguments on more of them, from left to right."""

    def fold(first: Node, *others: Node) -> Node:
        for other in others:
            first = word(first, other)
        return first

    return fold


MANY = 100
FUNCTIONS: dict[str, Function] = {
    **{
        word.symbol: Function(word)
        for word in f.WORDS
        if word.symbol.isidentifier() and word not in (f.literal, f.real_power, f.where)
    },
    "max": Function(_folded(f.maximum), 2, MANY),
    "min": Function(_folded(f.minimum), 2, MANY),
    "clip": Function(_clip, 3, 3),
    "pow": Function(f.raised, 2, 2),
    "where": Function(f.where, 3, 3),
}
#: What the words are called elsewhere.
SYNONYMS = {
    "ln": "log",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "fabs": "abs",
    "maximum": "max",
    "minimum": "min",
    "power": "pow",
    "clamp": "clip",
    "sgn": "sign",
}
OPERATORS: dict[type[ast.operator], Callable[[Node, Node], Node]] = {
    ast.Add: lambda u, v: u + v,
    ast.Sub: lambda u, v: u - v,
    ast.Mult: lambda u, v: u * v,
    ast.Div: lambda u, v: 1 / v if u.leaf == 1 else u / v,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Node, Node], Node]] = {
    ast.Gt: lambda u, v: u > v,
    ast.Lt: lambda u, v: u < v,
    ast.GtE: lambda u, v: u >= v,
    ast.LtE: lambda u, v: u <= v,
    ast.NotEq: lambda u, v: _either_holds(u > v, u < v),
    ast.Eq: lambda u, v: ~_either_holds(u > v, u < v),
}


def _indicator(condition: Node) -> Node:
    """1 where the condition holds, else 0."""
    return f.where(condition, 1, 0)


def _both_hold(u: Node, v: Node) -> Node:
    return f.where(u, _indicator(v), 0) > 0


def _either_holds(u: Node, v: Node) -> Node:
    return f.where(u, 1, _indicator(v)) > 0


def _holds(node: Node) -> bool:
    """Whether the node is a condition."""
    return node.operation in (f.above, f.not_above)


def read_formula(
    text: str,
    parameters: Mapping[str, float | Fraction] | None = None,
    layers: Mapping[str, LayerWord] | None = None,
) -> Callable[[Node], Node]:
    """The formula of x that a text states, with numbers for its parameters and layers as words.

    >>> trace(read_formula("x*sigmoid(a*x)", {"a": 1.702}, {"sigmoid": sigmoid}))

    Raises:
        ExpressionError: it is no expression; the message has the column.
    """
    reader = Reader(text, parameters or {}, layers or {})
    reader.read(f.Node(f.variable, leaf="x"))
    return reader.read


class Reader:
    """The expression of one text, and what its names mean."""

    def __init__(
        self,
        text: str,
        parameters: Mapping[str, float | Fraction],
        layers: Mapping[str, LayerWord],
    ) -> None:
        self.text, self.parameters, self.layers = text, parameters, layers
        if len(text) > MOST_CHARACTERS:
            problem = f"the expression goes on; at most {MOST_CHARACTERS} characters are read"
            raise ExpressionError(f"{text[:40]}…", MOST_CHARACTERS, problem)
        self.notation = in_python(text)
        try:
            with warnings.catch_warnings(action="ignore"):
                self.tree = ast.parse(self.notation.text.strip(), mode="eval").body
        except SyntaxError as error:
            start = len(self.notation.text) - len(self.notation.text.lstrip())
            place = start + (error.offset or 1) - 1
            problem = "the expression cannot be read here"
            if "'else'" in error.msg:
                problem = "an if needs an else, as in: x if x > 0 else 0"
            raise ExpressionError(text, self._typed(place), problem) from None
        except (MemoryError, RecursionError):
            raise self._too_deep(0) from None
        self._shift = len(self.notation.text) - len(self.notation.text.lstrip())

    def read(self, x: Node) -> Node:
        """The node of the expression's value at x."""
        self._x, self._x_is_used = x, False
        result = self._value(self.tree, 0)
        if not self._x_is_used:
            problem = "the expression has no x"
            raise ExpressionError(self.text, 0, problem, "x is the input, as in x*sigmoid(x)")
        return result

    def _typed(self, place: int) -> int:
        """The index in the typed text of a character of Python's text."""
        return self.notation.indices[min(place, len(self.notation.indices) - 1)]

    def _index(self, tree: ast.expr) -> int:
        return self._typed(self._shift + tree.col_offset)

    def _refuse(self, tree: ast.expr, problem: str, hint: str | None = None) -> NoReturn:
        raise ExpressionError(self.text, self._index(tree), problem, hint)

    def _too_deep(self, index: int) -> ExpressionError:
        problem = f"the expression is nested more than {DEEPEST} deep"
        return ExpressionError(self.text, index, problem)

    def _value(self, tree: ast.expr, depth: int) -> Node:
        """The node of a value; that of a condition is 1 where it holds, else 0."""
        node = self._node(tree, depth)
        return _indicator(node) if _holds(node) else node

    def _condition(self, tree: ast.expr, depth: int) -> Node:
        node = self._node(tree, depth)
        return node if _holds(node) else ~_both_equal(node)

    def _node(self, tree: ast.expr, depth: int) -> Node:
        if depth > DEEPEST:
            raise self._too_deep(self._index(tree))
        deeper = depth + 1
        match tree:
            case ast.Constant(int() | float() as value) if not isinstance(value, bool):
                return self._number(tree)
            case ast.Name(name):
                return self._named(tree, name)
            case ast.BinOp(base, ast.Pow(), exponent):
                return self._power(base, exponent, deeper)
            case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
                u, v = self._value(left, deeper), self._value(right, deeper)
                return OPERATORS[type(operator)](u, v)
            case ast.UnaryOp(ast.USub(), operand):
                return -self._value(operand, deeper)
            case ast.UnaryOp(ast.UAdd(), operand):
                return self._value(operand, deeper)
            case ast.UnaryOp(ast.Not(), operand):
                return ~self._condition(operand, deeper)
            case ast.Compare(first, operators, others):
                return self._comparison(tree, [first, *others], operators, deeper)
            case ast.List([ast.Compare() as bracketed]):
                return self._node(bracketed, deeper)
            case ast.BoolOp(operator, parts):
                combine = _both_hold if isinstance(operator, ast.And) else _either_holds
                return _folded(combine)(*(self._condition(part, deeper) for part in parts))
            case ast.IfExp(test, then, other):
                condition = self._condition(test, deeper)
                return f.where(condition, self._value(then, deeper), self._value(other, deeper))
            case ast.Call(ast.Name() | ast.Attribute() as function, arguments, keywords):
                return self._call(function, arguments, keywords, deeper)
        return self._refuse(tree, "this has no meaning in an expression")

    def _number(self, tree: ast.Constant) -> Node:
        start, end = (
            self._shift + (place or 0) for place in (tree.col_offset, tree.end_col_offset)
        )
        digits = self.notation.text[start:end]
        assert isinstance(tree.value, (int, float))
        if tree.value > sys.float_info.max:
            self._refuse(tree, f"{digits} is too large")
        if isinstance(tree.value, int):
            return f.constant(tree.value)
        mantissa = digits.lower().partition("e")[0].replace(".", "").strip("0")
        return f.constant(digits if len(mantissa) > FLOAT_DIGITS else tree.value)

    def _named(self, tree: ast.expr, name: str) -> Node:
        if name == "x":
            self._x_is_used = True
            return self._x
        if name in self.parameters:
            return f.constant(self.parameters[name])
        if name in {"pi", "e"}:
            return f.pi if name == "pi" else f.exp(1)
        if name in FUNCTIONS or name in self.layers:
            self._refuse(tree, f"{name} has no argument", f"write {name}(x)")
        hint = self._nearest(name, ["x", "pi", "e", *self.parameters])
        if hint is None and "x" in re.findall(r"\w+", self.text):
            hint = f"give it a value: {self.text}:{name}=1"
        hint = hint or "x is the input, as in x*sigmoid(x)"
        return self._refuse(tree, f"there is no name {name}", hint)

    def _power(self, base: ast.expr, exponent: ast.expr, depth: int) -> Node:
        u = self._value(base, depth)
        number = self._rational(exponent, depth)
        if number is None:
            return f.raised(u, self._value(exponent, depth))
        if number.denominator == 1 and abs(number) > LARGEST_EXPONENT:
            self._refuse(exponent, f"a whole exponent is at most {LARGEST_EXPONENT}")
        if number.denominator == 1:
            return f.raised(u, f.constant(int(number)))
        return f.raised(u, self._value(exponent, depth))

    def _rational(self, tree: ast.expr, depth: int) -> Fraction | None:
        """The number of a constant made of numbers and signs; None for anything else."""
        match tree:
            case ast.Constant(int() | float() as value) if not isinstance(value, bool):
                return Fraction(self._number(tree).leaf or 0)
            case ast.Name(name) if name in self.parameters:
                return Fraction(self.parameters[name])
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand) if depth <= DEEPEST:
                number = self._rational(operand, depth + 1)
                return -number if number is not None and isinstance(sign, ast.USub) else number
            case ast.BinOp(ast.Constant() as over, ast.Div(), ast.Constant() as under):
                above, below = self._rational(over, depth), self._rational(under, depth)
                return above / below if above is not None and below else None
        return None

    def _comparison(
        self, tree: ast.expr, sides: list[ast.expr], operators: list[ast.cmpop], depth: int
    ) -> Node:
        nodes = [self._value(side, depth) for side in sides]
        conditions = []
        for u, operator, v in zip(nodes, operators, nodes[1:], strict=False):
            if type(operator) not in COMPARISONS:
                self._refuse(tree, "this comparison has no meaning in an expression")
            conditions.append(COMPARISONS[type(operator)](u, v))
        return _folded(_both_hold)(*conditions)

    def _call(
        self,
        tree: ast.Name | ast.Attribute,
        arguments: list[ast.expr],
        keywords: list[ast.keyword],
        depth: int,
    ) -> Node:
        name = self._name_of(ast.unparse(tree))
        if name in FUNCTIONS:
            function = FUNCTIONS[name]
            if keywords:
                self._refuse(keywords[0].value, f"{name} has no parameter {keywords[0].arg}")
            if not function.least <= len(arguments) <= function.most:
                self._refuse(tree, _count_problem(name, function, len(arguments)))
            if name == "pow":
                return self._power(arguments[0], arguments[1], depth)
            first = self._condition if name == "where" else self._value
            nodes = [first(arguments[0], depth)]
            nodes += [self._value(argument, depth) for argument in arguments[1:]]
            return function.of(*nodes)
        if name not in self.layers:
            last = name.rpartition(".")[2]
            hint = self._nearest(last, [*FUNCTIONS, *self.layers])
            self._refuse(tree, f"there is no function {name}", hint)
        if not arguments:
            self._refuse(tree, f"{name} has no argument", f"write {name}(x)")
        u, *values = arguments
        numbers = [self._parameter(value, depth) for value in values]
        named = {str(each.arg): self._parameter(each.value, depth) for each in keywords}
        try:
            return self.layers[name](self._value(u, depth), *numbers, **named)
        except ExpressionError:
            raise
        except ActgradError as error:
            self._refuse(tree, str(error), error.hint)

    def _parameter(self, tree: ast.expr, depth: int) -> Fraction:
        number = self._rational(tree, depth)
        if number is None:
            self._refuse(tree, "a layer's parameter is a number", "such as elu(x, alpha=2)")
        return number

    def _name_of(self, typed: str) -> str:
        """The name of the function or the layer; that of a layer ignores case and `_`."""
        if typed in FUNCTIONS or typed in self.layers:
            return typed
        plain = typed.casefold().replace("_", "")
        same = (name for name in self.layers if name.casefold().replace("_", "") == plain)
        return next(same, typed)

    def _nearest(self, name: str, known: list[str]) -> str | None:
        from difflib import get_close_matches

        if name in known:
            return f"write {name}"
        if name in SYNONYMS:
            return f"write {SYNONYMS[name]}"
        lower = {each.casefold(): each for each in known}
        close = get_close_matches(name.casefold(), lower, n=1, cutoff=0.6)
        return f"did you mean {lower[close[0]]}?" if close else None


def _both_equal(u: Node) -> Node:
    """The condition u = 0."""
    return ~_either_holds(u > 0, u < 0)


def _count_problem(name: str, function: Function, given: int) -> str:
    least, most = function.least, function.most
    takes = (
        f"{least}" if least == most else f"at least {least}" if given < least else f"at most {most}"
    )
    plural = "" if takes == "1" else "s"
    return f"{name} takes {takes} argument{plural}, not {given}"
