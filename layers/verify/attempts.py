"""Ways to compute a layer, tried step by step in a dtype before a kernel is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, round_into
from actgrad.layers.errors import ShapeError
from actgrad.layers.formula import Formula, Operation, Reading, Sweep, arrays
from actgrad.layers.layer import Layer
from actgrad.layers.verify.policy import Policy
from actgrad.layers.verify.verification import LINES, Block, Verification

WIDE = np.dtype(np.float64)


class Attempt(NamedTuple):
    """A way to compute a layer, and the errors of its value and its gradient."""

    text: str
    verification: Verification

    @property
    def rank(self) -> tuple[int, float, float]:
        """The best attempt has the least: of wrong infinities and nans, then of errors."""
        tallies = self.verification.tallies
        lost = sum(tally.count - tally.measured for tally in tallies.values())
        return lost, tallies["out"].max, tallies["dx"].max


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
        ShapeError: the layer, or a way, works along an axis.
    """
    for each in (layer, *ways):
        if not each.is_elementwise:
            raise ShapeError(f"{each} works along an axis, so it is not computed step by step")
    attempts = []
    for way in ways:
        verification, formula = Verification(layer, x.dtype, policy), way.traced()
        for start in range(0, x.size, LINES):
            part = slice(start, start + LINES)
            out, dx = computed_in_steps(formula, x[part], dout[part], accumulate or x.dtype)
            verification.add(Block(x[part], out, dout[part], dx))
        attempts.append(Attempt(str(way), verification))
    return sorted(attempts, key=lambda attempt: attempt.rank)


def computed_in_steps(
    formula: Formula, x: Array, dout: Array, working: np.dtype[Any]
) -> tuple[Array, Array]:
    """The formula's out and dx in x's dtype, each step rounded to the dtype `working`."""
    inputs = (rounded_to(array.astype(WIDE), working) for array in (x, dout))
    given, upstream = inputs
    with np.errstate(all="ignore"):
        sweep = Sweep(formula, in_steps(working), {formula.inputs[0]: given}, [upstream])
        results = sweep.value(formula.outputs[0]), sweep.gradient(formula.inputs[0])
    out, dx = (narrow(np.broadcast_to(result, x.shape), x.dtype) for result in results)
    return out, dx


def in_steps(dtype: np.dtype[Any]) -> Reading:
    """On float64 arrays, every result but a condition rounded to a dtype of at most 64 bits.

    Every operation is computed in float64 first, so that it is rounded as if it were exact.
    """
    wide = arrays(WIDE)

    def read(word: Operation) -> Callable[..., Any]:
        function = wide[word]
        return lambda *inputs: rounded_to(np.asarray(function(*inputs)), dtype)

    return Reading(f"steps in {dtype.name}", read)


def rounded_to(values: Array, dtype: np.dtype[Any]) -> Array:
    """The float64 `values` rounded to the dtype, as float64; conditions are as they are."""
    if values.dtype == bool or dtype == WIDE:
        return values
    return narrow(values, dtype).astype(WIDE)


def narrow(values: Array, dtype: np.dtype[Any]) -> Array:
    """The float64 `values` in the dtype, rounded once."""
    result = np.empty(values.shape, dtype)
    with np.errstate(over="ignore"):
        round_into(np.atleast_1d(values), result.reshape(-1) if not values.ndim else result)
    return result
