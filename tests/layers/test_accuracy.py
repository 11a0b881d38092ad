"""Kernels against the exact reading of their formulas, in ULP of the result's dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mpmath import mpf

from actgrad.layers import Layer, LeakyRelu, Relu, Sigmoid
from actgrad.layers.exact import exact
from actgrad.layers.formula import trace

LAYERS = [Relu(), LeakyRelu(), LeakyRelu(negative_slope=0.3), Sigmoid()]
#: Rounded once from float64, which is itself a few ULP off.
BOUNDS = {np.float16: 0.501, np.float32: 0.501, np.float64: 4}


def every_float16() -> Any:
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    return values[np.isfinite(values)]


def telling_values(dtype: type) -> Any:
    """Every binade of both signs, subnormals, the neighbours of 0, saturation, a dense middle."""
    rng = np.random.default_rng(55)
    about = np.finfo(dtype)
    exponents = np.arange(about.minexp - about.nmant, about.maxexp)
    binades = np.ldexp(rng.uniform(1, 2, (2, exponents.size)), exponents).ravel()
    saturating = np.concatenate(
        [np.linspace(edge - 2, edge + 2, 100) for edge in (17, 37, 709, 745)]
    )
    positive = [binades, saturating, rng.uniform(0, 40, 700), [0.0, about.max, about.tiny]]
    with np.errstate(all="ignore"):
        values = np.concatenate(positive).astype(dtype)
    values = values[np.isfinite(values)]
    return np.concatenate([values, -values])


def ulp(truth: mpf, dtype: type) -> mpf:
    """The spacing of the dtype's numbers at the truth."""
    about = np.finfo(dtype)
    _, _, exponent, bits = abs(truth)._mpf_
    binade = max(int(exponent + bits) - 1, about.minexp)
    return mpf(2) ** (binade - about.nmant)


def errors(layer: Layer, x: Any) -> Iterator[tuple[float, float]]:
    """The error in ULP of out and of dx, for dout = 1, at each x."""
    out, dx = layer.forward(x), layer.backward(np.ones_like(x))
    formula = trace(layer.formula)
    for at, y, slope in zip(x.tolist(), out.tolist(), dx.tolist(), strict=True):
        truth, gradient = exact(formula, at)
        yield (
            float(abs(mpf(y) - truth) / ulp(truth, x.dtype.type)),
            float(abs(mpf(slope) - gradient) / ulp(gradient, x.dtype.type)),
        )


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("dtype", BOUNDS, ids=lambda dtype: dtype.__name__)
def test_values_and_gradients_are_within_their_bound(layer: Layer, dtype: type) -> None:
    x = telling_values(dtype)
    forward, backward = zip(*errors(layer, x), strict=True)
    bound = 0 if isinstance(layer, Relu) else BOUNDS[dtype]
    assert max(forward) <= bound
    assert max(backward) <= bound


def test_sigmoid_is_right_at_every_float16() -> None:
    forward, backward = zip(*errors(Sigmoid(), every_float16()), strict=True)
    assert max(forward) <= BOUNDS[np.float16]
    assert max(backward) <= BOUNDS[np.float16]
