"""Every word reads on every kind of number, and each reading agrees with mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import libmp, mp, mpf

from actgrad.layers.arithmetic.balls import Ball, Choice
from actgrad.layers.exact import exact
from actgrad.layers.formula import (
    BALLS,
    FLOATS,
    NODES,
    SYMBOLS,
    Reading,
    Sweep,
    arrays,
    intervals,
    limits,
)
from actgrad.layers.formula import words as f
from actgrad.layers.formula.graph import trace
from actgrad.layers.formula.symbol import Symbol, name, number

#: The word's function in mpmath, for each word of one number.
OF_ONE: dict[f.Operation, Callable[[Any], Any]] = {
    f.reciprocal: lambda u: 1 / u,
    f.exp: mp.exp,
    f.expm1: mp.expm1,
    f.log: mp.log,
    f.log1p: mp.log1p,
    f.sqrt: mp.sqrt,
    f.sin: mp.sin,
    f.cos: mp.cos,
    f.tan: mp.tan,
    f.asin: mp.asin,
    f.acos: mp.acos,
    f.atan: mp.atan,
    f.sinh: mp.sinh,
    f.cosh: mp.cosh,
    f.tanh: mp.tanh,
    f.erf: mp.erf,
    f.erfc: mp.erfc,
    f.absolute: abs,
    f.sign: mp.sign,
}
OF_TWO: dict[f.Operation, Callable[[Any, Any], Any]] = {
    f.add: lambda u, v: u + v,
    f.subtract: lambda u, v: u - v,
    f.multiply: lambda u, v: u * v,
    f.divide: lambda u, v: u / v,
    f.maximum: max,
    f.minimum: min,
    f.above: lambda u, v: u > v,
    f.not_above: lambda u, v: u <= v,
}
#: Words with a form of their own.
OTHERS = {f.literal, f.power, f.real_power, f.where}
#: From where a word is defined.
LEAST = {f.log: 0.0, f.sqrt: 0.0, f.log1p: -1.0, f.asin: -1.0, f.acos: -1.0}
#: Up to where a word is defined.
MOST = {f.asin: 1.0, f.acos: 1.0}
SMOOTH = [word for word in OF_ONE if word not in (f.absolute, f.sign)]
one_word = pytest.mark.parametrize("word", OF_ONE, ids=repr)
two_words = pytest.mark.parametrize("word", OF_TWO, ids=repr)


def is_defined(word: f.Operation, x: float, high: float | None = None) -> bool:
    """Whether the word has values from x to `high`, where that is given."""
    top = x if high is None else high
    return x > LEAST.get(word, -math.inf) and top < MOST.get(word, math.inf)


def test_the_arcsine_reaches_a_quarter_turn_at_the_ends_of_its_domain() -> None:
    with mp.workprec(200):
        for end in (1.0, -1.0):
            value, slope = exact(f.asin, end, bits=150)
            assert abs(value - end * mp.pi / 2) < mp.mpf(2) ** -150
            assert mp.isnan(slope)


def sample_inputs(word: f.Operation) -> list[Any]:
    """Numbers that a word takes."""
    if word is f.literal:
        return [2]
    if word is f.where:
        return [True, 2.0, 3.0]
    return [2.0, 3] if word is f.power else [0.5] if word in OF_ONE else [0.5, 0.25]


def raw(value: Any) -> Any:
    return mpf(value)._mpf_


def test_no_word_is_missing_here() -> None:
    assert {*f.WORDS} == {*OF_ONE} | {*OF_TWO} | OTHERS


@pytest.mark.parametrize("word", f.WORDS, ids=repr)
def test_every_word_reads_on_every_kind_of_number(word: f.Operation) -> None:
    inputs = sample_inputs(word)
    assert isinstance(FLOATS[word](*inputs), float | bool)
    assert np.shape(arrays(np.dtype(np.float32))[word](*map(np.asarray, inputs))) == ()
    symbols = inputs if word is f.literal else [on_symbols(value) for value in inputs]
    assert isinstance(SYMBOLS[word](*symbols), Symbol)
    nodes = inputs if word is f.literal else [on_nodes(value) for value in inputs]
    assert isinstance(NODES[word](*nodes), f.Node)
    balls = inputs if word is f.literal else [on_balls(value) for value in inputs]
    assert isinstance(BALLS[word](*balls), Ball | Choice)
    ends = inputs if word is f.literal else [on_intervals(value) for value in inputs]
    assert isinstance(intervals(100, raw(0))[word](*ends), tuple | bool)
    assert isinstance(limits(100)[word](*ends), tuple | bool)


def on_symbols(value: Any) -> Any:
    return value if isinstance(value, bool) else number(value) if value == 3 else name(str(value))


def on_nodes(value: Any) -> f.Node:
    return f.constant(1) > 0 if value is True else f.constant(value)


def on_balls(value: Any) -> Any:
    if value is True:
        return Choice(np.True_, np.True_)
    return BALLS[f.literal](3) if value == 3 else Ball(np.array([float(value)]))


def on_intervals(value: Any) -> Any:
    return value if isinstance(value, bool) else (raw(value), raw(value))


def test_a_word_without_a_reading_is_named() -> None:
    nameless = f.Operation("nameless", lambda y, u: (1,))
    with pytest.raises(NotImplementedError, match="<word nameless> has no reading on intervals"):
        intervals(100, raw(0))[nameless]
    with pytest.raises(NotImplementedError, match="<word nameless> has no reading on floats"):
        FLOATS[nameless]


def test_a_word_without_a_ball_claims_nothing() -> None:
    nameless = f.Operation("nameless", lambda y, u: (1,))
    ball = BALLS[nameless](Ball(np.array([0.5, 2.0])))
    assert np.isnan(ball.radius).all()
    assert np.isnan(BALLS[f.multiply](ball, Ball(0.0)).radius).all()


@pytest.mark.no_cover
@one_word
@given(x=st.floats(-700, 700))
def test_floats_are_near_the_truth(word: f.Operation, x: float) -> None:
    if not is_defined(word, x) or x == 0:
        return
    with mp.workprec(300):
        truth = OF_ONE[word](mpf(x))
    assert FLOATS[word](x) == pytest.approx(float(truth), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize(
    ("word", "x", "value"),
    [
        (f.exp, 1e3, math.inf),
        (f.expm1, 1e3, math.inf),
        (f.sinh, -1e3, -math.inf),
        (f.cosh, -1e3, math.inf),
        (f.log, 0.0, -math.inf),
        (f.log1p, -1.0, -math.inf),
        (f.log, -1.0, math.nan),
        (f.log1p, -2.0, math.nan),
        (f.sqrt, -1.0, math.nan),
        (f.sin, math.inf, math.nan),
        (f.cos, -math.inf, math.nan),
        (f.reciprocal, -0.0, -math.inf),
    ],
    ids=repr,
)
def test_floats_do_not_raise(word: f.Operation, x: float, value: float) -> None:
    assert FLOATS[word](x) == pytest.approx(value, nan_ok=True)


@pytest.mark.no_cover
@one_word
@given(
    x=st.one_of(st.floats(-40, 40), st.floats(allow_nan=False, allow_infinity=False)),
    width=st.sampled_from([0.0, 1e-9, 0.1, 2.0, 40.0]),
    share=st.floats(0, 1),
    precision=st.integers(30, 300),
)
def test_intervals_contain_the_truth(
    word: f.Operation, x: float, width: float, share: float, precision: int
) -> None:
    high = x + width
    if not is_defined(word, x, high) or math.isinf(high) or (word is f.reciprocal and x <= 0):
        return
    if word is f.tan and width:  # it may have a pole in between
        return
    ends = intervals(precision, raw(0))[word]((raw(x), raw(high)))
    if word in (f.exp, f.expm1, f.sinh, f.cosh, f.erf, f.erfc) and abs(x) > 1e5:
        return
    inside = min(max(x + share * width, x), high)
    with mp.workprec(1000):
        low, top = (mp.make_mpf(end) for end in ends)
        for place in (x, inside, high):
            assert low <= OF_ONE[word](mpf(place)) <= top


@given(low=st.floats(-50, 50), width=st.floats(0, 8))
def test_waves_know_their_extrema(low: float, width: float) -> None:
    x = np.linspace(low, low + width, 4001)
    for word, values in ((f.sin, np.sin(x)), (f.cos, np.cos(x))):
        ends = intervals(100, raw(0))[word]((raw(low), raw(low + width)))
        bottom, top = (float(mp.make_mpf(end)) for end in ends)
        assert bottom == pytest.approx(values.min(), abs=1e-5)
        assert top == pytest.approx(values.max(), abs=1e-5)
        assert bottom <= values.min() + 1e-15
        assert values.max() - 1e-15 <= top


@pytest.mark.no_cover
@one_word
@given(x=st.floats(-30, 30))
def test_balls_contain_the_truth(word: f.Operation, x: float) -> None:
    if not is_defined(word, x) or x == 0:
        return
    with np.errstate(all="ignore"):
        ball = BALLS[word](Ball(np.array([x])))
    hi, lo, radius = (float(np.ravel(part)[0]) for part in ball)
    with mp.workprec(1200):  # 1 − erf(26) is 2^−981
        truth = OF_ONE[word](mpf(x))
        assert math.isnan(radius) or abs(mpf(hi) + mpf(lo) - truth) <= radius


@pytest.mark.no_cover
@two_words
@given(x=st.floats(-1e9, 1e9), y=st.floats(-1e9, 1e9))
def test_words_of_two_numbers_agree_with_mpmath(word: f.Operation, x: float, y: float) -> None:
    if word is f.divide and abs(y) < 1e-200:
        return
    with mp.workprec(3000):
        truth = OF_TWO[word](mpf(x), mpf(y))
        low, high = as_interval(intervals(100, raw(0))[word]((raw(x), raw(x)), (raw(y), raw(y))))
        assert low <= truth <= high
    assert FLOATS[word](x, y) == pytest.approx(float(truth), rel=1e-15, abs=1e-300)


@pytest.mark.parametrize(
    ("limit", "near"), [(0.0, 1e-6), (0.0, -1e-6), (math.inf, 1e6), (-math.inf, -1e6)]
)
@one_word
def test_limits_contain_what_is_approached(word: f.Operation, limit: float, near: float) -> None:
    if not is_defined(word, near) or (word is f.tan and math.isinf(limit)):
        return
    low, high = as_interval(limits(100)[word]((raw(limit), raw(limit))))
    with mp.workprec(300):
        value = OF_ONE[word](mpf(near))
        if low == high and mp.isinf(low):
            assert value * mp.sign(low) > 10
        else:
            assert low - mpf(2e-6) <= value <= high + mpf(2e-6)


def as_interval(ends: Any) -> tuple[Any, Any]:
    return (ends, ends) if isinstance(ends, bool) else tuple(map(mp.make_mpf, ends))


@pytest.mark.no_cover
@pytest.mark.parametrize("word", SMOOTH, ids=repr)
@given(x=st.floats(0.01, 20))
def test_the_derivative_is_that_of_mpmath(word: f.Operation, x: float) -> None:
    x = x / 20.1 if word in MOST else x
    _, slope = exact(lambda u: word(u), x)
    with mp.workdps(40):
        expected = mp.diff(OF_ONE[word], mpf(x))
        assert abs(slope - expected) <= abs(expected) * mpf(10) ** -12 + mpf(10) ** -15


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@one_word
def test_arrays_have_the_dtype_of_the_reading(word: f.Operation, dtype: str) -> None:
    x = np.array([0.25, 0.5, 1.0 if word in MOST else 2.0], dtype)
    values = arrays(np.dtype(dtype))[word](x)
    assert values.dtype == dtype
    exacts = [float(OF_ONE[word](mpf(number))) for number in x.tolist()]
    np.testing.assert_allclose(values, exacts, rtol=4 * float(np.finfo(dtype).eps))


@pytest.mark.no_cover
@given(x=st.floats(1e-9, 1e9), v=st.floats(-9, 9))
def test_a_real_power_agrees_with_mpmath(x: float, v: float) -> None:
    with mp.workprec(300):
        truth = mpf(x) ** mpf(v)
        low, high = as_interval(intervals(100, raw(0))[f.real_power]((raw(x),) * 2, (raw(v),) * 2))
        assert low <= truth <= high
        ball = BALLS[f.real_power](Ball(np.array([x])), Ball(np.array([v])))
        hi, lo, radius = (float(np.ravel(part)[0]) for part in ball)
        assert abs(mpf(hi) + mpf(lo) - truth) <= radius
        slope = exact(lambda u: f.real_power(u, v), x)[1]
        assert mp.almosteq(slope, mpf(v) * mpf(x) ** (mpf(v) - 1), mpf(2) ** -75)
    assert FLOATS[f.real_power](x, v) == pytest.approx(float(truth), rel=1e-13)


@pytest.mark.parametrize(
    ("x", "v", "value", "slope"),
    [
        (4.0, 1.5, 8.0, 3.0),
        (169.0, 1.5, 2197.0, 19.5),
        (0.0, 1.5, 0.0, 0.0),
        (0.0, 0.7, 0.0, math.nan),
        (0.0, -0.5, math.nan, math.nan),
        (-1.0, 0.5, math.nan, math.nan),
        (math.inf, -0.3, 0.0, 0.0),
        (math.inf, 2.5, math.inf, math.inf),
    ],
)
def test_a_real_power_at_its_edges(x: float, v: float, value: float, slope: float) -> None:
    results = map(float, exact(lambda u: f.real_power(u, v), x))
    assert list(results) == pytest.approx([value, slope], nan_ok=True)


def test_snake_is_written_in_the_vocabulary() -> None:
    """x + sin²(αx)/α, with no word of its own."""

    def snake(x: f.Node) -> f.Node:
        return x + f.sin(2 * x) ** 2 / 2

    value, slope = exact(snake, 0.7)
    with mp.workdps(40):
        assert abs(value - (mpf(0.7) + mp.sin(mpf(0.7) * 2) ** 2 / 2)) < mpf(10) ** -20
        assert abs(slope - (1 + mp.sin(mpf(0.7) * 4))) < mpf(10) ** -20


def test_a_reading_is_filled_as_it_is_used() -> None:
    formula = trace(lambda x: f.exp(-x))
    reading = Reading("test floats", lambda word: word.number)
    Sweep(formula, reading, {formula.inputs[0]: 1.0}, [1.0])
    assert {f.exp, f.multiply} <= {*reading}
    assert libmp.fone == raw(1)
