"""Ways to compute a layer that lose digits, overflow, or are mistaken, by the layer's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f

#: A formula of x, of y = out, of dout, and of the layer, whose parameters it may use.
Way: TypeAlias = Callable[[Node, Node, Node, Any], Node]


class Rival(NamedTuple):
    """A way to compute out, dx or both, and the name of its fault."""

    cause: str
    out: Way | None = None
    dx: Way | None = None


def _sigmoid(x: Node) -> Node:
    return 1 / (1 + f.exp(-x))


def _gaussian(x: Node) -> Node:
    """Φ(x) by 1 + erf."""
    return (1 + f.erf(x / f.sqrt(2))) / 2


def _inner(x: Node) -> Node:
    """The argument of the tanh in gelu_tanh."""
    return f.sqrt(2 / f.pi) * (x + f.constant("0.044715") * x**3)


def _by_exponentials(y: Node) -> Node:
    """tanh(y), which is ∞/∞ for large y."""
    return (f.exp(y) - f.exp(-y)) / (f.exp(y) + f.exp(-y))


def _mish(x: Node, cube: int) -> Node:
    """The slope of mish as a quotient of polynomials in e = exp(x), with so many times e³."""
    e = f.exp(x)
    omega = 4 * (x + 1) + 4 * e**2 + e * (4 * x + 6)
    slope = e * (omega + cube * e**3) / (2 * e + e**2 + 2) ** 2
    return f.where(x > MISH_CUT, 1, slope)


def _mish_by_softplus(x: Node) -> Node:
    w = f.tanh(f.log(1 + f.exp(x)))
    return w + x * (1 - w**2) * _sigmoid(x)


def _silu(x: Node, beta: Any) -> Node:
    gate = _sigmoid(beta * x)
    slope: Node = gate * (1 + beta * x * (1 - gate))
    return slope


def _selu(p: Any) -> Node:
    scale: str = p.SCALE
    return f.constant(scale)


#: Kernels give 1 as the slope of mish beyond it.
MISH_CUT = 20
EXPM1 = "exp(x) − 1 cancellation"
OUT_PLUS_1 = "out + 1 cancellation in the slope"
ONE_MINUS_Y = "1 − y cancellation"
ERF = "1 + erf cancellation"
QUOTIENT = "(exp(y) − exp(−y))/(exp(y) + exp(−y)), which overflows and cancels"

#: The rivals of each layer; `′` names the derivative, whose dx is the layer's d2x.
RIVALS: Mapping[str, Sequence[Rival]] = {
    "sigmoid": (
        Rival(ONE_MINUS_Y, dx=lambda x, y, dout, p: dout * y * (1 - y)),
        Rival(
            "exp(x)/(1 + exp(x)), which overflows",
            lambda x, y, dout, p: f.exp(x) / (1 + f.exp(x)),
            lambda x, y, dout, p: dout * f.exp(x) / (1 + f.exp(x)) ** 2,
        ),
        Rival(
            "exp(−x)/(1 + exp(−x))², which overflows",
            dx=lambda x, y, dout, p: dout * f.exp(-x) / (1 + f.exp(-x)) ** 2,
        ),
        Rival(
            "(1 + tanh(x/2))/2 cancellation",
            lambda x, y, dout, p: (1 + f.tanh(x / 2)) / 2,
            lambda x, y, dout, p: dout * (1 - f.tanh(x / 2) ** 2) / 4,
        ),
        Rival("1/(1 + exp(−x)), whose exp(−x) overflows", lambda x, y, dout, p: _sigmoid(x)),
    ),
    "tanh": (
        Rival("1 − y² cancellation", dx=lambda x, y, dout, p: dout * (1 - y * y)),
        Rival("dout·1 − y² in place of dout·(1 − y²)", dx=lambda x, y, dout, p: dout - y * y),
        Rival(
            "(exp(2x) − 1)/(exp(2x) + 1), which overflows and cancels",
            lambda x, y, dout, p: (f.exp(2 * x) - 1) / (f.exp(2 * x) + 1),
        ),
        Rival(
            "(1 − exp(−2x))/(1 + exp(−2x)), which overflows and cancels",
            lambda x, y, dout, p: (1 - f.exp(-2 * x)) / (1 + f.exp(-2 * x)),
        ),
        Rival(
            "(exp(x) − exp(−x))/(exp(x) + exp(−x)), which overflows and cancels",
            lambda x, y, dout, p: _by_exponentials(x),
        ),
        Rival("2·σ(2x) − 1 cancellation", lambda x, y, dout, p: 2 * _sigmoid(2 * x) - 1),
    ),
    "elu": (
        Rival(EXPM1, lambda x, y, dout, p: f.where(x > 0, x, p.alpha * (f.exp(x) - 1))),
        Rival(OUT_PLUS_1, dx=lambda x, y, dout, p: f.where(x > 0, dout, dout * (y + p.alpha))),
    ),
    "celu": (
        Rival(EXPM1, lambda x, y, dout, p: f.where(x > 0, x, p.alpha * (f.exp(x / p.alpha) - 1))),
        Rival(OUT_PLUS_1, dx=lambda x, y, dout, p: f.where(x > 0, dout, dout * (y / p.alpha + 1))),
    ),
    "selu": (
        Rival(
            EXPM1,
            lambda x, y, dout, p: (
                _selu(p) * f.where(x > 0, x, f.constant(p.ALPHA) * (f.exp(x) - 1))
            ),
        ),
        Rival(
            OUT_PLUS_1,
            dx=lambda x, y, dout, p: f.where(
                x > 0, dout * _selu(p), dout * (y + _selu(p) * f.constant(p.ALPHA))
            ),
        ),
    ),
    "silu": (
        Rival(
            "1 − σ(−x) cancellation",
            lambda x, y, dout, p: x * (1 - 1 / (1 + f.exp(p.beta * x))),
        ),
        Rival(
            "1 − s cancellation, s = the gate",
            dx=lambda x, y, dout, p: dout * _silu(x, p.beta),
        ),
        Rival(
            "y + s·(1 − y) cancellation, s = the gate",
            dx=lambda x, y, dout, p: dout * (p.beta * y + _sigmoid(p.beta * x) * (1 - p.beta * y)),
        ),
        Rival(
            "x/(1 + exp(−x)), whose exp(−x) overflows",
            lambda x, y, dout, p: x / (1 + f.exp(-p.beta * x)),
        ),
        Rival(
            "the gate exp(x)/(1 + exp(x)), which overflows",
            lambda x, y, dout, p: x * (f.exp(p.beta * x) / (1 + f.exp(p.beta * x))),
        ),
    ),
    "softplus": (
        Rival(
            "log(1 + exp(x)), which overflows and loses digits",
            lambda x, y, dout, p: f.log(1 + f.exp(p.beta * x)) / p.beta,
        ),
        Rival(
            "log1p(exp(x)), whose exp(x) overflows",
            lambda x, y, dout, p: f.log1p(f.exp(p.beta * x)) / p.beta,
        ),
        Rival(
            "exp(x)/(1 + exp(x)), which overflows",
            dx=lambda x, y, dout, p: dout * f.exp(p.beta * x) / (1 + f.exp(p.beta * x)),
        ),
        Rival(
            "1/(1 + exp(−x)), whose exp(−x) overflows",
            dx=lambda x, y, dout, p: dout * _sigmoid(p.beta * x),
        ),
    ),
    "softplus′": (Rival("1 − s cancellation", dx=lambda x, y, dout, p: dout * y * (1 - y)),),
    "sigmoid′": (
        Rival(
            "y·(1 − y)·(1 − 2y) cancellation",
            dx=lambda x, y, dout, p: (
                dout * (_sigmoid(x) * (1 - _sigmoid(x)) * (1 - 2 * _sigmoid(x)))
            ),
        ),
    ),
    "tanh′": (
        Rival("1 − y² cancellation", dx=lambda x, y, dout, p: dout * (-2 * f.tanh(x) * y)),
        Rival(
            "1 − y² cancellation",
            dx=lambda x, y, dout, p: dout * (-2 * f.tanh(x) * (1 - f.tanh(x) ** 2)),
        ),
    ),
    "logsigmoid": (
        Rival("log(σ(x)) where σ(x) is 0 or next to 1", lambda x, y, dout, p: f.log(_sigmoid(x))),
        Rival("−log(1 + exp(−x)), which overflows", lambda x, y, dout, p: -f.log(1 + f.exp(-x))),
        Rival(
            "−log1p(exp(−x)), whose exp(−x) overflows",
            lambda x, y, dout, p: -f.log1p(f.exp(-x)),
        ),
        Rival("1 − σ(x) cancellation", dx=lambda x, y, dout, p: dout * (1 - _sigmoid(x))),
        Rival(
            "exp(−x)/(1 + exp(−x)), which overflows",
            dx=lambda x, y, dout, p: dout * f.exp(-x) / (1 + f.exp(-x)),
        ),
    ),
    "mish": (
        Rival("exp(3x) is left out of the slope", dx=lambda x, y, dout, p: dout * _mish(x, cube=0)),
        Rival("the slope by exp(3x), which overflows", dx=lambda x, y, dout, p: dout * _mish(x, 1)),
        Rival(
            "log(1 + exp(x)), which overflows and loses digits",
            lambda x, y, dout, p: x * f.tanh(f.log(1 + f.exp(x))),
        ),
        Rival(
            "x·tanh(log1p(exp(x)))",
            lambda x, y, dout, p: x * f.tanh(f.log1p(f.exp(x))),
        ),
        Rival(
            "1 − w² cancellation, w = tanh(softplus(x))",
            dx=lambda x, y, dout, p: dout * _mish_by_softplus(x),
        ),
        Rival(
            "x·((1 + e)² − 1)/((1 + e)² + 1), e = exp(x), which overflows and cancels",
            lambda x, y, dout, p: x * (((1 + f.exp(x)) ** 2 - 1) / ((1 + f.exp(x)) ** 2 + 1)),
        ),
    ),
    "gelu": (
        Rival(
            ERF,
            lambda x, y, dout, p: x * _gaussian(x),
            lambda x, y, dout, p: (
                dout * (_gaussian(x) + x * (f.exp(-(x**2) / 2) / f.sqrt(2 * f.pi)))
            ),
        ),
    ),
    "gelu_tanh": (
        Rival("1 + tanh cancellation", lambda x, y, dout, p: x / 2 * (1 + f.tanh(_inner(x)))),
        Rival(QUOTIENT, lambda x, y, dout, p: x / 2 * (1 + _by_exponentials(_inner(x)))),
    ),
    "tanhshrink": (
        Rival("x − tanh(x) cancellation", lambda x, y, dout, p: x - f.tanh(x)),
        Rival("1 − (1 − tanh²(x))", dx=lambda x, y, dout, p: dout * (1 - (1 - f.tanh(x) ** 2))),
    ),
}
