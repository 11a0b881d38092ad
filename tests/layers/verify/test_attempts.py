"""Ways to compute a layer, step by step, against the steps taken one by one with mpmath."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from actgrad.layers import ShapeError, layer
from actgrad.layers.arrays import named
from actgrad.layers.exact import FloatFormat, nearest
from actgrad.layers.verify import draw_sample, tried

GELUS = {
    "x*(1 + erf(x/sqrt(2)))/2": lambda r, x: r(r(x * r(1 + r(mp.erf(r(x / r(mp.sqrt(2))))))) / 2),
    "x*erfc(-x/sqrt(2))/2": lambda r, x: r(r(x * r(mp.erfc(r(-x / r(mp.sqrt(2)))))) / 2),
    "x*sigmoid(1.702*x)": lambda r, x: r(x * r(1 / r(1 + r(mp.exp(r(-r(r(mpf(1.702)) * x))))))),
}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_three_ways_to_compute_gelu_rank_as_mpmath_ranks_them(dtype: str) -> None:
    gelu, kind = layer("gelu"), named(dtype)
    form = FloatFormat.of(kind)
    x = draw_sample(gelu, kind, 400)
    x = x[np.abs(x.astype(float)) < 5]
    attempts = tried(gelu, [layer(text) for text in GELUS], x, np.ones_like(x))

    def rounded(value: Any) -> Any:
        return mpf(nearest(mpf(value), form))

    worst = {}
    with mp.workprec(200):
        for text, steps in GELUS.items():
            errors = []
            for number in map(mpf, x.astype(float).tolist()):
                truth = number * mp.erfc(-number / mp.sqrt(2)) / 2
                size = max(mp.floor(mp.log(abs(truth), 2)) if truth else -999, form.least)
                ulp = mpf(2) ** (size - form.precision + 1)
                errors.append(float(abs(steps(rounded, number) - truth) / ulp))
            worst[text] = max(errors)
    assert [attempt.text for attempt in attempts] == sorted(worst, key=worst.__getitem__)
    for attempt in attempts:
        tally = attempt.verification.tallies["out"]
        assert tally.max == pytest.approx(worst[attempt.text], rel=1e-6)


def test_a_way_that_overflows_comes_last_whatever_its_errors() -> None:
    x = np.array([1.0, 2.0, 100.0], np.float16)
    texts = ["1.5*x*sigmoid(x)", "x*exp(x)/(1 + exp(x))"]
    attempts = tried(layer("silu"), [layer(text) for text in texts[::-1]], x, np.ones_like(x))
    assert [attempt.text for attempt in attempts] == texts
    assert attempts[0].unmeasured == 0 < attempts[1].unmeasured


def test_steps_in_a_wider_dtype_are_nearly_right() -> None:
    x = np.linspace(-3, 3, 200).astype(named("bfloat16"))
    way = [layer("x*erfc(-x/sqrt(2))/2")]
    (narrow,) = tried(layer("gelu"), way, x, np.ones_like(x))
    (wide,) = tried(layer("gelu"), way, x, np.ones_like(x), accumulate=named("float32"))
    assert wide.verification.tallies["out"].max < 0.51 < narrow.verification.tallies["out"].max
    assert wide.verification.tallies["dx"].max < 0.51


def test_the_gradient_is_that_of_the_steps() -> None:
    x = np.float32([0.5, 2.0])
    (attempt,) = tried(layer("silu"), [layer("x/(1 + exp(-x))")], x, np.float32([2, 1]))
    assert attempt.verification.tallies["dx"].max < 4


def test_a_layer_along_an_axis_is_refused() -> None:
    with pytest.raises(ShapeError, match="softmax works along an axis"):
        tried(layer("softmax"), [layer("x*x")], np.ones(3), np.ones(3))
