"""The steps from a formula's graph to the derivative as a person writes it, each held to the rest.

A step is itself a formula, so that it can be evaluated, and its graph says how far roundings may
have carried the result: an error at a node reaches the result times the gradient at that node.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from actgrad.layers.formula import NODES, SYMBOLS, Formula, Graph, Node, Sweep, name, number, trace
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Layer

#: The most by which an operation on floats rounds, relative to its result; exp and its like err by
#: as much again.
ROUNDING = 2.0**-52
SMALLEST = 2.0**-1074


class Step(NamedTuple):
    """∂y/∂x, written in one of several ways, as a formula of x and y."""

    text: str
    formula: Formula

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Its value on floats, and how far from the truth roundings may have carried that."""
        graph = Graph(self.formula, [x, y])
        sweep = graph.numbers
        assert sweep is not None
        nodes = amounts(self.formula)
        errors = (abs(sweep.gradient(node) * sweep.value(node)) for node in nodes)
        value: float = sweep.value(self.formula.outputs[0])
        lost = SMALLEST * len(nodes) + ROUNDING * math.fsum(e for e in errors if math.isfinite(e))
        return value, lost


def amounts(formula: Formula) -> list[Node]:
    """The nodes that are numbers, not conditions."""
    return [n for n in formula.nodes if n.operation not in (f.above, f.not_above)]


def steps(layer: Layer) -> list[Step]:
    """The layer's own derivation; else the graph's gradient, and the stated derivative if any."""
    x, y = (Node(f.variable, leaf=one) for one in "xy")
    stated = [Step(text, Formula([x, y], node)) for text, node in layer.derivation(x, y)]
    if stated:
        return stated
    traced = trace(layer.formula)
    found = [Step(str(Graph(traced).slope(name("x"), name("y"))), gradient(traced))]
    derivative = layer.derivative(x, y)
    if derivative is not None:
        formula = Formula([x, y], derivative)
        known = {x: name("x"), y: name("y")}
        text = str(Sweep(formula, SYMBOLS, known, [number(1)]).value(derivative))
        found.append(Step(text, formula))
    return found


def gradient(formula: Formula) -> Formula:
    """∂y/∂x of a formula of x, as a formula of x and y: the graph's way back, read as nodes."""
    y = Node(f.variable, leaf="y")
    (x,) = formula.inputs
    nodes: dict[Node, Any] = {node: node for node in formula.nodes}
    slope = Sweep(formula, NODES, nodes, [f.constant(1)]).gradient(x)
    return Formula([x, y], slope)
