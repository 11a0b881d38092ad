"""Layers that gate x by a smooth step of x itself.

Their slopes have a root below 0, where the plain formula loses all digits. So each kernel computes
the distance δ from the root c, x = c + δ. The numerator that cancels is N(x) = N(c) + (N(x) −
N(c)), and the difference is written as a sum of terms that all have δ's sign. N(c) is not 0,
because c is a float.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from actgrad.layers.activations import normal
from actgrad.layers.activations.exponential import FARTHEST
from actgrad.layers.activations.kernels import Smooth, SmoothRectifier
from actgrad.layers.arithmetic import DEEP, deepen, two_product, two_sum
from actgrad.layers.arrays import Array, decimal, scratch
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.joined import Joinable
from actgrad.layers.layer import Derivation
from actgrad.layers.parameter import parameter

#: At larger distances from the roots, the plain formulas cancel little and round less.
NEAR = 0.3
#: A smaller sum of terms near 1 has lost digits that float32 shows.
CLOSE = 2.0**-16
#: Replaces −∞, because −∞ times a gate of 0 is nan.
FINITE = -(2.0**128)


def gated(x: Array, n: Array, t: Array, z: Array, rest: Array) -> tuple[Array, Array]:
    """x·t/(1 + t) and n·t/(1 + t)², where `t` is exp(z) and should be exp(z + rest)."""
    d, grown = 1 + t, t * (2 + t)
    square = 1 + grown
    # The relative rounding errors of the denominators. They and `rest` correct the quotients.
    lost = ((t - (d - 1)) + t * rest) / d
    lost_square = ((grown - (square - 1)) + 2 * t * d * rest) / square
    value, slope = x * t / d, n * t / square
    value += value * (rest - lost)
    slope += slope * (rest - lost_square)
    return deepen(value, z, x * (1 + rest)), deepen(slope, z, n * (1 + rest))


def called(name: str, argument: Node) -> str:
    """How a derivation writes a function of that name: `σ(beta·x)`."""
    from actgrad.layers.formula import written

    return f"{name}({written(argument)})"


class StepGated(SmoothRectifier):
    """x gated by the sigmoid of a function z(x): out = x / (1 + exp(−z))."""

    @abstractmethod
    def argument(self, x: Array, z: Array, pull: Array) -> None:
        """Fill `z`, clipped to ±DEEP, and `pull` with x·z′, both computed in float64."""

    def short_block(self, x: Array, out: Array, *saved: Array) -> None:
        (slope,) = saved
        z, pull, share = scratch(3, x.size)
        self.argument(x, z, pull)
        t = np.exp(z, out=out)
        np.divide(1, np.add(t, 1, out=share), out=share)
        gate = np.multiply(t, share, out=out)
        np.add(np.multiply(pull, share, out=slope), 1, out=slope)
        root = np.flatnonzero(np.abs(slope, out=share) < CLOSE)
        np.multiply(slope, gate, out=slope)
        np.multiply(np.maximum(x, FINITE, out=z), gate, out=out)
        slope[root] = self.value_and_slope(x[root])[1]


class SigmoidGated(StepGated):
    """x gated by the sigmoid of a multiple of x: out = x / (1 + exp(−steepness·x))."""

    @property
    def steepness(self) -> float:
        """The steepness of the gate."""
        raise NotImplementedError

    @property
    def range(self) -> str:
        return f"{decimal(SILU_LEAST / self.steepness)} ≤ y"

    def formula(self, x: Node) -> Node:
        return x / (1 + f.exp(-self.steepness * x))

    def derivation(self, x: Node, y: Node) -> Derivation:
        z = self.steepness * x
        s = 1 / (1 + f.exp(-z))
        bent = self.steepness * y
        steps = [bent + s * (1 - bent), s + z * s * (1 - s), s * (1 + z * (1 - s))]
        return Derivation(steps, {called("σ", z): s})

    def argument(self, x: Array, z: Array, pull: Array) -> None:
        np.clip(np.multiply(x, self.steepness, out=z), DEEP, -DEEP, out=z)
        np.copyto(pull, z)

    def tail(self, x: Array) -> tuple[Array, Array]:
        x = np.maximum(x, FARTHEST / self.steepness)
        z, rest = two_product(x, self.steepness)
        t = np.exp(z)
        # N(z) = 1 + z + exp(z); the slope is N·t/(1 + t)².
        step = (z - SILU_ROOT) + rest
        near = SILU_REST + (step + SILU_EXP * np.expm1(step))
        one_more, lost = two_sum(z, 1.0)
        n = np.where(np.abs(step) < NEAR, near, one_more + (t + (lost + rest)))
        return gated(x, n, t, z, rest)


#: The least value of z/(1 + exp(−z)).
SILU_LEAST = -0.2784645427610738
#: The float nearest to the root of N(z) = 1 + z + exp(z), and the values of N and exp at that
#: float.
SILU_ROOT, SILU_REST, SILU_EXP = -1.2784645427610737, 1.3995343912896686e-16, 0.27846454276107385


class Silu(SigmoidGated):
    """x gated by its sigmoid: out = x / (1 + exp(−beta·x)).

    With s = 1 / (1 + exp(−beta·x)), ∂out/∂x = s·(1 + beta·x·(1 − s)). x has any shape; out is −0
    at −inf.
    """

    name = "silu"
    aliases = ("swish",)
    elsewhere = {
        "PyTorch": "SiLU()",
        "JAX": "silu(), swish()",
        "Keras": "silu(), swish()",
        "TensorFlow": "silu, swish",
        "ONNX": "Swish(alpha: beta = 1)",
    }
    source = (
        'Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function '
        'approximation", 2017; with beta, Ramachandran, Zoph and Le, "Searching for activation '
        'functions", 2017.'
    )

    beta: float = parameter(1.0, "the steepness of the gate", above=0)

    @property
    def steepness(self) -> float:
        return self.beta


class QuickGelu(SigmoidGated):
    """GELU by a sigmoid: out = x / (1 + exp(−1.702·x)).

    With s = 1 / (1 + exp(−1.702·x)), ∂out/∂x = s·(1 + 1.702·x·(1 − s)). x has any shape; out is −0
    at −inf. 1.702 means the nearest float64, as in common implementations.
    """

    name = "quick_gelu"
    source = 'Hendrycks and Gimpel, "Gaussian error linear units", 2016; the name is from CLIP.'

    @property
    def steepness(self) -> float:
        return 1.702


class Mish(Smooth):
    """x gated by tanh of softplus: out = x·tanh(log(1 + exp(x))).

    With w = tanh(log(1 + exp(x))), ∂out/∂x = w + x·(1 − w²) / (1 + exp(−x)). x has any shape; out
    is −0 at −inf.
    """

    name = "mish"
    elsewhere = {"PyTorch": "Mish", "JAX": "mish", "Keras": "mish", "ONNX": "Mish"}
    source = 'Misra, "Mish: a self regularized non-monotonic activation function", 2019.'
    range = "-0.308843413017 ≤ y"

    def formula(self, x: Node) -> Node:
        return x * f.tanh(f.log(1 + f.exp(x)))

    def derivation(self, x: Node, y: Node) -> Derivation:
        s, w = 1 / (1 + f.exp(-x)), f.tanh(f.log(1 + f.exp(x)))
        steps = [w + x * (1 - w**2) * (f.exp(x) / (1 + f.exp(x))), w + x * (1 - w**2) * s]
        return Derivation(steps, {"w": w, "σ(x)": s})

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        low, falling = self._below(np.clip(x, FARTHEST, 0))
        # w and its slope in exp(−x), which does not overflow.
        high = np.clip(x, MISH_TURN, -FARTHEST)
        t = np.exp(-high)
        d = 1 + 2 * t * (1 + t)
        w = (1 + 2 * t) / d
        rising = w + high * np.square(2 * t / d) * (1 + t)
        return np.where(x > 0, x * w, low), np.where(x > MISH_TURN, rising, falling)

    @staticmethod
    def _below(x: Array) -> tuple[Array, Array]:
        t = np.exp(x)
        s, top = 1 + t, t + 2
        product = t * top
        d = product + 2
        # The relative rounding errors of t + 2 and then of d, which correct the quotients.
        lost = t - (top - 2)
        lost_below = ((product - (d - 2)) + t * lost) / d
        # N(x) = 4(1 + x) + t·(4x + 6) + 4t² + t³ = s·(4x + s² + s + 1 + 1/s); the slope is N·t/d².
        step = x - MISH_ROOT
        change = MISH_EXP * np.expm1(step)
        change *= s + (2 + MISH_EXP) - 1 / (s * (1 + MISH_EXP))
        m = MISH_REST + (4 * step + change)
        one_more, lost_more = two_sum(x, 1.0)
        rise = t * ((4 * x + 6) + t * (4 + t)) + 4 * lost_more
        near = np.abs(step) < NEAR
        most, least = np.where(near, m, 4 * one_more), np.where(near, m * t, rise)
        n = most + (least - (most + least) * (2 * lost_below))
        value, slope = x * product / d, n * t / (d * d)
        value += value * (lost / top - lost_below)
        return deepen(value, x, x * (top / d)), deepen(slope, x, n / (d * d))


#: A point between the root and 0. Above it, the formula in exp(−x) cancels little and rounds less.
MISH_TURN = -0.6
#: The float nearest to the root of Mish's N, and the values of N and of exp at that float.
MISH_ROOT, MISH_REST, MISH_EXP = -1.1924312145154952, 2.3835305781704074e-16, 0.30348253528152896


class Gelu(SmoothRectifier, Joinable):
    """x gated by the normal distribution: out = x·Φ(x), Φ(x) = (1 + erf(x/√2)) / 2.

    ∂out/∂x = Φ(x) + x·exp(−x²/2)/√(2π). x has any shape; out is −0 at −inf.
    """

    name = "gelu"
    aliases = ("gelu_python",)
    elsewhere = {
        "PyTorch": "GELU(approximate='none')",
        "JAX": "gelu(approximate: False)",
        "Keras": "gelu(approximate=False), ops.gelu(approximate: False)",
        "TensorFlow": "gelu(approximate=False)",
        "ONNX": "Gelu(approximate='none')",
    }
    source = 'Hendrycks and Gimpel, "Gaussian error linear units", 2016.'
    naive_formula = "1 + erf cancellation"
    mistaken_for = {"gelu_tanh": "the tanh approximation instead of the exact GELU"}
    range = "-0.16997120748 ≤ y"

    def formula(self, x: Node) -> Node:
        return x * (1 + f.erf(x / f.sqrt(2))) / 2

    def derivation(self, x: Node, y: Node) -> Derivation:
        below = (1 + f.erf(x / f.sqrt(2))) / 2
        bell = f.exp(-(x**2) / 2)
        density = bell / f.sqrt(2 * f.pi)
        steps = [below + x * bell / f.sqrt(2 * f.pi), below + x * density]
        return Derivation(steps, {called("Φ", x): below, called("φ", x): density})

    def short_block(self, x: Array, out: Array, *saved: Array) -> None:
        (slope,) = saved
        normal.short_gelu(x, out, slope)

    def joined_block(self, x: Array, wide: Array, out: Array, slope: Array, rare: Array) -> int:
        return normal.joined_gelu(x, wide, out, slope, rare)

    def tail(self, x: Array) -> tuple[Array, Array]:
        x = np.maximum(x, -normal.FARTHEST)
        h, c, r, g = normal.tail(-x)
        e = np.exp(h)
        value, slope = x * r * c, g * c
        return deepen(value * e, h, value), deepen(slope * e, h, slope)


class GeluTanh(StepGated):
    """GELU by tanh: out = x·(1 + tanh(u))/2 with u = √(2/π)·(x + 0.044715·x³).

    ∂out/∂x = (1 + tanh(u))/2 + x·(1 − tanh²(u))/2·√(2/π)·(1 + 3·0.044715·x²). x has any shape; out
    is −0 at −inf. 0.044715 means the nearest float64, as in common implementations.
    """

    name = "gelu_tanh"
    aliases = ("gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh")
    elsewhere = {
        "PyTorch": "GELU(approximate: 'tanh')",
        "JAX": "gelu(approximate: True = True)",
        "Keras": "gelu(approximate: True), ops.gelu(approximate: True = True)",
        "TensorFlow": "gelu(approximate: True)",
        "ONNX": "Gelu(approximate: 'tanh')",
    }
    source = 'Hendrycks and Gimpel, "Gaussian error linear units", 2016.'
    range = "-0.17004075057 ≤ y"

    CUBIC = 0.044715
    #: At −FARTHEST, the gate times the largest float32 rounds to 0 in float32.
    FARTHEST = 20.5

    def formula(self, x: Node) -> Node:
        u = f.sqrt(2 / f.pi) * (x + self.CUBIC * x**3)
        return x * (1 + f.tanh(u)) / 2

    def derivation(self, x: Node, y: Node) -> Derivation:
        scale = f.sqrt(2 / f.pi)
        u = scale * (x + self.CUBIC * x**3)
        rise = scale * (1 + 3 * self.CUBIC * x**2)
        gate = (1 + f.tanh(u)) / 2
        return Derivation([gate + x * (1 - f.tanh(u) ** 2) / 2 * rise], {"u": u, "u′": rise})

    def argument(self, x: Array, z: Array, pull: Array) -> None:
        np.clip(x, -self.FARTHEST, self.FARTHEST, out=z)
        cubes = np.multiply(np.square(z, out=pull), self.CUBIC, out=pull)
        np.multiply(z, TWICE[0], out=z)
        bend = np.multiply(cubes, z, out=pull)
        np.add(z, bend, out=z)
        np.add(np.multiply(bend, 2, out=pull), z, out=pull)

    def tail(self, x: Array) -> tuple[Array, Array]:
        x = np.maximum(x, -30.0)
        v, rest = self._twice_u(x)
        # (1 + tanh u)/2 = t/(1 + t) with t = exp(2u), and the slope is N·t/(1 + t)², where
        # N(x) = 1 + exp(v) + x·v′ with v = 2u.
        step = x - GELU_TANH_ROOT
        cubes = self.CUBIC * (x * (x + GELU_TANH_ROOT) + GELU_TANH_ROOT**2)
        rise = TWICE[0] * step
        n = 3 * cubes * rise + GELU_TANH_EXP * np.expm1(rise * (1 + cubes))
        n = rise + (n + (TWICE[1] * step + GELU_TANH_REST))
        # Far from the root the plain formula cancels little and rounds less: x·v′ = v + 2(v − ax).
        line, lost = two_product(x, TWICE[0])
        lost = 3 * rest - 2 * (lost + TWICE[1] * x)
        pull, lost_pull = two_sum(v, 2 * (v - line))
        pull, lost_more = two_sum(pull, 1.0)
        t = np.exp(v)
        far = pull + (t + (lost + lost_pull + lost_more))
        return gated(x, np.where(np.abs(step) < NEAR, n, far), t, v, rest)

    def _twice_u(self, x: Array) -> tuple[Array, Array]:
        """2u = 2√(2/π)·x·(1 + 0.044715·x²) as hi + lo."""
        square, lost = two_product(x, x)
        hi, lo = two_product(square, self.CUBIC)
        hi, more = two_sum(np.ones_like(x), hi)
        lo += more + self.CUBIC * lost
        cube, lost = two_product(x, hi)
        lost += x * lo
        hi, lo = two_product(cube, TWICE[0])
        return hi, lo + (TWICE[0] * lost + TWICE[1] * cube)


class Gelu10(Smooth):
    """GELU, clipped at 10: out = min(x·Φ(x), 10).

    ∂out/∂x = Φ(x) + x·φ(x) for x ≤ 10, else 0. x has any shape; out is −0 at −inf. Its name also
    promises a clip at −10, which GELU never reaches.
    """

    name = "gelu_10"
    source = "Hugging Face Transformers, `ClippedGELUActivation(-10, 10)`, for quantization."
    range = "-0.16997120748 ≤ y ≤ 10"

    def formula(self, x: Node) -> Node:
        return f.minimum(Gelu().formula(x), 10)

    def derivation(self, x: Node, y: Node) -> Derivation:
        (*_, slope), names, _ = Gelu().derivation(x, y)
        return Derivation([f.where(Gelu().formula(x) < 10, slope, 0)], names)

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        value, slope = Gelu().value_and_slope(x)
        # 10·Φ(10) is below 10 by 8e-23, and that of the next float above it.
        above = x > 10
        value[above], slope[above] = 10, 0
        return value, slope


#: 2√(2/π) as hi + lo.
TWICE = 1.5957691216057308, -9.96930880911092e-17
#: The float nearest to the root of gelu_tanh's N, and the values of N and exp(2u) at that float.
GELU_TANH_ROOT, GELU_TANH_REST, GELU_TANH_EXP = (
    -0.7524614220710163,
    -8.454378231586076e-17,
    0.29195521191476714,
)
