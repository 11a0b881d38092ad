"""Formulas as JavaScript: a program that computes each node, on double-double numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from actgrad.layers.formula.graph import Formula
from actgrad.layers.formula.readings import Reading
from actgrad.layers.formula.symbol import NamedNumber
from actgrad.layers.formula.words import Node, Operation, literal

#: π − the float next to it.
PI_REST = 1.2246467991473532e-16


class Program(NamedTuple):
    """A formula in JavaScript: what computes its nodes, and where each node and edge is."""

    #: The text of a JavaScript object that `run` of `words.js` takes.
    text: str
    #: The place of each node in the list of values.
    places: dict[Node, int]
    #: The edges along which gradients go back, in order: a target and the place of its input.
    edges: list[tuple[Node | None, int | None]]


def program_of(formula: Formula) -> Program:
    """The program of a formula and of its derivatives; named numbers are read as parameters."""
    edges = [
        (node, i, source, derivative)
        for node in reversed(formula.nodes)
        for i, source in enumerate(node.inputs)
        if not source.is_constant and (derivative := node.derivatives[i]) is not None
    ]
    ends = [*formula.inputs, *formula.outputs, *(derivative for *_, derivative in edges)]
    nodes = Formula(formula.inputs, ends).nodes
    places = {node: i for i, node in enumerate(nodes)}
    inputs = {node: f"inputs[{i}]" for i, node in enumerate(formula.inputs)}
    values = (inputs.get(node) or statement(node, places) for node in nodes)
    lines = [f"v[{i}] = {value};" for i, value in enumerate(values)]
    carried = [[places[source], places[node], places[slope]] for node, _, source, slope in edges]
    text = (
        "{ forward: (inputs, parameters) => { const v = []; " + " ".join(lines) + " return v; }"
        f", outputs: {json.dumps([places[node] for node in formula.outputs])}"
        f", edges: {json.dumps(carried)} }}"
    )
    return Program(text, places, [(node, i) for node, i, _, _ in edges])


def statement(node: Node, places: dict[Node, int]) -> str:
    """The expression that computes the node."""
    inputs: list[Any] = [f"v[{places[source]}]" for source in node.inputs]
    text: str = JAVASCRIPT[node.operation](*(inputs or [node.leaf]))
    return text


def _in_javascript(word: Operation) -> Callable[..., Any]:
    """A call of the function of the word's name in `words.js`."""
    if word is literal:
        return literal_text
    return lambda *inputs: f"words.{word.name}({', '.join(inputs)})"


def literal_text(leaf: str | float) -> str:
    """A number as the sum of two floats; a named number is a parameter."""
    if isinstance(leaf, NamedNumber):
        return f"parameters[{json.dumps(leaf.name, ensure_ascii=False)}]"
    hi, lo = two_floats(leaf)
    return f"words.literal({hi!r}, {lo!r})"


def two_floats(number: str | float | Fraction) -> tuple[float, float]:
    """The float next to a number, and what is left of it."""
    if number == "π":
        return float(Fraction(314159265358979323846, 10**20)), PI_REST
    exact = Fraction(number)
    hi = float(exact)
    return hi, float(exact - Fraction(hi))


def words_javascript() -> str:
    """The functions that programs call, as JavaScript."""
    return Path(__file__).with_name("words.js").read_text(encoding="utf-8")


#: As JavaScript: an expression that calls the words of `words.js`.
JAVASCRIPT = Reading("JavaScript", _in_javascript)
