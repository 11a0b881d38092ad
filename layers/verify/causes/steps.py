"""Computing a formula step by step, with one rounding to a dtype for each operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.casting import in_dtype
from actgrad.layers.exact import FloatFormat
from actgrad.layers.formula import Formula, Operation, Reading, Sweep, arrays
from actgrad.layers.formula import words as f

WIDE = np.dtype(np.float64)


#: Words whose results differ between mathematical libraries by about 1 ULP.
LIBRARY = (f.exp, f.expm1, f.log, f.log1p, f.sin, f.cos, f.sinh, f.cosh, f.tanh, f.erf, f.erfc)
#: In ULP at a power of two. A result that is this much off rounds to a neighbour of its number.
NUDGE = 0.6


def computed_in_steps(
    formula: Formula, x: Array, dout: Array, working: np.dtype[Any], nudge: int = 0
) -> tuple[Array, Array]:
    """The formula's out and dx in x's dtype, each step rounded to the dtype `working`.

    With a `nudge` of 1 or −1, library functions give a neighbour of the rounded result.
    """
    given, upstream = (rounded_to(array.astype(WIDE), working) for array in (x, dout))
    with np.errstate(all="ignore"):
        sweep = Sweep(formula, in_steps(working, nudge), {formula.inputs[0]: given}, [upstream])
        results = sweep.value(formula.outputs[0]), sweep.gradient(formula.inputs[0])
    out, dx = (in_dtype(np.broadcast_to(result, x.shape), x.dtype) for result in results)
    return out, dx


def value_in_steps(
    formula: Formula, inputs: Sequence[Array], working: np.dtype[Any], nudge: int = 0
) -> Array:
    """The value of a formula of several float64 inputs, each step rounded to `working`."""
    given = [rounded_to(values, working) for values in inputs]
    with np.errstate(all="ignore"):
        known = dict(zip(formula.inputs, given, strict=True))
        sweep: Sweep[Any] = Sweep(formula, in_steps(working, nudge), known)
        return np.broadcast_to(np.asarray(sweep.value(formula.outputs[0])), inputs[0].shape)


def in_steps(dtype: np.dtype[Any], nudge: int = 0) -> Reading:
    """On float64 arrays, every result but a condition rounded to a dtype of at most 64 bits.

    Every operation is computed in float64 first, so that it is rounded as if it were exact.
    """
    wide = arrays(WIDE)
    factor = nudged(1.0, dtype, nudge)

    def read(word: Operation) -> Callable[..., Any]:
        function = wide[word]
        if nudge and word in LIBRARY:
            return lambda *inputs: rounded_to(function(*inputs) * factor, dtype)
        return lambda *inputs: rounded_to(np.asarray(function(*inputs)), dtype)

    return Reading(f"steps in {dtype.name}", read)


def nudged(values: Any, dtype: np.dtype[Any], nudge: int) -> Any:
    """The values, changed so that they round to a neighbour of the number that they round to."""
    return values * (1 + nudge * NUDGE * 2.0 ** (1 - FloatFormat.of(dtype).precision))


def rounded_to(values: Array, dtype: np.dtype[Any]) -> Array:
    """The float64 `values` rounded to the dtype, as float64; conditions are as they are."""
    if values.dtype == bool or dtype == WIDE:
        return values
    return in_dtype(values, dtype).astype(WIDE)
