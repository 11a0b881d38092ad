"""out that moves against the direction of its layer."""

from __future__ import annotations

import numpy as np
import pytest
from dumps import failures, verified

from actgrad.layers import (
    Policy,
    ShapeError,
    Verification,
    layer,
)
from actgrad.layers.exact.ulp import FloatFormat, ordered, unordered


def test_a_fall_is_counted_and_fails_on_demand_alone() -> None:
    x = np.array([0.0, 1.0, 2.0])
    out = np.array([0.0, 2.0, 1.0])
    for monotonic in (False, True):
        policy = Policy(max_abs=9, monotonic=monotonic)
        verification = verified("identity", x, out, policy=policy)
        assert verification.tallies["out"].against == 1
        assert verification.ok is not monotonic


def test_a_fall_is_found_where_the_layer_rises_and_where_it_falls() -> None:
    x = np.linspace(-3, 3, 2001)
    float_format = FloatFormat.of(x.dtype)
    for spec in ("gelu", "tanh"):
        out = layer(spec).forward(x)
        policy = Policy(max_ulp=20, monotonic=True)
        assert verified(spec, x, out, policy=policy).ok
        for place in (100, 1500):
            step = 8 if spec == "tanh" or place == 1500 else -8
            near = unordered(ordered(x[place : place + 1], float_format) + 1, float_format)
            more = np.concatenate([x, near])
            results = layer(spec).forward(more)
            results[-1] = unordered(
                ordered(results[place : place + 1], float_format) - step, float_format
            )[0]
            verification = verified(spec, more, results, policy=policy)
            assert failures(verification) == {"decreasing": 1}
    with pytest.raises(ShapeError, match="only elementwise layers"):
        Verification(layer("softmax"), x.dtype, Policy(1, monotonic=True))


def test_a_layer_that_oscillates_fast_may_fall_anywhere() -> None:
    wave = "snake_beta:alpha=50"
    x = np.linspace(1e4, 1e4 + 1, 1000)
    out = layer(wave).forward(x)
    assert verified(wave, x, out, policy=Policy(monotonic=True)).ok
    near = np.linspace(0, 0.01, 50)
    out = layer(wave).forward(near)
    out[30] = out[20]
    wrong = verified(wave, near, out, policy=Policy(max_abs=9, monotonic=True))
    assert failures(wrong) == {"decreasing": 1}
