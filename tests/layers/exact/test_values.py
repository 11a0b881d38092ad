"""The exact reading against closed forms in which nothing cancels, at numbers that matter."""

import math
import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from actgrad.layers.exact.ulp import FloatFormat, truth_of
from actgrad.layers.exact.values import BITS, exact, exact_rows
from actgrad.layers.formula import intervals, trace
from actgrad.layers.formula.graph import Graph
from actgrad.layers.formula.words import (
    Node,
    atan,
    constant,
    cos,
    erf,
    exp,
    log,
    maximum,
    minimum,
    pi,
    sin,
    sqrt,
    tanh,
    where,
)


def near(result: mpf, truth: mpf, bits: int = 80) -> bool:
    """Within what `exact` promises, and the reference's own rounding at most."""
    with mp.workprec(2 * bits + 200):
        return bool(abs(result - truth) <= max(abs(truth) * mpf(2) ** (1 - bits), ABSOLUTE))


ABSOLUTE = mpf(2) ** (-1074 - 80)
TINY, LEAST, GREATEST = 2.0**-1022, 5e-324, math.ldexp(2 - 2**-52, 1023)
#: Every binade is met by the property below; these are the places where formulas have their cliffs.
MATTER = [
    *(0.0, LEAST, TINY, 1e-160, 1e-20, 2.0**-53, 1e-8, 0.25, 0.5, 1.0, 2.0, 3.0, 5.5, 6.0),
    *(17.0, 36.7, 38.0, 38.6, 40.0, 100.0, 709.7, 745.2, 1e4, 1e10, 1e18, 1e100, GREATEST),
]
EVERYWHERE = [*MATTER, *(-x for x in MATTER)]


def logistic(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))


def softplus(x: mpf) -> mpf:
    return mp.log1p(mp.exp(-abs(x))) + max(x, mpf(0))


def sech2(x: mpf) -> mpf:
    return 4 * mp.exp(-2 * abs(x)) / (1 + mp.exp(-2 * abs(x))) ** 2


def normal(x: mpf) -> tuple[mpf, mpf]:
    """Φ and φ. Below −1e5 both are nothing, and mpmath would take its time to say so."""
    if abs(x) > 1e5:
        return mpf(x > 0), mpf(0)
    return mp.erfc(-x / mp.sqrt(2)) / 2, mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def gelu(x: mpf) -> tuple[mpf, mpf]:
    area, density = normal(x)
    return x * area, area + x * density


def gelu_tanh(x: mpf) -> tuple[mpf, mpf]:
    c, k = mp.sqrt(2 / mp.pi), mpf("0.044715")
    p, slope = logistic(2 * c * (x + k * x**3)), 2 * c * (1 + 3 * k * x**2)
    return x * p, p + x * slope * p * logistic(-2 * c * (x + k * x**3))


def mish(x: mpf) -> tuple[mpf, mpf]:
    t = mp.exp(min(x, mpf(0)))
    u = mp.exp(-abs(x))
    # tanh(log(1 + exp(x))) with numerator and denominator divided by exp(2x) for x > 0.
    ratio = (1 + 2 * u) / (1 + 2 * u + 2 * u * u) if x > 0 else t * (t + 2) / (t * t + 2 * t + 2)
    return x * ratio, ratio + x * sech2(softplus(x)) * logistic(x)


def squareplus(x: mpf) -> tuple[mpf, mpf]:
    root = mp.sqrt(x * x + 4)
    y = (x + root) / 2 if x > 0 else 2 / (root - x)
    return y, y / root


def tanhshrink(x: mpf) -> tuple[mpf, mpf]:
    with mp.workprec(4000):
        return x - mp.tanh(x), mp.tanh(x) ** 2


def elu(x: mpf) -> tuple[mpf, mpf]:
    return (x, mpf(1)) if x > 0 else (mp.expm1(x), mp.exp(x))


SCALE, ALPHA = "1.0507009873554804934193349852946", "1.6732632423543772848170429916717"


def selu(x: mpf) -> tuple[mpf, mpf]:
    y, slope = elu(x)
    factor = mpf(SCALE) * (1 if x > 0 else mpf(ALPHA))
    return factor * y, factor * slope


def silu(x: mpf, beta: mpf) -> tuple[mpf, mpf]:
    p = logistic(beta * x)
    return x * p, p + beta * x * p * logistic(-beta * x)


def hard_sigmoid(x: mpf) -> tuple[mpf, mpf]:
    return max(min(x / 6 + mpf(1) / 2, mpf(1)), mpf(0)), (mpf(1) / 6 if abs(x) < 3 else mpf(0))


Truth = Callable[[mpf], tuple[mpf, mpf]]
TRUTHS: dict[str, tuple[Callable[[Node], Node], Truth]] = {
    "sigmoid": (
        lambda x: 1 / (1 + exp(-x)),
        lambda x: (logistic(x), logistic(x) * logistic(-x)),
    ),
    "logsigmoid": (
        lambda x: -log(1 + exp(-x)),
        lambda x: (-softplus(-x), logistic(-x)),
    ),
    "softplus": (
        lambda x: log(1 + exp(1.5 * x)) / 1.5,
        lambda x: (softplus(3 * x / 2) * 2 / 3, logistic(3 * x / 2)),
    ),
    "silu": (lambda x: x / (1 + exp(-x)), lambda x: silu(x, mpf(1))),
    "quick_gelu": (
        lambda x: x / (1 + exp(-constant("1.702") * x)),
        lambda x: silu(x, mpf("1.702")),
    ),
    "mish": (lambda x: x * tanh(log(1 + exp(x))), mish),
    "gelu": (lambda x: x * (1 + erf(x / sqrt(2))) / 2, gelu),
    "gelu_tanh": (
        lambda x: x * (1 + tanh(sqrt(2 / pi) * (x + constant("0.044715") * x**3))) / 2,
        gelu_tanh,
    ),
    "tanh": (tanh, lambda x: (mp.tanh(x), sech2(x))),
    "tanhshrink": (lambda x: x - tanh(x), tanhshrink),
    "elu": (lambda x: where(x > 0, x, exp(x) - 1), elu),
    "selu": (
        lambda x: constant(SCALE) * where(x > 0, x, constant(ALPHA) * (exp(x) - 1)),
        selu,
    ),
    "softsign": (
        lambda x: x / (1 + abs(x)),
        lambda x: (x / (1 + abs(x)), 1 / (1 + abs(x)) ** 2),
    ),
    "squareplus": (lambda x: (x + sqrt(x * x + 4)) / 2, squareplus),
    "hardsigmoid": (
        lambda x: maximum(minimum(x * Fraction(1, 6) + 0.5, 1), 0),
        hard_sigmoid,
    ),
    "exponential": (exp, lambda x: (mp.exp(x), mp.exp(x))),
    "relu": (
        lambda x: where(x > 0, x, 0),
        lambda x: (max(x, mpf(0)), mpf(x > 0)),
    ),
    "leaky_relu": (
        lambda x: where(x > 0, x, 0.01 * x),
        lambda x: (x, mpf(1)) if x > 0 else (mpf(0.01) * x, mpf(0.01)),
    ),
}


def check(name: str, x: float) -> None:
    formula, truth = TRUTHS[name]
    value, gradient = exact(formula, x)
    with mp.workprec(500):
        y, slope = truth(mpf(x))
    assert near(value, y), f"{name}({x}) is {y}, not {value}"
    assert near(gradient, slope), f"{name}'({x}) is {slope}, not {gradient}"


@pytest.mark.no_cover
@pytest.mark.parametrize("name", TRUTHS)
def test_values_and_gradients_are_right_where_it_matters(name) -> None:
    for x in EVERYWHERE:
        check(name, x)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", TRUTHS)
@settings(max_examples=40)
@given(bits=st.integers(0, 2**64 - 1))
def test_values_and_gradients_are_right_in_every_binade(name: str, bits: int) -> None:
    (x,) = struct.unpack("<d", struct.pack("<Q", bits))
    if math.isfinite(x):
        check(name, x)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", TRUTHS)
@settings(max_examples=30)
@given(x=st.floats(-12, 12).filter(lambda x: abs(x) > 1e-3))
def test_floats_agree_as_far_as_the_formula_is_conditioned(name: str, x: float) -> None:
    formula = TRUTHS[name][0]
    graph = Graph(trace(formula), [x])
    numbers = graph.numbers
    assert numbers is not None
    # On |x| ≤ 12 no value within is above exp(18); each rounding is of the largest one's size.
    largest = max(1.0, *(abs(v) for v in numbers.values.values() if isinstance(v, float)))
    value, gradient = exact(formula, x)
    bound = 32 * 2**-53 * largest
    assert abs(numbers.value(graph.formula.outputs[0]) - value) <= bound
    assert abs(numbers.gradient(graph.formula.inputs[0]) - gradient) <= bound


def test_more_bits_give_more_digits() -> None:
    third, _ = exact(lambda x: x / 3, 1.0, bits=400)
    with mp.workprec(500):
        assert abs(third - mpf(1) / 3) < mpf(2) ** -400
        value, gradient = exact(TRUTHS["gelu"][0], -38.0, bits=300)
        y, slope = gelu(mpf(-38))
        assert near(value, y, 299)
        assert near(gradient, slope, 299)


def test_constants_are_what_they_say() -> None:
    tenth, _ = exact(lambda x: 0.1 * x, 1.0)
    assert tenth == mpf(0.1)
    with mp.workprec(300):
        for number, truth in [
            (constant("0.1"), mpf(1) / 10),
            (constant(Fraction(1, 6)), mpf(1) / 6),
            (sqrt(2 / pi), mp.sqrt(2 / mp.pi)),
            (constant("-1.702"), -mpf(1702) / 1000),
        ]:
            value, _ = exact(lambda x, number=number: number * x, 1.0, bits=200)
            assert near(value, truth, 200)


def test_an_exact_result_is_exact() -> None:
    assert exact(lambda x: x * x - x, 3.0, dout=0.5) == (mpf(6), mpf(2.5))
    assert exact(sqrt, 4.0) == (mpf(2), mpf(0.25))
    assert exact(TRUTHS["tanhshrink"][0], 0.0) == (mpf(0), mpf(0))
    assert exact(TRUTHS["gelu"][0], 0.0) == (mpf(0), mpf(0.5))
    assert exact(lambda x: x - x * constant("0.1") / constant("0.1"), 1.0)[0] == 0


def test_results_that_no_dtype_can_hold_are_still_numbers() -> None:
    value, gradient = exact(TRUTHS["sigmoid"][0], -GREATEST)
    assert 0 < value < mpf(2) ** (-(10**300))
    assert 0 < gradient <= value
    value, _ = exact(exp, 1e18)
    assert value > mpf(2) ** (10**18)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("sigmoid", (0, 0), (1, 0)),
        ("relu", (0, 0), (mp.inf, 1)),
        ("gelu", (0, 0), (mp.inf, 1)),
        ("gelu_tanh", (0, 0), (mp.inf, 1)),
        ("silu", (0, 0), (mp.inf, 1)),
        ("mish", (0, 0), (mp.inf, 1)),
        ("softplus", (0, 0), (mp.inf, 1)),
        ("logsigmoid", (-mp.inf, 1), (0, 0)),
        ("tanh", (-1, 0), (1, 0)),
        ("tanhshrink", (-mp.inf, 1), (mp.inf, 1)),
        ("softsign", (-1, 0), (1, 0)),
        ("squareplus", (0, 0), (mp.inf, 1)),
        ("elu", (-1, 0), (mp.inf, 1)),
        ("exponential", (0, 0), (mp.inf, mp.inf)),
        ("hardsigmoid", (0, 0), (1, 0)),
        ("leaky_relu", (-mp.inf, 0.01), (mp.inf, 1)),
    ],
)
def test_infinity_gives_the_limit(name, low, high) -> None:
    assert exact(TRUTHS[name][0], -math.inf) == low
    assert exact(TRUTHS[name][0], math.inf) == high


def test_nan_gives_nan() -> None:
    for x, dout in [(math.nan, 1), (1.0, math.nan)]:
        assert all(map(mp.isnan, exact(TRUTHS["relu"][0], x, dout)))


def test_a_pole_gives_nan_and_so_does_what_is_not_defined() -> None:
    assert all(map(mp.isnan, exact(lambda x: 1 / x, 0.0)))
    assert all(map(mp.isnan, exact(lambda x: sqrt(x * x - 1), 0.5)))
    assert mp.isnan(exact(log, -1.0)[0])
    value, gradient = exact(sqrt, 0.0)
    assert value == 0
    assert mp.isnan(gradient)


@pytest.mark.parametrize(
    ("formula", "slope"),
    [
        (lambda x: where(x > 0, x, 0), 0),
        (lambda x: where(x >= 0, x, 0), 1),
        (abs, 0),
        (lambda x: maximum(x, 0), 0),
        (lambda x: maximum(x / 3, constant("0.1") * x), Fraction(1, 10)),
    ],
)
def test_at_a_kink_the_formulas_own_choice_holds(formula, slope) -> None:
    with mp.workprec(100):
        truth = mpf(slope.numerator) / slope.denominator
    assert near(exact(formula, 0.0)[1], truth)


def softmax(xs: list[Node]) -> list[Node]:
    exponentials = [exp(x) for x in xs]
    total = sum(exponentials)
    return [e / total for e in exponentials]


def test_a_formula_along_an_axis_has_lists_of_values_and_gradients() -> None:
    x, dout = [1.0, 800.0, 799.5, -1e308], [0.5, 1.0, -2.0, 3.0]
    values, gradients = exact(softmax, x, dout)
    with mp.workprec(2000):
        weights = [mp.exp(mpf(number) - 800) for number in x]
        y = [w / sum(weights) for w in weights]
        mean = sum(a * b for a, b in zip(y, dout, strict=True))
        dx = [a * (b - mean) for a, b in zip(y, dout, strict=True)]
    assert all(map(near, values, y))
    assert all(map(near, gradients, dx))


def test_a_gradient_that_is_0_for_no_visible_reason_is_found_to_be_0() -> None:
    _, gradients = exact(softmax, [1.0, 2.0, 0.1], dout=1)
    assert gradients == [0, 0, 0]


def test_a_tie_between_numbers_that_are_not_representable_is_a_tie() -> None:
    value, gradient = exact(lambda x: maximum(x / 3, x * 2 / 6), 1.0)
    with mp.workprec(100):
        assert near(value, mpf(1) / 3)
        assert near(gradient, mpf(1) / 3)


def test_numbers_beyond_every_dtype_may_be_equal() -> None:
    value, gradient = exact(lambda x: maximum(-2 * exp(x), -exp(x) - exp(x)), 1e5)
    with mp.workprec(100):
        assert near(value, -2 * mp.exp(100_000))
        assert near(gradient, value)


def test_numbers_beyond_an_exponent_may_be_infinite() -> None:
    value, gradient = exact(exp, 1000.0, -(2.0**-900), most=1024)
    assert value == mp.inf
    with mp.workprec(100):
        assert near(gradient, -mp.exp(1000) * mpf(2) ** -900)


@pytest.mark.parametrize("x", [50.0, 1e5, 1.96e300])
def test_a_logarithm_of_almost_1_keeps_what_is_added_to_1(x: float) -> None:
    def formula(u: Node) -> Node:
        return exp(u) * log(1 + exp(-u))

    value, slope = exact(formula, x)
    assert value == pytest.approx(1, abs=1e-20)
    assert 0 <= slope < 1e-20


def test_an_undecided_choice_is_settled_with_more_digits() -> None:
    def formula(x: Node) -> Node:
        return where(erf(x) < 1, x * x, 0)

    assert exact(formula, 20.0) == (mpf(400), mpf(40))


def test_a_traced_formula_takes_its_inputs_in_order() -> None:
    prelu = trace(lambda x, weight: where(x > 0, x, weight * x), "x", "weight")
    assert exact(prelu, [-2.0, 0.25]) == (mpf(-0.5), [mpf(0.25), mpf(-2)])


def test_an_mpf_is_taken_as_it_is() -> None:
    with mp.workprec(200):
        x = mpf(1) + mpf(2) ** -150
        assert exact(lambda x: x - 1, x)[0] == mpf(2) ** -150


@pytest.mark.parametrize(
    "function",
    [
        lambda x: log(x / (1 - x)),
        lambda x: where(x > 0, log(x), -x),
        lambda x: sqrt(x) + 1 / (x - 2),
        lambda x: where(x > 0, x, sqrt(x - 1)),
    ],
)
def test_rows_are_what_is_exact_at_each_number_within_the_domain_and_beyond(function) -> None:
    formula, float_format = trace(function), FloatFormat.of(np.dtype(np.float64))
    pairs = [complex(x, dout) for x in (-1e300, -1.0, 0.0, 1e-9, 0.5, 1.0, 2.0) for dout in (1, -3)]
    pairs += [complex(x, 1) for x in (math.inf, -math.inf, NAN)] + [complex(-1, math.inf)]
    for pair, row in zip(pairs, exact_rows(formula, float_format, pairs), strict=True):
        results = exact(formula, pair.real, pair.imag, BITS)
        expected = [number for each in results for number in truth_of(each, float_format)]
        np.testing.assert_array_equal(row, expected)


@pytest.mark.no_cover
@pytest.mark.parametrize("operation", [exp, tanh, erf, log, sqrt])
@given(x=st.floats(allow_nan=False, allow_infinity=False), precision=st.integers(30, 400))
def test_intervals_contain_the_truth(operation, x: float, precision: int) -> None:
    u = mpf(x)._mpf_
    if x <= 0 and operation in (log, sqrt):
        return
    low, high = intervals(precision, mpf(2)._mpf_)[operation]((u, u))
    inner_low, inner_high = intervals(1000, mpf(2)._mpf_)[operation]((u, u))
    assert mp.make_mpf(low) <= mp.make_mpf(inner_low)
    assert mp.make_mpf(inner_high) <= mp.make_mpf(high)


NAN = math.nan


NO_LIMIT = (NAN, NAN)


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (sin, NO_LIMIT, NO_LIMIT),
        (lambda x: x + sin(2 * x) ** 2 / 2, (-math.inf, NAN), (math.inf, NAN)),
        (lambda x: sin(1 / x), (0, 0), (0, 0)),
        (atan, (-math.pi / 2, 0), (math.pi / 2, 0)),
        (lambda x: x * exp(-x), (-math.inf, math.inf), (0, 0)),
        (lambda x: sin(abs(x)) * exp(-abs(x)), (0, 0), (0, 0)),
        (lambda x: log(abs(x)), (math.inf, 0), (math.inf, 0)),
        (lambda x: 1 / log(abs(x)), (0, 0), (0, 0)),
        (lambda x: log(log(abs(x))), (math.inf, 0), (math.inf, 0)),
        (lambda x: tanh(log(abs(x)) / 1e5), (1, 0), (1, 0)),
        (lambda x: sqrt(abs(x)), (math.inf, 0), (math.inf, 0)),
        (lambda x: sqrt(abs(x) + 1) - sqrt(abs(x)), (0, 0), (0, 0)),
        (lambda x: 1 / -exp(-abs(x)), (-math.inf, math.inf), (-math.inf, -math.inf)),
        (lambda x: exp(exp(x)), (1, 0), (math.inf, math.inf)),
        (lambda x: where(exp(-abs(x)) > 0, 1, 0), (1, 0), (1, 0)),
    ],
)
def test_an_infinite_x_has_a_value_where_the_limit_exists(function, low, high) -> None:
    for x, limits in ((-math.inf, low), (math.inf, high)):
        assert [float(number) for number in exact(function, x)] == pytest.approx(
            limits, nan_ok=True
        )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: log(log(x)) * x / (x + 1),
        lambda x: 1 - cos(log(log(x)) / 10),
        lambda x: sin(pi * sqrt(sqrt(x))),
        lambda x: x * sin(x),
    ],
)
def test_a_limit_that_is_not_established_is_nan(function) -> None:
    """The first is ∞·0 and grows too slowly to tell; the others have no limit."""
    assert mp.isnan(exact(function, math.inf)[0])


def test_a_result_with_an_exponent_too_long_to_compute_is_infinite() -> None:
    assert exact(lambda x: exp(exp(exp(x))), 12.0)[0] == mp.inf
    assert float(exact(lambda x: exp(-exp(exp(x))), 12.0)[0]) == 0
