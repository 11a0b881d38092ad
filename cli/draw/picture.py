"""A graph together with what is said about it: which layers, at which numbers."""

from __future__ import annotations

from math import isclose, isnan
from typing import NamedTuple

import numpy as np

from actgrad.cli.draw.labels import Labels
from actgrad.cli.draw.point import Point, PointError, point
from actgrad.cli.exit import tell
from actgrad.cli.read import read_array
from actgrad.cli.show import numeral
from actgrad.layers import Layer
from actgrad.layers.explain import Grouped
from actgrad.layers.formula import Graph, Node, trace

#: What the results between a chain's layers are called.
BETWEEN = "uvwabcdefghijklmnopqrst"
#: A line of this many inputs shows what a layer does with a line.
SHORT_LINE = 2


class Picture(NamedTuple):
    """What is drawn: a graph with its labels, and what each name in them means."""

    layers: tuple[str, ...]
    labels: Labels
    #: Where in x it is drawn, if x has more than is drawn.
    place: str
    #: `u = sigmoid(x)`, for each result between the layers of a chain.
    names: tuple[str, ...]

    @property
    def graph(self) -> Graph:
        return self.labels.graph

    @property
    def title(self) -> str:
        """The layers, and the numbers at which the graph is drawn."""
        title = " → ".join(self.layers)
        numbers = self.graph.numbers
        if numbers is None:
            return title
        x = [f"{node.leaf} = {numeral(numbers.value(node))}" for node in self.graph.formula.inputs]
        y = self.graph.output_names
        dout = [f"∂L/∂{name} = {numeral(d)}" for name, d in zip(y, numbers.dout, strict=True)]
        at = f"{self.place}: " if self.place else ""
        return f"{title} at {at}{', '.join([*x, *dout])}"


def picture(
    chain: Layer, x: str | None, dout: str, at: str | None, grouped: bool, symbolic: bool
) -> Picture:
    """The graph that the options of `actgrad graph` ask for.

    Raises:
        ActgradError: x or dout cannot be read, or has no such place.
    """
    if x is None:
        if at is not None:
            raise PointError("--at needs --x")
        found = None
    else:
        found = point(chain, read_array(x, "--x"), read_array(dout, "--dout"), at)
        if found.is_default:
            tell(f"note: this is {found.place}; --at names another")
    names = names_between(chain)
    numbers = None if found is None else found.x
    gradients = None if found is None else found.dout
    if grouped:
        slope = gradients[0] if gradients else 1.0
        graph: Graph = Grouped(chain.layers, numbers[0] if numbers else None, slope, names)
    else:
        graph = opened(chain, names, numbers, gradients)
    if found is not None:
        note_lost_digits(graph, chain, found)
    steps = zip(("x", *names), [*names, "y"], chain.layers, strict=True)
    meanings = tuple(f"{y} = {layer.name}({x})" for x, y, layer in steps) if names else ()
    place = "" if found is None else found.place
    return Picture(
        tuple(str(layer) for layer in chain.layers), Labels(graph, symbolic), place, meanings
    )


def opened(
    chain: Layer, names: tuple[str, ...], x: list[float] | None, dout: list[float] | None
) -> Graph:
    """The graph of the chain's formula, its results between the layers under their names."""
    steps: list[object] = []

    def formula(x: object) -> object:
        steps.extend(chain.formula_steps(x))
        return steps[-1]

    arguments = () if chain.is_elementwise else (SHORT_LINE if x is None else len(x),)
    traced = trace(formula, *arguments)
    named = {step: name for step, name in zip(steps, names, strict=False) if isinstance(step, Node)}
    return Graph(traced, x, dout, named)


def names_between(chain: Layer) -> tuple[str, ...]:
    """A letter for each layer's out but the last's."""
    count = len(chain.layers) - 1
    return tuple(BETWEEN[i] if i < len(BETWEEN) else f"u{i}" for i in range(count))


def note_lost_digits(graph: Graph, chain: Layer, at: Point) -> None:
    """Say so where the formula, computed as it stands, is far from what the layer computes."""
    assert graph.numbers is not None
    out = chain.forward(at.x if len(at.x) > 1 else at.x[0])
    dx = np.atleast_1d(chain.backward(np.reshape(at.dout, out.shape))).tolist()
    values = np.atleast_1d(out).tolist()
    outputs = zip(graph.output_names, graph.formula.outputs, values, strict=True)
    lost = [
        f"{name} = {numeral(right)}"
        for name, node, right in outputs
        if not close(graph.numbers.value(node), right)
    ]
    lost += [
        f"∂L/∂{node.leaf} = {numeral(right)}"
        for node, right in zip(graph.formula.inputs, dx, strict=True)
        if not close(graph.numbers.gradient(node), right)
    ]
    if lost:
        tell(f"note: this formula loses digits here; the layer itself gives {', '.join(lost)}")


def close(found: float, right: float) -> bool:
    """Whether the two agree to half of a float's digits."""
    return isclose(found, right, rel_tol=1e-8, abs_tol=1e-15) or (isnan(found) and isnan(right))
