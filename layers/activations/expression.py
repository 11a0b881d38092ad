"""A typed expression as a layer: its formula is the text, and its kernel the formula's balls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from actgrad.layers.activations.signature import Signature, own_arguments
from actgrad.layers.by_formula import ByFormula
from actgrad.layers.errors import ExpressionError, ParameterError
from actgrad.layers.formula import (
    FLOATS,
    Formula,
    LayerWord,
    Node,
    Operation,
    Sweep,
    read_formula,
    slope_node,
    trace,
)
from actgrad.layers.formula import name as name_symbol
from actgrad.layers.layer import Layer
from actgrad.layers.parameter import Number

#: `EXPRESSION:PARAM=VALUE[,PARAM=VALUE…]`.
WITH_PARAMETERS = re.compile(r"(?s)(.*?):(\s*\w+\s*=.*)")


class Expression(ByFormula):
    """A function that was typed: out = f(x), element by element.

    Value and gradient are correctly rounded in every dtype. At a kink the gradient is that of the
    branch taken: of equal numbers, max and min take the second, and |x| has the slope 0 at 0. A
    result is nan where the function has no value, and a gradient also where it has no limit, or
    multiplies 0 by a pole.
    """

    def __init__(self, text: str, layers: Mapping[str, type[Layer]]) -> None:
        """The layer of a text, which may call the element-wise ones of `layers` by these names.

        Raises:
            ExpressionError: the text is no expression in x.
        """
        self.text = text
        match = WITH_PARAMETERS.fullmatch(text)
        expression, values = match.groups() if match else (text, "")
        start = len(expression) + 1
        numbers = parameter_numbers(text, start, values)
        self._formula, self._grouped = (
            read_formula(expression, numbers, {name: word(cls) for name, cls in layers.items()})
            for word in (layer_word, grouped_word)
        )
        super().__init__()

    @property
    def name(self) -> str:  # type: ignore[override]
        """The text, which is all that the layer is called."""
        return self.text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def formula(self, x: Node) -> Node:
        return self._formula(x)

    def grouped(self) -> Formula:
        return trace(self._grouped)


def called_layer(cls: type[Layer], *values: Fraction, **named: Fraction) -> Layer:
    """The layer that a call in an expression means.

    Raises:
        ParameterError: the parameters do not fit, or the layer works along an axis.
    """
    layer = cls(**Signature(cls, "", cls.name, own_arguments(cls)).bind(values, named).values)
    if not layer.is_elementwise:
        raise ParameterError(f"{cls.name} takes a line of numbers, and x is a single one")
    return layer


def layer_word(cls: type[Layer]) -> LayerWord:
    """A layer class as a word: its formula of a node, with numbers for its parameters."""

    def word(u: Node, *values: Fraction, **named: Fraction) -> Node:
        node: Node = called_layer(cls, *values, **named).formula(u)
        return node

    return word


def grouped_word(cls: type[Layer]) -> LayerWord:
    """A layer class as a word that is a single node, with the derivative that the layer states."""

    def word(u: Node, *values: Fraction, **named: Fraction) -> Node:
        layer = called_layer(cls, *values, **named)
        formula = layer.traced()
        numbers = [*values, *named.values()]
        texts = [repr(float(value)).removesuffix(".0") for value in numbers]
        names = [""] * len(values) + [f"{name}=" for name in named]
        given = "".join(f", {name}{text}" for name, text in zip(names, texts, strict=True))

        def derivative(y: Node, u: Node) -> tuple[Node]:
            stated = layer.derivative_in_y(u, y)
            return (slope_node(Formula([u], layer.formula(u))) if stated is None else stated,)

        def number(u: float) -> float:
            value: float = Sweep(formula, FLOATS, {formula.inputs[0]: u}).value(formula.outputs[0])
            return value

        operation = Operation(
            cls.name, derivative, number, None, lambda u: name_symbol(f"{cls.name}({u}{given})")
        )
        return operation(u)

    return word


def parameter_numbers(text: str, start: int, values: str) -> dict[str, Number]:
    """The numbers of `a=0.1,b=1/3`, which stand in the text from `start` on.

    Raises:
        ExpressionError: one is no number, or is given twice.
    """
    numbers: dict[str, Number] = {}
    for pair in values.split(",") if values else ():
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (equals and name.isidentifier()):
            raise ExpressionError(text, start, f"{pair!r} is no parameter", "write it as a=0.1")
        if name in numbers or name in {"x", "pi", "e"}:
            why = "is given twice" if name in numbers else "cannot be a parameter"
            raise ExpressionError(text, start, f"{name} {why}")
        try:
            number: Number = Fraction(value) if "/" in value else float(value)
        except (ValueError, ZeroDivisionError):
            number = np.nan
        if not np.isfinite(float(number)):
            raise ExpressionError(text, start, f"{name} is {value!r}, which is no finite number")
        numbers[name] = number
        start += len(pair) + 1
    return numbers
