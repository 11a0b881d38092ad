"""Rectifiers that scale x ≤ 0 by a small slope, where the rectifier stops it."""

from __future__ import annotations

import numpy as np

from actgrad.layers.activations.piecewise import Piecewise
from actgrad.layers.arithmetic import scaled
from actgrad.layers.arrays import Array
from actgrad.layers.blocks import BLOCK
from actgrad.layers.errors import ParameterError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Kept
from actgrad.layers.parameter import Number, parameter


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

    def __init__(self, **values: Number) -> None:
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


def copy_unmasked(values: Array, mask: Array, out: Array) -> None:
    """Copy `values` to `out` where the mask is False. It works on the bits, as `stop` does."""
    bits, others = (array.view(f"u{values.itemsize}") for array in (out, values))
    np.bitwise_xor(bits, others, out=bits)
    np.multiply(bits, mask, out=bits)
    np.bitwise_xor(bits, others, out=bits)
