"""Rectifiers that scale x ≤ 0 by a small slope, where the rectifier stops it."""

from __future__ import annotations

from typing import Any

import numpy as np

from actgrad.layers.activations.piecewise import Piecewise, fill, stop
from actgrad.layers.arithmetic import rounded, scaled, two_product, two_sum
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.blocks import BLOCK
from actgrad.layers.errors import ParameterError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Kept
from actgrad.layers.parameter import Setting, parameter


class TwoSlopes(Piecewise):
    """A rectifier with a small slope for x ≤ 0: out = x for x > 0, else slope·x."""

    keeps = {"mask": Kept(bool, "True where the gradient is scaled")}

    @property
    def slope(self) -> float:
        """The slope for x ≤ 0."""
        raise NotImplementedError

    @property
    def range(self) -> str:
        return "every number" if self.slope > 0 else "0 ≤ y"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, self.slope * x)

    def derivation(self, x: Node, y: Node) -> Derivation:
        steps = [f.where(x > 0, 1, self.slope)]
        return Derivation([*steps, f.where(y > 0, 1, self.slope)] if self.slope > 0 else steps)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved[:1]
        np.less_equal(x, 0, out=mask)
        self._scale(x, mask, out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        self._scale(dout, saved[0], dx)

    def _scale(self, values: Array, mask: Array, out: Array) -> None:
        scaled(values, (self.slope, 0.0), out)
        copy_unmasked(values, mask, out)


class LeakyRelu(TwoSlopes):
    """The rectifier with a small slope for x ≤ 0: out = x for x > 0, else negative_slope·x.

    ∂out/∂x = 1 for x > 0, else negative_slope, at the kink x = 0 too. x has any shape.
    """

    name = "leaky_relu"
    elsewhere = {
        "PyTorch": "LeakyReLU",
        "JAX": "leaky_relu",
        "Keras": "leaky_relu(negative_slope=0.2), layers.LeakyReLU(negative_slope=0.3), "
        "relu(negative_slope, max_value=None, threshold=0), "
        "layers.ReLU(max_value=None, *, negative_slope, threshold=0)",
        "TensorFlow": "leaky_relu(alpha: negative_slope = 0.2)",
        "ONNX": "LeakyRelu(alpha: negative_slope = 0.01)",
    }
    source = (
        'Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", '
        "2013."
    )

    negative_slope: float = parameter(0.01, "the slope for x ≤ 0")

    @property
    def slope(self) -> float:
        return self.negative_slope


class Rrelu(TwoSlopes):
    """The randomized leaky rectifier in evaluation, with the mean slope of its bounds for x ≤ 0.

    ∂out/∂x = 1 for x > 0, else (lower + upper)/2, at the kink x = 0 too. x has any shape.
    """

    name = "rrelu"
    elsewhere = {"PyTorch": "RReLU"}
    source = (
        'Xu, Wang, Chen and Li, "Empirical evaluation of rectified activations in convolutional '
        'network", 2015.'
    )

    lower: float = parameter(1 / 8, "the least slope for x ≤ 0")
    upper: float = parameter(1 / 3, "the greatest slope for x ≤ 0")

    def __init__(self, **values: Setting) -> None:
        super().__init__(**values)
        if self.lower > self.upper:
            raise ParameterError(
                f"{self.name}: lower is {self.lower}, but must be ≤ upper, {self.upper}"
            )

    @property
    def slope(self) -> float:
        return (self.lower + self.upper) / 2


class Prelu(TwoSlopes):
    """The leaky rectifier whose slope is trained: out = x for x > 0, else weight·x.

    ∂out/∂x = 1 for x > 0, else weight, at the kink x = 0 too; ∂out/∂weight = 0 for x > 0, else x,
    and backward sums dout·∂out/∂weight over the whole array. x has any shape.
    """

    name = "prelu"
    elsewhere = {
        "PyTorch": "PReLU(num_parameters=1, init: weight = 0.25), nn.functional.prelu(weight)",
        # Keras trains alpha, which starts from alpha_initializer='Zeros'.
        "Keras": "layers.PReLU(alpha: weight = 0)",
        "ONNX": "PRelu(slope: weight)",
    }
    source = 'He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.'
    keeps = {**TwoSlopes.keeps, "x": Kept(float, "x itself, for the gradient of weight")}

    sufficient = {"x": "∂y/∂weight is x where the mask is True, else 0"}

    weight: float = parameter(0.25, "the slope for x ≤ 0, one for the whole array", trained=True)

    @property
    def slope(self) -> float:
        return self.weight

    @property
    def dweight(self) -> float:
        """∂L/∂weight = Σ dout·x over x ≤ 0, of the last backward."""
        return self.gradients["dweight"]

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        super().forward_block(x, out, *saved)
        np.copyto(saved[1], x)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        _, x = saved
        # Each BLOCK has its own sum, so that the sums do not depend on how the array is cut into
        # pieces. np.dot would round differently on another number of cores.
        for start in range(0, x.size, BLOCK):
            part = slice(start, start + BLOCK)
            here = ~(x[part] > 0)
            products = x[part][here].astype(np.float64) * dout[part][here].astype(np.float64)
            self.terms["dweight"].append(float(products.sum()))
        super().backward_block(dout, dx, *saved)


class ThresholdedLeakyRelu(Piecewise):
    """The leaky rectifier of Keras: out = x for x > threshold, else negative_slope·(x − threshold).

    ∂out/∂x = 1 for x > threshold, else negative_slope, at the jump too. x has any shape.
    """

    name = "thresholded_leaky_relu"
    elsewhere = {"Keras": "relu(negative_slope, max_value=None, *, threshold)"}
    source = "Keras, `keras.activations.relu`."
    keeps = {"mask": Kept(bool, "True where the gradient is scaled")}

    negative_slope: float = parameter(0.01, "the slope for x ≤ threshold")
    threshold: float = parameter(1.0, "out is x above it", at_least=0)

    @property
    def range(self) -> str:
        above = f"{decimal(self.threshold)} < y"
        if self.negative_slope < 0:
            return "0 ≤ y"
        if self.negative_slope == 0:
            return f"y = 0 or {above}" if self.threshold else "0 ≤ y"
        return f"y ≤ 0 or {above}" if self.threshold else "every number"

    def formula(self, x: Node) -> Node:
        return f.where(x > self.threshold, x, self.negative_slope * (x - self.threshold))

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.where(x > self.threshold, 1, self.negative_slope)])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        mask = saved[0]
        np.less_equal(x, np.float64(self.threshold), out=mask)
        if not self.negative_slope:
            stop(x, mask, out)
            return
        hi, lo = two_sum(x.astype(np.float64, copy=False), -self.threshold)
        top, rest = two_product(hi, self.negative_slope)
        rounded(top, rest + lo * self.negative_slope, out)
        copy_unmasked(x, mask, out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        if not self.negative_slope:
            stop(dout, saved[0], dx)
            return
        scaled(dout, (self.negative_slope, 0.0), dx)
        copy_unmasked(dout, saved[0], dx)


class CappedRelu(ThresholdedLeakyRelu):
    """The rectifier of Keras with all its parameters: thresholded_leaky_relu, at most max_value.

    out = min(x, max_value) for x > threshold, else negative_slope·(x − threshold). ∂out/∂x = 1 for
    threshold < x < max_value, 0 for x ≥ max_value, else negative_slope. x has any shape.
    """

    name = "capped_relu"
    elsewhere = {
        "Keras": "relu(negative_slope=0, *, max_value, threshold=0), "
        "layers.ReLU(max_value, negative_slope=0, threshold=0)"
    }
    source = "Keras, `keras.activations.relu`."
    keeps = {
        **ThresholdedLeakyRelu.keeps,
        "capped": Kept(bool, "True where x ≥ max_value, so where the gradient is stopped"),
    }

    negative_slope: float = parameter(0.0, "the slope for x ≤ threshold")
    threshold: float = parameter(0.0, "out is x above it", at_least=0)
    max_value: float = parameter(1.0, "the greatest value", above=0)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.threshold >= self.max_value:
            raise ParameterError(
                f"{self.name}: threshold is {self.threshold}, but must be < max_value, "
                f"{self.max_value}"
            )

    @property
    def range(self) -> str:
        end = decimal(self.max_value)
        if self.negative_slope < 0:
            return "0 ≤ y"
        if self.negative_slope == 0:
            inside = f"{decimal(self.threshold)} < y ≤ {end}"
            return f"y = 0 or {inside}" if self.threshold else f"0 ≤ y ≤ {end}"
        gap = f"y ≤ 0 or {decimal(self.threshold)} < y ≤ {end}"
        return gap if self.threshold else f"y ≤ {end}"

    def formula(self, x: Node) -> Node:
        below = self.negative_slope * (x - self.threshold)
        return f.where(x > self.threshold, f.minimum(x, self.max_value), below)

    def derivation(self, x: Node, y: Node) -> Derivation:
        above = f.where(x < self.max_value, 1, 0)
        return Derivation([f.where(x > self.threshold, above, self.negative_slope)])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        mask, capped = saved
        super().forward_block(x, out, mask)
        np.greater_equal(x, np.float64(self.max_value), out=capped)
        fill(out, self.max_value, capped)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        mask, capped = saved
        super().backward_block(dout, dx, mask)
        stop(dx.copy(), capped, dx)


def copy_unmasked(values: Array, mask: Array, out: Array) -> None:
    """Copy `values` to `out` where the mask is False. It works on the bits, as `stop` does."""
    bits, others = (array.view(f"u{values.itemsize}") for array in (out, values))
    np.bitwise_xor(bits, others, out=bits)
    np.multiply(bits, mask, out=bits)
    np.bitwise_xor(bits, others, out=bits)
