"""Balls hold the truth: for every layer, every word of the vocabulary, and never at a pole."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from actgrad.layers import AlongAxis, Chain, catalogue, layer
from actgrad.layers.arithmetic.balls import Ball
from actgrad.layers.by_formula import ByFormula
from actgrad.layers.exact import truths
from actgrad.layers.exact.ulp import FloatFormat, truth_of
from actgrad.layers.exact.values import exact
from actgrad.layers.formula import BALLS, trace
from actgrad.layers.formula import words as f
from actgrad.layers.verify.judge.reference import enclosures
from actgrad.layers.verify.sample import draw_sample

#: Those with kernels of their own: the others' results are these balls, rounded and tested as such.
SPECS = [
    f"{cls.name}:threshold=0.5,value=-1" if cls.name == "threshold" else cls.name
    for cls in catalogue()
    if not issubclass(cls, ByFormula)
]
#: The bits of exact numbers.
BITS = 240


def holds(ball: Ball, truth: mpf, i: int = 0) -> bool:
    """Whether the truth lies in the ball, if that claims anything; exact numbers are off too."""
    hi, lo, radius = (float(np.ravel(part)[i if np.size(part) > 1 else 0]) for part in ball)
    if not radius < math.inf:
        return True
    with mp.workprec(3000):
        off = abs(mpf(hi) + mpf(lo) - truth)
        return bool(off <= radius + abs(truth) * mpf(2) ** -BITS + mpf(2) ** -1300)


def useful(ball: Ball) -> Any:
    """Where what is known is more than a float32 needs."""
    hi, lo, radius = np.broadcast_arrays(*ball)
    return (radius <= np.abs(hi + lo) * 2.0**-40) & np.isfinite(hi)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "spec", [*SPECS, "silu:beta=0.3", "elu:alpha=7", "celu:alpha=0.01", "softplus:beta=900"]
)
def test_a_layers_results_lie_in_their_balls(spec: str) -> None:
    """At points of every binade, subnormal, next to roots and kinks, and huge.

    The ball of a slope does not tell where there is no value.
    """
    tried = layer(spec)
    width, third = (6, 60) if isinstance(tried, AlongAxis) else (1, 40)
    x = draw_sample(tried, np.dtype(np.float64), 3 * third)
    x = np.concatenate([x[np.isfinite(x)], np.linspace(-9, 9, 2 * third)])
    formula = trace(tried.formula, width) if width > 1 else trace(tried.formula)
    if width == 1:
        x = x[[not mp.isnan(exact(formula, at)[0]) for at in x.tolist()]]
    lines = x[: x.size // width * width].reshape(-1, width)
    count = len(formula.outputs)
    dout = np.where(np.arange(len(lines) * count) % 3, 1.0, -0.3).reshape(-1, count)
    enclosed = enclosures(formula, list(lines.T), list(dout.T))
    for i, (line, upstream) in enumerate(zip(lines.tolist(), dout.tolist(), strict=True)):
        ways = exact(formula, line, upstream, BITS) if width > 1 else None
        value, slope = exact(formula, line[0], upstream[0], BITS) if width == 1 else (None, None)
        for balls, expected in zip(enclosed, ways or ([value], [slope]), strict=True):
            for ball, truth in zip(balls, expected, strict=True):
                assert holds(ball, truth, i), (spec, line, ball.hi, truth)
    known = [useful(ball) | (np.equal(ball.hi, 0)) for way in enclosed for ball in way]
    ordinary = (np.abs(lines) < 50).all(axis=1) & (np.abs(lines) > 2.0**-40).all(axis=1)
    assert ordinary.sum() >= 20
    for known_lines in known:
        assert np.broadcast_to(known_lines, len(lines))[ordinary].mean() > 0.85


def test_a_chains_results_lie_in_their_balls() -> None:
    chain = Chain([layer("gelu"), layer("tanh"), layer("softplus")])
    formula, x = trace(chain.formula), np.linspace(-30, 30, 301)
    (out,), (dx,) = enclosures(formula, [x], [np.ones(301)])
    for i, at in enumerate(x.tolist()):
        value, slope = exact(formula, at, 1, BITS)
        assert holds(out, value, i)
        assert holds(dx, slope, i)
    assert useful(out).mean() > 0.9


WORDS: dict[f.Operation, tuple[int, Callable[..., mpf]]] = {
    f.add: (2, lambda u, v: u + v),
    f.subtract: (2, lambda u, v: u - v),
    f.multiply: (2, lambda u, v: u * v),
    f.divide: (2, lambda u, v: u / v if v else mp.nan),
    f.reciprocal: (1, lambda u: 1 / u if u else mp.nan),
    f.exp: (1, mp.exp),
    # +u rounds: mpmath 1.4 gives log(4u) for a u just above 1/4 that has more bits than it gives.
    f.log: (1, lambda u: mp.log(+u) if u > 0 else mp.nan),
    f.sqrt: (1, lambda u: mp.sqrt(u) if u >= 0 else mp.nan),
    f.tanh: (1, mp.tanh),
    f.erf: (1, mp.erf),
    f.sin: (1, mp.sin),
    f.cos: (1, mp.cos),
    f.tan: (1, mp.tan),
    f.asin: (1, lambda u: mp.asin(u) if abs(u) <= 1 else mp.nan),
    f.acos: (1, lambda u: mp.acos(u) if abs(u) <= 1 else mp.nan),
    f.atan: (1, mp.atan),
    f.absolute: (1, abs),
    f.sign: (1, mp.sign),
    f.maximum: (2, max),
    f.minimum: (2, min),
}
#: mpmath gives these to its own precision, whatever cancels; sums of their inputs need more.
TRANSCENDENTAL = {f.exp, f.log, f.tanh, f.erf, f.sin, f.cos, f.tan, f.asin, f.acos, f.atan}
SIZES = st.one_of(
    st.floats(-1, 1),
    st.floats(-30, 30),
    st.floats(-1e4, 1e4),
    st.floats(allow_nan=False, allow_infinity=False),
)
INPUT = st.tuples(SIZES, st.floats(-1, 1), st.sampled_from([0, 0, 2.0**-90, 2.0**-50, 2.0**-9]))


@pytest.mark.no_cover
@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.symbol)
@given(first=INPUT, second=INPUT)
@example(first=(1.0, 1.0, 0.0), second=(-1.0, -0.5, 2.0**-50))
@example(first=(5e-324, 0.0, 0.0), second=(5e-324, 0.0, 0.0))
@example(first=(26.0, 0.3, 2.0**-50), second=(2.0**-500, 0.3, 0.0))
@example(first=(1.7976931080746007e308, 0.0, 0), second=(1.0, 0.0, 0))
@settings(max_examples=150)
def test_a_words_results_lie_in_their_balls(word: f.Operation, first: Any, second: Any) -> None:
    """For all that the inputs may be: the middle and both ends of their balls are tried."""
    count, truth = WORDS[word]
    balls, points = [], []
    for hi, share, wide in (first, second)[:count]:
        ball = Ball(
            np.array([hi]), np.array([share * abs(hi) * 2.0**-54]), np.array([wide * abs(hi)])
        )
        balls.append(ball)
        with mp.workprec(3000):
            middle = mpf(hi) + mpf(float(ball.lo[0]))
            points.append([middle + mpf(float(ball.radius[0])) * k for k in (-1, 0, 1)])
    with np.errstate(all="ignore"):
        enclosed = BALLS[word](*balls)
    radius = float(np.ravel(enclosed.radius)[0])
    with mp.workprec(300 if word in TRANSCENDENTAL else 3000):
        for place in zip(*points, strict=True):
            if not radius < math.inf or any(abs(at) == math.inf for at in place):
                continue
            if (word is f.exp and place[0] > 1e5) or (word is f.erf and abs(place[0]) > 1e3):
                continue
            assert holds(enclosed, truth(*place)), (enclosed, place)


@pytest.mark.parametrize(
    ("formula", "at"),
    [
        (lambda x: 1 / x, 0.0),
        (lambda x: x / (x - 1), 1.0),
        (lambda x: f.log(x), 0.0),
        (lambda x: f.log(x), -1.0),
        (lambda x: f.sqrt(x), -1.0),
        (lambda x: f.exp(x) - f.exp(x), 1e4),
        (lambda x: 1 / (f.exp(x) - f.exp(x)), 1.0),
        (lambda x: x * x, 1e300),
        (lambda x: f.where(f.exp(x) > f.exp(x) + 0, x, -x), 1.0),
        (lambda x: x, math.nan),
    ],
)
def test_nothing_is_claimed_where_nothing_is_known(formula: Any, at: float) -> None:
    (out,), _ = enclosures(trace(formula), [np.array([at])], [])
    assert not np.any(np.isfinite(truths(out, np.ones(1), FloatFormat.of(np.dtype(float))).radius))


def test_a_branch_not_taken_does_not_count() -> None:
    formula = trace(lambda x: f.where(x > 0, x, f.exp(x) - 1))
    (out,), (dx,) = enclosures(formula, [np.array([1e5, 3.0])], [np.full(2, 0.5)])
    assert out.hi.tolist() == [1e5, 3]
    assert dx.hi.tolist() == [0.5, 0.5]
    assert dx.radius.tolist() == [0, 0]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_truths_of_balls_are_those_of_exact_numbers(dtype: str) -> None:
    kind = FloatFormat.of(np.dtype(dtype))
    tops = [1.0, 2.0, 1.5, 65519.0, 65520.0, 3.4028235677973366e38, 1e-40, kind.tiny]
    cases = [(s * hi, lo * hi) for s in (1, -1) for hi in tops for lo in (0, 2.0**-60, -(2.0**-60))]
    hi, lo = (np.array(column) for column in zip(*cases, strict=True))
    enclosed = truths(Ball(hi, lo, np.full(hi.size, 0.0)), np.ones(hi.size), kind)
    for i, pair in enumerate(cases):
        with mp.workprec(300):
            value, place, offset = truth_of(mpf(pair[0]) + mpf(pair[1]), kind)
        assert enclosed.value[i] == value
        assert math.isinf(value) or (enclosed.exponent[i], enclosed.offset[i]) == (place, offset)
    apart = truths(Ball(hi, lo, np.abs(hi) * 2.0**-50), np.ones(hi.size), kind)
    assert apart.straddles[[0, 3]].all()
    assert not apart.straddles[6]
