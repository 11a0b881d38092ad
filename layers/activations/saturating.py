"""Smooth steps and caps: layers that approach a constant on both sides."""

from __future__ import annotations

from actgrad.layers.arrays import decimal
from actgrad.layers.by_formula import ByFormula
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation
from actgrad.layers.parameter import parameter


class ScaledTanh(ByFormula):
    """A hyperbolic tangent of another size: out = alpha·tanh(beta·x).

    ∂out/∂x = alpha·beta·(1 − tanh²(beta·x)). x has any shape; out is ±alpha at ±inf. With the
    defaults, out is ±1 near x = ±1.
    """

    name = "scaled_tanh"
    elsewhere = {"ONNX": "ScaledTanh(alpha, beta)"}
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


class Softcap(ByFormula):
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


class Laplace(ByFormula):
    """A normal distribution's step, moved: out = (1 + erf((x − mu)/(sigma·√2)))/2.

    ∂out/∂x = exp(−(x − mu)²/(2·sigma²))/(sigma·√(2π)). x has any shape; out is 0 at −inf, 1 at inf.
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
        return (1 + f.erf((x - self.mu) / (self.sigma * f.sqrt(2)))) / 2

    def derivation(self, x: Node, y: Node) -> Derivation:
        z = (x - self.mu) / self.sigma
        return Derivation([f.exp(-(z**2) / 2) / (self.sigma * f.sqrt(2 * f.pi))])
