"""The computational graph: values forward, gradients backward, on the edges of the drawing."""

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actgrad.layers.errors import ActgradError
from actgrad.layers.formula import trace, written
from actgrad.layers.formula.graph import LONGEST, Expressions, Formula, Graph
from actgrad.layers.formula.words import (
    Node,
    erf,
    exp,
    log,
    maximum,
    minimum,
    sqrt,
    tanh,
    variable,
    where,
)


def sigmoid(x: Node) -> Node:
    return 1 / (1 + exp(-x))


def relu(x: Node) -> Node:
    return where(x > 0, x, 0)


def at(formula, *x: float, dout: float = 1.0) -> tuple[float, list[float]]:
    names = ["x", "z", "w"][: len(x)]
    graph = Graph(trace(formula, *names), x, [dout])
    assert graph.numbers is not None
    (output,) = graph.formula.outputs
    gradients = [graph.numbers.gradient(node) for node in graph.formula.inputs]
    return graph.numbers.value(output), gradients


def symbols(nodes: list[Node]) -> list[str]:
    return [node.operation.symbol for node in nodes]


def test_the_graph_of_the_sigmoid_is_the_textbooks() -> None:
    graph = Graph(trace(sigmoid), [1.0], [2.0])
    assert symbols(graph.nodes) == ["input", "×", "exp", "+", "/"]
    assert [[node.leaf for node in graph.constants(node)] for node in graph.nodes] == [
        [],
        [-1],
        [],
        [1],
        [],
    ]
    chain = [*graph.nodes, None]
    assert [(e.source, e.target) for e in graph.edges] == list(pairwise(chain))

    e = math.exp(-1)
    y = 1 / (1 + e)
    numbers = graph.numbers
    assert numbers is not None
    assert [numbers.value(edge.source) for edge in graph.edges] == [1.0, -1.0, e, 1 + e, y]
    assert [numbers.derivative(edge) for edge in graph.edges] == [-1.0, e, 1.0, -(y**2), 1.0]
    contributions = [numbers.contribution(edge) for edge in graph.edges]
    assert contributions == pytest.approx(
        [2 * e * y * y, -2 * e * y * y, -2 * y * y, -2 * y * y, 2.0]
    )
    assert numbers.gradient(graph.nodes[0]) == contributions[0]


@pytest.mark.parametrize(
    ("x", "value", "gradient"), [(2.0, 2.0, 3.0), (-2.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
)
def test_relu_passes_the_gradient_or_stops_it(x, value, gradient) -> None:
    graph = Graph(trace(relu), [x], [3.0])
    numbers = graph.numbers
    assert numbers is not None
    assert symbols(graph.nodes) == ["input", "where"]
    inner, out = graph.edges
    assert (numbers.value(inner.source), numbers.value(out.source)) == (x, value)
    assert (numbers.contribution(inner), numbers.contribution(out)) == (gradient, 3.0)
    assert numbers.derivative(inner) == gradient / 3


def test_a_branch_that_is_not_taken_is_neither_drawn_nor_followed() -> None:
    def elu(x: Node) -> Node:
        return where(x > 0, x, exp(x) - 1)

    assert symbols(Graph(trace(elu), [1000.0]).nodes) == ["input", "where"]
    assert symbols(Graph(trace(elu), [-1.0]).nodes) == ["input", "exp", "-", "where"]
    assert symbols(Graph(trace(elu)).nodes) == ["input", "exp", "-", "where"]
    # exp(1000) is inf, and 0·inf would be nan.
    assert at(elu, 1000.0) == (1000.0, [1.0])


def test_a_value_used_twice_sums_what_comes_back() -> None:
    graph = Graph(trace(lambda x: x * exp(x)), [2.0])
    numbers = graph.numbers
    assert numbers is not None
    x = graph.nodes[0]
    leaving = [numbers.contribution(edge) for edge in graph.edges if edge.source is x]
    assert leaving == [2 * math.exp(2), math.exp(2)]
    assert numbers.gradient(x) == sum(leaving)


def test_an_input_that_is_not_used_has_no_gradient() -> None:
    assert at(lambda x, z: exp(x), 0.0, 7.0) == (1.0, [1.0, 0.0])
    graph = Graph(trace(lambda x: 5.0), [7.0])
    assert symbols(graph.nodes) == ["input"]
    assert at(lambda x: 5.0, 7.0) == (5.0, [0.0])


def test_every_input_has_its_gradient() -> None:
    def prelu(x: Node, weight: Node) -> Node:
        return where(x > 0, x, weight * x)

    assert at(prelu, -2.0, 0.25) == (-0.5, [0.25, -2.0])
    assert at(prelu, 2.0, 0.25) == (2.0, [1.0, 0.0])


def test_several_outputs_each_send_their_gradient_back() -> None:
    def softmax(xs: list[Node]) -> list[Node]:
        exponentials = [exp(x) for x in xs]
        total = sum(exponentials)
        return [e / total for e in exponentials]

    graph = Graph(trace(softmax, 3), [1.0, 2.0, 0.5], [1.0, 0.0, -1.0])
    numbers = graph.numbers
    assert numbers is not None
    y = [numbers.value(node) for node in graph.formula.outputs]
    dx = [numbers.gradient(node) for node in graph.formula.inputs]
    assert sum(y) == pytest.approx(1)
    mean = y[0] - y[2]
    expected = [y[0] * (1 - mean), -y[1] * mean, y[2] * (-1 - mean)]
    assert dx == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("formula", "x", "value", "gradient"),
    [
        (lambda x: x**3, 2.0, 8.0, 12.0),
        (lambda x: x**1, 2.0, 2.0, 1.0),
        (lambda x: 6 / x, 2.0, 3.0, -1.5),
        (lambda x: 3 - x, 2.0, 1.0, -1.0),
        (sqrt, 4.0, 2.0, 0.25),
        (log, 4.0, math.log(4), 0.25),
        (tanh, 0.5, math.tanh(0.5), 1 - math.tanh(0.5) ** 2),
        (erf, 0.5, math.erf(0.5), 2 / math.sqrt(math.pi) * math.exp(-0.25)),
        (abs, -2.0, 2.0, -1.0),
        (abs, 0.0, 0.0, 0.0),
        (lambda x: maximum(x, 0), -1.0, 0.0, 0.0),
        (lambda x: maximum(x, 0), 0.0, 0.0, 0.0),
        (lambda x: minimum(x, 6), 6.0, 6.0, 0.0),
        (lambda x: minimum(x, 6), 5.0, 5.0, 1.0),
        (lambda x: where(x >= 0, x, 0), 0.0, 0.0, 1.0),
    ],
)
def test_each_operation_has_its_derivative(formula, x, value, gradient) -> None:
    assert at(formula, x) == (pytest.approx(value), [pytest.approx(gradient)])


@pytest.mark.parametrize(
    ("formula", "x", "value", "gradient"),
    [
        (exp, 1000.0, math.inf, math.inf),
        (exp, -math.inf, 0.0, 0.0),
        (log, 0.0, -math.inf, math.inf),
        (log, -1.0, math.nan, -1.0),
        (sqrt, 0.0, 0.0, math.inf),
        (sqrt, -1.0, math.nan, math.nan),
        (lambda x: 1 / x, 0.0, math.inf, -math.inf),
        (lambda x: 1 / x, -0.0, -math.inf, -math.inf),
        (lambda x: -2 / x, 0.0, -math.inf, math.inf),
        (lambda x: x / x, 0.0, math.nan, math.nan),
        (lambda x: x**3, -1e200, -math.inf, math.inf),
        (tanh, -math.inf, -1.0, 0.0),
        (sigmoid, -1000.0, 0.0, math.nan),
    ],
)
def test_floats_overflow_as_in_ieee_arithmetic(formula, x, value, gradient) -> None:
    result, (slope,) = at(formula, x)
    assert result == pytest.approx(value, nan_ok=True)
    assert slope == pytest.approx(gradient, nan_ok=True)


@pytest.mark.parametrize(
    "formula", [relu, sigmoid, abs, lambda x: maximum(x, 0), lambda x: minimum(6, x)]
)
def test_nan_passes_through_every_choice(formula) -> None:
    value, (gradient,) = at(formula, math.nan)
    assert math.isnan(value)
    assert math.isnan(gradient)


@given(st.floats(), st.floats(), st.floats())
def test_no_number_raises(x: float, z: float, dout: float) -> None:
    def everything(x: Node, z: Node) -> Node:
        u = log(exp(x) - z**3) / sqrt(x * z) + 1 / (tanh(x) - erf(z))
        return where(u > abs(x), maximum(u, z), minimum(u, x))

    at(everything, x, z, dout=dout)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-1e3, 1e3))
def test_the_gradient_is_linear_in_dout(x: float, z: float, dout: float) -> None:
    def formula(x: Node, z: Node) -> Node:
        return x * tanh(z) + sigmoid(x * z)

    _, unit = at(formula, x, z)
    _, scaled = at(formula, x, z, dout=dout)
    assert scaled == pytest.approx([dout * g for g in unit], rel=1e-12, abs=1e-300)


def test_a_graph_without_numbers_still_has_its_edges() -> None:
    graph = Graph(trace(sigmoid))
    assert graph.numbers is None
    assert len(graph.edges) == 5


def test_the_expressions_of_a_long_chain_stay_short() -> None:
    def chain(x: Node) -> Node:
        for _ in range(100):
            x = relu(x)
        return x

    graph = Graph(trace(chain))
    first, *_, last = (node for node in graph.nodes if node.inputs)
    expression = str(graph.expressions.value(last))
    assert len(expression) < 3 * LONGEST
    assert re.search(r"where\(#\d+ > 0, #\d+, 0\)", expression)
    assert str(graph.expressions.value(first)) == "where(x > 0, x, 0)"
    assert len(str(graph.labels.gradient(first))) < 3 * LONGEST
    assert "∂L/∂#" in str(graph.labels.gradient(graph.formula.inputs[0]))


def test_a_formula_that_is_too_long_is_not_written_out() -> None:
    node = Node(variable, leaf="x")
    for _ in range(30):
        node = relu(node)
    with pytest.raises(ActgradError, match="more than 1000000 characters"):
        written(node)
    with pytest.raises(ActgradError, match="more than 1000000 characters"):
        Expressions(Formula([], node), {})
