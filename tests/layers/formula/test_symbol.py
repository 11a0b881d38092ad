"""The expressions on the edges, as the textbook writes them, and true."""

import math
import re
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actgrad.layers.formula import trace
from actgrad.layers.formula.graph import Graph
from actgrad.layers.formula.words import (
    Node,
    constant,
    erf,
    exp,
    log,
    maximum,
    minimum,
    pi,
    sqrt,
    tanh,
    where,
)


def gelu_tanh(x: Node) -> Node:
    return x * (1 + tanh(sqrt(2 / pi) * (x + constant("0.044715") * x**3))) / 2


#: Each formula, how it is printed, and its gradient.
PRINTED = {
    "sigmoid": (
        lambda x: 1 / (1 + exp(-x)),
        "1/(1 + exp(-x))",
        "∂L/∂y·y²·exp(-x)",
    ),
    "identity": (lambda x: x, "x", "∂L/∂y"),
    "relu": (lambda x: where(x > 0, x, 0), "where(x > 0, x, 0)", "∂L/∂y·[x > 0]"),
    "leaky_relu": (
        lambda x: where(x > 0, x, 0.01 * x),
        "where(x > 0, x, 0.01·x)",
        "∂L/∂y·([x > 0] + 0.01·[x ≤ 0])",
    ),
    "relu6": (
        lambda x: minimum(maximum(x, 0), 6),
        "min(max(x, 0), 6)",
        "∂L/∂y·[max(x, 0) < 6]·[x > 0]",
    ),
    "tanh": (tanh, "tanh(x)", "∂L/∂y·(1 - y²)"),
    "tanhshrink": (lambda x: x - tanh(x), "x - tanh(x)", "∂L/∂y·tanh(x)²"),
    "exponential": (exp, "exp(x)", "∂L/∂y·y"),
    "softplus": (
        lambda x: log(1 + exp(1.5 * x)) / 1.5,
        "log(1 + exp(1.5·x))/1.5",
        "∂L/∂y·exp(1.5·x)/(1 + exp(1.5·x))",
    ),
    "logsigmoid": (
        lambda x: -log(1 + exp(-x)),
        "-log(1 + exp(-x))",
        "∂L/∂y·exp(-x)/(1 + exp(-x))",
    ),
    "silu": (
        lambda x: x / (1 + exp(-x)),
        "x/(1 + exp(-x))",
        "∂L/∂y·(1 + y·exp(-x))/(1 + exp(-x))",
    ),
    "softsign": (
        lambda x: x / (1 + abs(x)),
        "x/(1 + |x|)",
        "∂L/∂y·(1 - y·sign(x))/(1 + |x|)",
    ),
    "squareplus": (
        lambda x: (x + sqrt(x * x + 4.0)) / 2,
        "(x + sqrt(x² + 4))/2",
        "∂L/∂y·(1 + x/sqrt(x² + 4))/2",
    ),
    "gelu": (
        lambda x: x * (1 + erf(x / sqrt(2))) / 2,
        "x·(1 + erf(x/sqrt(2)))/2",
        "∂L/∂y·(1 + erf(x/sqrt(2)) + 2·x·exp(-x²/2)/sqrt(2·π))/2",
    ),
    "gelu_tanh": (
        gelu_tanh,
        "x·(1 + tanh((x + 0.044715·x³)·sqrt(2/π)))/2",
        "∂L/∂y·(1 + tanh((x + 0.044715·x³)·sqrt(2/π))"
        " + x·(1 - tanh((x + 0.044715·x³)·sqrt(2/π))²)·sqrt(2/π)"
        " + 3·0.044715·x³·(1 - tanh((x + 0.044715·x³)·sqrt(2/π))²)·sqrt(2/π))/2",
    ),
    "mish": (
        lambda x: x * tanh(log(1 + exp(x))),
        "x·tanh(log(1 + exp(x)))",
        "∂L/∂y·(tanh(log(1 + exp(x))) + x·exp(x)·(1 - tanh(log(1 + exp(x)))²)/(1 + exp(x)))",
    ),
    "softshrink": (
        lambda x: where(x > 0.5, x - 0.5, where(x < -0.5, x + 0.5, 0)),
        "where(x > 0.5, x - 0.5, where(x < -0.5, x + 0.5, 0))",
        "∂L/∂y·([x < -0.5]·[x ≤ 0.5] + [x > 0.5])",
    ),
}


def gradient_of(graph: Graph) -> str:
    return str(graph.labels.gradient(graph.formula.inputs[0]))


def printed(formula) -> str:
    graph = Graph(trace(formula))
    return str(graph.expressions.value(graph.formula.outputs[0]))


@pytest.mark.parametrize("name", PRINTED)
def test_a_formula_and_its_gradient_are_printed_as_a_person_writes_them(name) -> None:
    formula, expression, gradient = PRINTED[name]
    assert printed(formula) == expression
    assert gradient_of(Graph(trace(formula))) == gradient


def test_the_edges_of_the_sigmoid_carry_the_textbooks_expressions() -> None:
    graph = Graph(trace(PRINTED["sigmoid"][0]))
    backward = [str(graph.labels.contribution(edge)) for edge in reversed(graph.edges)]
    assert backward == [
        "∂L/∂y",
        "-∂L/∂y·y²",
        "-∂L/∂y·y²",
        "-∂L/∂y·y²·exp(-x)",
        "∂L/∂y·y²·exp(-x)",
    ]
    local = [str(graph.labels.derivative(edge)) for edge in reversed(graph.edges)]
    assert local == ["1", "-y²", "1", "exp(-x)", "-1"]
    forward = [str(graph.expressions.value(edge.source)) for edge in graph.edges]
    assert forward == ["x", "-x", "exp(-x)", "1 + exp(-x)", "1/(1 + exp(-x))"]


def test_the_gradient_can_also_be_had_without_the_output_in_it() -> None:
    graph = Graph(trace(PRINTED["sigmoid"][0]))
    gradient = graph.expressions.gradient(graph.formula.inputs[0])
    assert str(gradient) == "∂L/∂y·exp(-x)/(1 + exp(-x))²"


@pytest.mark.parametrize(
    ("name", "x", "expression", "gradient"),
    [
        ("relu", 1.0, "x", "∂L/∂y"),
        ("relu", 0.0, "0", "0"),
        ("relu", -2.0, "0", "0"),
        ("leaky_relu", -2.0, "0.01·x", "0.01·∂L/∂y"),
        ("relu6", 3.0, "min(max(x, 0), 6)", "∂L/∂y"),
        ("relu6", 7.0, "min(max(x, 0), 6)", "0"),
        ("softshrink", -2.0, "x + 0.5", "∂L/∂y"),
    ],
)
def test_at_a_number_the_choices_are_made(name, x, expression, gradient) -> None:
    graph = Graph(trace(PRINTED[name][0]), [x])
    assert str(graph.expressions.value(graph.formula.outputs[0])) == expression
    assert gradient_of(graph) == gradient


def test_several_outputs_each_have_a_name() -> None:
    graph = Graph(trace(lambda xs: [xs[0] * xs[1], exp(xs[0])], 2))
    first, second = (str(graph.labels.gradient(node)) for node in graph.formula.inputs)
    assert first == "∂L/∂y₂·y₂ + ∂L/∂y₁·x₂"
    assert second == "∂L/∂y₁·x₁"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (lambda x: x * x * x, "x³"),
        (lambda x: x * exp(x) / x, "exp(x)"),
        (lambda x: x - x, "0"),
        (lambda x: 0 * x, "0"),
        (lambda x: -1 * -x, "x"),
        (lambda x: 2 * x * 3 / 4, "3·x/2"),
        (lambda x: -(1 - x), "x - 1"),
        (lambda x: 2 * (x + 1) - 2, "2·x"),
        (lambda x: (2 * x + 4) / x, "2·(x + 2)/x"),
        (lambda x: (-x - 1) * x, "-x·(x + 1)"),
        (lambda x: 1 / (x * (1 + x) ** 2), "1/(x·(1 + x)²)"),
        (lambda x: -0.5 * x * 0.5, "-0.5²·x"),
        (lambda x: 3.0 * x, "3·x"),
        (lambda x: x * sqrt(2) * sqrt(2), "2·x"),
        (lambda x: x * sqrt(2 / pi) ** 3, "2·x·sqrt(2/π)/π"),
        (lambda x: x / sqrt(2) / sqrt(pi), "x/sqrt(2·π)"),
        (lambda x: x**12, "x¹²"),
        (lambda x: abs(x) ** 2, "|x|²"),
        (lambda x: x / (x - x), "x·(1/0)"),
        (lambda x: x * 10**19 * 10**19, "10000000000000000000²·x"),
        (lambda x: x * (constant(10**19) * 10**19), "10000000000000000000²·x"),
        (lambda x: 3 * x * (constant(10**12) * 10**13), "3000000000000·10000000000000·x"),
        (lambda x: (x / constant(-7)) ** 999, "-x⁹⁹⁹/7⁹⁹⁹"),
        (lambda x: (2.0**500 - x) / 2.0**500, f"({2.0**500} - x)/{2.0**500}"),
    ],
)
def test_expressions_are_simplified(formula, text) -> None:
    assert printed(formula) == text


def evaluated(text: str, **names: float) -> float:
    """The number that the printed expression stands for, read by its own rules."""
    text = text.replace("∂L/∂y", "dout").replace("·", "*").replace("≤", "<=").replace("π", "pi")
    text = re.sub(r"\|(\w+)\|", r"abs(\1)", text).replace("[", "(").replace("]", ")")
    text = re.sub("[⁰¹²³⁴-⁹]+", lambda power: "**" + normalize("NFKC", power[0]), text)
    functions = {f: getattr(math, f) for f in ("exp", "log", "tanh", "erf", "sqrt", "pi")}
    functions["sign"] = lambda u: math.copysign(1, u) if u else 0
    functions["where"] = lambda condition, then, other: then if condition else other
    return float(eval(text, {"min": min, "max": max, "abs": abs}, functions | names))


@pytest.mark.parametrize("name", PRINTED)
@settings(max_examples=20)
@given(x=st.floats(-12, 12), dout=st.floats(0.1, 10))
def test_what_is_printed_is_true(name: str, x: float, dout: float) -> None:
    formula = trace(PRINTED[name][0])
    graph = Graph(formula, [x], [dout])
    numbers = graph.numbers
    assert numbers is not None
    y = numbers.value(formula.outputs[0])
    for symbols in (graph, Graph(formula)):
        text = str(symbols.expressions.value(formula.outputs[0]))
        assert evaluated(text, x=x) == pytest.approx(y, rel=1e-9, abs=1e-9)
        text = gradient_of(symbols)
        gradient = numbers.gradient(formula.inputs[0])
        assert evaluated(text, x=x, y=y, dout=dout) == pytest.approx(gradient, rel=1e-9, abs=1e-9)
    for edge in graph.edges:
        text = str(graph.labels.contribution(edge))
        contribution = numbers.contribution(edge)
        assert evaluated(text, x=x, y=y, dout=dout) == pytest.approx(
            contribution, rel=1e-9, abs=1e-9
        )
