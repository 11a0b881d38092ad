"""Every layer's derivation: what it prints is the literature's derivative, step by step."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from actgrad.layers import Layer, catalogue, layer
from actgrad.layers.activations.gated import Gated
from actgrad.layers.along_axis import total
from actgrad.layers.explain import at_defaults, derivative_text, steps
from actgrad.layers.explain.derivation import with_names
from actgrad.layers.formula import FLOATS, Node

Function = Callable[[mpf], mpf]


def gate(z: mpf) -> mpf:
    """The sigmoid."""
    return 1 / (1 + mp.exp(-z))


def wide_tanh(x: mpf) -> mpf:
    """The argument of the tanh in the approximation of GELU, of two parts."""
    return mp.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3)


SCALE = mpf("1.0507009873554804934193349852946")
ALPHA = mpf("1.6732632423543772848170429916717")
#: The derivative as the literature prints it: as `explain` writes it, and as a function, at the
#: default parameters.
LITERATURE: Mapping[str, tuple[str, Function]] = {
    "bent_identity": ("x/(2·sqrt(x² + 1)) + 1", lambda x: x / (2 * mp.sqrt(x**2 + 1)) + 1),
    "hard_mish": (
        "0 for x ≤ -2, 1 for x ≥ 0, else x + 1",
        lambda x: x + 1 if -2 < x < 0 else mpf(x >= 0),
    ),
    "xielu": (
        "2·alpha_p·x + beta for x > 0, else alpha_n·(exp(x) - 1) + beta",
        lambda x: 2 * mpf(0.8) * x + 0.5 if x > 0 else mpf(0.8) * mp.expm1(x) + 0.5,
    ),
    "capped_relu": (
        "[x < max_value] for x > threshold, else negative_slope",
        lambda x: mpf(0 < x < 1),
    ),
    "celu": ("1 for x > 0, else exp(x/alpha)", lambda x: mpf(1) if x > 0 else mp.exp(x)),
    "elu": ("1 for x > 0, else alpha·exp(x)", lambda x: mpf(1) if x > 0 else mp.exp(x)),
    "exponential": ("y", mp.exp),
    "gelu": ("Φ(x) + x·φ(x)", lambda x: mp.ncdf(x) + x * mp.npdf(x)),
    "gelu_10": (
        "Φ(x) + x·φ(x) for x·(1 + erf(x/sqrt(2)))/2 < 10, else 0",
        lambda x: mp.ncdf(x) + x * mp.npdf(x),
    ),
    "gelu_tanh": (
        "(1 + tanh(u))/2 + x·(1 - tanh(u)²)/2·u′",
        lambda x: mp.diff(lambda v: v * (1 + mp.tanh(wide_tanh(v))) / 2, x),
    ),
    "hardshrink": ("1 for |x| > lambd, else 0", lambda x: mpf(abs(x) > 0.5)),
    "hardsigmoid": ("alpha for 0 < alpha·x + beta < 1, else 0", lambda x: mpf(abs(x) < 3) / 6),
    "hardswish": (
        "0 for x ≤ -3, 1 for x ≥ 3, else (2·x + 3)/6",
        lambda x: (2 * x + 3) / 6 if abs(x) < 3 else mpf(x > 0),
    ),
    "hardtanh": ("1 for min_val < x < max_val, else 0", lambda x: mpf(abs(x) < 1)),
    "identity": ("1", lambda x: mpf(1)),
    "isrlu": (
        "1 for x > 0, else 1/sqrt(1 + alpha·x²)³",
        lambda x: mpf(1) if x > 0 else (1 + x**2) ** -1.5,
    ),
    "isru": ("1/sqrt(1 + alpha·x²)³", lambda x: (1 + x**2) ** -1.5),
    "laplace": (
        "exp(-((x - mu)/sigma)²/2)/(sigma·sqrt(2·π))",
        lambda x: mp.npdf(x, mpf(0.707107), mpf(0.282095)),
    ),
    "leaky_relu": (
        "1 for x > 0, else negative_slope",
        lambda x: mpf(1) if x > 0 else mpf(0.01),
    ),
    "logsigmoid": ("1/(1 + exp(x))", lambda x: gate(-x)),
    "mish": (
        "w + x·(1 - w²)·σ(x)",
        lambda x: (
            mp.tanh(mp.log(1 + mp.exp(x))) + x * mp.sech(mp.log(1 + mp.exp(x))) ** 2 * gate(x)
        ),
    ),
    "prelu": ("1 for x > 0, else weight", lambda x: mpf(1) if x > 0 else mpf(0.25)),
    "quick_gelu": (
        "σ(1.702·x)·(1 + 1.702·x·(1 - σ(1.702·x)))",
        lambda x: gate(mpf(1.702) * x) * (1 + mpf(1.702) * x * gate(-mpf(1.702) * x)),
    ),
    "relu": ("1 for x > 0, else 0", lambda x: mpf(x > 0)),
    "relu6": ("1 for 0 < x < 6, else 0", lambda x: mpf(0 < x < 6)),
    "relu_squared": ("2·max(x, 0)", lambda x: 2 * max(x, mpf(0))),
    "rrelu": (
        "1 for x > 0, else (lower + upper)/2",
        lambda x: mpf(1) if x > 0 else mpf(11) / 48,
    ),
    "scaled_tanh": (
        "alpha·beta·(1 - tanh(beta·x)²)",
        lambda x: mpf(1.7159) * mpf(2 / 3) * mp.sech(mpf(2 / 3) * x) ** 2,
    ),
    "softcap": ("1 - (y/cap)²", lambda x: mp.sech(x / 30) ** 2),
    "selu": (
        "λ for x > 0, else λ·α·exp(x)",
        lambda x: SCALE if x > 0 else SCALE * ALPHA * mp.exp(x),
    ),
    "sigmoid": ("y·(1 - y)", lambda x: gate(x) * (1 - gate(x))),
    "silu": (
        "σ(beta·x)·(1 + beta·x·(1 - σ(beta·x)))",
        lambda x: gate(x) * (1 + x * (1 - gate(x))),
    ),
    "situ": (
        "σ(x)·(1 - w² + beta·w·(1 - σ(x)))",
        lambda x: gate(x) * (mp.sech(x / 4) ** 2 + 4 * mp.tanh(x / 4) * gate(-x)),
    ),
    "snake": ("1 + sin(2·alpha·x)", lambda x: 1 + mp.sin(2 * x)),
    "snake_beta": ("1 + alpha·sin(2·alpha·x)/beta", lambda x: 1 + mp.sin(2 * x)),
    "softplus": ("1/(1 + exp(-beta·x))", gate),
    "softshrink": ("1 for |x| > lambd, else 0", lambda x: mpf(abs(x) > 0.5)),
    "softsign": ("1/(1 + |x|)²", lambda x: 1 / (1 + abs(x)) ** 2),
    "sparse_plus": (
        "0 for x ≤ -1, 1 for x ≥ 1, else (x + 1)/2",
        lambda x: min(max((x + 1) / 2, mpf(0)), mpf(1)),
    ),
    "sparse_sigmoid": ("1/2 for 0 < 1/2·x + 1/2 < 1, else 0", lambda x: mpf(abs(x) < 1) / 2),
    "logit": ("1/(x·(1 - x))", lambda x: 1 / (x * (1 - x))),
    "logit_clamped": (
        "1/(x·(1 - x)) for eps ≤ x ≤ 1 - eps, else 0",
        lambda x: 1 / (x * (1 - x)) if 1e-6 <= x <= 1 - mpf(1e-6) else mpf(0),
    ),
    "sqrt_softplus": (
        "σ(x)/(2·y)",
        lambda x: gate(x) / (2 * mp.sqrt(mp.log(1 + mp.exp(x)))),
    ),
    "step": ("0", lambda x: mpf(0)),
    "squareplus": ("(1 + x/sqrt(x² + b))/2", lambda x: (1 + x / mp.sqrt(x**2 + 4)) / 2),
    "tanh": ("1 - y²", lambda x: mp.sech(x) ** 2),
    "tanhshrink": ("tanh(x)²", lambda x: mp.tanh(x) ** 2),
    "threshold": ("1 for x > threshold, else 0", lambda x: mpf(x > 1)),
    "thresholded_leaky_relu": (
        "1 for x > threshold, else negative_slope",
        lambda x: mpf(1) if x > 1 else mpf(0.01),
    ),
    "thresholded_relu": ("1 for x > alpha, else 0", lambda x: mpf(x > 1)),
}
#: The graph's gradient is already the textbook's form.
UNDERIVED = {"identity", "step", "threshold"}
#: 50 points, kinks and 0 among them.
POINTS = [*np.linspace(-6.1, 6.3, 41).tolist(), 0.0, 3.0, -3.0, 6.0, 1.0, -1.0, 0.5, -0.5, 1e-9]
ELEMENTWISE = [cls for cls in catalogue() if at_defaults(cls).is_elementwise]
ALONG_AXIS = [cls for cls in catalogue() if not at_defaults(cls).is_elementwise]


def made(cls: type[Layer]) -> Layer:
    return cls(**{name: 1.0 for name, spec in cls.parameters.items() if spec.default is None})


def test_the_literature_is_listed_for_every_layer() -> None:
    assert set(LITERATURE) == {cls.name for cls in ELEMENTWISE}


@pytest.mark.parametrize("cls", ELEMENTWISE, ids=lambda cls: cls.name)
def test_the_derivative_is_the_literatures(cls: type[Layer]) -> None:
    text, function = LITERATURE[cls.name]
    assert derivative_text(made(cls)) == text
    derivation = steps(made(cls))
    assert len(derivation) >= 2 or cls.name in UNDERIVED
    assert len(POINTS) == 50
    for x in POINTS:
        y = float(made(cls).forward(x))
        if not np.isfinite(y):  # x lies outside the domain, or at its end
            continue
        with mpmath.workdps(40):
            expected = float(function(mpf(x)))
        for step in derivation:
            value, bound = step.evaluate(x, y)
            assert abs(value - expected) <= 4 * bound + 1e-15, (step.text, x)


def evaluated(node: Node, line: Mapping[str, Sequence[float]], i: int, j: int) -> float:
    """The equation of element i, where aᵢ, xⱼ and so on are the elements of the line."""
    if node.operation is total:
        size = len(line["y"])
        return sum(evaluated(node.inputs[0], line, i, j) for j in range(size))
    if isinstance(node.leaf, str) and node.leaf[-1] in "ᵢⱼ":
        return line[node.leaf[:-1]][i if node.leaf[-1] == "ᵢ" else j]
    inputs = [evaluated(source, line, i, j) for source in node.inputs] or [node.leaf]
    return FLOATS[node.operation](*inputs)


@pytest.mark.parametrize("cls", ALONG_AXIS, ids=lambda cls: cls.name)
def test_every_equation_of_a_line_is_what_the_layer_computes(cls: type[Layer]) -> None:
    kernel = made(cls)
    for seed in range(13):
        x, dout = np.random.default_rng(seed).uniform(-2, 2, (2, 4))
        y = kernel.forward(x)
        dx = kernel.backward(np.resize(dout, y.shape))
        a, b = kernel.halves(4) if isinstance(kernel, Gated) else (slice(0, 4, 2), slice(1, 4, 2))
        u, v = slice(4), slice(4, 8)
        line = {"x": x, "y": y, "∂L/∂y": dout, "a": x[a], "b": x[b]}
        line |= {"∂L/∂u": dout, "∂L/∂v": dout}
        right = {"y": y, "∂L/∂x": dx, "∂L/∂a": dx[a], "∂L/∂b": dx[b], "u": y[u], "v": y[v]}
        for left, (equations, *_) in with_names(kernel).line_equations().items():
            expected = right[left[:-1]]
            for node in equations:
                values = [evaluated(node, line, i, 0) for i in range(len(expected))]
                assert values == pytest.approx(expected.tolist(), rel=1e-12, abs=1e-14), left


@pytest.mark.parametrize(
    ("spec", "texts"),
    [
        ("softmax", ["yᵢ·(∂L/∂yᵢ - Σⱼ ∂L/∂yⱼ·yⱼ)"]),
        ("log_softmax", ["∂L/∂yᵢ - exp(yᵢ)·Σⱼ ∂L/∂yⱼ"]),
        ("geglu", ["∂L/∂yᵢ·g(bᵢ)", "∂L/∂yᵢ·aᵢ·(Φ(bᵢ) + bᵢ·φ(bᵢ))"]),
    ],
)
def test_a_layer_along_an_axis_ends_at_the_literatures_form(spec: str, texts: list[str]) -> None:
    from actgrad.layers.explain import explain_layer

    derivative = explain_layer(layer(spec)).derivative
    assert [right.split(" = ")[1] for right in re.split(r", (?=∂L/∂b)", derivative)] == texts
