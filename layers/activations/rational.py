"""Layers made of polynomials, quotients and roots."""

from __future__ import annotations

from math import frexp, ldexp

import numpy as np

from actgrad.layers.activations.kernels import Smooth, SmoothRectifier
from actgrad.layers.arithmetic import two_product, two_sum
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Elementwise, Kept
from actgrad.layers.parameter import parameter


class ReluSquared(Elementwise):
    """The rectifier's square: out = max(x, 0)².

    ∂out/∂x = 2·max(x, 0), which has a kink at x = 0 but is 0 there. x has any shape.
    """

    name = "relu_squared"
    aliases = ("relu2", "squared_relu")
    source = (
        'So et al., "Primer: searching for efficient transformers for language modeling", 2021.'
    )
    range = "0 ≤ y"
    keeps = {"rectified": Kept(float, "max(x, 0)")}
    sufficient = {"rectified": "∂y/∂x is twice it, so backward needs neither x nor out"}

    def formula(self, x: Node) -> Node:
        return f.maximum(x, 0) ** 2

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([2 * f.sqrt(y), 2 * f.maximum(x, 0)])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (rectified,) = saved
        np.maximum(x, 0, out=rectified)
        np.square(rectified, out=out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (rectified,) = saved
        # 2·dout and 2·max(x, 0) may overflow where dx does not.
        np.multiply(dout, rectified, out=dx)
        np.add(dx, dx, out=dx)


class Hardswish(Smooth):
    """x gated by a sigmoid of three line segments: out = x·min(max(0, x + 3), 6)/6.

    ∂out/∂x = 0 for x ≤ −3, 1 for x ≥ 3, else (2x + 3)/6. x has any shape.
    """

    name = "hardswish"
    aliases = ("hard_silu",)
    elsewhere = {
        "PyTorch": "Hardswish",
        "JAX": "hard_swish, hard_silu",
        "Keras": "hard_silu, hard_swish",
        "ONNX": "HardSwish",
    }
    source = 'Howard et al., "Searching for MobileNetV3", 2019.'
    range = "-0.375 ≤ y"
    ties_beside_0 = False

    def formula(self, x: Node) -> Node:
        inner = f.where(x > -3, x * (x + 3) / 6, 0)
        return f.where(x >= 3, x, inner)

    def derivation(self, x: Node, y: Node) -> Derivation:
        inner = [(x + 3) / 6 + x / 6, (2 * x + 3) / 6]
        return Derivation([f.where(x <= -3, 0, f.where(x >= 3, 1, slope)) for slope in inner])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        mid = np.clip(x, -3, 3)
        value = np.where(x > 3, x, mid * (mid + 3) / 6)
        slope = (2 * mid + 3) / 6
        slope[x <= -3], slope[x >= 3] = 0, 1
        value[x <= -3] = 0  # −3·0 is −0
        return value, slope


class Softsign(Smooth):
    """A sigmoid with polynomial tails: out = x / (1 + |x|).

    ∂out/∂x = 1 / (1 + |x|)². x has any shape; out is ±1 at ±inf.
    """

    name = "softsign"
    elsewhere = {
        "PyTorch": "Softsign",
        "JAX": "soft_sign",
        "Keras": "softsign",
        "TensorFlow": "softsign",
        "ONNX": "Softsign",
    }
    source = (
        'Bergstra, Desjardins, Lamblin and Bengio, "Quadratic polynomials learn better image '
        'features", 2009.'
    )
    range = "-1 < y < 1"

    def formula(self, x: Node) -> Node:
        return x / (1 + abs(x))

    def derivation(self, x: Node, y: Node) -> Derivation:
        d = 1 + abs(x)
        return Derivation([(d - abs(x)) / d**2, (1 - abs(y)) ** 2, 1 / d**2])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        # x is clipped to finite numbers, because inf/inf is nan.
        x = np.clip(x, -(2.0**1023), 2.0**1023)
        share = 1 / (1 + np.abs(x))
        return x / (1 + np.abs(x)), share * share


class Squareplus(SmoothRectifier):
    """A smooth rectifier without exponentials: out = (x + √(x² + b)) / 2.

    ∂out/∂x = (1 + x/√(x² + b)) / 2. x has any shape; out is 0 at −inf.
    """

    name = "squareplus"
    elsewhere = {"JAX": "squareplus", "Keras": "squareplus"}
    source = 'Barron, "Squareplus: a softplus-like algebraic rectifier", 2021.'
    range = "0 < y"

    b: float = parameter(4.0, "the size of the curved region; √b/2 is the value at x = 0", above=0)

    def formula(self, x: Node) -> Node:
        return (x + f.sqrt(x**2 + self.b)) / 2

    def derivation(self, x: Node, y: Node) -> Derivation:
        root = f.sqrt(x**2 + self.b)
        return Derivation([y / root, 4 * y**2 / (4 * y**2 + self.b), (1 + x / root) / 2])

    def tail(self, x: Array) -> tuple[Array, Array]:
        # With r = √(x² + b), (r + x)(r − x) = b. All terms are halved, so that none overflows.
        half_root = np.hypot(x / 2, np.sqrt(self.b) / 2)
        value = self.b / 4 / (half_root - x / 2)
        return value, value / half_root / 2


class SparsePlus(Smooth):
    """A rectifier with a parabola in place of its kink: out = (x + 1)²/4 between −1 and 1.

    out = 0 for x ≤ −1, x for x ≥ 1; ∂out/∂x = min(max(0, (x + 1)/2), 1). x has any shape.
    """

    name = "sparse_plus"
    elsewhere = {"JAX": "sparse_plus", "Keras": "sparse_plus"}
    source = 'JAX, `jax.nn.sparse_plus`; Martins and Astudillo, "From softmax to sparsemax", 2016.'
    range = "0 ≤ y"
    holds_ties = True

    def formula(self, x: Node) -> Node:
        inner = f.where(x > -1, (x + 1) ** 2 / 4, 0)
        return f.where(x >= 1, x, inner)

    def derivation(self, x: Node, y: Node) -> Derivation:
        in_x = f.where(x <= -1, 0, f.where(x >= 1, 1, (x + 1) / 2))
        return Derivation([in_x, f.where(y >= 1, 1, f.sqrt(y))])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        slope = (np.clip(x, -1, 1) + 1) / 2
        return np.where(x > 1, x, slope * slope), slope


class BentIdentity(Smooth):
    """The identity, bent at 0: out = (√(x² + 1) − 1)/2 + x.

    ∂out/∂x = x/(2·√(x² + 1)) + 1, between 1/2 and 3/2. x has any shape.
    """

    name = "bent_identity"
    source = 'Wikipedia, "Activation function"; its origin is not known.'
    range = "every number"
    ties_beside_0 = False

    def formula(self, x: Node) -> Node:
        return (f.sqrt(x**2 + 1) - 1) / 2 + x

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([x / (2 * f.sqrt(x**2 + 1)) + 1])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        # √(x² + 1) − 1 = x²/(√(x² + 1) + 1), which does not cancel. ∞ is clipped, since ∞/∞ is nan.
        finite = np.clip(x, -LARGEST, LARGEST)
        root = np.hypot(finite, 1)
        return x * (1 + finite / (root + 1) / 2), 1 + finite / root / 2


class Isru(Smooth):
    """The inverse square root unit: out = x/√(1 + alpha·x²).

    ∂out/∂x = (out/x)³. x has any shape; out is ±1/√alpha at ±inf.
    """

    name = "isru"
    source = (
        'Carlile, Delamarter, Kinney, Marti and Whitney, "Improving deep learning by ISRLUs", 2017.'
    )
    ties_beside_0 = False

    alpha: float = parameter(1.0, "out approaches ±1/√alpha", above=0)

    @property
    def range(self) -> str:
        end = decimal(self.alpha**-0.5)
        return f"-{end} < y < {end}"

    def formula(self, x: Node) -> Node:
        return x / f.sqrt(1 + self.alpha * x**2)

    def derivation(self, x: Node, y: Node) -> Derivation:
        square = 1 + self.alpha * x**2
        return Derivation(
            [(square - self.alpha * x**2) / f.sqrt(square) ** 3, 1 / f.sqrt(square) ** 3]
        )

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        # alpha = mantissa·4ⁿ, so that alpha·x² = mantissa·(2ⁿ·x)², which is kept from overflowing.
        mantissa, exponent = frexp(self.alpha)
        half = exponent // 2
        mantissa = ldexp(mantissa, exponent - 2 * half)
        x = np.clip(x, -ldexp(LEVEL, -half), ldexp(LEVEL, -half))
        square, lost = two_product(scaled := np.ldexp(x, half), scaled)
        product, more = two_product(square, mantissa)
        whole, rest = two_sum(np.ones_like(x), product)
        rest = (rest + (more + mantissa * lost)) / whole
        root = np.sqrt(whole)
        value, slope = x / root, 1 / whole / root
        # −0 − −0 would be 0.
        value = np.where(x == 0, x, value - value * (rest / 2))
        return value, slope - slope * (1.5 * rest)


class Isrlu(Smooth):
    """The inverse square root linear unit: out = x for x > 0, else x/√(1 + alpha·x²).

    ∂out/∂x = 1 for x > 0, else (out/x)³, which is 1 at 0. x has any shape; out is −1/√alpha at
    −inf.
    """

    name = "isrlu"
    source = (
        'Carlile, Delamarter, Kinney, Marti and Whitney, "Improving deep learning by ISRLUs", 2017.'
    )
    ties_beside_0 = False

    alpha: float = parameter(1.0, "out approaches −1/√alpha as x → −∞", above=0)

    @property
    def range(self) -> str:
        return f"-{decimal(self.alpha**-0.5)} < y"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, x / f.sqrt(1 + self.alpha * x**2))

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.where(x > 0, 1, 1 / f.sqrt(1 + self.alpha * x**2) ** 3)])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        value, slope = Isru(alpha=self.alpha).value_and_slope(np.minimum(x, 0))
        return np.where(x >= 0, x, value), slope


LARGEST = float(np.finfo(np.float64).max)
#: Where √alpha·|x| is larger, the slope of isru is 0.
LEVEL = 2.0**400


class HardMish(Smooth):
    """Mish of parabolas: out = x·min(max(0, x + 2), 2)/2.

    ∂out/∂x = 0 for x ≤ −2, 1 for x ≥ 0, else x + 1. x has any shape. Others define x·min(max(0, x +
    2.8), 5)/5 (Tenstorrent), or x·(x + 1)² between −1 and 0 (H-Mish in Julia).
    """

    name = "hard_mish"
    source = 'Misra, "H-Mish", 2020; timm, `HardMish`.'
    range = "-0.5 ≤ y"
    holds_ties = True

    def formula(self, x: Node) -> Node:
        inner = f.where(x > -2, x * (x + 2) / 2, 0)
        return f.where(x >= 0, x, inner)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.where(x <= -2, 0, f.where(x >= 0, 1, x + 1))])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        mid = np.clip(x, -2, 0)
        value, slope = np.where(x > 0, x, mid * (mid + 2) / 2), mid + 1
        value[x <= -2] = slope[x <= -2] = 0  # −2·0 is −0
        return value, slope
