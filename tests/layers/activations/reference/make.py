"""Make halves.json: what every elementwise layer gives at every 16-bit number, as checksums.

    python tests/layers/reference/make.py [CASE…]

For each case, a layer as the command line names it, and each dtype, x is all finite numbers of the
dtype in the order of their bit patterns, and dout is 1. out and dx are the layer's formula and
its gradient, read by balls and intervals and rounded to the dtype once, to nearest, ties to even.
The file holds the CRC-32 of their float64 bytes, −0 taken as 0. All cases take about five
minutes; those that are named are replaced.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from ml_dtypes import bfloat16

from actgrad.layers import layer
from actgrad.layers.exact import Rounded

FILE = Path(__file__).with_name("halves.json")
DTYPES = {"float16": np.float16, "bfloat16": bfloat16}
#: Every elementwise layer with a kernel of its own, at its default parameters and at two other
#: values of each.
CASES = [
    "identity",
    "relu",
    "relu6",
    "sparse_sigmoid",
    "leaky_relu",
    "leaky_relu:negative_slope=0.3",
    "leaky_relu:negative_slope=-2",
    "prelu",
    "prelu:weight=0.1",
    "prelu:weight=-1.5",
    "rrelu",
    "rrelu:lower=0.1,upper=0.2",
    "rrelu:lower=-0.5,upper=0.7",
    "threshold:threshold=0.1,value=20",
    "threshold:threshold=-1,value=0.3",
    "threshold:threshold=0,value=0",
    "thresholded_leaky_relu",
    "thresholded_leaky_relu:negative_slope=0.3,threshold=0.1",
    "thresholded_leaky_relu:negative_slope=-2,threshold=0",
    "capped_relu",
    "capped_relu:negative_slope=0.3,threshold=0.1,max_value=5",
    "capped_relu:negative_slope=-2,threshold=3,max_value=20",
    "thresholded_relu",
    "thresholded_relu:alpha=0.1",
    "thresholded_relu:alpha=3",
    "hardtanh",
    "hardtanh:min_val=-0.1,max_val=0.3",
    "hardtanh:min_val=2,max_val=5",
    "hardsigmoid",
    "hardsigmoid:alpha=0.2",
    "hardsigmoid:alpha=0.3,beta=0.1",
    "hardshrink",
    "hardshrink:lambd=0.1",
    "hardshrink:lambd=3",
    "softshrink",
    "softshrink:lambd=0.1",
    "softshrink:lambd=3",
    "relu_squared",
    "hardswish",
    "softsign",
    "sparse_plus",
    "squareplus",
    "squareplus:b=0.1",
    "squareplus:b=100",
    "sigmoid",
    "logsigmoid",
    "tanh",
    "tanhshrink",
    "selu",
    "exponential",
    "mish",
    "quick_gelu",
    "gelu_tanh",
    "gelu",
    "softplus",
    "softplus:beta=0.3",
    "softplus:beta=20",
    "elu",
    "elu:alpha=0.3",
    "elu:alpha=2",
    "elu:alpha=0",
    "elu:alpha=-0.5",
    "celu",
    "celu:alpha=0.3",
    "celu:alpha=7",
    "celu:alpha=-3",
    "silu",
    "silu:beta=0.3",
    "silu:beta=2",
    "hard_mish",
    "scaled_tanh",
    "scaled_tanh:alpha=0.3,beta=2",
    "scaled_tanh:alpha=4,beta=0.1",
    "softcap",
    "softcap:cap=0.3",
    "softcap:cap=50",
    "situ",
    "situ:beta=0.5",
    "situ:beta=20",
    "laplace",
    "laplace:mu=0,sigma=1",
    "laplace:mu=-1,sigma=3",
    "sqrt_softplus",
    "logit",
    "logit_clamped",
    "logit_clamped:eps=0.01",
    "logit_clamped:eps=0.3",
    "gelu_10",
    "isru",
    "isru:alpha=0.3",
    "isru:alpha=3",
    "isrlu",
    "isrlu:alpha=0.3",
    "isrlu:alpha=3",
    "step",
    "snake",
    "snake:alpha=0.3",
    "snake:alpha=4",
    "snake_beta",
    "snake_beta:alpha=2,beta=0.5",
    "snake_beta:alpha=0.5,beta=3",
    "bent_identity",
    "xielu",
    "xielu:alpha_n=2,beta=0.001",
    "xielu:alpha_p=3,alpha_n=0.1234567,beta=0.7654321",
]


def main(cases: list[str]) -> None:
    """Make the cases, each written as soon as it is made."""
    for case in cases or CASES:
        new = {dtype: list(checksums(case, about)) for dtype, about in DTYPES.items()}
        made = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        made[case] = new
        lines = [f"{json.dumps(case)}: {json.dumps(made[case])}" for case in sorted(made)]
        FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def checksums(case: str, dtype: Any) -> Iterator[str]:
    """Those of out and of dx."""
    tried = layer(case)
    with np.errstate(invalid="ignore"):
        x = np.arange(1 << 16, dtype=np.uint16).view(dtype).astype(np.float64)
    x = x[np.isfinite(x)]
    x = x[~tried.by_convention(x, x)]
    formula = Rounded(tried.traced())
    out = formula.forward(x, np.dtype(dtype))
    dx = formula.backward(x, out.slope, np.ones_like(x), np.dtype(dtype))
    yield from (checksum(values) for values in (out.value, dx))


def checksum(values: Any) -> str:
    """That of float64 numbers, −0 taken as 0, and every nan as one."""
    return f"{crc32(np.where(np.isnan(values), np.nan, values + 0.0).tobytes()):08x}"


if __name__ == "__main__":
    main(sys.argv[1:])
