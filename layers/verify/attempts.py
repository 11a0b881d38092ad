"""Ways to compute a layer, tried step by step in a dtype before a kernel is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.casting import overflow
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.verify.causes import computed_in_steps
from actgrad.layers.verify.judge import Policy
from actgrad.layers.verify.verification import LINES, Block, Verification


class Attempt(NamedTuple):
    """A way to compute a layer, and the errors of its value and its gradient."""

    text: str
    verification: Verification

    @property
    def rank(self) -> tuple[int, float, float]:
        """The best attempt has the least: of wrong infinities and nans, then of errors."""
        tallies = self.verification.tallies
        return self.unmeasured, tallies["out"].max, tallies["dx"].max

    @property
    def unmeasured(self) -> int:
        """How many results are an infinity or nan where the exact one is not, or the reverse."""
        return sum(tally.count - tally.measured for tally in self.verification.tallies.values())


def tried(
    layer: Layer,
    ways: Sequence[Layer],
    x: Array,
    dout: Array,
    *,
    accumulate: np.dtype[Any] | None = None,
    policy: Policy | None = None,
) -> list[Attempt]:
    """Each way computed at x in x's dtype, held against the layer's exact values; the best first.

    A way is computed step by step, with one rounding to the dtype for each operation, and backward
    likewise. With `accumulate`, the steps are rounded to that dtype, and the result to x's.

    Raises:
        ShapeError: x is empty, or the layer, or a way, works along an axis.
    """
    if not x.size:
        raise ShapeError("x has no elements to verify")
    for each in (layer, *ways):
        if not each.is_elementwise:
            raise ShapeError(f"{each} works along an axis, so it is not computed step by step")
    attempts = []
    for way in ways:
        verification, formula = Verification(layer, x.dtype, policy), way.traced()
        for start in range(0, x.size, LINES):
            part = slice(start, start + LINES)
            with overflow(verification.policy.overflow, x.dtype):
                out, dx = computed_in_steps(formula, x[part], dout[part], accumulate or x.dtype)
            verification.add(Block(x[part], out, dout[part], dx))
        attempts.append(Attempt(str(way), verification))
    return sorted(attempts, key=lambda attempt: attempt.rank)
