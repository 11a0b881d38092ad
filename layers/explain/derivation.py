"""The steps from a formula's graph to its derivative as a textbook writes it.

Each step is a formula, so that it can be evaluated and compared with the others. Its graph bounds
the rounding error: an error at a node reaches the result multiplied by the gradient at that node.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

from actgrad.layers.formula import NODES, PLAIN, Formula, Graph, NamedNumber, Node, Sweep, written
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Layer

#: A bound on the relative error of one operation on float64: arithmetic errs by 2⁻⁵³ at most, exp
#: and functions like it by no more than twice that.
ROUNDING = 2.0**-52
#: The smallest subnormal float64: what an operation may lose to underflow.
SMALLEST = 2.0**-1074
#: Why the first step is the gradient.
FROM_GRAPH = (
    "from the graph below: the product of the local derivatives on the way from y back to x; where"
    " ways meet, their products are added"
)


class Step(NamedTuple):
    """∂y/∂x, written in one of several ways, as a formula of x and y."""

    formula: Formula
    #: What the text writes by a name.
    names: Mapping[str, Node] = {}
    #: Why it equals the step before; of the first, why it is the gradient.
    reason: str = ""

    @property
    def node(self) -> Node:
        """The node that the formula ends in."""
        return self.formula.outputs[0]

    @property
    def text(self) -> str:
        """The step as plain text."""
        return written(self.node, PLAIN, self.names)

    @property
    def terms(self) -> tuple[str, ...]:
        """Which of x and y the step is in terms of."""
        return tuple(str(node.leaf) for node in self.formula.inputs if node in self.formula.nodes)

    def evaluate(self, x: float, y: float) -> tuple[float, float]:
        """Its value in float64 at x and y, and a bound on what rounding errors add up to."""
        graph = Graph(self.formula, [x, y])
        sweep = graph.numbers
        assert sweep is not None
        numeric = [n for n in self.formula.nodes if n.operation not in (f.above, f.not_above)]
        errors = (ROUNDING * abs(sweep.gradient(node) * sweep.value(node)) for node in numeric)
        relative = math.fsum(error for error in errors if math.isfinite(error))
        return sweep.value(self.node), SMALLEST * len(numeric) + relative


def steps(layer: Layer) -> list[Step]:
    """The graph's gradient, then the layer's own ways to write it; none is written twice.

    The layer's formula takes one number. Its parameters are written by their names.
    """
    layer = with_names(layer)
    from_graph = gradient_formula(layer.traced())
    x, y = from_graph.inputs
    stated, names, given = layer.derivation(x, y)
    reasons = [*given, *[""] * len(stated)]
    every = [Step(from_graph, names, FROM_GRAPH)]
    every += [
        Step(Formula([x, y], node), names, reason)
        for node, reason in zip(stated, reasons, strict=False)
    ]
    return list({step.text: step for step in reversed(every)}.values())[::-1]


def textbook_form(derivation: Sequence[Step]) -> Step:
    """The step that a textbook prints: the last one; a textbook writes cases in terms of x.

    Where a constant decides, all steps may be cases of y.
    """
    in_cases = f.where
    forms = [s for s in derivation if not (s.terms == ("y",) and s.node.operation is in_cases)]
    return (forms or derivation)[-1]


def gradient_formula(formula: Formula) -> Formula:
    """∂y/∂x of a formula of x, as a formula of x and y: the graph's way back, read as nodes."""
    y = Node(f.variable, leaf="y")
    (x,), (end,) = formula.inputs, formula.outputs
    nodes: dict[Node, Any] = {node: node for node in formula.nodes}
    if end.inputs:
        nodes[end] = y
    slope = Sweep(formula, NODES, nodes, [f.constant(1)]).gradient(x)
    return Formula([x, y], slope)


def with_names(layer: Layer) -> Layer:
    """A copy whose formula has its parameters and fixed numbers by their names.

    In a chain of several layers, layer k's names are `k.…`. Of the copy, only the formula and the
    derivation can be used.
    """
    twin = copy(layer)
    for prefix, single in twin.named():
        names = {name: prefix + name for name, spec in single.parameters.items() if spec.in_formula}
        for attribute, name in {**names, **single.constants}.items():
            value = float(getattr(single, attribute))
            setattr(single, attribute, f.constant(NamedNumber(name, value)))
    return twin
