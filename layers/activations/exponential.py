"""Layers made of the exponential function and the logarithm."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from actgrad.layers.activations.kernels import Nearest, Smooth, SmoothRectifier
from actgrad.layers.activations.near_ties import NearTies
from actgrad.layers.arithmetic import DEEP, deepen, two_product
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.errors import ParameterError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.joined import Joinable, passes
from actgrad.layers.layer import Derivation, Kept
from actgrad.layers.parameter import parameter

#: A sigmoid's slope is less, except for |x| < 2⁻¹⁵: it is 1/4 − x²/16 there.
STEEP = 0.25 - 2.0**-34


class Sigmoid(Nearest, Joinable):
    """The logistic function: out = 1 / (1 + exp(−x)).

    ∂out/∂x = exp(−x) / (1 + exp(−x))² = out·(1 − out). x has any shape; out is 0 at −inf, 1 at inf.

    The subtraction 1 − out loses digits where out is near 1: in float32 all of them for x > 17. So
    forward also keeps the slope, with exp(−x)·out in place of 1 − out.
    """

    name = "sigmoid"
    aliases = ("logistic",)
    elsewhere = {
        "PyTorch": "Sigmoid",
        "JAX": "sigmoid",
        "Keras": "sigmoid",
        "TensorFlow": "sigmoid",
        "ONNX": "Sigmoid",
        "SciPy": "expit",
    }
    source = (
        'Verhulst, "Recherches mathématiques sur la loi d\'accroissement de la population", 1845.'
    )
    range = "0 < y < 1"
    in_place = True
    keeps = {
        "out": Kept(float, "the result before it is rounded to x's dtype"),
        "_slope": Kept(float, "∂out/∂x, computed without subtraction"),
    }

    @property
    def out(self) -> Array:
        """The last forward's result, in float64 whatever x's dtype."""
        return self.saved["out"]

    def formula(self, x: Node) -> Node:
        return 1 / (1 + f.exp(-x))

    def derivation(self, x: Node, y: Node) -> Derivation:
        d = 1 + f.exp(-x)
        reasons = (
            "because y = 1/(1 + exp(-x))",
            "one factor 1/(1 + exp(-x)) for each of the two fractions",
            "because 1/(1 + exp(-x)) = y, and exp(-x)/(1 + exp(-x)) ="
            " (1 + exp(-x) - 1)/(1 + exp(-x)) = 1 - y",
        )
        steps = [1 / d**2 * f.exp(-x), 1 / d * (f.exp(-x) / d), y * (1 - y)]
        return Derivation(steps, reasons=reasons)

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (slope,) = saved
        t = np.exp(np.negative(x, out=slope), out=slope)
        np.divide(1, np.add(t, 1, out=out), out=out)
        np.multiply(np.multiply(t, out, out=slope), out, out=slope)
        # For these x, t overflows, and out = exp(x) because exp(x) is below 2⁻⁹⁰⁰.
        deep = np.flatnonzero(x < DEEP)
        out[deep] = slope[deep] = np.exp(x[deep])

    def nearest_block(self, ties: NearTies, x: Array, out: Array, *saved: Array) -> None:
        (slope,) = saved
        t = np.exp(x, out=out)
        rest = np.divide(1, np.add(t, 1, out=slope), out=slope)
        np.multiply(np.multiply(t, rest, out=out), rest, out=slope)
        # The greatest slope tells in one pass whether x comes near 0; where t overflows it is nan.
        if np.maximum.reduce(slope) < STEEP and ties.beside_0:
            return
        high = np.flatnonzero(x > -DEEP)
        out[high], slope[high] = 1, np.exp(-x[high])
        ties.mend(x, ties.places(x, np.empty_like(x)), out, None)

    def joined_block(self, x: Array, wide: Array, out: Array, slope: Array, rare: Array) -> int:
        np.copyto(wide, x)
        np.exp(wide, out=wide)
        return passes.sigmoid(x, wide, out, slope, rare)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        np.multiply(dout, saved[-1], out=dx)


class Logsigmoid(Smooth):
    """The sigmoid's logarithm: out = −log(1 + exp(−x)).

    ∂out/∂x = 1 / (1 + exp(x)). x has any shape; out is −0 at inf.
    """

    name = "logsigmoid"
    elsewhere = {
        "PyTorch": "LogSigmoid",
        "JAX": "log_sigmoid",
        "Keras": "log_sigmoid",
        "SciPy": "log_expit",
    }
    source = "PyTorch, `torch.nn.LogSigmoid`."
    range = "y < 0"

    def formula(self, x: Node) -> Node:
        return -f.log(1 + f.exp(-x))

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.exp(-x) / (1 + f.exp(-x)), 1 - f.exp(y), 1 / (1 + f.exp(x))])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        t = np.exp(-np.abs(x))
        return -(np.log1p(t) - np.minimum(x, 0)), np.where(x > 0, t, 1) / (1 + t)


class Softplus(SmoothRectifier):
    """A smooth rectifier: out = log(1 + exp(beta·x)) / beta.

    ∂out/∂x = 1 / (1 + exp(−beta·x)). x has any shape; out is 0 at −inf. PyTorch returns x
    beyond a threshold; here out approaches x without one.
    """

    name = "softplus"
    elsewhere = {
        "PyTorch": "Softplus(beta=1, threshold=20)",
        "JAX": "softplus()",
        "Keras": "softplus()",
        "TensorFlow": "softplus()",
        "ONNX": "Softplus()",
    }
    source = (
        'Dugas et al., "Incorporating second-order functional knowledge for better option '
        'pricing", 2000.'
    )
    range = "0 < y"

    beta: float = parameter(1.0, "the sharpness of the bend", above=0)

    def formula(self, x: Node) -> Node:
        return f.log(1 + f.exp(self.beta * x)) / self.beta

    def derivation(self, x: Node, y: Node) -> Derivation:
        t = f.exp(self.beta * x)
        in_y = 1 - f.exp(-self.beta * y)
        return Derivation([t / (1 + t), in_y, 1 / (1 + f.exp(-self.beta * x))])

    def tail(self, x: Array) -> tuple[Array, Array]:
        z, rest = two_product(np.maximum(x, FARTHEST / self.beta), self.beta)
        t = np.exp(z)
        t += t * rest
        return deepen(np.log1p(t) / self.beta, z, (1 + rest) / self.beta), t / (1 + t)


class Tanh(Smooth):
    """The hyperbolic tangent: out = (exp(x) − exp(−x)) / (exp(x) + exp(−x)).

    ∂out/∂x = 1 − out². x has any shape; out is ±1 at ±inf.

    Forward keeps the slope as 4·exp(−2|x|) / (1 + exp(−2|x|))², because 1 − out² loses all digits
    where out is near ±1.
    """

    name = "tanh"
    elsewhere = {
        "PyTorch": "Tanh",
        "JAX": "tanh",
        "Keras": "tanh",
        "TensorFlow": "tanh",
        "ONNX": "Tanh",
        "NumPy": "tanh",
    }
    source = 'LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.'
    range = "-1 < y < 1"

    def formula(self, x: Node) -> Node:
        return f.tanh(x)

    def derivation(self, x: Node, y: Node) -> Derivation:
        reasons = (
            "because y = tanh(x) = (exp(x) - exp(-x))/(exp(x) + exp(-x))",
            "because cosh²(x) - sinh²(x) = 1",
            "because y = tanh(x)",
        )
        return Derivation([1 - f.tanh(x) ** 2, 1 / f.cosh(x) ** 2, 1 - y**2], reasons=reasons)

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        z = -2 * np.abs(x)
        t = np.exp(z)
        return np.tanh(x), deepen(4 * t / np.square(1 + t), z, 4)


class Tanhshrink(Smooth):
    """x minus its hyperbolic tangent: out = x − tanh(x).

    ∂out/∂x = tanh²(x). x has any shape.
    """

    name = "tanhshrink"
    elsewhere = {"PyTorch": "Tanhshrink", "Keras": "tanh_shrink"}
    source = "PyTorch, `torch.nn.Tanhshrink`."
    range = "every number"
    ties_beside_0 = False

    def formula(self, x: Node) -> Node:
        return x - f.tanh(x)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([(x - y) ** 2, f.tanh(x) ** 2])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        tanh = np.tanh(x)
        value = x - tanh
        small = np.flatnonzero(np.abs(x) < 2)
        value[small] = self._near_zero(x[small])
        return value, tanh * tanh

    @staticmethod
    def _near_zero(x: Array) -> Array:
        """(x·cosh x − sinh x)/cosh x: the Taylor series of its numerator has no negative term."""
        square = x * x
        series = np.zeros_like(x)
        for k in range(14, 0, -1):
            series = series * square + 2 * k / factorial(2 * k + 1)
        return square * series / np.cosh(x) * x


class Exponential(Nearest):
    """The exponential function: out = exp(x), ∂out/∂x = out. x has any shape; out is 0 at −inf."""

    name = "exponential"
    aliases = ("exp",)
    elsewhere = {"Keras": "exponential", "ONNX": "Exp", "NumPy": "exp"}
    source = "Keras, `keras.activations.exponential`."
    range = "0 < y"
    in_place = True
    keeps = {"out": Kept(float, "the result before it is rounded to x's dtype")}

    def formula(self, x: Node) -> Node:
        return f.exp(x)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([f.exp(x), y])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        np.exp(x, out=out)

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        (kept,) = saved
        np.multiply(dout, kept, out=dx)


class SqrtSoftplus(Smooth):
    """The square root of softplus: out = √(log(1 + exp(x))).

    ∂out/∂x = 1/(2·out·(1 + exp(−x))). x has any shape; out is 0 at −inf.
    """

    name = "sqrt_softplus"
    source = "Hugging Face Transformers, `sqrtsoftplus`: the scores of experts in DeepSeek-V4."
    range = "0 < y"

    def formula(self, x: Node) -> Node:
        return f.sqrt(f.log1p(f.exp(x)))

    def derivation(self, x: Node, y: Node) -> Derivation:
        s = 1 / (1 + f.exp(-x))
        return Derivation([s / (2 * f.sqrt(f.log1p(f.exp(x)))), s / (2 * y)], {"σ(x)": s})

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        t = np.exp(-np.abs(x))
        root = np.sqrt(np.log1p(t) + np.maximum(x, 0))
        slope = np.where(x > 0, 1, t) / (1 + t) / root / 2
        # There out is exp(x/2).
        deep = np.flatnonzero(x < -40)
        root[deep] = np.exp(x[deep] / 2)
        slope[deep] = root[deep] / 2
        return root, slope


class Logit(Smooth):
    """The logarithm of the odds, the inverse of the sigmoid: out = log(x/(1 − x)) for 0 < x < 1.

    ∂out/∂x = 1/(x·(1 − x)). x has any shape; out is −inf at 0, inf at 1, and nan beyond.
    """

    name = "logit"
    elsewhere = {"PyTorch": ".logit(eps=None)", "SciPy": "logit"}
    source = 'Berkson, "Application of the logistic function to bio-assay", 1944.'
    range = "every number"
    notes_x = True

    def formula(self, x: Node) -> Node:
        return f.log(x / (1 - x))

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([1 / x + 1 / (1 - x), 1 / (x * (1 - x))])

    def by_convention(self, x: Array, out: Array) -> Array:
        return np.asarray((x == 0) | (x == 1))

    def begin_forward(self) -> None:
        self.undefined = {}

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        super().forward_block(x, out, *saved)
        beyond = np.isnan(out) & np.isfinite(x)
        if not self.undefined and beyond.any():
            self.undefined = {"out": float(x[beyond.argmax()])}

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        rest = 1 - x
        # The odds of 1/2 are 1, and x − rest is exact next to it.
        value = np.where(x < 0.25, np.log(x) - np.log1p(-x), np.log1p((x - rest) / rest))
        middle = np.flatnonzero((x >= 0.25) & (x < 0.5))
        value[middle] = -np.log1p((1 - 2 * x[middle]) / x[middle])
        return value, np.where(np.isnan(value), np.nan, 1 / (np.abs(x) * rest))


class LogitClamped(Logit):
    """The logarithm of the odds of a clamped x: out = log(c/(1 − c)), c = x in eps to 1 − eps.

    ∂out/∂x = 1/(x·(1 − x)) for eps ≤ x ≤ 1 − eps, else 0. x has any shape.
    """

    name = "logit_clamped"
    elsewhere = {"PyTorch": ".logit(eps)"}
    source = "PyTorch, `torch.logit`."

    eps: float = parameter(1e-6, "x is clamped to eps ≤ x ≤ 1 − eps; < 1/2", above=0)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.eps >= 0.5:
            raise ParameterError(f"{self.name}: eps is {self.eps}, but must be < 1/2")

    @property
    def range(self) -> str:  # type: ignore[override]
        return f"{decimal(-self._most)} ≤ y ≤ {decimal(self._most)}"

    @property
    def _most(self) -> float:
        return float(np.log1p(-self.eps) - np.log(self.eps))

    def formula(self, x: Node) -> Node:
        clamped = f.minimum(1 - f.constant(self.eps), f.maximum(self.eps, x))
        return f.log(clamped / (1 - clamped))

    def derivation(self, x: Node, y: Node) -> Derivation:
        inside = f.where(x <= 1 - f.constant(self.eps), 1 / (x * (1 - x)), 0)
        return Derivation([f.where(x >= self.eps, inside, 0)])

    def by_convention(self, x: Array, out: Array) -> Array:
        return np.zeros(x.shape, bool)

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        value, slope = super().value_and_slope(x)
        low, high = x < self.eps, 1 - x < self.eps
        value = np.where(low, -self._most, np.where(high, self._most, value))
        return value, np.where(low | high, 0, slope)


#: exp is 0 below this x. Numbers are clipped to it, so that ∞·0 and ∞ − ∞ do not occur.
FARTHEST = -2000.0
