"""Smooth steps and caps: layers that approach a constant on both sides."""

from __future__ import annotations

from functools import cached_property
from math import frexp
from typing import TYPE_CHECKING

import numpy as np

from actgrad.layers.activations import normal
from actgrad.layers.activations.kernels import Smooth
from actgrad.layers.activations.self_gated import called
from actgrad.layers.arithmetic import deepen, two_product, two_sum
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.by_formula import FLOAT64, rounded_formula
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation
from actgrad.layers.parameter import parameter

if TYPE_CHECKING:
    from actgrad.layers.exact import Rounded

#: Beyond this z, 1 − tanh²(z) times any parameter is 0.
FARTHEST = 2000.0
#: Below this |z|, tanh(z) is z.
TINY = 2.0**-28


def steepest_at_0(z: Array, rest: Array, scale: float) -> Array:
    """scale·(1 − tanh²(z + rest)), for z ≥ 0."""
    t = np.exp(-2 * z)
    factor = scale * (4 - 8 * rest)
    return deepen(factor * t / np.square(1 + t), -2 * z, factor)


def quotient(x: Array, divisor: float) -> tuple[Array, Array]:
    """|x|/divisor as hi + lo, clipped to FARTHEST."""
    mantissa, exponent = frexp(divisor)
    # Both are scaled by a power of 2, so that nothing overflows but what is beyond FARTHEST.
    with np.errstate(over="ignore"):
        size = np.minimum(np.ldexp(np.abs(x), -exponent), FARTHEST * mantissa)
    z = size / mantissa
    back, lost = two_product(z, mantissa)
    # The remainder of the division corrects the rounding of the quotient.
    return z, ((size - back) - lost) / mantissa


class ScaledTanh(Smooth):
    """A hyperbolic tangent of another size: out = alpha·tanh(beta·x).

    ∂out/∂x = alpha·beta·(1 − tanh²(beta·x)). x has any shape; out is ±alpha at ±inf. With the
    defaults, out is ±1 near x = ±1.
    """

    name = "scaled_tanh"
    source = 'LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.'

    alpha: float = parameter(1.7159, "out approaches ±alpha", above=0)
    beta: float = parameter(2 / 3, "the steepness", above=0)

    @property
    def range(self) -> str:
        return f"{decimal(-self.alpha)} < y < {decimal(self.alpha)}"

    def formula(self, x: Node) -> Node:
        return self.alpha * f.tanh(self.beta * x)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([self.alpha * self.beta * (1 - f.tanh(self.beta * x) ** 2)])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        mantissa, exponent = frexp(self.beta)
        # x is scaled by a power of 2, so that no product overflows.
        z, rest = two_product(np.minimum(np.ldexp(np.abs(x), exponent), FARTHEST), mantissa)
        scale = self.alpha * self.beta
        value = np.where(z < TINY, x * scale, np.copysign(self.alpha * np.tanh(z), x))
        return value, steepest_at_0(z, rest, scale)


class Softcap(Smooth):
    """x, bent towards a cap on both sides: out = cap·tanh(x/cap).

    ∂out/∂x = 1 − (out/cap)². x has any shape; out is ±cap at ±inf. Gemma 2 caps attention scores at
    50 and logits at 30.
    """

    name = "softcap"
    source = 'Gemma Team, "Gemma 2: improving open language models at a practical size", 2024.'

    cap: float = parameter(30.0, "out approaches ±cap", above=0)

    @property
    def range(self) -> str:
        return f"{decimal(-self.cap)} < y < {decimal(self.cap)}"

    def formula(self, x: Node) -> Node:
        return self.cap * f.tanh(x / self.cap)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([1 - f.tanh(x / self.cap) ** 2, 1 - (y / self.cap) ** 2])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        z, rest = quotient(x, self.cap)
        value = np.where(z < TINY, x, np.copysign(self.cap * np.tanh(z), x))
        return value, steepest_at_0(z, rest, 1.0)


class Situ(Smooth):
    """A capped x, gated by the sigmoid of x: out = beta·tanh(x/beta)/(1 + exp(−x)).

    With s = 1/(1 + exp(−x)) and w = tanh(x/beta), ∂out/∂x = s·(1 − w² + beta·w·(1 − s)). x has any
    shape; out is −0 at −inf, beta at inf.
    """

    name = "situ"
    source = "Kimi K3, the sigmoid-tanh unit; Megatron Core, `situ`."

    beta: float = parameter(4.0, "out approaches it as x → ∞", above=0)

    @property
    def range(self) -> str:
        low, high = -50.0, 0.0
        for _ in range(60):
            middle = (low + high) / 2
            falls = self.value_and_slope(np.array([middle]))[1][0] < 0
            low, high = (middle, high) if falls else (low, middle)
        return f"{decimal(float(self.forward(low)))} ≤ y < {decimal(self.beta)}"

    def formula(self, x: Node) -> Node:
        return self.beta * f.tanh(x / self.beta) / (1 + f.exp(-x))

    def derivation(self, x: Node, y: Node) -> Derivation:
        s, w = 1 / (1 + f.exp(-x)), f.tanh(x / self.beta)
        steps = [s * (1 - w**2) + y * (1 - s), s * (1 - w**2 + self.beta * w * (1 - s))]
        return Derivation(steps, {called("σ", x): s, "w": w})

    @cached_property
    def rounded(self) -> Rounded:
        """The formula, which gives the slopes that the kernel loses."""
        return rounded_formula(self)

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        return self._computed(x, 0.75)

    def short_block(self, x: Array, out: Array, *saved: Array) -> None:
        out[...], saved[0][...] = self._computed(x, CLOSE)

    def _computed(self, x: Array, least: float) -> tuple[Array, Array]:
        """Value and slope; slopes of less than this share of their larger term are exact."""
        z, rest = quotient(x, self.beta)
        t = np.exp(-np.abs(x))
        cap = np.where(z < TINY, x, np.copysign(self.beta * np.tanh(z), x))
        share = cap / (1 + t)
        value = np.where(x < 0, deepen(share * t, -np.abs(x), share), share)
        rising = steepest_at_0(z, rest, 1.0) * np.where(x < 0, t, 1) / (1 + t)
        bend = share / (1 + t)
        bend = deepen(bend * t, -np.abs(x), bend)
        slope = np.where(rising == 0, bend, rising + bend)  # 0 + −0 would be 0
        lost = np.flatnonzero(np.abs(slope) < least * np.maximum(rising, np.abs(bend)))
        if lost.size:
            slope[lost] = self.rounded.forward(x[lost], FLOAT64).slope.hi
        return value, slope


#: A smaller share of the larger term has lost digits that float32 shows.
CLOSE = 2.0**-16


class Laplace(Smooth):
    """A normal distribution's step, moved: out = (1 + erf((x − mu)/(sigma·√2)))/2.

    ∂out/∂x = exp(−(x − mu)²/(2·sigma²))/(sigma·√(2π)). x has any shape; out is 0 at −inf, 1 at inf.
    The formula is written with erfc, which does not cancel: erfc(−u) = 1 + erf(u).
    """

    name = "laplace"
    source = (
        'Ma et al., "Mega: moving average equipped gated attention", 2022; with these parameters, '
        "Hugging Face Transformers."
    )
    range = "0 < y < 1"

    mu: float = parameter(0.707107, "the place of the steepest slope")
    sigma: float = parameter(0.282095, "the width of the step", above=0)

    def formula(self, x: Node) -> Node:
        return f.erfc((self.mu - x) / (self.sigma * f.sqrt(2))) / 2

    def derivation(self, x: Node, y: Node) -> Derivation:
        z = (x - self.mu) / self.sigma
        return Derivation([f.exp(-(z**2) / 2) / (self.sigma * f.sqrt(2 * f.pi))])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        z, rest = self._standardized(x)
        right, rest, z = z > 0, np.copysign(rest, rest * z), np.abs(z)
        h, c, r, _ = normal.tail(z)
        e = np.exp(h)
        # Φ(−z − rest) = Φ(−z) − rest·φ(z).
        factor = c * (r - normal.KAPPA * rest)
        value = deepen(factor * e, h, factor)
        square, lost = two_product(z, z)
        factor = normal.KAPPA / self.sigma * (1 - lost / 2 - z * rest)
        slope = deepen(factor * np.exp(-square / 2), -square / 2, factor)
        return np.where(right, 1 - value, value), slope

    def _standardized(self, x: Array) -> tuple[Array, Array]:
        """(x − mu)/sigma as hi + lo, clipped to ±FARTHEST_Z."""
        far = FARTHEST_Z * self.sigma
        distance, lost = two_sum(np.clip(x, self.mu - far, self.mu + far), -self.mu)
        z = distance / self.sigma
        back, more = two_product(z, self.sigma)
        return z, (((distance - back) - more) + lost) / self.sigma


#: exp(−z²/2)/sigma is 0 beyond this z.
FARTHEST_Z = 60.0
