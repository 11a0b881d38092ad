"""Gated linear units: one half of x, times an activation of the other half."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from actgrad.layers.activations.exponential import Sigmoid
from actgrad.layers.activations.piecewise import Relu
from actgrad.layers.activations.self_gated import Gelu, Silu
from actgrad.layers.along_axis import AlongAxis, line
from actgrad.layers.arrays import Array
from actgrad.layers.errors import ShapeError
from actgrad.layers.formula import Node
from actgrad.layers.layer import Derivation, Elementwise, Kept
from actgrad.layers.parameter import parameter


class Gated(AlongAxis):
    """out = a·g(b), where a is the first half of x along `axis` and b the second.

    Forward keeps ∂out/∂x: g(b) in the place of a, and a·g′(b) in the place of b.
    """

    range = "every number"

    keeps = {"slope": Kept(float, "∂out/∂x: g(b) in the place of a, and a·g′(b) in that of b")}

    sufficient = {"slope": "∂L/∂x is dout times it, so backward needs neither x nor out"}

    @abstractmethod
    def gate(self, b: Array) -> tuple[Array, Array]:
        """The gate's value and slope at a 1-d array, two arrays of its shape."""

    @abstractmethod
    def gate_layer(self) -> Elementwise:
        """The layer that the gate is, of b."""

    def gate_formula(self, b: Node) -> Node:
        """The gate as a formula of b."""
        formula: Node = self.gate_layer().formula(b)
        return formula

    def line_equations(self) -> Mapping[str, Derivation]:
        (a, _), (b, _), (dout, _) = line("a"), line("b"), line("∂L/∂y")
        gate = self.gate_formula(b)
        slopes, names, _ = self.gate_layer().derivation(b, gate)
        named = {"g(bᵢ)": gate, **names}
        return {
            "yᵢ": Derivation([a * gate], {"g(bᵢ)": gate}),
            "∂L/∂aᵢ": Derivation([dout * gate], {"g(bᵢ)": gate}),
            "∂L/∂bᵢ": Derivation([dout * a * slope for slope in slopes], named),
        }

    def formula(self, x: Sequence[Node]) -> list[Node]:
        half = len(x) // 2
        return [a * self.gate_formula(b) for a, b in zip(x[:half], x[half:], strict=True)]

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        whole = list(super().out_shape(shape))
        if whole[self.axis] % 2:
            raise ShapeError(
                f"{self.name} halves axis {self.axis}, but x has shape {shape}: that is odd"
            )
        whole[self.axis] //= 2
        return tuple(whole)

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        (slope,) = saved
        a, b = np.hsplit(x, 2)
        value, rise = (values.reshape(b.shape) for values in self.gate(b.ravel()))
        np.multiply(a, value, out=out)
        np.concatenate([value, a * rise], axis=1, out=slope)

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        (slope,) = saved
        np.multiply(np.concatenate([dout, dout], axis=1), slope, out=dx)


class Glu(Gated):
    """The gated linear unit: out = a·σ(b), σ(b) = 1 / (1 + exp(−b)), with x = [a, b] along axis.

    da = dout·σ(b), db = dout·a·σ(b)·(1 − σ(b)). Along axis, out is half as long as x.
    """

    name = "glu"
    elsewhere = {"PyTorch": "GLU(dim: axis = -1)", "JAX": "glu", "Keras": "glu"}
    source = (
        'Dauphin, Fan, Auli and Grangier, "Language modeling with gated convolutional networks", '
        "2016."
    )

    def gate_layer(self) -> Elementwise:
        return Sigmoid()

    def gate(self, b: Array) -> tuple[Array, Array]:
        t = np.exp(-np.abs(b))
        return np.where(b < 0, t, 1) / (1 + t), t / (1 + t) / (1 + t)


class Reglu(Gated):
    """Gated by the rectifier: out = a·max(b, 0), with x = [a, b] along axis.

    da = dout·max(b, 0), db = dout·a for b > 0, else 0. Along axis, out is half as long as x.
    """

    name = "reglu"
    source = 'Shazeer, "GLU variants improve transformer", 2020.'

    def gate_layer(self) -> Elementwise:
        return Relu()

    def gate(self, b: Array) -> tuple[Array, Array]:
        return np.maximum(b, 0), (~(b <= 0)).astype(np.float64)


class Geglu(Gated):
    """Gated by GELU: out = a·b·Φ(b), with x = [a, b] along axis.

    da = dout·gelu(b), db = dout·a·gelu′(b). Along axis, out is half as long as x.
    """

    name = "geglu"
    source = 'Shazeer, "GLU variants improve transformer", 2020.'

    def gate_layer(self) -> Elementwise:
        return Gelu()

    def gate(self, b: Array) -> tuple[Array, Array]:
        return Gelu().value_and_slope(b)


class Swiglu(Gated):
    """Gated by SiLU: out = a·b / (1 + exp(−beta·b)), with x = [a, b] along axis.

    da = dout·silu(b), db = dout·a·silu′(b). Along axis, out is half as long as x.
    """

    name = "swiglu"
    source = 'Shazeer, "GLU variants improve transformer", 2020.'

    beta: float = parameter(1.0, "the steepness of the gate", above=0)

    def gate_layer(self) -> Elementwise:
        gate = Silu(beta=1.0)
        gate.beta = self.beta  # a number, or a named one
        return gate

    def gate(self, b: Array) -> tuple[Array, Array]:
        return Silu(beta=self.beta).value_and_slope(b)
