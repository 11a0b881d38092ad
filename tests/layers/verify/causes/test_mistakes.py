"""Naive formulas, other layers and truncation: each is found, and its cause is named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dumps import SPECS, dtype_of, every_dtype, rounded, sample, verified
from mpmath import mp

from actgrad.layers import (
    Policy,
    layer,
)
from actgrad.layers.exact.ulp import FloatFormat, ordered, unordered
from actgrad.layers.exact.values import exact
from actgrad.layers.formula import arrays, trace
from actgrad.layers.formula.graph import Sweep
from actgrad.layers.layer import Elementwise
from actgrad.layers.verify.sample import draw_sample


def erf(x: Any) -> Any:
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)).astype(x.dtype)


def gelu_by_erf(x: Any) -> tuple[Any, Any]:
    half, unit = x.dtype.type(0.5), x.dtype.type(1)
    root = x.dtype.type(2**-0.5)
    area = half * (unit + erf(x * root))
    return x * area, area + x * np.exp(-x * x * half) * x.dtype.type((2 * math.pi) ** -0.5)


def sigmoid_by_y(x: Any) -> tuple[Any, Any]:
    unit = x.dtype.type(1)
    y = unit / (unit + np.exp(-x))
    return y, y * (unit - y)


def tanh_by_y(x: Any) -> tuple[Any, Any]:
    y = np.tanh(x)
    return y, x.dtype.type(1) - y * y


def silu_by_gate(x: Any) -> tuple[Any, Any]:
    unit = x.dtype.type(1)
    s = unit / (unit + np.exp(-x))
    return x * s, s * (unit + x * (unit - s))


def elu_by_exp(x: Any) -> tuple[Any, Any]:
    unit = x.dtype.type(1)
    return np.where(x > 0, x, np.exp(x) - unit), np.where(x > 0, unit, np.exp(x))


def tanhshrink_by_tanh(x: Any) -> tuple[Any, Any]:
    y = np.tanh(x)
    return x - y, y * y


def softplus_by_log(x: Any) -> tuple[Any, Any]:
    unit = x.dtype.type(1)
    return np.log(unit + np.exp(x)), unit / (unit + np.exp(-x))


def mish_by_log(x: Any) -> tuple[Any, Any]:
    unit = x.dtype.type(1)
    w = np.tanh(np.log(unit + np.exp(x)))
    return x * w, w + x * (unit - w * w) / (unit + np.exp(-x))


NAIVE: list[tuple[str, Callable[[Any], tuple[Any, Any]], str, str]] = [
    ("gelu", gelu_by_erf, "out", "1 + erf cancellation"),
    ("sigmoid", sigmoid_by_y, "dx", "1 − y cancellation"),
    ("tanh", tanh_by_y, "dx", "1 − y² cancellation"),
    ("silu", silu_by_gate, "dx", "1 − s cancellation"),
    ("elu", elu_by_exp, "out", "exp(x) − 1 cancellation"),
    ("tanhshrink", tanhshrink_by_tanh, "out", "x − tanh(x) cancellation"),
    ("softplus", softplus_by_log, "out", "log(1 + exp(x))"),
    ("mish", mish_by_log, "out", "log(1 + exp(x))"),
]


@pytest.mark.measured(8)
@every_dtype
@pytest.mark.parametrize(("spec", "kernel", "name", "cause"), NAIVE, ids=[n[0] for n in NAIVE])
def test_a_naive_formula_is_found_and_named(
    spec: str, kernel: Callable[[Any], tuple[Any, Any]], name: str, cause: str, dtype: str
) -> None:
    x = sample(spec, dtype_of(dtype), 20_000 if "16" in dtype else 1200)
    with np.errstate(all="ignore"):
        out, dx = kernel(x)
    verification = verified(spec, x, out, dx)
    assert verification.tallies[name].failed > 10
    likely = verification.likely_causes[name].cause
    assert cause in likely, likely


@pytest.mark.parametrize(
    ("kernel", "spec", "cause"),
    [
        (
            "swiglu:gate=first",
            "swiglu",
            "the other half of x is gated: gate=first instead of second",
        ),
        ("glu", "glu:gate=first", "the other half of x is gated: gate=second instead of first"),
        ("swiglu_oai:gate=first", "swiglu_oai", "the other half of x is gated: gate=first instead"),
        ("geglu_tanh", "geglu", "another layer: geglu_tanh"),
        ("softmin", "softmax", "another layer: softmin"),
    ],
)
def test_a_gate_on_the_other_half_is_named(kernel: str, spec: str, cause: str) -> None:
    x = np.random.default_rng(7).normal(size=(20, 8)).astype(np.float32) * 3
    run = layer(kernel)
    out = run.forward(x)
    dout = np.ones_like(out)
    verification = verified(spec, x, out, run.backward(dout), dout)
    for name in ("out", "dx") if kernel != "softmin" else ("out",):
        assert verification.likely_causes[name].cause.startswith(cause)


def as_it_stands(spec: str, x: Any) -> tuple[Any, Any]:
    """The formula and its derivative, every step rounded to the dtype."""
    formula, ones = trace(layer(spec).formula), np.ones_like(x)
    sweep = Sweep(formula, arrays(x.dtype), {formula.inputs[0]: x}, [ones])
    out, dx = sweep.value(formula.outputs[0]), sweep.gradient(formula.inputs[0])
    return np.asarray(out, x.dtype), np.broadcast_to(np.asarray(dx, x.dtype), x.shape)


#: Layers whose formula is right as it stands: piecewise linear, a step, and exp(x).
RIGHT = [
    "exponential",
    "hardshrink",
    "hardtanh",
    "identity",
    "leaky_relu",
    "prelu",
    "relu",
    "rrelu",
    "softshrink",
    "step",
    "threshold",
    "thresholded_relu",
]


#: Layers whose formula is right as it stands in some dtypes.
NEARLY = ["hardsigmoid", "relu6", "relu_squared", "sparse_sigmoid", "thresholded_leaky_relu"]


@pytest.mark.no_cover
@every_dtype
@pytest.mark.parametrize("spec", [spec for spec in SPECS if isinstance(layer(spec), Elementwise)])
def test_every_formula_as_it_stands_fails_unless_it_is_exact(spec: str, dtype: str) -> None:
    x = sample(spec, dtype_of(dtype), 3000 if dtype == "float32" else 1200)
    with np.errstate(all="ignore"):
        verification = verified(spec, x, *as_it_stands(spec, x))
    wrong = {name: tally.failed for name, tally in verification.tallies.items() if tally.failed}
    name = spec.partition(":")[0]
    assert bool(wrong) is (name not in RIGHT) or name in NEARLY
    for name in (name for name, failed in wrong.items() if failed > 10):
        likely = verification.likely_causes.get(name)
        # The errors of laplace's slope are small, and say little.
        assert likely or (spec, dtype) == ("laplace", "float32")
        assert likely is None or likely.cause.endswith(f", computed in {dtype}"), likely


@pytest.mark.measured(1)
@every_dtype
def test_truncation_is_named_even_within_the_limit(dtype: str) -> None:
    float_format = FloatFormat.of(dtype_of(dtype))
    x = draw_sample(layer("sigmoid"), float_format.dtype, 1500)
    x = x[np.isfinite(x)]
    with mp.workprec(200):
        values = [
            exact(layer("sigmoid").formula, number, 1, 120)[0]
            for number in x.astype(float).tolist()
        ]
        near = rounded(values, np.ones(x.size), float_format.dtype)
        above = [float(n) > truth for n, truth in zip(near, values, strict=True)]
    out = unordered(ordered(near, float_format) - np.array(above), float_format)
    verification = verified("sigmoid", x, out)
    assert verification.ok
    assert verification.tallies["out"].max <= 1
    assert "truncated" in verification.likely_causes["out"].cause
    assert not verified("sigmoid", x, out, policy=Policy(max_ulp=0.5)).ok


def test_other_mistakes_are_recognised() -> None:
    x = draw_sample(layer("gelu"), np.dtype(np.float32), 3000)
    x = x[np.isfinite(x)]

    def cause(spec: str, kernel: str, name: str = "out", **options: Any) -> str:
        tried = layer(kernel)
        results = {"out": tried.forward(x)}
        results["dx"] = tried.backward(np.ones_like(x))
        verification = verified(spec, x, **{name: results[name]}, **options)
        return verification.likely_causes[name].cause

    assert cause("gelu", "gelu_tanh") == "the tanh approximation instead of the exact GELU"
    assert cause("leaky_relu", "leaky_relu:negative_slope=0.2", "dx") == (
        "wrong parameter: negative_slope = 0.2 instead of 0.01"
    )
    assert "another layer: relu6" in cause("relu", "relu6")
    dout = np.linspace(1, 2, x.size, dtype=np.float32)
    assert cause("gelu", "gelu", "dx", dout=dout) == "dout is left out"
    with np.errstate(over="ignore"):
        low = layer("sigmoid").forward(x.astype(np.float16)).astype(np.float32)
    assert "table of float16" in verified("sigmoid", x, low).likely_causes["out"].cause
    slope = cause_of_slope(x)
    assert slope == "the wrong array: it holds dx"


def cause_of_slope(x: Any) -> str:
    tried = layer("gelu")
    tried.forward(x)
    return verified("gelu", x, tried.backward(np.ones_like(x))).likely_causes["out"].cause
