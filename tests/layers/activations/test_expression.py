"""Typed expressions as layers: correctly rounded, also where they cancel, overflow or end."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from grammar import TooFarError, as_typed, expressions, reference, rounded
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from actgrad.layers import AlongAxis, catalogue, chain_of, layer
from actgrad.layers.arrays import FLOATING, named
from actgrad.layers.by_formula import ByFormula
from actgrad.layers.errors import ExpressionError, UnknownLayerError
from actgrad.layers.exact import FloatFormat
from actgrad.layers.explain import Derivative, derivative_text, formula_text
from actgrad.layers.formula import Graph
from actgrad.layers.verify import Policy, draw_sample, verify


@pytest.mark.no_cover
@given(expressions(), st.sampled_from(FLOATING), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_value_gradient_and_second_derivative_are_correctly_rounded(
    text: str, dtype: str, seed: int
) -> None:
    form = FloatFormat.of(named(dtype))
    rng = np.random.default_rng(seed)
    sample = np.concatenate([rng.normal(size=3) * 3, rng.choice([0.0, 1.0, -1.0, 30.0, -200.0], 2)])
    x = sample.astype(form.dtype)
    function = layer(text)
    derivative, ones = Derivative(function), np.ones_like(x)
    derivative.forward(x)
    results_at = function.forward(x), function.backward(ones), derivative.backward(ones)
    for number, *results in zip(*(each.astype(float) for each in (x, *results_at)), strict=True):
        try:
            expected = reference(text, number)
        except TooFarError:
            continue
        for name, result, truth in zip(("out", "dx", "d2x"), results, expected, strict=True):
            if name == "d2x" and number in derivative.kinks:
                continue
            nearest = rounded(truth, form.precision, form.least, form.most)
            if abs(nearest) > form.largest:
                nearest = math.copysign(form.beyond, nearest)
            assert_array_equal(result, nearest, f"{name} of {text} at {number} in {dtype}")


@pytest.mark.no_cover
@given(expressions())
@settings(max_examples=100)
def test_what_explain_prints_reads_back_to_the_same_function(text: str) -> None:
    function = layer(text)
    printed = formula_text(function)
    assume(re.search(r"\bx\b", printed))
    again = layer(printed)
    assert formula_text(again) == printed
    x = np.array([-2.0, -0.3, 0.7, 1.9])
    before, after = function.forward(x), again.forward(x)
    # x/x is printed as 1, and log(x) - log(x) as 0: then the domain is larger.
    same = np.isnan(before) | np.isclose(before, after, rtol=1e-15, atol=1e-300)
    assert same.all(), (text, printed, before, after)


#: The element-wise layers of the catalogue that have a kernel of their own.
KERNELS = [cls for cls in catalogue() if not issubclass(cls, (AlongAxis, ByFormula))]

#: x at which float64 has no room for the digits that tell a result from a tie: subnormal numbers,
#: some near 0, and some at which roots and tanh are all but 1.
LOSING_TAILS = np.array(
    [
        *(
            3 * 2.0**-149,
            9.2e-41,
            -(2.0**-126),
            5 * 2.0**-25,
            -7 * 2.0**-25,
            3 * 2.0**-23,
            2.0**-12,
        ),
        *(5 * 2.0**-15, 258, 24577, 0.5 - 2.0**23, 2.0**24 + 2, 3.2e15, 3.3e15, -1.5e19),
    ]
)


@pytest.mark.no_cover
@pytest.mark.parametrize("cls", KERNELS, ids=lambda cls: cls.name)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_formula_of_the_catalogue_gives_what_the_layer_gives(cls: Any, dtype: str) -> None:
    if any(spec.default is None for spec in cls.parameters.values()):
        pytest.skip("it has no default parameters")
    own = cls()
    typed = layer(as_typed(own))
    # At nan a mask passes dout, and a formula has no slope.
    x = draw_sample(own, named(dtype), 200 if dtype == "float32" else 100)[:-1]
    with np.errstate(all="ignore"):
        x = np.concatenate([x, LOSING_TAILS.astype(x.dtype)])
    x = x[~own.by_convention(x, x)]
    assert not np.isnan(x).any()
    dout = np.ones_like(x)
    out, dx = typed.forward(x), typed.backward(dout)
    for typed_result, result in ((out, own.forward(x)), (dx, own.backward(dout))):
        assert_array_equal(typed_result.astype(float), result.astype(float))
        is_0 = result == 0
        assert_array_equal(np.signbit(typed_result[is_0]), np.signbit(result[is_0]))
    verified = verify(own, x, out=out, dx=dx, policy=Policy(max_ulp=0.5))
    for tally in verified.tallies.values():
        assert not tally.failed


@pytest.mark.parametrize(
    ("text", "x", "out", "dx"),
    [
        ("elu(x)", -0.0, -0.0, 1.0),
        ("x - tanh(x)", -0.0, -0.0, 0.0),
        ("x - sin(x)", -0.0, -0.0, 0.0),
        ("sigmoid(x) - 0.5", -0.0, -0.0, 0.25),
        ("x - log1p(x)", -0.0, 0.0, -0.0),
        ("1 - exp(x)", 0.0, -0.0, -1.0),
        ("1 - cos(x)", -0.0, 0.0, -0.0),
        ("max(x, 0)", -0.0, 0.0, 0.0),
        ("x if x > 0 else 1 - exp(x)", 0.0, 0.0, -1.0),
        ("x - x", -0.0, 0.0, 0.0),
        ("gelu_tanh(x)", -math.inf, -0.0, -0.0),
        ("capped_relu(x)", -2.0, 0.0, 0.0),
    ],
)
def test_a_zero_has_the_sign_of_the_limit(text: str, x: float, out: float, dx: float) -> None:
    function = layer(text)
    results = [function.forward(x).item(), function.backward(1.0).item()]
    assert list(map(repr, results)) == [repr(out), repr(dx)]


@pytest.mark.parametrize("dtype", FLOATING)
def test_ties_go_to_even(dtype: str) -> None:
    form = FloatFormat.of(named(dtype))
    x = np.array([1 + 2.0 ** (1 - form.precision) * k for k in range(1, 40, 2)]).astype(form.dtype)
    exact = [rounded_product(number, form) for number in x.astype(float).tolist()]
    for text in ("1.5*x", "x + 0.5*x", "sqrt(x)**2*1.5", "exp(log(x))*1.5"):
        assert_array_equal(layer(text).forward(x).astype(float), exact, text)


def rounded_product(number: float, form: FloatFormat) -> float:
    from mpmath import mp, mpf

    with mp.workprec(200):
        return rounded(mpf(number) * mpf(1.5), form.precision, form.least, form.most)


def test_nothing_overflows_on_the_way() -> None:
    x = np.array([-1e5, -800.0, 800.0, 1e5, 1e300])
    assert_array_equal(layer("exp(x)/(1 + exp(x))").forward(x), [0, 0, 1, 1, 1])
    # Where the slope overflows, or is lost, dx need not.
    function = layer("exp(x)")
    function.forward(np.array([800.0, -800.0]))
    dx = function.backward(np.array([1e-300, 1e300]))
    assert dx.tolist() == [2.7263745721125667e47, 3.667874584177687e-48]


@pytest.mark.parametrize(
    ("text", "x", "out", "dx"),
    [
        ("log(x)", -1.0, math.nan, math.nan),
        ("log(x)", 0.0, math.nan, math.nan),
        ("1/x", 0.0, math.nan, math.nan),
        ("x/x", 0.0, math.nan, math.nan),
        ("x + 1/(1 - 1)", 2.0, math.nan, math.nan),
        ("sqrt(x)", 0.0, 0.0, math.nan),
        ("(x - x)**0.5", 3.0, 0.0, math.nan),
        ("sqrt(max(x, 0))", -1.0, 0.0, 0.0),
        ("x**0.5", -4.0, math.nan, math.nan),
        ("asin(x)", 2.0, math.nan, math.nan),
        ("log1p(x)", -1.5, math.nan, math.nan),
        ("sin(x)", math.inf, math.nan, math.nan),
        ("x*sin(1/x)", math.inf, 1.0, 0.0),
        ("x*exp(-x)", math.inf, 0.0, 0.0),
        ("tanh(x)", -math.inf, -1.0, 0.0),
        ("x²", -math.inf, math.inf, -math.inf),
        ("sqrt(x) if x > 0 else 0", -3.0, 0.0, 0.0),
        ("x*tanh(x)", math.nan, math.nan, math.nan),
        ("max(x, 0)", 0.0, 0.0, 0.0),
        ("max(0, x)", 0.0, 0.0, 1.0),
        ("max(-exp(x), -exp(x))", 1e5, -math.inf, -math.inf),
        ("max(-exp(x), -exp(x))", math.inf, -math.inf, -math.inf),
        ("|x|", 0.0, 0.0, 0.0),
        ("x if x >= 0 else 0", 0.0, 0.0, 1.0),
    ],
)
def test_the_edges_of_a_function(text: str, x: float, out: float, dx: float) -> None:
    function = layer(text)
    assert_array_equal(function.forward(np.array([x])), [out])
    assert_array_equal(function.backward(np.ones(1)), [dx])


def test_the_first_x_outside_the_domain_is_kept() -> None:
    function = layer("sqrt(x)")
    function.forward(np.array([[4.0, 0.0], [-2.0, -3.0]]))
    assert dict(function.undefined) == {"out": -2.0, "dx": 0.0}
    function.forward(np.array([np.nan, np.inf, 1.0]))
    assert dict(function.undefined) == {}


def test_a_zero_keeps_its_sign() -> None:
    function = layer("x/(1 + exp(-x))")
    out = function.forward(np.array([-0.0, 0.0, -800.0, -np.inf]))
    assert np.signbit(out).tolist() == [True, False, True, True]
    assert np.signbit(function.backward(np.ones(4))).tolist() == [False, False, True, True]
    # No slope of tanh is negative, also where intervals only tell that it is next to 0.
    function = layer("tanh(x)")
    function.forward(np.array([-1000.0, 1000.0]))
    assert np.signbit(function.backward(np.array([1.0, -1.0]))).tolist() == [False, True]


@pytest.mark.parametrize("name", ["hardswish", "hard_mish", "isru", "isrlu", "gelu"])
def test_a_zero_of_a_kernel_has_the_sign_of_its_formula(name: str) -> None:
    own = layer(name)
    typed = layer(as_typed(own))
    x = np.array([-0.0, 0.0, -2.0, -3.0, -4.0, -41.15625, -np.inf], np.float16)
    for results in zip(
        *([f.forward(x), f.backward(np.ones_like(x))] for f in (own, typed)), strict=True
    ):
        kernel, formula = (np.signbit(result).tolist() for result in results)
        assert kernel == formula


def test_dout_may_be_anything() -> None:
    function = layer("x*tanh(x)")
    function.forward(np.array([1.0, -1.0, 0.0, 2.0, 3.0]))
    dx = function.backward(np.array([np.inf, np.inf, np.inf, np.nan, 0.0]))
    assert_array_equal(dx, [np.inf, -np.inf, 0.0, np.nan, 0.0])


def test_parameters_stand_after_a_colon() -> None:
    function = layer("max(x, 0) + a*min(x, 0)^n: a=1/4, n=1")
    assert function.forward([-2.0, 3.0]).tolist() == [-0.5, 3.0]
    assert str(function) == "max(x, 0) + a*min(x, 0)^n: a=1/4, n=1"
    for text, problem in [
        ("a*x:a=b", "column 5: a is 'b', which is no finite number"),
        ("a*x:a=1,a=2", "column 9: a is given twice"),
        ("a*x:x=1", "column 5: x cannot be a parameter"),
        ("a*x:a=1/0", "which is no finite number"),
        ("a*x:b=1", "there is no name a"),
    ]:
        with pytest.raises(ExpressionError, match=problem):
            layer(text)


def test_a_name_is_a_layer_before_it_is_an_expression() -> None:
    assert layer("gelu").name == "gelu"
    assert layer("x").forward(2.0) == 2.0
    assert layer("LeakyReLU(x, 0.25)").forward(-2.0) == -0.5
    assert layer("hard_swish(x) + 1").forward(6.0) == 7.0
    with pytest.raises(UnknownLayerError, match="no layer is called 'gelo'"):
        layer("gelo")
    with pytest.raises(ExpressionError, match="softmax takes a line of numbers"):
        layer("softmax(x)")
    with pytest.raises(ExpressionError, match="elu has no parameter 'alfa'"):
        layer("elu(x, alfa=2)")


def test_an_expression_stands_in_a_chain() -> None:
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    chain = chain_of(["x*sigmoid(x)", "relu", "2*x:"[:3]])
    arrays = chain.trace(x, np.ones_like(x))
    assert_array_equal(arrays["out"], 2 * np.maximum(layer("silu").forward(x), 0))
    assert {"1.slope", "2.mask", "3.slope"} < arrays.keys()


def test_a_layer_that_is_called_is_a_single_node_when_grouped() -> None:
    function = layer("x*sigmoid(1.702*x) + elu(x, alpha=2)")
    formula = function.grouped()
    assert formula is not None
    assert [node.operation.name for node in formula.nodes if node.is_operation] == [
        *("multiply", "sigmoid", "multiply", "elu", "add")
    ]
    for x in (-1.5, 0.5):
        graph = Graph(formula, [x])
        assert graph.numbers is not None
        out, dx = function.forward(x), function.backward(1.0)
        assert graph.numbers.value(formula.outputs[0]) == pytest.approx(float(out), rel=1e-14)
        assert graph.numbers.gradient(formula.inputs[0]) == pytest.approx(float(dx), rel=1e-14)
    text = str(graph.expressions.value(formula.outputs[0]))
    assert text == "x·sigmoid(1.702·x) + elu(x, alpha=2)"
    assert layer(text).forward(0.5) == function.forward(0.5)


@pytest.mark.parametrize("text", ["x*(1+erf(x/sqrt(2)))/2", "x*sigmoid(x)", "1 - tanh(x)"])
def test_tails_are_settled_over_whole_stretches(text: str) -> None:
    # Without stretches, each of these x would take thousands of bits.
    x = np.concatenate([-np.geomspace(30, 1e38, 4000), np.geomspace(30, 1e38, 4000)])
    x = x.astype(np.float32)
    function = layer(text)
    out, dx = function.forward(x), function.backward(np.ones_like(x))
    left, right = x < -1000, x > 1000
    limit = {"x*sigmoid(x)": (0, x), "1 - tanh(x)": (2, 0)}.get(text, (0, x))
    for side, expected in zip((left, right), limit, strict=True):
        assert_array_equal(out[side], np.broadcast_to(expected, x.shape)[side])
    assert_array_equal(dx[left], 0)
    assert_array_equal(dx[right], 0 if text == "1 - tanh(x)" else 1)


def test_a_deep_expression_is_explained() -> None:
    text = "x"
    for _ in range(40):
        text = f"x/(1 + {text})"
    function = layer(text)
    printed = formula_text(function)
    assert layer(printed).forward(0.5) == function.forward(0.5)
    assert "y" in derivative_text(function)
