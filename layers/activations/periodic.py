"""Layers with a wave: x plus the square of a sine.

Their slopes have infinitely many roots, so their kernels are their formulas' balls.
"""

from __future__ import annotations

from actgrad.layers.by_formula import ByFormula
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation
from actgrad.layers.parameter import parameter


class Snake(ByFormula):
    """x plus a wave: out = x + sin²(alpha·x)/alpha.

    ∂out/∂x = 1 + sin(2·alpha·x) ≥ 0. x has any shape; out is ±inf at ±inf, where no slope exists.
    """

    name = "snake"
    source = (
        'Ziyin, Hartwig and Ueda, "Neural networks fail to learn periodic functions and how to fix '
        'it", 2020.'
    )
    range = "every number"

    alpha: float = parameter(1.0, "the frequency of the wave", above=0)

    def formula(self, x: Node) -> Node:
        return x + f.sin(self.alpha * x) ** 2 / self.alpha

    def derivation(self, x: Node, y: Node) -> Derivation:
        angle = self.alpha * x
        return Derivation([1 + 2 * f.sin(angle) * f.cos(angle), 1 + f.sin(2 * self.alpha * x)])


class SnakeBeta(ByFormula):
    """Snake whose wave has a size of its own: out = x + sin²(alpha·x)/beta.

    ∂out/∂x = 1 + sin(2·alpha·x)·alpha/beta. x has any shape; out is ±inf at ±inf, where no slope
    exists. BigVGAN trains the logarithms of alpha and beta, and adds 1e-9 to beta.
    """

    name = "snake_beta"
    source = (
        'Lee, Ping, Ginsburg, Catanzaro and Yoon, "BigVGAN: a universal neural vocoder with '
        'large-scale training", 2022.'
    )
    range = "every number"

    alpha: float = parameter(1.0, "the frequency of the wave", above=0)
    beta: float = parameter(1.0, "1/beta is the height of the wave", above=0)

    def formula(self, x: Node) -> Node:
        return x + f.sin(self.alpha * x) ** 2 / self.beta

    def derivation(self, x: Node, y: Node) -> Derivation:
        angle, share = self.alpha * x, self.alpha / f.constant(self.beta)
        twice = 2 * self.alpha * x
        return Derivation(
            [1 + 2 * f.sin(angle) * f.cos(angle) * share, 1 + self.alpha * f.sin(twice) / self.beta]
        )
