"""What there is to say about a layer, gathered from its class, its formula and its kernel."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from actgrad.cli.draw.point import PointError
from actgrad.cli.exit import tell
from actgrad.cli.read import read_array
from actgrad.cli.show.page import numeral
from actgrad.layers import Layer
from actgrad.layers.activations import names_elsewhere
from actgrad.layers.explain import Failure, Kink, Step, failures, kinks, steps
from actgrad.layers.formula import Graph, trace

#: Inputs of a layer that works along an axis, as it is explained.
LINE = 2


class Value(NamedTuple):
    """A step of the derivation at x: its value, and how far roundings may have carried it."""

    value: float
    bound: float
    agrees: bool


class Explanation(NamedTuple):
    """All of it; `x` and `values` only where a number was given."""

    layer: Layer
    formula: str
    derivative: str
    steps: list[Step]
    range: str
    kinks: list[Kink]
    failures: list[Failure]
    x: float | None
    dx: float | None
    values: list[Value]

    @property
    def summary(self) -> str:
        """What the class says of itself, without its source."""
        text = inspect.cleandoc(type(self.layer).__doc__ or self.layer.name)
        return "\n\n".join(p for p in text.split("\n\n") if not p.startswith("Source:"))

    @property
    def source(self) -> str:
        """Where the layer comes from."""
        paragraphs = inspect.cleandoc(type(self.layer).__doc__ or "").split("\n\n")
        found = (p.removeprefix("Source:") for p in paragraphs if p.startswith("Source:"))
        return " ".join(" ".join(found).split())

    @property
    def names(self) -> str:
        """What the layer is called elsewhere."""
        elsewhere = names_elsewhere(type(self.layer))
        where = [f"{name} ({framework})" for framework, name in elsewhere.items()]
        return ", ".join([*self.layer.aliases, *where])

    @property
    def parameters(self) -> dict[str, str]:
        """Each parameter's value, meaning and domain."""
        return {
            f"{name} = {getattr(self.layer, name)!r}": spec.meaning
            for name, spec in self.layer.parameters.items()
        }

    @property
    def keeps(self) -> dict[str, str]:
        """What forward keeps, and why that is enough for backward."""
        found = {}
        for name in self.layer.keeps:
            stated = getattr(type(self.layer), name, None)
            words = (inspect.getdoc(stated) if isinstance(stated, property) else None) or ""
            if name == "out" and self.steps and "x" not in self.derivative:
                words += f" ∂y/∂x = {self.derivative} takes nothing else."
            found[name] = " ".join(words.split())
        return found


def explanation(layer: Layer, x: str | None) -> Explanation:
    """All that is known of the layer, and its derivation at x.

    Raises:
        ActgradError: x cannot be read, or the layer works along an axis and has no single slope.
    """
    if not layer.is_elementwise:
        return along_axis(layer, x)
    place = None if x is None else number_of(x)
    formula = trace(layer.formula)
    found = steps(layer)
    dx, values = None, list[Value]()
    if place is not None:
        y = float(layer.forward(place))
        dx = float(layer.backward(1.0))
        values = [value(step, place, y, dx) for step in found]
    return Explanation(
        layer,
        str(Graph(formula).expressions.value(formula.outputs[0])),
        found[-1].text,
        found,
        layer.range or measured(layer),
        kinks(layer),
        failures(layer),
        place,
        dx,
        values,
    )


def along_axis(layer: Layer, x: str | None) -> Explanation:
    """A layer of many inputs, explained on a line of few, by the gradient of the first."""
    if x is not None:
        raise PointError(f"{layer.name} takes many numbers at once", f"see actgrad graph {layer}")
    graph = Graph(trace(layer.formula, LINE))
    formula = str(graph.expressions.value(graph.formula.outputs[0]))
    derivative = str(graph.labels.gradient(graph.formula.inputs[0]))
    text = f"∂L/∂x₁ = {derivative}"
    return Explanation(
        layer, f"y₁ = {formula}", text, [], layer.range or "", [], [], None, None, []
    )


def number_of(x: str) -> float:
    array = read_array(x, "--x")
    if array.size != 1:
        tell(f"note: of the {array.size} numbers in --x, the first is taken")
    if not array.size:
        raise PointError("--x is empty", "give it a number")
    return float(array.flat[0])


def value(step: Step, x: float, y: float, dx: float) -> Value:
    """The step at x, and whether it is the layer's own dx within what roundings explain."""
    found, bound = step.at(x, y)
    return Value(found, bound, abs(found - dx) <= bound + 2.0**-52 * abs(dx) or found == dx)


def measured(layer: Layer) -> str:
    """The range as it shows at many places; an end is open that still moves at the far ones."""
    near = np.geomspace(1e-6, 1e6, 4000)
    far = np.asarray(layer.forward([[-1e150, -1e300], [1e150, 1e300]]))
    out = np.asarray(layer.forward([*-near[::-1], 0.0, *near]))
    still = far[np.isclose(far[:, 0], far[:, 1], rtol=1e-6, atol=1e-9)][:, 1]
    moving = far[~np.isclose(far[:, 0], far[:, 1], rtol=1e-6, atol=1e-9)][:, 1]
    found = np.concatenate([out, still])
    ends = [float(f"{end:.4g}") + 0.0 for end in (found.min(), found.max())]
    low = "" if (moving < found.min()).any() or math.isinf(ends[0]) else f"{numeral(ends[0])} ≤ "
    high = "" if (moving > found.max()).any() or math.isinf(ends[1]) else f" ≤ {numeral(ends[1])}"
    return f"{low}y{high} (measured)" if low or high else "all numbers"


def kink_lines(kinks: list[Kink]) -> Iterator[str]:
    """Each kink in words."""
    for kink in kinks:
        what = "jump" if kink.is_jump else "kink"
        yield (
            f"{what} at x = {numeral(kink.x)}: the gradient is {numeral(kink.left)} to the left,"
            f" {numeral(kink.right)} to the right, and {numeral(kink.here)} there"
        )


def failure_lines(failures: list[Failure]) -> Iterator[str]:
    """Each failure of a plain implementation in words."""
    for one in failures:
        found, right = numeral(one.found), numeral(one.right)
        if found == right:
            found, right = repr(one.found), repr(one.right)
        yield (
            f"{one.what}, computed as it stands, is {found} at x = {numeral(one.x)};"
            f" the layer gives {right}"
        )
