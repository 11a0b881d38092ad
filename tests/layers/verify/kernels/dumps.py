"""Dumps of small kernels, verified, and the correctly rounded results of a layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from actgrad.layers import (
    AlongAxis,
    Block,
    Policy,
    Verification,
    catalogue,
    layer,
)
from actgrad.layers.arrays import FLOATING, named
from actgrad.layers.casting import EIGHT_BIT
from actgrad.layers.exact.ulp import FloatFormat, nearest
from actgrad.layers.exact.values import exact
from actgrad.layers.formula import trace
from actgrad.layers.verify.sample import draw_sample

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
