"""Gated linear units: one half of x, times an activation of the other half."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from actgrad.layers.activations.exponential import Sigmoid
from actgrad.layers.activations.piecewise import Relu
from actgrad.layers.activations.self_gated import SILU_LEAST, Gelu, GeluTanh, QuickGelu, Silu
from actgrad.layers.along_axis import AlongAxis, line
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.errors import ShapeError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Elementwise, Kept
from actgrad.layers.parameter import parameter

#: Where b may be: in the second half, the first, or at the even places, counted from 0.
HALVES = {
    "second": "[a, b] is a line: a is its first half, b its second",
    "first": "[b, a] is a line: b is its first half, a its second",
    "even": "[b₀, a₀, b₁, a₁, …] is a line: b is at its even places, a at its odd ones",
}
GATE_MEANING = "the half of x that is gated; even: x = [b₀, a₀, b₁, a₁, …]"


class Gated(AlongAxis):
    """out = h(a)·g(b), where a is one half of x along `axis` and b, which is gated, the other.

    h is the identity unless a layer states another. Forward keeps ∂out/∂x: h′(a)·g(b) in the place
    of a, and h(a)·g′(b) in the place of b.
    """

    keeps = {"slope": Kept(float, "∂out/∂x: g(b) in the place of a, and a·g′(b) in that of b")}

    sufficient = {"slope": "∂L/∂x is dout times it, so backward needs neither x nor out"}

    gate: str = parameter("second", GATE_MEANING, choices=tuple(HALVES))

    @property
    def range(self) -> str:
        return "every number"

    @property
    def line_notation(self) -> str:  # type: ignore[override]
        return f"x = {HALVES[self.gate]}"

    @abstractmethod
    def gate_layer(self) -> Elementwise:
        """The layer g, of b."""

    def gate_and_slope(self, b: Array) -> tuple[Array, Array]:
        """g and g′ at a 1-d array, two arrays of its shape."""
        return result_and_slope(self.gate_layer(), b)

    def gate_formula(self, b: Node) -> Node:
        """g as a formula of b."""
        formula: Node = self.gate_layer().formula(b)
        return formula

    def gate_derivation(self, b: Node, gate: Node) -> Derivation:
        """The ways to write g′, as formulas of b."""
        return self.gate_layer().derivation(b, gate)

    def linear_and_slope(self, a: Array) -> tuple[Array, Array | float]:
        """h and h′ at an array."""
        return a, 1.0

    def linear_formula(self, a: Node) -> Node:
        """h as a formula of a."""
        return a

    def linear_slope(self, a: Node) -> Node:
        """h′ as a formula of a."""
        return f.constant(1)

    def line_equations(self) -> Mapping[str, Derivation]:
        (a, _), (b, _), (dout, _) = line("a"), line("b"), line("∂L/∂y")
        gate, linear = self.gate_formula(b), self.linear_formula(a)
        slopes, names, _ = self.gate_derivation(b, gate)
        by_gate = {"g(bᵢ)": gate}
        by_linear = {} if linear is a else {"h(aᵢ)": linear}
        upstream = dout if linear is a else dout * self.linear_slope(a)
        return {
            "yᵢ": Derivation([linear * gate], by_linear | by_gate),
            "∂L/∂aᵢ": Derivation([upstream * gate], by_gate),
            "∂L/∂bᵢ": Derivation(
                [dout * linear * slope for slope in slopes], {**by_linear, **by_gate, **names}
            ),
        }

    def formula(self, x: Sequence[Node]) -> list[Node]:
        if len(x) % 2:
            raise ShapeError(f"{self.name} halves a line, but one of {len(x)} is odd")
        a, b = (x[half] for half in self.halves(len(x)))
        pairs = zip(a, b, strict=True)
        return [self.linear_formula(u) * self.gate_formula(v) for u, v in pairs]

    def halves(self, length: int) -> tuple[slice, slice]:
        """Where a and b are in a line of that length."""
        if self.gate == "even":
            return slice(1, None, 2), slice(0, None, 2)
        first, second = slice(length // 2), slice(length // 2, None)
        return (first, second) if self.gate == "second" else (second, first)

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
        of_a, of_b = self.halves(x.shape[1])
        b = x[:, of_b]
        linear, incline = self.linear_and_slope(x[:, of_a])
        value, rise = (values.reshape(b.shape) for values in self.gate_and_slope(b.ravel()))
        np.multiply(linear, value, out=out)
        np.multiply(value, incline, out=slope[:, of_a])
        np.multiply(linear, rise, out=slope[:, of_b])

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        (slope,) = saved
        for half in self.halves(dx.shape[1]):
            np.multiply(dout, slope[:, half], out=dx[:, half])


def result_and_slope(layer: Elementwise, x: Array) -> tuple[Array, Array]:
    """The layer's value and slope at a 1-d array."""
    value = layer.forward(x)
    return value, layer.backward(np.ones_like(value))


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

    def gate_and_slope(self, b: Array) -> tuple[Array, Array]:
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

    def gate_and_slope(self, b: Array) -> tuple[Array, Array]:
        return np.maximum(b, 0), (~(b <= 0)).astype(np.float64)


class Geglu(Gated):
    """Gated by GELU: out = a·b·Φ(b), with x = [a, b] along axis.

    da = dout·gelu(b), db = dout·a·gelu′(b). Along axis, out is half as long as x.
    """

    name = "geglu"
    source = 'Shazeer, "GLU variants improve transformer", 2020.'

    def gate_layer(self) -> Elementwise:
        return Gelu()

    def gate_and_slope(self, b: Array) -> tuple[Array, Array]:
        return Gelu().value_and_slope(b)


class Swiglu(Gated):
    """Gated by SiLU: out = a·b / (1 + exp(−beta·b)), with x = [a, b] along axis.

    da = dout·silu(b), db = dout·a·silu′(b). Along axis, out is half as long as x.
    """

    name = "swiglu"
    source = 'Shazeer, "GLU variants improve transformer", 2020.'

    beta: float = parameter(1.0, "the steepness of the gate", above=0)

    def gate_layer(self) -> Elementwise:
        return silu(self.beta)

    def gate_and_slope(self, b: Array) -> tuple[Array, Array]:
        return Silu(beta=self.beta).value_and_slope(b)


class GegluTanh(Gated):
    """Gated by GELU by tanh: out = a·gelu_tanh(b), with x = [a, b] along axis.

    da = dout·gelu_tanh(b), db = dout·a·gelu_tanh′(b). Along axis, out is half as long as x.
    """

    name = "geglu_tanh"
    source = "vLLM, `gelu_tanh_and_mul`; the gate of Gemma."

    def gate_layer(self) -> Elementwise:
        return GeluTanh()


class GegluQuick(Gated):
    """Gated by GELU by a sigmoid: out = a·b / (1 + exp(−1.702·b)), with x = [a, b] along axis.

    da = dout·quick_gelu(b), db = dout·a·quick_gelu′(b). Along axis, out is half as long as x.
    """

    name = "geglu_quick"
    source = "ggml, `ggml_geglu_quick`."

    def gate_layer(self) -> Elementwise:
        return QuickGelu()


class Clamped(Gated):
    """A gated unit whose halves are clamped: b to at most `limit`, and a to [−limit, limit].

    At a limit itself the slope is 0, as that of clamp in PyTorch 2.14; JAX gives ½, TensorFlow 1.
    """

    keeps = {
        "slope": Kept(float, "∂out/∂x: h′(a)·g(b) in the place of a, and h(a)·g′(b) in that of b")
    }
    #: What is added to the clamped a.
    offset = 0

    limit: float = parameter(10.0, "what b and |a| are clamped to", above=0)

    @property
    def range(self) -> str:
        layer = self.gate_layer()
        ends = [self.offset - self.limit, self.offset + self.limit]
        gates = [SILU_LEAST / layer.steepness, float(layer.forward(self.limit))]
        corners = [end * gate for end in ends for gate in gates]
        return f"{decimal(min(corners))} ≤ y ≤ {decimal(max(corners))}"

    @abstractmethod
    def gate_layer(self) -> Silu:
        """The layer g, of min(b, limit)."""

    def gate_formula(self, b: Node) -> Node:
        formula: Node = self.gate_layer().formula(f.minimum(b, self.limit))
        return formula

    def gate_derivation(self, b: Node, gate: Node) -> Derivation:
        steps, names, _ = self.gate_layer().derivation(b, self.gate_layer().formula(b))
        return Derivation([f.where(b < self.limit, slope, 0) for slope in steps], names)

    def gate_and_slope(self, b: Array) -> tuple[Array, Array]:
        value, slope = result_and_slope(self.gate_layer(), np.minimum(b, self.limit))
        return value, np.where(b >= self.limit, 0, slope)

    def linear_formula(self, a: Node) -> Node:
        clamped = f.minimum(f.maximum(a, -self.limit), self.limit)
        return clamped + self.offset if self.offset else clamped

    def linear_slope(self, a: Node) -> Node:
        return f.where(abs(a) < self.limit, 1, 0)

    def linear_and_slope(self, a: Array) -> tuple[Array, Array | float]:
        clamped = np.clip(a, -self.limit, self.limit) + self.offset
        return clamped, np.where(np.abs(a) >= self.limit, 0.0, 1.0)


class SwigluClamped(Clamped):
    """SwiGLU of clamped halves: out = clamp(a, ±limit)·silu(min(b, limit)), with x = [a, b].

    da = dout·silu(min(b, limit)) for |a| < limit, else 0; db = dout·clamp(a)·silu′(b) for b <
    limit, else 0. Along axis, out is half as long as x.
    """

    name = "swiglu_clamped"
    source = "vLLM, `silu_and_mul_with_clamp`: the gate of DeepSeek-V4."

    def gate_layer(self) -> Silu:
        return silu(1.0)


class SwigluOai(Clamped):
    """The gate of gpt-oss: out = (clamp(a, ±limit) + 1)·c/(1 + exp(−alpha·c)), c = min(b, limit).

    da = dout·c/(1 + exp(−alpha·c)) for |a| < limit, else 0; db = dout·(clamp(a) + 1)·(that
    function's slope) for b < limit, else 0. Along axis, out is half as long as x, in which b and a
    alternate.
    """

    name = "swiglu_oai"
    source = "OpenAI, gpt-oss, `swiglu`; vLLM, `swigluoai_and_mul`."
    offset = 1

    gate: str = parameter("even", GATE_MEANING, choices=tuple(HALVES))
    alpha: float = parameter(1.702, "the steepness of the gate", above=0)
    limit: float = parameter(7.0, "what b and |a| are clamped to", above=0)

    def gate_layer(self) -> Silu:
        return silu(self.alpha)


def silu(beta: float) -> Silu:
    """SiLU with that beta, a number or a named one."""
    layer = Silu(beta=1.0)
    layer.beta = beta
    return layer
