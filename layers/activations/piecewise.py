"""Piecewise linear layers: the slope of each piece is a constant, and the kinks lie between.

They work in x's own dtype, and what they round, they round once: every result is the float nearest
to the truth. At a kink the slope is that of the piece stated, as in PyTorch.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from actgrad.layers.arithmetic import double_double, rounded, scaled, two_product, two_sum
from actgrad.layers.arrays import Array
from actgrad.layers.blocks import BLOCK
from actgrad.layers.errors import ParameterError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Elementwise, Kept
from actgrad.layers.parameter import Number, decimal, parameter


class Piecewise(Elementwise):
    """A piecewise linear layer, which keeps where the gradient is stopped and else passes it on."""

    keeps = {"mask": Kept(bool, "True where the gradient is stopped")}
    exact = True

    @property
    def mask(self) -> Array:
        """True where the gradient is stopped, or scaled if the layer has two slopes."""
        return self.saved["mask"]

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (mask,) = saved
        stop(dout, mask, dx)


class Identity(Elementwise):
    """The layer that changes nothing: out = x, ∂out/∂x = 1. Of any shape."""

    name = "identity"
    elsewhere = {
        "PyTorch": "Identity",
        "JAX": "identity",
        "Keras": "linear, layers.Identity",
        "ONNX": "Identity",
    }
    range = "every number"
    exact = True

    def formula(self, x: Node) -> Node:
        return x

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        np.copyto(out, x)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        np.copyto(dx, dout)


class Relu(Piecewise):
    """The rectifier: out = x for x > 0, else 0.

    ∂out/∂x = 1 for x > 0, else 0; at the kink x = 0 it is 0. Of any shape; nan stays nan, and
    its gradient passes.
    """

    name = "relu"
    elsewhere = {
        "PyTorch": "ReLU",
        "JAX": "relu",
        "Keras": "relu(negative_slope=0, max_value=None, threshold=0), "
        "layers.ReLU(max_value=None, negative_slope=0, threshold=0)",
        "ONNX": "Relu",
    }
    source = (
        'Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.'
    )
    range = "0 ≤ y"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, 0)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        np.less_equal(x, 0, out=mask)
        stop(x, mask, out)


class Hardtanh(Piecewise):
    """x, clipped: out = min_val for x ≤ min_val, max_val for x ≥ max_val, else x.

    ∂out/∂x = 1 for min_val < x < max_val, else 0, at both kinks too. Of any shape.
    """

    name = "hardtanh"
    elsewhere = {
        "PyTorch": "Hardtanh",
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

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        clip(x, self.min_val, self.max_val, mask, out)


class Relu6(Piecewise):
    """The rectifier, clipped at 6: out = min(max(x, 0), 6).

    ∂out/∂x = 1 for 0 < x < 6, else 0, at both kinks too. Of any shape.
    """

    name = "relu6"
    elsewhere = {
        "PyTorch": "ReLU6",
        "JAX": "relu6",
        "Keras": "relu6, relu(negative_slope=0, *, max_value: 6, threshold=0), "
        "layers.ReLU(max_value: 6, negative_slope=0, threshold=0)",
    }
    source = 'Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.'
    range = "0 ≤ y ≤ 6"

    def formula(self, x: Node) -> Node:
        return f.minimum(f.maximum(x, 0), 6)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        clip(x, 0, 6, mask, out)


class Threshold(Piecewise):
    """x above a threshold, else a fixed value: out = x for x > threshold, else value.

    ∂out/∂x = 1 for x > threshold, else 0, at the jump too. Of any shape.
    """

    name = "threshold"
    elsewhere = {
        "PyTorch": "Threshold",
        "Keras": "threshold(threshold, default_value: value)",
    }
    source = "PyTorch, `torch.nn.Threshold`."

    threshold: float = parameter(None, "x passes above it")
    value: float = parameter(None, "what stands for x elsewhere")

    @property
    def range(self) -> str:
        above = f"{decimal(self.threshold)} < y"
        return above if self.value > self.threshold else f"y = {decimal(self.value)} or {above}"

    def formula(self, x: Node) -> Node:
        return f.where(x > self.threshold, x, self.value)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        np.less_equal(x, np.float64(self.threshold), out=mask)
        np.copyto(out, x)
        fill(out, self.value, mask)


class ThresholdedRelu(Piecewise):
    """The rectifier with its step moved up: out = x for x > alpha, else 0.

    ∂out/∂x = 1 for x > alpha, else 0, at the jump too. Of any shape.
    """

    name = "thresholded_relu"
    elsewhere = {"ONNX": "ThresholdedRelu"}
    source = (
        'Konda, Memisevic and Krueger, "Zero-bias autoencoders and the benefits of co-adapting '
        'features", 2014.'
    )

    alpha: float = parameter(1.0, "x passes above it", at_least=0)

    @property
    def range(self) -> str:
        return f"y = 0 or {decimal(self.alpha)} < y" if self.alpha else "0 ≤ y"

    def formula(self, x: Node) -> Node:
        return f.where(x > self.alpha, x, 0)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        np.less_equal(x, np.float64(self.alpha), out=mask)
        stop(x, mask, out)


class Hardshrink(Piecewise):
    """x outside a zone around 0: out = x for |x| > lambd, else 0.

    ∂out/∂x = 1 for |x| > lambd, else 0, at both jumps too. Of any shape.
    """

    name = "hardshrink"
    elsewhere = {
        "PyTorch": "Hardshrink",
        "Keras": "hard_shrink(threshold: lambd = 0.5)",
        "ONNX": "Shrink(lambd=0.5, bias: 0 = 0)",
    }
    source = 'Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994.'

    lambd: float = parameter(0.5, "half the width of the zone", at_least=0)

    @property
    def range(self) -> str:
        width = decimal(self.lambd)
        return f"y < -{width}, y = 0 or {width} < y" if self.lambd else "every number"

    def formula(self, x: Node) -> Node:
        return f.where(abs(x) > self.lambd, x, 0)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        np.less_equal(np.abs(x), np.float64(self.lambd), out=mask)
        stop(x, mask, out)


class Softshrink(Piecewise):
    """x moved towards 0: out = x − lambd for x > lambd, x + lambd for x < −lambd, else 0.

    ∂out/∂x = 1 for |x| > lambd, else 0, at both kinks too. Of any shape.
    """

    name = "softshrink"
    elsewhere = {
        "PyTorch": "Softshrink",
        "Keras": "soft_shrink(threshold: lambd = 0.5)",
        "ONNX": "Shrink(lambd=0.5, *, bias: lambd)",
    }
    source = 'Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994.'
    range = "every number"

    lambd: float = parameter(0.5, "how far x is moved", at_least=0)

    def formula(self, x: Node) -> Node:
        beyond = f.where(x < -self.lambd, x + self.lambd, 0)
        return f.where(x > self.lambd, x - self.lambd, beyond)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        np.less_equal(np.abs(x), np.float64(self.lambd), out=mask)
        wide = x.astype(np.float64, copy=False)
        rounded(*two_sum(wide, -np.copysign(self.lambd, wide)), out)
        np.copyto(out, 0, where=mask)


class TwoSlopes(Piecewise):
    """A rectifier that lets a little through: out = x for x > 0, else slope·x."""

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

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved[:1]
        np.less_equal(x, 0, out=mask)
        self._scale(x, mask, out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        self._scale(dout, saved[0], dx)

    def _scale(self, values: Array, mask: Array, out: Array) -> None:
        scaled(values, (self.slope, 0.0), out)
        let_through(values, mask, out)


class LeakyRelu(TwoSlopes):
    """The rectifier that lets a little through: out = x for x > 0, else negative_slope·x.

    ∂out/∂x = 1 for x > 0, else negative_slope, at the kink x = 0 too. Of any shape.
    """

    name = "leaky_relu"
    elsewhere = {
        "PyTorch": "LeakyReLU",
        "JAX": "leaky_relu",
        "Keras": "leaky_relu(negative_slope=0.2), layers.LeakyReLU(negative_slope=0.3), "
        "relu(negative_slope, max_value=None, threshold=0), "
        "layers.ReLU(max_value=None, *, negative_slope, threshold=0)",
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
    """The randomized leaky rectifier, in evaluation: its slope for x ≤ 0 is the mean of its bounds.

    ∂out/∂x = 1 for x > 0, else (lower + upper)/2, at the kink x = 0 too. Of any shape.
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
    and backward sums dout times that over the whole array. Of any shape.
    """

    name = "prelu"
    elsewhere = {
        "PyTorch": "PReLU(num_parameters=1, init: weight = 0.25), functional.prelu(weight)",
        # Keras trains alpha, which starts from alpha_initializer='Zeros'.
        "Keras": "layers.PReLU(alpha: weight = 0)",
        "ONNX": "PRelu(slope: weight)",
    }
    source = 'He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.'
    keeps = {**TwoSlopes.keeps, "x": Kept(float, "x itself, for the gradient of weight")}

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
        # A sum for each BLOCK, so that they are the same however the array comes in pieces; and not
        # by np.dot, whose rounding depends on how many cores there are.
        for start in range(0, x.size, BLOCK):
            part = slice(start, start + BLOCK)
            here = ~(x[part] > 0)
            products = x[part][here].astype(np.float64) * dout[part][here].astype(np.float64)
            self.terms["dweight"].append(float(products.sum()))
        super().backward_block(dout, dx, *saved)


class Ramp(Piecewise):
    """A line from 0 to 1, level on both sides: out = min(max(0, slope·x + height), 1)."""

    range = "0 ≤ y ≤ 1"

    def __init__(self, **values: Number) -> None:
        super().__init__(**values)
        slope, height = self.line
        self._slope = double_double(slope)
        self._start, self._end = double_double(-height / slope), double_double((1 - height) / slope)

    @property
    def line(self) -> tuple[Fraction, Fraction]:
        """The line's slope, and its height at x = 0."""
        raise NotImplementedError

    def formula(self, x: Node) -> Node:
        slope, height = self.line
        return f.minimum(f.maximum(slope * x + height, 0), 1)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        # slope·(x − start) does not cancel: next to start the difference is exact.
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
    """The sigmoid made of three lines: out = min(max(0, alpha·x + beta), 1).

    ∂out/∂x = alpha where 0 < alpha·x + beta < 1, else 0, at both kinks too. Of any shape. alpha is
    1/6 itself, not the float next to it, so the kinks lie at ±3.
    """

    name = "hardsigmoid"
    elsewhere = {
        "PyTorch": "Hardsigmoid()",
        "JAX": "hard_sigmoid()",
        "Keras": "hard_sigmoid()",
        "ONNX": "HardSigmoid(alpha=0.2, beta=0.5)",
    }
    source = 'Courbariaux, Bengio and David, "BinaryConnect", 2015; with these parameters, PyTorch.'

    alpha: Number = parameter(Fraction(1, 6), "the slope of the line", above=0)
    beta: Number = parameter(0.5, "the height of the line at x = 0")

    @property
    def line(self) -> tuple[Fraction, Fraction]:
        return Fraction(self.alpha), Fraction(self.beta)


class SparseSigmoid(Ramp):
    """The slope of sparse_plus: out = min(max(0, (x + 1)/2), 1).

    ∂out/∂x = 1/2 for −1 < x < 1, else 0, at both kinks too. Of any shape.
    """

    name = "sparse_sigmoid"
    elsewhere = {"JAX": "sparse_sigmoid", "Keras": "sparse_sigmoid"}
    source = 'Martins and Astudillo, "From softmax to sparsemax", 2016; the name is JAX\'s.'

    @property
    def line(self) -> tuple[Fraction, Fraction]:
        return Fraction(1, 2), Fraction(1, 2)


def stop(values: Array, mask: Array, out: Array) -> None:
    """`values` with 0 under the mask. Multiplying would turn ±inf into nan there, and 0 into −0."""
    # On their bits, for NumPy's own choices by a mask take five times as long.
    whole = f"u{values.itemsize}"
    bits = out.view(whole)
    np.copyto(bits, mask)
    np.subtract(bits, 1, out=bits)
    np.bitwise_and(bits, values.view(whole), out=bits)


def let_through(values: Array, mask: Array, out: Array) -> None:
    """Put `values` where the mask is not; on their bits, as in `stop`."""
    bits, others = (array.view(f"u{values.itemsize}") for array in (out, values))
    np.bitwise_xor(bits, others, out=bits)
    np.multiply(bits, mask, out=bits)
    np.bitwise_xor(bits, others, out=bits)


def fill(out: Array, value: float, mask: Array) -> None:
    """Put `value`, rounded once to out's dtype, under the mask."""
    nearest = np.empty(1, out.dtype)
    rounded(np.array([value]), np.zeros(1), nearest)
    np.copyto(out, nearest, where=mask)


def clip(x: Array, low: float, high: float, mask: Array, out: Array) -> None:
    """x between `low` and `high`, and the mask of where it is not."""
    below, above = x <= np.float64(low), x >= np.float64(high)
    np.logical_or(below, above, out=mask)
    np.copyto(out, x)
    fill(out, low, below)
    fill(out, high, above)


def _minus(x: Array, point: tuple[float, float]) -> tuple[Any, Any]:
    hi, lo = two_sum(x, -point[0])
    return two_sum(hi, lo - point[1])
