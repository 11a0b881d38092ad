"""Layers made of the exponential function."""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial, log1p

import numpy as np

from actgrad.layers.activations.kernels import Smooth, SmoothRectifier
from actgrad.layers.arithmetic import DEEP, deepen, two_product
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.by_formula import ByFormula
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Elementwise, Kept, NaiveForm
from actgrad.layers.parameter import parameter


class Sigmoid(Elementwise):
    """The logistic function: out = 1 / (1 + exp(−x)).

    ∂out/∂x = exp(−x) / (1 + exp(−x))² = out·(1 − out). x has any shape; out is 0 at −inf, 1 at inf.

    The subtraction 1 − out loses digits where out is near 1: in float32 all of them for x > 17. So
    forward also keeps 1 − out, computed without subtraction.
    """

    name = "sigmoid"
    aliases = ("logistic",)
    elsewhere = {
        "PyTorch": "Sigmoid",
        "JAX": "sigmoid",
        "Keras": "sigmoid",
        "TensorFlow": "sigmoid",
        "ONNX": "Sigmoid",
    }
    source = (
        'Verhulst, "Recherches mathématiques sur la loi d\'accroissement de la population", 1845.'
    )
    range = "0 < y < 1"
    keeps = {
        "out": Kept(float, "the result before it is rounded to x's dtype"),
        "_rest": Kept(float, "1 − out, computed without subtraction"),
    }

    @property
    def out(self) -> Array:
        """The last forward's result, in float64 whatever x's dtype."""
        return self.saved["out"]

    def formula(self, x: Node) -> Node:
        return 1 / (1 + f.exp(-x))

    def naive_forms(self, x: Node) -> Iterator[NaiveForm]:
        y = self.formula(x)
        yield NaiveForm("1 − y cancellation", y, y * (1 - y))
        y = f.exp(x) / (1 + f.exp(x))
        yield NaiveForm("exp(x)/(1 + exp(x)), which overflows", y, y * (1 - y))

    def derivation(self, x: Node, y: Node) -> Derivation:
        d = 1 + f.exp(-x)
        return Derivation([1 / d**2 * f.exp(-x), 1 / d * (f.exp(-x) / d), y * (1 - y)])

    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        (rest,) = saved
        t = np.exp(np.negative(x, out=rest), out=rest)
        np.divide(1, np.add(t, 1, out=out), out=out)
        np.multiply(t, out, out=rest)
        # For these x, t overflows, and out = exp(x) because exp(x) is below 2⁻⁹⁰⁰.
        deep = np.flatnonzero(x < DEEP)
        out[deep], rest[deep] = np.exp(x[deep]), 1

    def short_block(self, x: Array, out: Array, *saved: Array) -> None:
        (rest,) = saved
        t = np.exp(x, out=out)
        np.divide(1, np.add(t, 1, out=rest), out=rest)
        np.multiply(t, rest, out=out)
        if not x.max() < -DEEP:  # there t overflows, and ∞·0 is nan
            out[x > -DEEP] = 1

    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        out, rest = saved
        np.multiply(np.multiply(dout, out, out=dx), rest, out=dx)


class Logsigmoid(Smooth):
    """The sigmoid's logarithm: out = −log(1 + exp(−x)).

    ∂out/∂x = 1 / (1 + exp(x)). x has any shape; out is −0 at inf.
    """

    name = "logsigmoid"
    elsewhere = {"PyTorch": "LogSigmoid", "JAX": "log_sigmoid", "Keras": "log_sigmoid"}
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
    }
    source = 'LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.'
    range = "-1 < y < 1"

    def formula(self, x: Node) -> Node:
        return f.tanh(x)

    def naive_forms(self, x: Node) -> Iterator[NaiveForm]:
        y = f.tanh(x)
        yield NaiveForm("1 − y² cancellation", y, 1 - y**2)
        y = (f.exp(x) - f.exp(-x)) / (f.exp(x) + f.exp(-x))
        cause = "(exp(x) − exp(−x))/(exp(x) + exp(−x)), which overflows and cancels"
        yield NaiveForm(cause, y, 1 - y**2)
        y = 2 / (1 + f.exp(-2 * x)) - 1
        yield NaiveForm("2·σ(2x) − 1 cancellation", y, 1 - y**2)

    def derivation(self, x: Node, y: Node) -> Derivation:
        return Derivation([1 - f.tanh(x) ** 2, 1 / f.cosh(x) ** 2, 1 - y**2])

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


class Elu(Smooth):
    """The exponential linear unit: out = x for x > 0, else alpha·(exp(x) − 1).

    ∂out/∂x = 1 for x > 0, else alpha·exp(x), at the kink x = 0 too. x has any shape; out is −alpha
    at −inf.
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

    alpha: float = parameter(1.0, "out approaches −alpha as x → −∞", above=0)

    @property
    def range(self) -> str:
        return f"{decimal(-self.alpha)} < y"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, self.alpha * (f.exp(x) - 1))

    def derivation(self, x: Node, y: Node) -> Derivation:
        falling = self.alpha * f.exp(x)
        return Derivation([f.where(x > 0, 1, falling), f.where(y > 0, 1, y + self.alpha)])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        low = np.minimum(x, 0)
        falling = deepen(self.alpha * np.exp(low), low, self.alpha)
        return np.where(x < 0, self.alpha * np.expm1(low), x), np.where(x > 0, 1, falling)


class Celu(Smooth):
    """ELU with a continuous slope: out = x for x > 0, else alpha·(exp(x/alpha) − 1).

    ∂out/∂x = 1 for x > 0, else exp(x/alpha). x has any shape; out is −alpha at −inf.
    """

    name = "celu"
    elsewhere = {"PyTorch": "CELU", "JAX": "celu", "Keras": "celu", "ONNX": "Celu"}
    source = 'Barron, "Continuously differentiable exponential linear units", 2017.'

    alpha: float = parameter(1.0, "out approaches −alpha as x → −∞", above=0)

    @property
    def range(self) -> str:
        return f"{decimal(-self.alpha)} < y"

    def formula(self, x: Node) -> Node:
        return f.where(x > 0, x, self.alpha * (f.exp(x / self.alpha) - 1))

    def derivation(self, x: Node, y: Node) -> Derivation:
        in_x = f.where(x > 0, 1, f.exp(x / self.alpha))
        return Derivation([in_x, f.where(y > 0, 1, y / self.alpha + 1)])

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        low = np.clip(x, FARTHEST * self.alpha, 0)
        z = low / self.alpha
        back, rest = two_product(z, self.alpha)
        # The remainder of the division corrects the rounding of the quotient.
        left = ((low - back) - rest) / self.alpha
        t = np.exp(z)
        # x/alpha may be subnormal, and there the value is x.
        value = np.where(z > -TINY, x, self.alpha * np.expm1(z))
        return value, deepen(t + t * left, z, 1 + left)


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


class Exponential(Elementwise):
    """The exponential function: out = exp(x), ∂out/∂x = out. x has any shape; out is 0 at −inf."""

    name = "exponential"
    aliases = ("exp",)
    elsewhere = {"Keras": "exponential", "ONNX": "Exp"}
    source = "Keras, `keras.activations.exponential`."
    range = "0 < y"
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


class Xielu(ByFormula):
    """An integral of ELU: out = beta·x + (alpha_p·x² for x > 0, else alpha_n·(exp(x) − 1 − x)).

    ∂out/∂x = beta + 2·alpha_p·x for x > 0, else beta + alpha_n·(exp(x) − 1). x has any shape. The
    paper trains two numbers whose softplus is alpha_p and alpha_n − beta.
    """

    name = "xielu"
    source = 'Huang and Schlag, "Deriving activation functions using integration", 2024.'

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


#: exp is 0 below this x. Numbers are clipped to it, so that ∞·0 and ∞ − ∞ do not occur.
FARTHEST = -2000.0
#: Below this exp(x) − 1 is x.
TINY = 2.0**-60
