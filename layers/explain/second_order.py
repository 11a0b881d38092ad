"""The second order: the derivative of a layer as a layer, whose own gradient is d2x."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from actgrad.layers.arrays import Array
from actgrad.layers.by_formula import ByFormula
from actgrad.layers.chain import Chain
from actgrad.layers.errors import ExpressionError
from actgrad.layers.exact import Rounded
from actgrad.layers.explain.kinks import GRID, find_kinks, zero_by_bisection
from actgrad.layers.formula import Formula, Graph, Node, name, read_formula, slope_node
from actgrad.layers.layer import Derivation, Layer


class Derivative(ByFormula):
    """The derivative of a layer or a chain that works element by element: out = f′(x).

    Its gradient is d2x = dout·f″(x), correctly rounded. At a kink or a jump of f, where f″ does not
    exist, d2x is 0 by convention.
    """

    naive_formula = "the graph of the derivative as it stands"

    def __init__(self, layer: Layer) -> None:
        """The derivative of that layer.

        Raises:
            ShapeError: the layer works along an axis.
        """
        if not layer.is_elementwise:
            raise layer.refused("it has no second derivative")
        self._layer = layer
        self.kinks = [kink.x for kink in find_kinks(layer)]
        base = layer.traced()
        super().__init__()
        self.rounded = Rounded(Formula(base.inputs, slope_node(base)), base)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The layer's name with a prime."""
        return f"{self._layer}′"

    def __str__(self) -> str:
        return self.name

    def formula(self, x: Node) -> Node:
        *_, y = self._layer.formula_steps(x)
        return slope_node(Formula([x], y))

    def begin_forward(self) -> None:
        super().begin_forward()
        self.kinks_met: set[float] = set()

    def forward_block(self, x: Array, out: Array, *saved: Array, **given: Any) -> None:
        super().forward_block(x, out, *saved, **given)
        at_kink = np.isin(x, self.kinks)
        for kept in saved[:3]:
            kept[at_kink] = 0
        self.kinks_met.update(x[at_kink].tolist())

    def by_convention(self, x: Array, out: Array) -> Array:
        """At a kink of f, and outside its domain, where its derivative may still be a number."""
        return np.isin(x, self.kinks) | np.isnan(out)

    def derivation(self, x: Node, y: Node) -> Derivation:
        """f″ with equal factors and equal terms merged, if it has no cases and can be read back."""
        formula = self.traced()
        graph = Graph(formula)
        slope = str(graph.slope(name("x"), graph.expressions.value(formula.outputs[0])))
        try:
            return Derivation() if "[" in slope else Derivation((read_formula(slope)(x),))
        except ExpressionError:  # it is too long
            return Derivation()

    def inflections(self) -> Iterator[float]:
        """The x at which f″ changes its sign, between neighbours of `GRID`, kinks of f apart."""

        def curvature(x: float) -> float:
            self.forward(x)
            return float(self.backward(1.0))

        values = [(x, curvature(x)) for x in GRID]
        signed = [(x, value) for x, value in values if value]
        for (low, below), (high, above) in pairwise(signed):
            if below * above < 0 and not any(low <= kink <= high for kink in self.kinks):
                yield zero_by_bisection(curvature, low, high)


class WithSecondOrder(Chain):
    """A layer or a chain whose `trace` has d2x = dout·∂²out/∂x² too, in a run back.

    Raises:
        ShapeError: the layer works along an axis.
    """

    second_order: Derivative

    def __init__(self, layer: Layer, derivative: Derivative | None = None) -> None:
        super().__init__(layer.layers)
        self.second_order = derivative or Derivative(layer)

    def __copy__(self) -> WithSecondOrder:
        return WithSecondOrder(super().__copy__(), copy(self.second_order))

    def trace(self, x: ArrayLike, dout: ArrayLike | None = None) -> dict[str, Array]:
        arrays = super().trace(x, dout)
        if dout is None:
            return arrays
        slope = self.second_order.forward(x)
        return arrays | {"d2x": self.second_order.backward(arrays["dout"].astype(slope.dtype))}


def second_derivative(layer: Layer, x: Array, dout: Array) -> Array:
    """d2x = dout·∂²out/∂x², of x's shape and dtype.

    >>> second_derivative(layer("softplus"), np.array([37.42994775023705]), np.ones(1))
    array([5.55111512e-17])

    Raises:
        ShapeError: the layer works along an axis, or dout has another shape than x.
    """
    derivative = Derivative(layer)
    derivative.forward(x)
    return derivative.backward(dout)
