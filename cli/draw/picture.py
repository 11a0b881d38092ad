"""A graph with its labels, and where it is drawn: which layers, at which numbers."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose, isnan
from typing import NamedTuple

import numpy as np

from actgrad.cli.draw.labels import Labels
from actgrad.cli.draw.point import Point, PointError, point_of
from actgrad.cli.exit import to_stderr
from actgrad.cli.read import read_array
from actgrad.cli.show import numeral
from actgrad.layers import Layer, ShapeError
from actgrad.layers.explain import Grouped
from actgrad.layers.formula import Graph, Node, trace

#: The names of the results between a chain's layers.
BETWEEN = "uvwabcdefghijklmnopqrst"
#: The number of inputs of a layer along an axis that is drawn without x.
SHORT_LINE = 2


class Picture(NamedTuple):
    """What is drawn: a graph with its labels, and what each name in them stands for."""

    layers: tuple[str, ...]
    labels: Labels
    #: Where in x it is drawn, if x has other elements; else empty.
    place: str
    #: `u = sigmoid(x)`, for each layer of a chain.
    names: tuple[str, ...]

    @property
    def graph(self) -> Graph:
        """The graph that the labels belong to."""
        return self.labels.graph

    @property
    def point(self) -> tuple[list[float] | None, list[float] | None]:
        """The x and the dout at which the graph is drawn; None without numbers."""
        numbers = self.graph.numbers
        if numbers is None:
            return None, None
        return [numbers.value(node) for node in self.graph.formula.inputs], list(numbers.dout)

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
        place = f"{self.place}: " if self.place else ""
        return f"{title} at {place}{', '.join([*x, *dout])}"


def picture_of(
    chain: Layer, x: str | None, dout: str | None, at: str | None, grouped: bool, symbolic: bool
) -> Picture:
    """The graph that the options of `actgrad graph` ask for; without x it has no numbers.

    Raises:
        ActgradError: x or dout cannot be read, or has no such place.
    """
    for option, value in {"--at": at, "--dout": dout}.items():
        if x is None and value is not None:
            raise PointError(f"{option} needs --x")
    where = (
        None
        if x is None
        else point_of(chain, read_array(x, "--x"), read_array(dout or "1", "--dout"), at)
    )
    if where is not None and where.is_default:
        to_stderr(f"note: this is {where.place}; --at names another")
    names = names_between(chain)
    graph = graph_at(where, chain, names, grouped)
    if where is not None and (lost := list(lost_digits(graph, chain, where))):
        to_stderr(f"note: this formula loses digits here; the layer itself gives {', '.join(lost)}")
    steps = zip(("x", *names), [*names, "y"], chain.layers, strict=True)
    meanings = tuple(f"{y} = {layer.name}({x})" for x, y, layer in steps) if names else ()
    layers = tuple(map(str, chain.layers))
    return Picture(layers, Labels(graph, symbolic), where.place if where else "", meanings)


def shortest_line(chain: Layer) -> int:
    """The length of the shortest line that every layer of the chain can halve, if it halves it."""
    for length in (SHORT_LINE << doublings for doublings in range(len(chain.layers))):
        try:
            chain.traced(length)
        except ShapeError:
            continue
        return length
    return SHORT_LINE


def graph_at(where: Point | None, chain: Layer, names: tuple[str, ...], grouped: bool) -> Graph:
    """The graph of the chain's formula, or of its layers as single nodes if `grouped` is set.

    The results between the layers have these names.

    Raises:
        ActgradError: a layer cannot be grouped.
    """
    x, dout = (where.x, where.dout) if where else (None, None)
    length = None if chain.is_elementwise else shortest_line(chain) if x is None else len(x)
    expanded = chain.layers[0].grouped() if len(chain.layers) == 1 else None
    if grouped and expanded is not None:
        return Graph(expanded, x, dout)
    if grouped:
        return Grouped(chain.layers, x, dout, names, length)
    steps: list[object] = []

    def formula(x: object) -> object:
        steps.extend(chain.formula_steps(x))
        return steps[-1]

    traced = trace(formula, *(() if length is None else (length,)))
    named = {step: name for step, name in zip(steps, names, strict=False) if isinstance(step, Node)}
    return Graph(traced, x, dout, named)


def names_between(chain: Layer) -> tuple[str, ...]:
    """A letter for the out of each layer but the last."""
    count = len(chain.layers) - 1
    return tuple(BETWEEN[i] if i < len(BETWEEN) else f"u{i}" for i in range(count))


def lost_digits(graph: Graph, chain: Layer, where: Point) -> Iterator[str]:
    """The results of the layers, where the graph's plain arithmetic is far from them."""
    if np.isnan(where.x).any():  # a layer may pass the gradient of nan on
        return
    numbers = graph.numbers
    assert numbers is not None
    layer = chain.along(0) if where.is_line else chain
    out = layer.forward(where.x if where.is_line else where.x[0])
    dx = layer.backward(np.reshape(where.dout, out.shape))
    inputs, outputs = graph.formula.inputs, graph.formula.outputs
    for name, node, right in zip(graph.output_names, outputs, np.atleast_1d(out), strict=True):
        if not close(numbers.value(node), float(right)):
            yield f"{name} = {numeral(right)}"
    for node, right in zip(inputs, np.atleast_1d(dx), strict=True):
        if not close(numbers.gradient(node), float(right)):
            yield f"∂L/∂{node.leaf} = {numeral(right)}"


def close(value: float, right: float) -> bool:
    """Whether two numbers agree to half of a float's digits; terms may cancel to almost 0."""
    nearly = isclose(value, right, rel_tol=1e-8, abs_tol=0.0 if right else 1e-15)
    return nearly or (isnan(value) and isnan(right))
