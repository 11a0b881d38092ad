"""The explanation of a layer, gathered from its class, its formula and its kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from actgrad.layers.displayed import shown_as
from actgrad.layers.explain.characteristics import Characteristics, characteristics_of, equal_values
from actgrad.layers.explain.derivation import Step, steps, textbook_form, with_names
from actgrad.layers.explain.kinks import Kink, find_kinks
from actgrad.layers.explain.pitfalls import Pitfall, find_pitfalls
from actgrad.layers.formula import Expressions, written
from actgrad.layers.formula import name as name_symbol
from actgrad.layers.layer import Derivation, Layer

#: The length of the line on which a layer along an axis is drawn: the shortest where the elements
#: depend on each other.
LINE = 2
#: The words of the API that docstrings use, outside backquotes: `dout`, `outᵢ`, `da`.
API_NAME = re.compile(r"`[^`]*`|∂out/|\b(d?)(out|(?<=d)x|(?<=d)[ab])([ᵢⱼ]?)\b")


class Evaluation(NamedTuple):
    """A derivation step evaluated at x in float64."""

    value: float
    #: A bound on its rounding error.
    bound: float
    #: Whether it equals the layer's own dx within that bound.
    agrees: bool


class Explanation(NamedTuple):
    """A layer's formula, its derivative and how it is derived, its kinks and its pitfalls.

    A layer along an axis has `equations` instead of steps, kinks, pitfalls and a characteristics.
    """

    layer: Layer
    #: The right-hand side of y = …, or of yᵢ = ….
    formula: str
    #: The right-hand side of ∂y/∂x = …; along an axis the whole equations, ∂L/∂xᵢ = ….
    derivative: str
    #: ∂y/∂x in the forms that lead to the derivative, each equal to the one before.
    steps: list[Step]
    kinks: list[Kink]
    pitfalls: list[Pitfall]
    characteristics: Characteristics | None = None
    #: Of the derivative of a layer, where its own derivative changes its sign: f's inflections.
    inflections: list[float] = []
    #: The equations of a layer along an axis, by their left-hand sides.
    equations: Mapping[str, Derivation] = {}
    #: The number at which the steps are evaluated, and the layer's own dx there for dout = 1.
    x: float | None = None
    dx: float | None = None
    #: One for each step, if there is an x.
    evaluations: list[Evaluation] = []

    def __repr__(self) -> str:
        return f"Explanation({self.layer!r})"

    def _repr_html_(self) -> str | None:
        return shown_as(self, "html")

    def _repr_latex_(self) -> str | None:
        return shown_as(self, "latex")

    @property
    def summary(self) -> str:
        """The description of the layer's class, in the notation of the steps."""
        return in_notation(self.layer.description)

    @property
    def forms(self) -> dict[tuple[str, ...], Step]:
        """The last step in terms of x and the last in terms of y; without both, that of both."""
        last = {step.terms or ("x",): step for step in self.steps}
        return {terms: step for terms, step in last.items() if len(terms) == 1} or last

    @property
    def keeps(self) -> dict[str, str]:
        """What forward keeps for backward, by name: what it is, and why that suffices."""
        kept = self.layer.shown_keeps()
        return {name: in_notation(f"{of.meaning}; {self._why(name)}") for name, of in kept.items()}

    def _why(self, name: str) -> str:
        """Why backward needs nothing but the array of that name, beside the others."""
        in_y = self.forms.get(("y",))
        if name in self.layer.sufficient:
            return self.layer.sufficient[name]
        if name == "mask":
            return (
                "∂y/∂x is constant on each side of a kink, so one truth value an element tells it"
            )
        if name == "out":
            return f"∂y/∂x = {in_y.text} needs nothing else" if in_y else ""
        product = "∂L/∂x = ∂L/∂y·slope needs neither x nor y"
        if in_y is not None:
            lossy = any(pitfall.expression == in_y.text for pitfall in self.pitfalls)
            digits = ", but loses digits in float64" * lossy
            return f"{product}; ∂y/∂x = {in_y.text} needs y alone{digits}"
        pair = equal_values(self.layer) if self.characteristics else None
        if pair is None:
            return product
        y, left, right = (f"{number:.6g}" for number in pair)
        return f"{product}; y alone does not tell ∂y/∂x: y = {y} at x = {left} and at x = {right}"


def explain_layer(layer: Layer, x: float | None = None) -> Explanation:
    """Explain a layer, and evaluate each step of its derivation at x if that is given.

    >>> explain_layer(layer("sigmoid")).derivative
    'y·(1 - y)'

    Raises:
        ShapeError: x is given, but the layer works along an axis.
        ActgradError: the layer is anyone's, and states no formula.
    """
    if not layer.is_elementwise:
        if x is not None:
            raise layer.refused("one x does not explain it")
        return explain_line(layer)
    derivation, kinks = steps(layer), find_kinks(layer)
    explanation = Explanation(
        layer,
        formula_text(layer),
        textbook_form(derivation).text,
        derivation,
        kinks,
        find_pitfalls(layer),
        characteristics_of(layer, kinks) if layer.has_kernel else None,
        list(layer.inflections()),
    )
    if x is None:
        return explanation
    y, dx = float(layer.forward(x)), float(layer.backward(1.0))
    evaluations = [evaluated(step, x, y, dx) for step in derivation]
    return explanation._replace(x=x, dx=dx, evaluations=evaluations)


def explain_line(layer: Layer) -> Explanation:
    """The explanation of a layer along an axis: the equations of the elements of a line."""
    equations = with_names(layer).line_equations()
    if not equations:
        raise layer.refused("there is nothing to explain")
    (_, value), *gradients = (
        (left, written(sides.steps[-1], names=sides.names)) for left, sides in equations.items()
    )
    derivative = ", ".join(f"{name} = {right}" for name, right in gradients)
    return Explanation(layer, value, derivative, [], [], [], equations=equations)


def evaluated(step: Step, x: float, y: float, dx: float) -> Evaluation:
    """The step at x, where the layer's forward gives y and its backward dx."""
    value, bound = step.evaluate(x, y)
    # dx is rounded too, by less than 2⁻⁵² of itself.
    agrees = value == dx or abs(value - dx) <= bound + 2.0**-52 * abs(dx)
    return Evaluation(value, bound, agrees)


def in_notation(text: str) -> str:
    """A docstring with y for out, ∂L/∂y for dout and ∂L/∂x for dx.

    >>> in_notation("dxᵢ = outᵢ·doutᵢ; `out` is kept")
    '∂L/∂xᵢ = yᵢ·∂L/∂yᵢ; `out` is kept'
    """

    def replaced(match: re.Match[str]) -> str:
        gradient, name, index = match[1], match[2], match[3]
        if name is None:
            return match[0].replace("∂out/", "∂y/")
        return "∂L/∂" * bool(gradient) + ("y" if name == "out" else name) + index

    return API_NAME.sub(replaced, text)


def formula_text(layer: Layer) -> str:
    """y in terms of x, as text; for a layer along an axis y₁ in terms of x₁ and x₂."""
    formula = with_names(layer).traced(None if layer.is_elementwise else LINE)
    inputs = {node: name_symbol(str(node.leaf)) for node in formula.inputs}
    return str(Expressions(formula, inputs).value(formula.outputs[0]))


def derivative_text(layer: Layer) -> str:
    """∂y/∂x of an element-wise layer as a textbook prints it, as text."""
    return textbook_form(steps(layer)).text


def at_defaults(layer: type[Layer]) -> Layer:
    """The layer with its default parameters, and nan for one that has no default.

    Only its texts can be read; forward and backward need numbers.
    """
    instance = layer.__new__(layer)
    for name, spec in layer.parameters.items():
        setattr(instance, name, float("nan") if spec.default is None else spec.default)
    return instance
