"""Layers made of the exponential function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.formula import Node, exp
from actgrad.layers.layer import Elementwise


class Sigmoid(Elementwise):
    """The logistic function: out = 1 / (1 + exp(−x)).

    ∂out/∂x = exp(−x) / (1 + exp(−x))² = out·(1 − out). Of any shape; 0 at −inf, 1 at inf.

    Near 1, `1 − out` loses its digits: in float32 all of them for x > 17. So what forward keeps is
    `out` where out ≤ ½ and out − 1, computed without subtraction, above; out·(1 − out) is the same
    for both.

    Source: Verhulst, "Recherches mathématiques sur la loi d'accroissement de la population", 1845.
    """

    name = "sigmoid"
    aliases = ("logistic",)
    keeps = {"out": float}
    range = "0 < y < 1"

    def formula(self, x: Node) -> Node:
        return 1 / (1 + exp(-x))

    def derivative(self, x: Node, y: Node) -> Node:
        return y * (1 - y)

    def derivation(self, x: Node, y: Node) -> Sequence[tuple[str, Node]]:
        d = 1 + exp(-x)
        return (
            ("y²·exp(-x)", y**2 * exp(-x)),
            ("1/(1 + exp(-x))²·exp(-x)", 1 / d**2 * exp(-x)),
            ("1/(1 + exp(-x))·exp(-x)/(1 + exp(-x))", 1 / d * (exp(-x) / d)),
            ("y·(1 - y)", y * (1 - y)),
        )

    @property
    def out(self) -> Array:
        """The last forward's result, in float64 whatever x's dtype."""
        kept = self.saved["out"]
        return kept + np.signbit(kept)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (kept,) = saved
        # exp of −|x| never overflows, and t = min(y, 1 − y) has all its digits.
        t = np.exp(np.negative(np.abs(x, out=out), out=out), out=out)
        np.divide(t, t + 1, out=kept)
        np.copysign(kept, np.negative(x, out=out), out=kept)
        np.add(kept, np.signbit(kept), out=out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (kept,) = saved
        t = np.abs(kept)
        # dout·t before 1 − t ≥ ½: only the last product can round among subnormals.
        np.multiply(dout, t, out=dx)
        np.multiply(dx, np.subtract(1, t, out=t), out=dx)
