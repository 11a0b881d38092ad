"""The steps from a formula's graph to its derivative as a textbook writes it.

Each step is a formula, so that it can be evaluated and compared with the others. Its graph bounds
the rounding error: an error at a node reaches the result multiplied by the gradient at that node.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from actgrad.layers.formula import Formula, Graph, Node, name, slope_node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Layer

#: A bound on the relative error of one operation on float64: arithmetic errs by 2⁻⁵³ at most, exp
#: and functions like it by no more than twice that.
ROUNDING = 2.0**-52
#: The smallest subnormal float64: what an operation may lose to underflow.
SMALLEST = 2.0**-1074


class Step(NamedTuple):
    """∂y/∂x, written in one of several ways, as a formula of x and y."""

    text: str
    formula: Formula

    def evaluate(self, x: float, y: float) -> tuple[float, float]:
        """Its value in float64 at x and y, and a bound on what rounding errors add up to."""
        graph = Graph(self.formula, [x, y])
        sweep = graph.numbers
        assert sweep is not None
        numeric = [n for n in self.formula.nodes if n.operation not in (f.above, f.not_above)]
        errors = (abs(sweep.gradient(node) * sweep.value(node)) for node in numeric)
        relative = ROUNDING * math.fsum(error for error in errors if math.isfinite(error))
        return sweep.value(self.formula.outputs[0]), SMALLEST * len(numeric) + relative

    @property
    def uses_x(self) -> bool:
        """Whether the step needs x; else y alone gives the derivative."""
        return self.formula.inputs[0] in self.formula.nodes


def steps(layer: Layer) -> list[Step]:
    """The layer's own derivation; else the graph's gradient, then the stated derivative if any.

    The layer's formula takes one number.
    """
    x, y = (Node(f.variable, leaf=leaf) for leaf in "xy")
    stated = [Step(text, Formula([x, y], node)) for text, node in layer.derivation(x, y)]
    if stated:
        return stated
    formula = layer.traced()
    from_graph = Step(str(Graph(formula).slope(name("x"), name("y"))), gradient_formula(formula))
    derivative = layer.derivative(x, y)
    if derivative is None:
        return [from_graph]
    written = Formula([x, y], derivative)
    step = Step(str(Graph(written).expressions.value(derivative)), written)
    return [from_graph, step] if step.text != from_graph.text else [step]


def gradient_formula(formula: Formula) -> Formula:
    """∂y/∂x of a formula of x, as a formula of x and y."""
    return Formula([*formula.inputs, Node(f.variable, leaf="y")], slope_node(formula))
