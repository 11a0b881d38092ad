"""Exponential linear units: x itself above 0, and a falling exponential below it."""

from __future__ import annotations

from functools import cached_property
from math import factorial, frexp, log1p

import numpy as np

from actgrad.layers.activations.exponential import FARTHEST
from actgrad.layers.activations.kernels import Smooth
from actgrad.layers.arithmetic import DEEP, DoubleDouble, deepen, two_product, two_sum
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.errors import ParameterError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation
from actgrad.layers.parameter import Number, parameter


class Elu(Smooth):
    """The exponential linear unit: out = x for x > 0, else alpha·(exp(x) − 1).

    ∂out/∂x = 1 for x > 0, else alpha·exp(x), at the kink x = 0 too. x has any shape; out is −alpha
    at −inf. Frameworks take an alpha ≤ 0 too; out is then ≥ 0.
    """

    name = "elu"
    elsewhere = {
        "PyTorch": "ELU",
        "JAX": "elu",
        "Keras": "elu, layers.ELU",
        "TensorFlow": "elu()",
        "ONNX": "Elu",
    }
    source = (
        'Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by '
        'exponential linear units", 2015.'
    )

    alpha: float = parameter(1.0, "out approaches −alpha as x → −∞")

    @property
    def range(self) -> str:
        return f"{decimal(-self.alpha)} < y" if self.alpha > 0 else "0 ≤ y"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, self.alpha * (f.exp(x) - 1))

    def derivation(self, x: Node, y: Node) -> Derivation:
        steps = [f.where(x > 0, 1, self.alpha * f.exp(x))]
        # Where alpha < 0, y > 0 does not tell the sign of x.
        return Derivation([*steps, f.where(y > 0, 1, y + self.alpha)] if self.alpha > 0 else steps)

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        low = np.minimum(x, 0)
        falling = deepen(self.alpha * np.exp(low), low, self.alpha)
        return np.where(x < 0, self.alpha * np.expm1(low), x), np.where(x > 0, 1, falling)


class Celu(Smooth):
    """ELU with a continuous slope: out = x for x > 0, else alpha·(exp(x/alpha) − 1).

    ∂out/∂x = 1 for x > 0, else exp(x/alpha). x has any shape; out is −alpha at −inf. Frameworks
    take an alpha < 0 too; out then falls to −∞ as an exponential does.
    """

    name = "celu"
    elsewhere = {"PyTorch": "CELU", "JAX": "celu", "Keras": "celu", "ONNX": "Celu"}
    source = 'Barron, "Continuously differentiable exponential linear units", 2017.'

    alpha: float = parameter(1.0, "out approaches −alpha as x → −∞; not 0")

    def __init__(self, **values: Number) -> None:
        super().__init__(**values)
        if not self.alpha:
            raise ParameterError(f"{self.name}: alpha is 0, but must not be 0")

    @property
    def range(self) -> str:
        return f"{decimal(-self.alpha)} < y" if self.alpha > 0 else "every number"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, self.alpha * (f.exp(x / self.alpha) - 1))

    def derivation(self, x: Node, y: Node) -> Derivation:
        in_x = f.where(x > 0, 1, f.exp(x / self.alpha))
        return Derivation([in_x, f.where(y > 0, 1, y / self.alpha + 1)])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        low = np.clip(x, FARTHEST * abs(self.alpha), 0)
        z = low / self.alpha
        back, rest = two_product(z, self.alpha)
        # The remainder of the division corrects the rounding of the quotient.
        left = ((low - back) - rest) / self.alpha
        t = np.exp(z)
        # x/alpha may be subnormal, and there the value is x.
        value = np.where(np.abs(z) < TINY, x, self.alpha * (np.expm1(z) + t * left))
        slope = deepen(t + t * left, z, 1 + left)
        # With alpha < 0, t overflows where value may not.
        steep = np.flatnonzero(z > -DEEP)
        half = np.exp(z[steep] / 2)
        value[steep] = self.alpha * half * half * (1 + left[steep])
        slope[steep] = half * half * (1 + left[steep])
        return np.where(x > 0, x, value), slope


class Selu(Smooth):
    """ELU that keeps mean 0 and variance 1: out = λ·x for x > 0, else λ·α·(exp(x) − 1).

    λ = 1.0507… and α = 1.6732… ∂out/∂x = λ for x > 0, else λ·α·exp(x), at the kink x = 0 too.
    x has any shape; out is −λ·α at −inf.
    """

    name = "selu"
    elsewhere = {
        "PyTorch": "SELU",
        "JAX": "selu",
        "Keras": "selu",
        "TensorFlow": "selu",
        "ONNX": "Selu",
    }
    source = (
        'Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", 2017.'
    )
    range = "-1.75809934085 < y"

    constants = {"SCALE": "λ", "ALPHA": "α"}
    SCALE = "1.0507009873554804934193349852946"
    ALPHA = "1.6732632423543772848170429916717"
    DEPTH = 1.7580993408473768599

    def formula(self, x: Node) -> Node:
        scale, alpha = f.constant(self.SCALE), f.constant(self.ALPHA)
        return scale * f.where(x > 0, x, alpha * (f.exp(x) - 1))

    def derivation(self, x: Node, y: Node) -> Derivation:
        scale, alpha = f.constant(self.SCALE), f.constant(self.ALPHA)
        in_x = f.where(x > 0, scale, scale * alpha * f.exp(x))
        return Derivation([in_x, f.where(y > 0, scale, y + scale * alpha)])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        low, scale = np.minimum(x, 0), float(self.SCALE)
        falling = deepen(self.DEPTH * np.exp(low), low, self.DEPTH)
        value = np.where(x < 0, self.DEPTH * np.expm1(low), scale * x)
        return value, np.where(x > 0, scale, falling)


class Xielu(Smooth):
    """An integral of ELU: out = beta·x + (alpha_p·x² for x > 0, else alpha_n·(exp(x) − 1 − x)).

    ∂out/∂x = beta + 2·alpha_p·x for x > 0, else beta + alpha_n·(exp(x) − 1). x has any shape. The
    paper trains two numbers whose softplus is alpha_p and alpha_n − beta.
    """

    name = "xielu"
    source = 'Huang and Schlag, "Deriving activation functions using integration", 2024.'
    ties_beside_0 = False

    alpha_p: float = parameter(0.8, "half the curvature for x > 0", above=0)
    alpha_n: float = parameter(0.8, "the curvature at 0 from the left", above=0)
    beta: float = parameter(0.5, "the slope at 0", above=0)

    @property
    def range(self) -> str:
        if self.alpha_n < self.beta:
            return "every number"
        if self.alpha_n == self.beta:
            return f"{decimal(-self.beta)} < y"
        least = log1p(-self.beta / self.alpha_n)
        return f"{decimal((self.beta - self.alpha_n) * least - self.beta)} ≤ y"

    def formula(self, x: Node) -> Node:
        left = self.alpha_n * (f.expm1(x) - x) + self.beta * x
        return f.where(x > 0, self.alpha_p * x**2 + self.beta * x, left)

    def derivation(self, x: Node, y: Node) -> Derivation:
        falling = self.alpha_n * (f.exp(x) - 1) + self.beta
        return Derivation([f.where(x > 0, 2 * self.alpha_p * x + self.beta, falling)])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        high = np.maximum(x, 0)
        bent, lost = two_product(high, self.alpha_p)
        square, more = two_product(bent, high)
        rest = lost * high + more
        rest[np.isnan(rest)] = 0  # the square is near infinity
        # Of two zeros, NumPy's minimum gives the second.
        value, slope = self._below(np.minimum(0, x))
        value = np.where(x > 0, square + (rest + self.beta * high), value)
        return value, np.where(x > 0, bent + self.beta + bent, slope)

    def _below(self, x: Array) -> tuple[Array, Array]:
        """Value and slope at a block of numbers ≤ 0."""
        fall = self.alpha_n - self.beta
        plain = self.alpha_n * np.exp(x) - fall
        if fall <= 0:
            return self.alpha_n * np.expm1(x) - (fall * x if fall else 0), plain
        # Below 0 the value has another root, and the slope has one. The value is written as a
        # line through (at, height) and a curve above it, so that both cancel little.
        (flat, rest), at_root = self.roots
        distance, value = (x - flat) - rest, np.empty_like(x)
        near_0 = x > max(at_root[0] / 2, -1.25 * self.beta / self.alpha_n)
        for where, expansion in (
            (near_0, (0.0, 0.0, self.beta, 0.0, self.alpha_n)),
            (~near_0, at_root),
        ):
            at, height, steep, steep_rest, bend = expansion
            t, lost = two_sum(x[where], -at)
            line, more = two_product(t, steep)
            for low in (lost, more):
                low[np.isnan(low)] = 0  # t or t·steep is near infinity
            less = more + t * steep_rest + lost * steep + height
            curve = self.alpha_n * np.exp(x[where]) - (bend * (1 + t) if bend else 0)
            close = np.flatnonzero(np.abs(t) < 2)
            curve[close] = bend * expm1_beyond_line(t[close])
            less += curve
            value[where] = np.where(less == 0, line, line + less)  # keeps the sign of a zero
        value[np.isinf(x)] = np.inf
        return value, np.where(np.abs(distance) < 1, fall * np.expm1(distance), plain)

    @cached_property
    def roots(self) -> tuple[DoubleDouble, tuple[float, ...]]:
        """The slope's root below 0, and the expansion of the value at its own, if alpha_n > beta.

        The expansion is the root, there the value, the slope as hi and lo, and alpha_n·exp(root).
        """
        # Imported here, because no other kernel needs it.
        from mpmath import mp, mpf

        with mp.workprec(250 + 8 * max(0, frexp(self.alpha_n)[1] - frexp(self.beta)[1])):
            share = mpf(self.beta) / self.alpha_n
            ratio = 1 / (1 - share)
            at = mpf(float(-ratio - mp.lambertw(-ratio * mp.exp(-ratio)).real))
            height = self.alpha_n * (mp.expm1(at) - at) + self.beta * at
            steep = self.alpha_n * mp.expm1(at) + self.beta
            bend = self.alpha_n * mp.exp(at)
            flat = mp.log1p(-share)
            expansion = (at, height, steep, steep - float(steep), bend)
            return (float(flat), float(flat - float(flat))), tuple(map(float, expansion))


def expm1_beyond_line(x: Array) -> Array:
    """exp(x) − 1 − x for |x| < 2, by its series, because the difference cancels near 0."""
    series = np.zeros_like(x)
    for k in range(26, 1, -1):
        series = series * x + 1 / factorial(k)
    return series * x * x


#: Below this exp(x) − 1 is x.
TINY = 2.0**-60
