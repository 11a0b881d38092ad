"""The linearity of backward in dout: dx = Jᵀ·dout, with a J that does not depend on dout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.script import Script
from actgrad.layers.check.trial import Behaviour, Trial, largest_size

#: The coefficients of the linear combinations a·u + b·v that are tried.
COEFFICIENTS = ((0, 0), (-1, 0), (16, 0), (0, 64), (0, 2**-9), (2, -3))


def linearity(trial: Trial) -> Iterator[Behaviour]:
    """backward(a·u + b·v) must be a·backward(u) + b·backward(v)."""
    for a, b in COEFFICIENTS:
        combined = f"{a} * u + {b} * v" if a and b else f"{b or a} * {'v' if b else 'u'}"
        parts = combined.replace("u", "backward(u)").replace("v", "backward(v)")

        def tolerance(expected: Array, a: float = a, b: float = b) -> Any:
            same = trial if expected.size == trial.x.array.size else trial.small()
            return _cancellation(same, a, b).reshape(expected.shape)

        yield Behaviour(
            "not-linear",
            f"backward({combined}) is not {parts}",
            Script(
                "x = {x}; u = {dout}; v = {v}; layer.forward(x.copy())",
                f"layer.backward({combined})",
                f"{a} * run(x, u).dx + {b} * run(x, v).dx",
            ),
            tolerance=tolerance,
        )


def _cancellation(trial: Trial, a: float, b: float) -> Array:
    """The rounding errors of a·backward(u) + b·backward(v), whose terms may cancel."""
    u, v = (
        np.abs(trial.subject.run(trial.x.array, trial.dout(start).array).dx.astype(np.float64))
        for start in (7, 77)
    )
    terms = abs(a) * u + abs(b) * v
    terms = terms if trial.elementwise else terms + largest_size(terms)
    # A subnormal result has an absolute error, which the coefficients multiply.
    floor = 2.0**13 * float(finfo(trial.dtype).smallest_subnormal)
    return np.nan_to_num(64 * trial.eps * terms + floor, nan=np.inf, posinf=np.inf)
