"""The linearity of backward in dout: dx = Jᵀ·dout, with a J that does not depend on dout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.script import Script
from actgrad.layers.check.trial import Behaviour, Trial, largest_size


class Combination(NamedTuple):
    """A linear combination a·u + b·v as dout, and what is wrong if dx is not that of a·u + b·v."""

    dout: str
    a: float
    b: float
    message: str


COMBINATIONS = (
    Combination("0 * u", 0, 0, "dx is not 0 for dout = 0"),
    Combination("-u", 1, 0, "dx does not change its sign with dout"),
    Combination("16 * u", 16, 0, "dx does not become 16 times as large with dout"),
    Combination("64 * v", 0, 64, "dx does not become 64 times as large with dout"),
    Combination("v / 512", 0, 1 / 512, "dx does not become 512 times as small with dout"),
    Combination("2 * u - 3 * v", 2, 3, "dx for dout = 2u - 3v is not 2 dx for u - 3 dx for v"),
)
#: The same for sizes that float16 does not hold. A power of 2 adds no rounding error.
EXTREME_COMBINATIONS = (
    Combination("2.0**33 * u", 2.0**33, 0, "dx does not become 2**33 times as large with dout"),
    Combination("2.0**-33 * u", 2.0**-33, 0, "dx does not become 2**33 times as small with dout"),
)
#: A smaller relative deviation is rounding of arithmetic in float32, which layers may use inside.
FLOAT32_ROUNDINGS = 2.0**-20


def linearity(trial: Trial) -> Iterator[Behaviour]:
    """backward(a·u + b·v) must be a·backward(u) + b·backward(v)."""
    wide = trial.eps < 1e-6

    @cache
    def sizes(small: bool) -> tuple[Array, Array]:
        return _sizes(trial.small() if small else trial)

    for dout, a, b, message in (*COMBINATIONS, *(EXTREME_COMBINATIONS if wide else ())):

        def tolerance(expected: Array, a: float = a, b: float = b) -> Any:
            return _cancellation(trial, sizes(expected.size != trial.x.array.size), a, b)

        combined = re.sub("([uv])", r"run(x, \1).dx", dout)
        # Where dx overflows for u or v, no number is known that dx for the combination should be.
        judged = f"np.where(np.isfinite(dx), dx, run(x, {dout}).dx)"
        expected = f"dx if np.isfinite(dx := {combined}).all() else {judged}"
        arrays = "u = {dout}; v = {v}" if "v" in dout else "u = {dout}"
        arrays = arrays if "u" in dout else "v = {v}"
        yield Behaviour(
            "not-linear",
            message,
            Script(
                f"x = {{x}}; {arrays}; layer.forward(x.copy())",
                f"layer.backward({dout})",
                expected,
            ),
            tolerance=tolerance,
        )


def _sizes(trial: Trial) -> tuple[Array, Array]:
    """The |dx| for u and for v."""
    u, v = (
        np.abs(trial.subject.run(trial.x.array, trial.dout(start).array).dx.astype(np.float64))
        for start in (42, 77)
    )
    return u, v


def _cancellation(trial: Trial, sizes: tuple[Array, Array], a: float, b: float) -> float:
    """The rounding errors of a·backward(u) + b·backward(v), whose terms may cancel.

    The terms of one element of dx may cancel, too: dout − dout·(1 − tanh²(x)) near x = 0.
    """
    u, v = sizes
    # What a sum over many elements leaves may be small beside its terms.
    roundings = 64 if trial.elementwise else trial.eps**-0.5
    relative = max(roundings * trial.eps, FLOAT32_ROUNDINGS)
    # A subnormal result has an absolute error, which the coefficients multiply.
    floor = 2.0**13 * float(finfo(trial.dtype).smallest_subnormal)
    return relative * largest_size(a * u + b * v) + floor
