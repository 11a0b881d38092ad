"""The explanation of a layer, gathered from its class, its formula and its kernel."""

from __future__ import annotations

from typing import NamedTuple

from actgrad.layers.errors import ShapeError
from actgrad.layers.explain.derivation import Step, steps
from actgrad.layers.explain.kinks import Kink, find_kinks
from actgrad.layers.explain.pitfalls import Pitfall, find_pitfalls
from actgrad.layers.formula import Formula, Graph, Node, variable
from actgrad.layers.layer import Layer

#: The length of the line on which a layer along an axis is explained: the shortest where the
#: elements depend on each other.
LINE = 2


class Evaluation(NamedTuple):
    """A derivation step evaluated at x in float64."""

    value: float
    #: A bound on its rounding error.
    bound: float
    #: Whether it equals the layer's own dx within that bound.
    agrees: bool


class Explanation(NamedTuple):
    """A layer's formula, its derivative and how it is derived, its kinks and its pitfalls.

    A layer along an axis is explained by its first output on a line of two, y₁, and has no steps,
    kinks and pitfalls.
    """

    layer: Layer
    #: The right-hand side of y = …; along an axis the whole equation, y₁ = ….
    formula: str
    #: The right-hand side of ∂y/∂x = …; along an axis the whole equation, ∂L/∂x₁ = ….
    derivative: str
    #: ∂y/∂x in the forms that lead to the derivative, each equal to the one before.
    steps: list[Step]
    kinks: list[Kink]
    pitfalls: list[Pitfall]
    #: Of the derivative of a layer, where its own derivative changes its sign: f's inflections.
    inflections: list[float] = []
    #: The number at which the steps are evaluated, and the layer's own dx there for dout = 1.
    x: float | None = None
    dx: float | None = None
    #: One for each step, if there is an x.
    evaluations: list[Evaluation] = []

    @property
    def summary(self) -> str:
        """The description of the layer's class."""
        return self.layer.description

    @property
    def keeps(self) -> dict[str, str]:
        """What forward keeps for backward, by name, and what it is."""
        meanings = {name: kept.meaning for name, kept in self.layer.shown_keeps().items()}
        if "out" in meanings and self.steps and not self.steps[-1].uses_x:
            meanings["out"] += f"; ∂y/∂x = {self.derivative} needs nothing else"
        return meanings


def explain_layer(layer: Layer, x: float | None = None) -> Explanation:
    """Explain a layer, and evaluate each step of its derivation at x if that is given.

    >>> explain_layer(layer("sigmoid")).derivative
    'y·(1 - y)'

    Raises:
        ShapeError: x is given, but the layer works along an axis.
    """
    if not layer.is_elementwise:
        if x is not None:
            raise ShapeError(f"{layer.name} takes a line of numbers, so one x does not explain it")
        formula, derivative = formula_text(layer), derivative_text(layer)
        return Explanation(layer, f"y₁ = {formula}", f"∂L/∂x₁ = {derivative}", [], [], [])
    derivation = steps(layer)
    explanation = Explanation(
        layer,
        formula_text(layer),
        derivation[-1].text,
        derivation,
        find_kinks(layer),
        find_pitfalls(layer),
        list(layer.inflections()),
    )
    if x is None:
        return explanation
    y, dx = float(layer.forward(x)), float(layer.backward(1.0))
    evaluations = [evaluated(step, x, y, dx) for step in derivation]
    return explanation._replace(x=x, dx=dx, evaluations=evaluations)


def evaluated(step: Step, x: float, y: float, dx: float) -> Evaluation:
    """The step at x, where the layer's forward gives y and its backward dx."""
    value, bound = step.evaluate(x, y)
    # dx is rounded too, by less than 2⁻⁵² of itself.
    agrees = value == dx or abs(value - dx) <= bound + 2.0**-52 * abs(dx)
    return Evaluation(value, bound, agrees)


def formula_text(layer: Layer) -> str:
    """y in terms of x, as text; for a layer along an axis y₁ in terms of x₁ and x₂."""
    formula = open_formula(layer)
    return str(Graph(formula).expressions.value(formula.outputs[0]))


def derivative_text(layer: Layer) -> str:
    """∂y/∂x in terms of x and y, as text; for a layer along an axis ∂L/∂x₁."""
    if layer.is_elementwise:
        return steps(layer)[-1].text
    formula = open_formula(layer)
    return str(Graph(formula).labels.gradient(formula.inputs[0]))


def open_formula(layer: Layer) -> Formula:
    """The formula of x, or of a line of them; parameters that are symbols are inputs too."""
    formula = layer.traced(None if layer.is_elementwise else LINE)
    names = [n for n in formula.nodes if n.operation is variable and n not in formula.inputs]
    return Formula([*formula.inputs, *names], formula.outputs)


def at_defaults(layer: type[Layer]) -> Layer:
    """The layer with its default parameters; one without a default stays a symbol.

    Only its formula can be read; forward and backward need numbers.
    """
    instance = layer.__new__(layer)
    for name, spec in layer.parameters.items():
        symbol = Node(variable, leaf=name)
        setattr(instance, name, symbol if spec.default is None else spec.default)
    return instance
