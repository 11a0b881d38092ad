"""The value and the gradient of a formula on many numbers at once, within proven bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from actgrad.layers.arithmetic import balls
from actgrad.layers.arrays import Array
from actgrad.layers.exact.ulp import SAME, FloatFormat, Truths, in_ulp
from actgrad.layers.formula import BALLS, Formula, Sweep


def enclosures(
    formula: Formula, x: Sequence[Array], dout: Sequence[Array]
) -> tuple[list[balls.Ball], list[balls.Ball]]:
    """Balls of the formula's outputs and, if dout is given, of the gradients by its inputs.

    x and dout have an array of float64 for each input and output. Nothing is claimed where x is nan
    or infinite.
    """
    known = {node: balls.Ball(values) for node, values in zip(formula.inputs, x, strict=True)}
    upstream = [balls.ONE if (row == 1).all() else balls.Ball(row) for row in dout]
    with np.errstate(all="ignore"):
        sweep = Sweep(formula, BALLS, known, upstream)
    outputs = [sweep.value(node) for node in formula.outputs]
    return outputs, [sweep.gradient(node) for node in formula.inputs] if dout else []


def truths(ball: balls.Ball, signs: Array, float_format: FloatFormat) -> Truths:
    """The exact values as far as balls tell them; a 0 gets the sign of `signs`."""
    hi, lo, radius = (np.broadcast_to(np.asarray(part, float), signs.shape) for part in ball)
    with np.errstate(all="ignore"):
        size, low, radius = np.abs(hi), np.copysign(1, hi) * lo, radius * balls.UP
        bits = size.view(np.int64)
        power = (bits & (0x7FF << 52)).view(np.float64)
        # Both differences are exact; adding the second term rounds once.
        over, under = (size - power) + (low + power * 2.0**-SAME), (2 * power - size) - low
        straddles = (radius > 0) & ((np.abs(over) <= radius) | (np.abs(under) <= radius))
        exponent = (bits >> 52) - 1023 - (over < 0)
        above = (size - float_format.overflow) + low
        unknown = ~np.isfinite(hi + lo) | (radius > 0) & (
            (size <= radius) | (np.abs(above) <= radius)
        )
        value = np.where((hi == 0) & (radius == 0), np.copysign(0, signs), hi)
        value = np.where(above >= 0, np.copysign(np.inf, hi), value)
        offset, off = in_ulp(lo, exponent, float_format), in_ulp(radius, exponent, float_format)
    return Truths(value, exponent, offset, np.where(unknown, np.inf, off), straddles)
