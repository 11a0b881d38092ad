"""Piecewise linear layers: each piece has a constant slope, and kinks separate the pieces.

They compute in x's own dtype and round at most once, so every result is the float nearest to the
exact value. Each layer states its slope at a kink; it is PyTorch's.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from actgrad.layers.arithmetic import rounded, two_sum
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Elementwise, Kept
from actgrad.layers.parameter import parameter


class Piecewise(Elementwise):
    """A piecewise linear layer. It keeps where the gradient is stopped, and passes it elsewhere."""

    keeps = {"mask": Kept(bool, "True where the gradient is stopped")}
    exact = True

    @property
    def mask(self) -> Array:
        """True where the gradient is stopped, or scaled if the layer has two slopes."""
        return self.saved["mask"]

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (mask,) = saved
        stop(dout, mask, dx)


class Gate(Piecewise):
    """A piecewise linear layer whose out is 0 where the gradient is stopped, and nowhere else."""

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        self.fill_mask(x, mask)
        stop(x, mask, out)

    @abstractmethod
    def fill_mask(self, x: Array, mask: Array) -> None:
        """Fill the mask: True where the gradient is stopped."""


class Identity(Elementwise):
    """The identity: out = x, ∂out/∂x = 1. x has any shape."""

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


class Relu(Gate):
    """The rectifier: out = x for x > 0, else 0.

    ∂out/∂x = 1 for x > 0, else 0; at the kink x = 0 it is 0. x has any shape. Where x is nan, out
    is nan and dx is dout.
    """

    name = "relu"
    elsewhere = {
        "PyTorch": "ReLU",
        "JAX": "relu",
        "Keras": "relu(negative_slope=0, max_value=None, threshold=0), "
        "layers.ReLU(max_value=None, negative_slope=0, threshold=0)",
        "TensorFlow": "relu",
        "ONNX": "Relu",
    }
    source = (
        'Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.'
    )
    range = "0 ≤ y"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, 0)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.where(x > 0, 1, 0), f.where(y > 0, 1, 0)])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        self.fill_mask(x, mask)
        if x.dtype == np.float16:
            stop(x, mask, out)
        else:
            # Of two zeros, NumPy's maximum gives the second, but not in float16.
            np.maximum(x, 0, out=out)

    def fill_mask(self, x: Array, mask: Array) -> None:
        np.less_equal(x, 0, out=mask)


class Heaviside(Elementwise):
    """The unit step: out = 1 for x > 0, else 0.

    ∂out/∂x = 0, at the jump too. x has any shape. Others give ½ or 1 at x = 0: NumPy's and
    PyTorch's heaviside take that value as an argument.
    """

    name = "step"
    aliases = ("heaviside", "binary_step")
    source = (
        'McCulloch and Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.'
    )
    range = "y = 0 or y = 1"
    exact = True

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, 1, 0)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        np.greater(x, 0, out=out, casting="unsafe")
        np.copyto(out, x, where=np.isnan(x))

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        dx[...] = 0


class Threshold(Piecewise):
    """x above a threshold, a fixed value elsewhere: out = x for x > threshold, else value.

    ∂out/∂x = 1 for x > threshold, else 0, at the jump too. x has any shape.
    """

    name = "threshold"
    elsewhere = {
        "PyTorch": "Threshold",
        "Keras": "threshold(threshold, default_value: value)",
    }
    source = "PyTorch, `torch.nn.Threshold`."

    threshold: float = parameter(None, "out is x above it")
    value: float = parameter(None, "out elsewhere")

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


class ThresholdedRelu(Gate):
    """The rectifier with a threshold alpha: out = x for x > alpha, else 0.

    ∂out/∂x = 1 for x > alpha, else 0, at the jump too. x has any shape.
    """

    name = "thresholded_relu"
    elsewhere = {
        "Keras": "relu(negative_slope=0, max_value=None, *, threshold: alpha)",
        "ONNX": "ThresholdedRelu",
    }
    source = (
        'Konda, Memisevic and Krueger, "Zero-bias autoencoders and the benefits of co-adapting '
        'features", 2014.'
    )

    alpha: float = parameter(1.0, "out is x above it", at_least=0)

    @property
    def range(self) -> str:
        return f"y = 0 or {decimal(self.alpha)} < y" if self.alpha else "0 ≤ y"

    def formula(self, x: Node) -> Node:
        return f.where(x > self.alpha, x, 0)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.where(y > self.alpha, 1, 0)])

    def fill_mask(self, x: Array, mask: Array) -> None:
        np.less_equal(x, np.float64(self.alpha), out=mask)


class Hardshrink(Piecewise):
    """x outside an interval around 0: out = x for |x| > lambd, else 0.

    ∂out/∂x = 1 for |x| > lambd, else 0, at both jumps too. x has any shape. With lambd = 0 it is
    the identity, whose slope at x = 0 is 1; PyTorch's backward gives 0 there.
    """

    name = "hardshrink"
    elsewhere = {
        "PyTorch": "Hardshrink",
        "Keras": "hard_shrink(threshold: lambd = 0.5)",
        "ONNX": "Shrink(lambd=0.5, bias: 0 = 0)",
    }
    source = 'Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994.'

    lambd: float = parameter(0.5, "half the width of the interval", at_least=0)

    @property
    def range(self) -> str:
        width = decimal(self.lambd)
        return f"y < -{width}, y = 0 or {width} < y" if self.lambd else "every number"

    def formula(self, x: Node) -> Node:
        return f.where(abs(x) > self.lambd, x, 0) if self.lambd else x

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.where(abs(y) > 0, 1, 0)] if self.lambd else [])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        mask_within(x, self.lambd, mask)
        stop(x, mask, out)


class Softshrink(Piecewise):
    """x moved towards 0: out = x − lambd for x > lambd, x + lambd for x < −lambd, else 0.

    ∂out/∂x = 1 for |x| > lambd, else 0, at both kinks too. x has any shape. With lambd = 0 it is
    the identity, whose slope at x = 0 is 1; PyTorch's backward gives 0 there.
    """

    name = "softshrink"
    elsewhere = {
        "PyTorch": "Softshrink",
        "Keras": "soft_shrink(threshold: lambd = 0.5)",
        "ONNX": "Shrink(lambd=0.5, *, bias: lambd)",
    }
    source = 'Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994.'
    range = "every number"

    lambd: float = parameter(0.5, "the distance that x is moved", at_least=0)

    def formula(self, x: Node) -> Node:
        if not self.lambd:
            return x
        beyond = f.where(x < -self.lambd, x + self.lambd, 0)
        return f.where(x > self.lambd, x - self.lambd, beyond)

    def derivation(self, x: Node, y: Node) -> Derivation:
        steps = [f.where(abs(x) > self.lambd, 1, 0), f.where(abs(y) > 0, 1, 0)]
        return Derivation(steps if self.lambd else [])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        mask_within(x, self.lambd, mask)
        wide = x.astype(np.float64, copy=False)
        rounded(*two_sum(wide, -np.copysign(self.lambd, wide)), out)
        np.copyto(out, 0, where=mask)


def stop(values: Array, mask: Array, out: Array) -> None:
    """Fill `out` with `values`, and 0 where the mask is True. A product may be nan or −0."""
    # It works on the bits, because NumPy's masked copies take five times as long.
    whole = f"i{values.itemsize}"
    bits = out.view(whole)
    # 0 − 1 has all bits set, in whatever width.
    np.copyto(bits, np.subtract(mask.view(np.int8), 1))
    np.bitwise_and(bits, values.view(whole), out=bits)


def mask_within(x: Array, lambd: float, mask: Array) -> None:
    """Fill the mask with True where |x| ≤ lambd, else False; with lambd = 0, with False alone."""
    np.less_equal(np.abs(x), np.float64(lambd), out=mask)
    if not lambd:
        mask[...] = False


def fill(out: Array, value: float, mask: Array) -> None:
    """Fill `out` with `value`, rounded once to out's dtype, where the mask is True."""
    nearest = np.empty(1, out.dtype)
    rounded(np.array([value]), np.zeros(1), nearest)
    np.copyto(out, nearest, where=mask)
