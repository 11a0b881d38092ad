"""Kernels with known faults: each fault is found, counted and named; right kernels pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from actgrad.layers import (
    AlongAxis,
    Block,
    Chain,
    Layer,
    Policy,
    PolicyError,
    ShapeError,
    Verification,
    catalogue,
    layer,
)
from actgrad.layers.arrays import FLOATING, Array, named
from actgrad.layers.casting import EIGHT_BIT
from actgrad.layers.exact.ulp import FloatFormat, nearest, ordered, unordered
from actgrad.layers.exact.values import exact
from actgrad.layers.explain import second_derivative
from actgrad.layers.formula import arrays, trace
from actgrad.layers.formula.graph import Sweep
from actgrad.layers.layer import Elementwise
from actgrad.layers.verify import verify
from actgrad.layers.verify.policy import ZERO_SIGNS
from actgrad.layers.verify.sample import draw_sample, every_number

every_dtype = pytest.mark.parametrize("dtype", [name for name in FLOATING if name not in EIGHT_BIT])
SPECS = [
    f"{cls.name}:threshold=0.5,value=-1" if cls.name == "threshold" else cls.name
    for cls in catalogue()
]


def dtype_of(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        pytest.importorskip("ml_dtypes")
    return named(name)


def verified(
    spec: str,
    x: Any,
    out: Any = None,
    dx: Any = None,
    dout: Any = None,
    policy: Policy | None = None,
) -> Verification:
    verification = Verification(layer(spec), x.dtype, policy or Policy(max_ulp=2))
    verification.add(Block(x, out, dout, dx))
    return verification


def failures(verification: Verification, name: str = "out") -> dict[str, int]:
    counts = verification.tallies[name].failures
    return {failure: count for failure, count in counts.items() if count}


def rounded(values: Any, signs: Any, dtype: np.dtype[Any]) -> Any:
    """Exact values as the nearest numbers; a 0 has the sign of the number in `signs`."""
    float_format = FloatFormat.of(dtype)
    cells = [
        math.copysign(nearest(value, float_format), value if value else sign)
        for value, sign in zip(values, signs.astype(float).ravel().tolist(), strict=True)
    ]
    return np.array(cells).astype(dtype).reshape(signs.shape)


def right(spec: str, x: Any) -> tuple[Any, Any]:
    """The correctly rounded out and dx, for dout = 1."""
    tried = layer(spec)
    with np.errstate(invalid="ignore"):
        wide = x.astype(np.float64)
    out = tried.forward(wide)
    dx = tried.backward(np.ones_like(out))
    if isinstance(tried, AlongAxis):
        truths = [exact(tried.formula, line, 1, 120) for line in wide.tolist()]
        values, slopes = (
            [value for line in lines for value in line] for lines in zip(*truths, strict=True)
        )
    else:
        formula = trace(tried.formula)
        values, slopes = zip(
            *(exact(formula, number, 1, 120) for number in wide.tolist()), strict=True
        )
    return rounded(values, out, x.dtype), rounded(slopes, dx, x.dtype)


def sample(spec: str, dtype: np.dtype[Any], count: int) -> Any:
    x = draw_sample(layer(spec), dtype, count)
    return x.reshape(-1, 8) if isinstance(layer(spec), AlongAxis) else x[~np.isnan(x)]


@pytest.mark.no_cover
@every_dtype
@pytest.mark.parametrize("spec", SPECS)
def test_correctly_rounded_results_pass(spec: str, dtype: str) -> None:
    x = sample(spec, dtype_of(dtype), 64)
    out, dx = right(spec, x)
    verification = verified(spec, x, out, dx, policy=Policy(max_ulp=0.5))
    assert verification.ok, verification.summary
    assert all(tally.nearest == tally.count for tally in verification.tallies.values())


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "spec", ["gelu", "tanh", "hardswish", "leaky_relu:negative_slope=0.5", "glu", "softmax"]
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_balls_and_bounds_decide_as_exact_arithmetic_does(spec: str, dtype: str) -> None:
    """For results that are right, off by a few ULP, and exactly at a limit."""
    x = sample(spec, np.dtype(dtype), 400)
    out, dx = right(spec, x)
    float_format = FloatFormat.of(x.dtype)
    rng = np.random.default_rng(3)
    top = ordered(np.array([np.inf], dtype), float_format)[0]
    out, dx = (
        unordered(
            np.clip(ordered(a, float_format) + rng.integers(-2, 3, a.shape), -top, top),
            float_format,
        )
        for a in (out, dx)
    )
    policy = Policy(max_ulp=1, max_abs=0.25, max_rel=2.0**-8)
    quick = verified(spec, x, out, dx, policy=policy)
    slow = Verification(layer(spec), x.dtype, policy)
    slow._comparison.undecided = lambda got, truths: np.ones(got.size, bool)  # type: ignore[method-assign]
    slow.add(Block(x, out, None, dx))
    assert quick.exact <= slow.exact
    assert slow.exact == np.count_nonzero(~np.isnan(x))
    for name, tally in slow.tallies.items():
        assert failures(quick, name) == failures(slow, name)
        assert quick.tallies[name].nearest == tally.nearest
        assert quick.tallies[name].max == pytest.approx(tally.max, rel=1e-6, abs=1e-2)


# Naive kernels, accurate in the middle and wrong in the tails.


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


OTHER_HALF = "the other half of x is gated: "


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


@pytest.fixture(scope="module")
def million() -> tuple[Any, Any]:
    """A million x, and their correctly rounded sigmoid."""
    x = draw_sample(layer("sigmoid"), np.dtype(np.float32), 1_000_000)
    return x, layer("sigmoid").forward(x)


@pytest.mark.parametrize("steps", [3, -4, 1000])
def test_one_element_of_a_million_that_is_off_by_k_is_found(
    million: tuple[Any, Any], steps: int
) -> None:
    x, out = million
    out = out.copy()
    float_format = FloatFormat.of(out.dtype)
    out[654_321] = unordered(ordered(out[654_321:654_322], float_format) + steps, float_format)[0]
    verification = verified("sigmoid", x, out)
    assert failures(verification) == {"ulp": 1}
    (worst,) = verification.worst("out", 10)
    assert (worst.position, worst.failure, worst.x) == (654_321, "ulp", float(x[654_321]))
    assert worst.error == pytest.approx(abs(steps), abs=0.5)
    assert worst.nearest == million[1][654_321]
    assert verified("sigmoid", x, out, policy=Policy(max_ulp=abs(steps) + 0.5)).ok


@pytest.mark.parametrize(
    ("spec", "at", "got", "failure"),
    [
        ("sigmoid", 1.0, np.nan, "nan"),
        ("sigmoid", 1.0, np.inf, "inf"),
        ("sigmoid", np.nan, 0.5, "not-nan"),
        ("sigmoid", 1.0, -0.7310586, "sign"),
        ("relu", -1.0, -0.0, "zero-sign"),
        ("gelu", -0.0, 0.0, "zero-sign"),
        ("gelu", -50.0, 0.0, "underflow-sign"),
        ("gelu", -2.0, 0.0, "lost"),
        ("exponential", 89.0, 3.4028235e38, "finite"),
        ("exponential", -88.0, 0.0, "flushed"),
        ("exponential", -87.5, -0.0, "flushed"),
        ("relu", np.inf, 3.4028235e38, "finite"),
        ("tanhshrink", -np.inf, np.inf, "sign"),
    ],
)
def test_each_failure_is_counted_by_its_name(
    spec: str, at: float, got: float, failure: str
) -> None:
    x = np.concatenate([draw_sample(layer(spec), np.dtype(np.float32), 500), np.float32([at])])
    out = layer(spec).forward(x)
    assert verified(spec, x, out, policy=Policy(max_ulp=0.5)).ok
    out[-1] = got
    strict = verified(spec, x, out, policy=Policy(1, keep_zero_sign=True))
    assert failures(strict) == {failure: 1}
    assert strict.worst("out", 1)[0].failure == failure
    usual = verified(spec, x, out)
    assert usual.ok == (failure in ZERO_SIGNS)
    assert sum(usual.tallies["out"].zero_signs.values()) == usual.ok


@pytest.mark.parametrize(
    ("inner", "x", "dx"), [("tanhshrink", 1e-155, 1e-310), ("relu_squared", 1e-320, 2e-320)]
)
def test_a_kink_sees_a_number_that_underflows(inner: str, x: float, dx: float) -> None:
    right, wrong = (
        verify(Chain([layer(inner), layer("relu")]), np.array([x]), dx=np.array([got]))
        for got in (dx, 0.0)
    )
    assert right.ok
    assert not wrong.ok


@every_dtype
def test_a_swapped_sign_at_the_root_of_gelus_slope_is_found(dtype: str) -> None:
    float_format = FloatFormat.of(dtype_of(dtype))
    root = ordered(np.array([-0.7517915246935645]).astype(float_format.dtype), float_format)
    x = unordered(root + np.arange(-20, 21), float_format)
    _, dx = right("gelu", x)
    wrong = dx.copy()
    wrong[19:22] = -wrong[19:22]
    assert verified("gelu", x, None, dx, policy=Policy(max_ulp=0.5)).ok
    assert failures(verified("gelu", x, None, wrong), "dx") == {"sign": 3}


@every_dtype
def test_flushed_subnormals_are_found_and_may_be_allowed(dtype: str) -> None:
    float_format = FloatFormat.of(dtype_of(dtype))
    x = draw_sample(layer("tanh"), float_format.dtype, 2000)
    x = x[np.isfinite(x)]
    out, _ = right("tanh", x)
    small = (np.abs(out.astype(np.float64)) < float_format.tiny) & (out != 0)
    flushed = np.where(small, np.copysign(np.zeros_like(out), out), out)
    verification = verified("tanh", x, flushed)
    assert set(failures(verification)) == {"flushed"}
    assert 10 < failures(verification)["flushed"] <= small.sum()
    assert "flushed to 0" in verification.likely_causes["out"].cause
    allowed = Policy(max_ulp=2, flush_subnormals=True)
    allowing = verified("tanh", x, flushed, policy=allowed)
    assert allowing.ok
    assert allowing.tallies["out"].flushed == failures(verification)["flushed"]
    normal = flushed.copy()
    normal[np.flatnonzero(np.abs(out.astype(np.float64)) >= float_format.tiny)[5]] = 0
    assert not verified("tanh", x, normal, policy=allowed).ok


def test_a_wrong_sign_beside_a_flushed_input_fails() -> None:
    x = np.float32([1e-40, 3])
    allowing = Policy(2, flush_subnormals=True)
    assert failures(verified("identity", x, np.float32([-1, 3]), policy=allowing)) == {"sign": 1}


def test_a_flushed_input_is_allowed_where_the_result_is_that_of_0() -> None:
    x = np.float32([1e-40, -1e-40, 1e-30, -3])
    dx = layer("relu").forward(x) * 0 + np.float32([0, 0, 1, 0])
    assert failures(verified("relu", x, None, dx), "dx") == {"lost": 1}
    assert verified("relu", x, None, dx, policy=Policy(2, flush_subnormals=True)).ok
    dx[2] = 0
    policy = Policy(2, flush_subnormals=True)
    assert failures(verified("relu", x, None, dx, policy=policy), "dx") == {"lost": 1}


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


@pytest.mark.parametrize(
    ("spec", "x", "slope", "is_convention"),
    [
        ("relu", 0.0, 1.0, True),
        ("relu", 0.0, 0.5, True),
        ("relu", 0.0, 1.5, False),
        ("relu", 1e-40, 0.5, False),
        ("relu6", 6.0, 1.0, True),
        ("hardshrink", 0.5, 1.0, True),
        ("silu", 0.0, 0.6, False),
    ],
)
def test_a_slope_between_those_of_a_kinks_sides_is_a_convention(
    spec: str, x: float, slope: float, is_convention: bool
) -> None:
    dout = np.float32([-3, 2])
    given = np.full(2, np.float32(x))
    dx = np.float32(slope) * dout
    verification = verified(spec, given, None, dx, dout=dout)
    assert verification.ok is is_convention
    assert verification.tallies["dx"].conventions == 2 * is_convention
    strict = verified(spec, given, None, dx, dout=dout, policy=Policy(2, keep_conventions=True))
    assert not strict.ok


@pytest.mark.parametrize("got", [0.0, 0.5])
def test_a_number_for_a_softmax_of_infinities_is_a_convention(got: float) -> None:
    x = np.array([[-np.inf, -np.inf], [1.0, 1.0]])
    out = np.array([[got, got], [0.5, 0.5]])
    verification = verified("softmax", x, out)
    assert verification.ok
    assert verification.tallies["out"].conventions == 2
    assert not verified("softmax", x, out, policy=Policy(2, keep_conventions=True)).ok


def test_elements_are_counted_by_the_size_of_their_error() -> None:
    x = np.float32([1, 2, 3, 4, 5, 6, 1e-40, -1e-40, np.nan])
    steps = np.array([0, 1, 2, 9, 80, 800, 3, 0, 0])
    float_format = FloatFormat.of(x.dtype)
    out = unordered(ordered(x, float_format) + steps, float_format)
    out[8] = np.nan
    verification = verified("identity", x, out)
    counts = verification.tallies["out"].buckets.counts()
    assert list(counts["normal"].values()) == [2, 1, 1, 1, 1, 1]
    assert list(counts["subnormal"].values()) == [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_failing_regions_have_ends_and_merge(dtype: str) -> None:
    x = np.linspace(-8, 8, 4001).astype(dtype)
    out = x.copy()
    wrong = (x > 1) & (x < 2) | (x == -3)
    out[wrong] *= x.dtype.type(1.25)
    tally = verified("identity", x, out).tallies["out"]
    first, second = tally.regions.merged()
    assert (first.low, first.high, first.failed) == (-3, -3, np.count_nonzero(x == -3))
    assert (second.low, second.high) == (x[x > 1].min(), x[x < 2].max())
    assert second.failed == second.elements or dtype == "float64"
    (whole,) = tally.regions.merged(1)
    assert (whole.low, whole.high, whole.failed) == (-3, second.high, np.count_nonzero(wrong))


def test_the_verdict_with_flushing_is_told_beside_the_strict_one() -> None:
    x = np.float32([1e-40, 2, 3])
    right = verified("identity", x, x)
    assert right.with_flushing == ""
    flushed = verified("identity", x, np.float32([0, 2, 3]))
    assert (flushed.ok, flushed.with_flushing) == (False, "with subnormals flushed: ok")
    both = verified("identity", x, np.float32([0, 2, 4]))
    assert both.with_flushing == (
        "with subnormals flushed: FAILED: out: 1 of 3 elements fail (ulp 1)"
    )


def test_a_fall_is_counted_and_fails_on_demand_alone() -> None:
    x = np.array([0.0, 1.0, 2.0])
    out = np.array([0.0, 2.0, 1.0])
    for monotonic in (False, True):
        policy = Policy(max_abs=9, monotonic=monotonic)
        verification = verified("identity", x, out, policy=policy)
        assert verification.tallies["out"].against == 1
        assert verification.ok is not monotonic


def test_every_limit_must_be_kept() -> None:
    x = np.array([100.0, 1e-3])
    out = np.array([100.001, 1.1e-3])
    for policy, counts in [
        (Policy(max_abs=0.01), {}),
        (Policy(max_abs=5e-4), {"abs": 1}),
        (Policy(max_rel=0.2), {}),
        (Policy(max_rel=0.05), {"rel": 1}),
        (Policy(max_abs=0.01, max_rel=0.05), {"rel": 1}),
        (Policy(max_ulp=1, max_abs=1, max_rel=1), {"ulp": 2}),
    ]:
        assert failures(verified("identity", x, out, policy=policy)) == counts
    with pytest.raises(PolicyError, match="max_rel is -1"):
        verified("identity", x, out, policy=Policy(max_rel=-1))


@pytest.mark.parametrize(
    ("truth", "got", "passes"),
    [
        (1.0, 1.0 + 1.1e-5, True),
        (1.0, 1.0 + 1.2e-5, False),
        (1e-20, 0.0, True),
        (1e-6, -1e-6, True),
        (2e-5, 0.0, False),
        (1e6, 1e6 + 1.25, True),
        (1e6, 1e6 + 1.375, False),
        (1.0, np.nan, False),
        (np.inf, np.inf, True),
        (np.inf, 3e38, False),
    ],
)
def test_like_torch_is_assert_close(truth: float, got: float, passes: bool) -> None:
    x, out = np.float32([truth]), np.float32([got])
    verification = verified("identity", x, out, policy=Policy(like="torch"))
    assert verification.ok is passes
    assert "like torch, error ≤ 1e-05 + 1.3e-06·|truth|" in verification.summary
    try:
        from torch import from_numpy
        from torch.testing import assert_close
    except ImportError:
        return
    try:
        assert_close(from_numpy(out), from_numpy(x))
    except AssertionError:
        assert not passes
    else:
        assert passes


def test_like_webnn_has_a_limit_for_each_layer() -> None:
    x = np.float16([1, 2])
    for spec, limit in (("sigmoid", 10), ("relu", 0), ("elu", 18)):
        assert verified(spec, x, x, policy=Policy(like="webnn")).policy.max_ulp == limit


@pytest.mark.parametrize(
    ("spec", "dtype", "policy", "message"),
    [
        ("mish", "float32", Policy(like="webnn"), "like webnn states nothing for mish"),
        ("gelu", "float64", Policy(like="webnn"), "like webnn states nothing for float64"),
        ("gelu", "float32", Policy(like="onnx"), "like is 'onnx'"),
        ("gelu", "float32", Policy(2, like="torch"), "like torch sets the limits"),
    ],
)
def test_a_preset_that_states_nothing_is_refused(
    spec: str, dtype: str, policy: Policy, message: str
) -> None:
    with pytest.raises(PolicyError, match=message):
        Verification(layer(spec), np.dtype(dtype), policy)


def test_x_outside_the_range_is_left_out() -> None:
    x = np.float32([-2, -1, 0, 1, np.nan])
    verification = verified("identity", x, x + np.float32(1), policy=Policy(1, within=(-1, 0)))
    assert verification.tallies["out"].left_out == 3
    assert verification.tallies["out"].failed == 2


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


def test_a_lost_nan_payload_fails_if_payloads_count() -> None:
    x = np.array([0x7FC00001, 0xFFC00002, 0x7F800001], np.uint32).view(np.float32)
    quiet = np.array([0x7FC00001, 0xFFC00002, 0x7FC00001], np.uint32).view(np.float32)
    plain = np.full(3, np.nan, np.float32)
    strict = Policy(1, ignore_nan_payload=False)
    assert verified("tanh", x, plain).ok
    assert verified("tanh", x, quiet, policy=strict).ok
    assert failures(verified("tanh", x, plain, policy=strict)) == {"payload": 3}


def test_a_chain_with_dout_is_verified_without_exact_arithmetic() -> None:
    chain = Chain([layer("sigmoid"), layer("leaky_relu:negative_slope=0.1")])
    x, dout = np.float32([-3, 0.25, 2]), np.float32([2, -1, 0.5])
    out, dx = chain.forward(x), chain.backward(dout)
    verification = Verification(chain, x.dtype, Policy(max_ulp=4))
    verification.add(Block(x, out, dout, dx))
    assert verification.ok
    assert verification.exact == 0
    other = Verification(chain, x.dtype, Policy(max_ulp=4))
    other.add(Block(x, None, None, dx))
    assert other.tallies["dx"].failed == 3


def test_blocks_give_the_same_as_the_whole_dump() -> None:
    x = every_number(np.dtype(np.float16))
    out = layer("mish").forward(x)
    out[[7, 40_000]] += np.float16(1)
    whole = verified("mish", x, out)
    parts = Verification(layer("mish"), x.dtype, Policy(max_ulp=2))
    for start in range(0, x.size, 1000):
        parts.add(Block(x[start : start + 1000], out[start : start + 1000]))
    assert parts.summary == whole.summary
    assert parts.worst("out", 10) == whole.worst("out", 10)
    assert parts.tallies["out"].binades == whole.tallies["out"].binades


def test_arrays_of_different_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="dx has shape"):
        verified("relu", np.ones(3), None, np.ones(2))


def test_the_second_derivative_is_verified_and_is_0_at_a_kink() -> None:
    function = layer("elu:alpha=2")
    x = np.array([*np.linspace(-4, 4, 40), 0.0, np.nan, np.inf, -np.inf], np.float32)
    dout = np.full_like(x, 3)
    d2x = second_derivative(function, x, dout)
    right = verify(function, x, dx=dx_of(function, x, dout), dout=dout, d2x=d2x)
    assert right.ok
    assert list(right.tallies) == ["d2x", "dx"]
    d2x[40] = 6
    (worst,) = verify(function, x, dout=dout, d2x=d2x).worst("d2x", 1)
    assert (worst.x, worst.got, worst.truth, worst.failure) == (0, 6, "0", "ulp")


def dx_of(function: Layer, x: Array, dout: Array) -> Array:
    function.forward(x)
    return function.backward(dout)


def test_the_second_derivative_of_softplus_as_frameworks_have_it_fails() -> None:
    x = np.linspace(0, 40, 200)
    s = 1 / (1 + np.exp(-x))
    verified = verify("softplus", x, d2x=s * (1 - s))
    (worst,) = verified.worst("d2x", 1)
    assert worst.got == 0
    assert float(worst.truth) == pytest.approx(np.exp(-worst.x))
    assert verify("softplus", x, d2x=second_derivative(layer("softplus"), x, x * 0 + 1)).ok


def test_an_array_that_is_not_the_second_derivative_is_named() -> None:
    x = np.linspace(-3, 3, 100)
    dx = dx_of(layer("gelu"), x, np.ones_like(x))
    assert verify("gelu", x, d2x=dx).likely_causes["d2x"].cause == "the wrong array: it holds dx"
    with pytest.raises(ShapeError, match="softmax takes a line of numbers"):
        verify("softmax", x, d2x=dx)
