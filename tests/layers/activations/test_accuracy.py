"""Kernels against the exact reading of their formulas, in ULP of the result's dtype.

Balls bound the error of most results. Intervals judge a tenth of all results and every special
point, and each result that the balls leave open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from mpmath import isnan, mpf

from actgrad.layers import AlongAxis, Layer, catalogue, find, layer
from actgrad.layers.activations.gated import Gated
from actgrad.layers.arithmetic.balls import Ball
from actgrad.layers.arrays import Array, named
from actgrad.layers.by_formula import ByFormula
from actgrad.layers.exact import FloatFormat, distances, truths
from actgrad.layers.exact.values import Effort, exact
from actgrad.layers.formula import trace
from actgrad.layers.verify.judge.reference import enclosures

#: The cases, and the checksums of their exact results at every 16-bit number; make.py makes them.
HALVES = json.loads(
    (Path(__file__).parent / "reference" / "halves.json").read_text(encoding="utf-8")
)
#: Rounded once from float64, which is itself a few ULP off.
BOUNDS = {"float16": 0.501, "bfloat16": 0.501, "float32": 0.501, "float64": 4}
#: Those whose every result is the float nearest to the truth.
EXACT = [
    "identity",
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "rrelu",
    "threshold",
    "thresholded_relu",
    "hardtanh",
    "hardsigmoid",
    "hardshrink",
    "softshrink",
    "sparse_sigmoid",
    "step",
    "thresholded_leaky_relu",
    "capped_relu",
]
#: Kinks, roots of values and slopes, and where functions saturate.
TELLING = [
    *(0.1, 0.25, 0.3, 0.5, 1, 2, 3, 5, 6, 20),
    *(-1.2784645427610737, -1.2784645427610737 / 0.3, -1.2784645427610737 / 2, -0.7511548429),
    *(-1.1924312145154952, -0.7524614220710163, -0.7517915246935645),
    *(-0.9808292530117262, -2.432484276931448),
    *(-0.7853981633974483, -3.9269908169872414, -7853981.633974483),
    *(17, 38.5, 104, 354.4, 372.6, 708.4, 745.1),
]


def telling_values(dtype: str) -> Any:
    """Binades of both signs, subnormals, the neighbours of what is telling, and the middle."""
    rng = np.random.default_rng(55)
    known = about(dtype)
    step = 3 if dtype == "float32" else 19
    exponents = np.arange(known.minexp - known.nmant, known.maxexp, step)
    points = np.array(TELLING, dtype)
    near = [points, np.nextafter(points, np.float64(0)), np.nextafter(points, np.float64(999))]
    near += [points * (1 + 2.0**-k) for k in (4, 11, 20)] + [
        points * (1 - 2.0**-k) for k in (7, 16)
    ]
    values = [np.ldexp(rng.uniform(1, 2, exponents.size), exponents), [0, known.max, known.tiny]]
    values += [rng.uniform(0, 6, 60), rng.uniform(0, 40, 30), rng.uniform(0, 760, 20), *near]
    with np.errstate(all="ignore"):
        x = np.concatenate(values).astype(dtype)
    x = np.sort(x)  # neighbours need the same precision
    return np.concatenate([x, -x])


def about(dtype: str) -> Any:
    """What NumPy, or ml_dtypes for its own, knows of the dtype."""
    if dtype != "bfloat16":
        return np.finfo(dtype)
    return pytest.importorskip("ml_dtypes").finfo(dtype)


def error(result: float, truth: Any, dtype: str) -> float:
    """How far the result is from the truth, in units of the dtype's spacing at the truth."""
    known = about(dtype)
    if isnan(truth):
        return 0 if np.isnan(result) else np.inf
    if np.isinf(result):
        return 0 if abs(truth) >= float(known.max) and (truth > 0) == (result > 0) else np.inf
    _, _, exponent, bits = abs(truth)._mpf_
    binade = max(int(exponent + bits) - 1, int(known.minexp))
    return float(abs(mpf(result) - truth) / mpf(2) ** (binade - int(known.nmant)))


def bounds(results: Array, ball: Ball) -> Array:
    """An upper bound of the error of each result in ULP; inf where the ball gives none."""
    wide, form = results.astype(np.float64), FloatFormat.of(results.dtype)
    with np.errstate(all="ignore"):
        truth = truths(ball, wide, form)
        most = (distances(wide, truth, form) + truth.radius) * (1 + 2.0**-40)
    return np.where(np.isfinite(most) & ~truth.straddles, most, np.inf)


def worst_errors(tried: Layer, x: Any, bound: float) -> tuple[float, float]:
    """The largest errors in ULP of out and of dx, for dout = 1.

    Balls bound the errors. Intervals give those at a tenth of x and at `TELLING`, and those that
    the balls do not prove to be within the bound.
    """
    x = x[~tried.by_convention(x, x)]
    formula, effort = trace(tried.formula), Effort()
    ways = tried.forward(x), tried.backward(np.ones_like(x))
    enclosed = enclosures(formula, [x.astype(np.float64)], [np.ones(x.size)])
    proven = [bounds(got, ball) for got, (ball,) in zip(ways, enclosed, strict=True)]
    is_special = np.isin(np.abs(x), [*np.array(TELLING, x.dtype), 0, np.finfo(x.dtype).max])
    is_open = np.any([most > bound for most in proven], axis=0)
    chosen = is_special | is_open | (np.arange(x.size) % 10 == 0)
    for i in np.flatnonzero(chosen):
        for got, most, truth in zip(ways, proven, exact(formula, x[i], effort=effort), strict=True):
            off = error(got[i].item(), truth, x.dtype.name)
            assert off <= most[i] + 2.0**-26  # 80 bits hold float64 to 2^-27 ULP
            most[i] = off
    return max(proven[0]), max(proven[1])


@pytest.mark.no_cover
@pytest.mark.parametrize("case", HALVES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_gradients_are_within_their_bound(case: str, dtype: str) -> None:
    tried = layer(case)
    bound = 0.5 if tried.name in EXACT else BOUNDS[dtype]
    assert max(worst_errors(tried, telling_values(dtype), bound)) <= bound


@pytest.mark.no_cover
@pytest.mark.parametrize("case", HALVES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_16_bit_number_gives_the_nearest_result(case: str, dtype: str) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    tried = layer(case)
    x = np.arange(1 << 16, dtype=np.uint16).view(named(dtype))
    with np.errstate(invalid="ignore"):
        x = x[np.isfinite(x.astype(np.float64))]
    x = x[~tried.by_convention(x, x)]
    results = tried.forward(x), tried.backward(np.ones_like(x))
    wide = [result.astype(np.float64) + 0.0 for result in results]
    one_nan = [np.where(np.isnan(result), np.nan, result) for result in wide]
    assert [f"{crc32(result.tobytes()):08x}" for result in one_nan] == HALVES[case][dtype]


def test_no_kernel_of_an_elementwise_layer_is_left_out() -> None:
    # What ByFormula gives is tested beside it.
    elementwise = {cls.name for cls in catalogue() if not issubclass(cls, (AlongAxis, ByFormula))}
    assert {layer(case).name for case in HALVES} == elementwise


def lines(name: str, dtype: str) -> Iterator[tuple[Any, Any]]:
    """Lines of x, with a dout for each: close together, far apart, far from 0, and tied."""
    rng = np.random.default_rng(55)
    tried, halves = layer(name), issubclass(find(name), Gated)
    for scale, offset in ((0.1, 0), (1, 0), (3, 0), (30, 0), (300, 0), (3, 100), (1, -1e4)):
        for length in (2, 4, 8):
            x = (rng.normal(size=length) * scale + offset).astype(dtype)
            x[: length // 2] = rng.normal(size=length // 2) if halves else x[: length // 2]
            yield x, rng.normal(size=tried.out_shape((length,))).astype(dtype)
    if not halves:
        x = np.array([1.5, 0.5, 1.5, -1], dtype)
        yield x, np.resize(np.array([3, 1, 2, -1], dtype), tried.out_shape((4,)))


@pytest.mark.no_cover
@pytest.mark.parametrize("name", [c.name for c in catalogue() if issubclass(c, AlongAxis)])
@pytest.mark.parametrize("dtype", BOUNDS)
def test_lines_along_an_axis_are_within_their_bound(name: str, dtype: str) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    tried = layer(name)
    for x, dout in lines(name, named(dtype)):
        out, dx = tried.forward(x), tried.backward(dout)
        values, gradients = exact(tried.formula, x.tolist(), dout.tolist())
        assert worst(out, values, dtype) <= BOUNDS[dtype]
        if dtype == "float64" and not isinstance(tried, Gated):
            # A sum of dout is taken from dout here: the larger of the two is the measure.
            weight = abs(dout).max() * (out.max() if name in ("softmax", "softmin") else 1)
            weight *= max(1, abs(x).max()) if name == "solu" else 1
            assert max(abs(np.float64(gradients) - dx)) <= 4 * np.spacing(weight)
        else:
            assert worst(dx, gradients, dtype) <= BOUNDS[dtype]


def worst(results: Any, truths: Sequence[Any], dtype: str) -> float:
    pairs = zip(results.tolist(), truths, strict=True)
    return max(error(float(result), truth, dtype) for result, truth in pairs)
