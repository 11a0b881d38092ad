"""Lines that are clipped on both sides: out is constant below one kink and above another."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from actgrad.layers.activations.piecewise import Piecewise, fill
from actgrad.layers.arithmetic import double_double, rounded, scaled, two_product, two_sum
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.errors import ParameterError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation
from actgrad.layers.parameter import Number, parameter


class Hardtanh(Piecewise):
    """x, clipped: out = min_val for x ≤ min_val, max_val for x ≥ max_val, else x.

    ∂out/∂x = 1 for min_val < x < max_val, else 0, at both kinks too. x has any shape.
    """

    name = "hardtanh"
    elsewhere = {
        "PyTorch": "Hardtanh, .clamp(min: min_val, max: max_val), "
        ".clip(min: min_val, max: max_val)",
        "JAX": "hard_tanh()",
        "Keras": "hard_tanh()",
        "ONNX": "Clip(min: min_val, max: max_val)",
    }
    source = 'Collobert, "Large scale machine learning", 2004.'

    min_val: float = parameter(-1.0, "the least value")
    max_val: float = parameter(1.0, "the greatest value")

    def __init__(self, **values: Number) -> None:
        super().__init__(**values)
        if self.min_val >= self.max_val:
            raise ParameterError(
                f"{self.name}: min_val is {self.min_val}, but must be < max_val, {self.max_val}"
            )

    @property
    def range(self) -> str:
        return f"{decimal(self.min_val)} ≤ y ≤ {decimal(self.max_val)}"

    def formula(self, x: Node) -> Node:
        return f.minimum(f.maximum(x, self.min_val), self.max_val)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return between([x, y], self.min_val, self.max_val, 1)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        clip(x, self.min_val, self.max_val, mask, out)


class Relu6(Piecewise):
    """The rectifier, clipped at 6: out = min(max(x, 0), 6).

    ∂out/∂x = 1 for 0 < x < 6, else 0, at both kinks too. x has any shape.
    """

    name = "relu6"
    elsewhere = {
        "PyTorch": "ReLU6",
        "JAX": "relu6",
        "Keras": "relu6, relu(negative_slope=0, *, max_value: 6, threshold=0), "
        "layers.ReLU(max_value: 6, negative_slope=0, threshold=0)",
        "TensorFlow": "relu6",
    }
    source = 'Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.'
    range = "0 ≤ y ≤ 6"

    def formula(self, x: Node) -> Node:
        return f.minimum(f.maximum(x, 0), 6)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return between([x, y], 0, 6, 1)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        clip(x, 0, 6, mask, out)


class Ramp(Piecewise):
    """A line clipped to [0, 1]: out = min(max(0, slope·x + height), 1)."""

    range = "0 ≤ y ≤ 1"

    def __init__(self, **values: Number) -> None:
        super().__init__(**values)
        slope, height = (Fraction(number) for number in self.line)
        self._slope = double_double(slope)
        try:
            self._start = double_double(-height / slope)
            self._end = double_double((1 - height) / slope)
        except OverflowError:
            raise ParameterError(f"{self}: its kinks lie beyond the numbers of float64") from None

    @property
    def line(self) -> tuple[Number, Number]:
        """The line's slope, and its height at x = 0."""
        raise NotImplementedError

    def formula(self, x: Node) -> Node:
        slope, height = self.line
        return f.minimum(f.maximum(slope * x + height, 0), 1)

    def derivation(self, x: Node, y: Node) -> Derivation:
        slope, height = self.line
        return between([slope * x + height, y], 0, 1, slope)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        # slope·(x − start) does not cancel, because the difference is exact near start.
        wide = np.clip(x.astype(np.float64), self._start[0] - 1, self._end[0] + 1)
        hi, lo = _minus(wide, self._start)
        below, above = hi <= 0, _minus(wide, self._end)[0] >= 0
        top, rest = two_product(hi, self._slope[0])
        rounded(top, rest + (lo * self._slope[0] + hi * self._slope[1]), out)
        np.copyto(out, 0, where=below)
        np.copyto(out, 1, where=above)
        np.logical_or(below, above, out=mask)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (mask,) = saved
        scaled(dout, self._slope, dx)
        np.copyto(dx, 0, where=mask)


class Hardsigmoid(Ramp):
    """A sigmoid of three line segments: out = min(max(0, alpha·x + beta), 1).

    ∂out/∂x = alpha where 0 < alpha·x + beta < 1, else 0, at both kinks too. x has any shape. alpha
    is 1/6 itself, not the float next to it, so the kinks lie at ±3.
    """

    name = "hardsigmoid"
    elsewhere = {
        "PyTorch": "Hardsigmoid()",
        "JAX": "hard_sigmoid()",
        "Keras": "hard_sigmoid()",
        "ONNX": "HardSigmoid(alpha=0.2, beta=0.5)",
    }
    source = 'Courbariaux, Bengio and David, "BinaryConnect", 2015; with these parameters, PyTorch.'

    alpha: Number = parameter(Fraction(1, 6), "the slope of the line", above=0, exact=True)
    beta: Number = parameter(Fraction(1, 2), "the height of the line at x = 0", exact=True)

    @property
    def line(self) -> tuple[Number, Number]:
        return self.alpha, self.beta


class SparseSigmoid(Ramp):
    """The slope of sparse_plus: out = min(max(0, (x + 1)/2), 1).

    ∂out/∂x = 1/2 for −1 < x < 1, else 0, at both kinks too. x has any shape.
    """

    name = "sparse_sigmoid"
    elsewhere = {"JAX": "sparse_sigmoid", "Keras": "sparse_sigmoid"}
    source = 'Martins and Astudillo, "From softmax to sparsemax", 2016; the name is JAX\'s.'

    @property
    def line(self) -> tuple[Number, Number]:
        return Fraction(1, 2), Fraction(1, 2)


def between(places: Iterable[Node], low: Number, high: Number, slope: Number) -> Derivation:
    """The slope where a place lies between the bounds, else 0; a step for each of the places."""
    steps = [f.where(low < u, f.where(u < high, slope, 0), 0) for u in places]
    return Derivation(steps)


def clip(x: Array, low: float, high: float, mask: Array, out: Array) -> None:
    """Fill `out` with x clipped to [low, high], and `mask` with whether out is a bound."""
    below, above = x <= np.float64(low), x >= np.float64(high)
    np.logical_or(below, above, out=mask)
    np.copyto(out, x)
    fill(out, low, below)
    fill(out, high, above)


def _minus(x: Array, point: tuple[float, float]) -> tuple[Any, Any]:
    hi, lo = two_sum(x, -point[0])
    return two_sum(hi, lo - point[1])
