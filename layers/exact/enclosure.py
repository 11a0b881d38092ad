"""A formula and its gradient on many numbers at once, each result within proven bounds."""

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
    """The formula's outputs and the gradients by its inputs; these only if there is a dout.

    An x that is no number, or infinite, is not enclosed.
    """
    known = {node: balls.Ball(one) for node, one in zip(formula.inputs, x, strict=True)}
    upstream = [balls.ONE if (one == 1).all() else balls.Ball(one) for one in dout]
    with np.errstate(all="ignore"):
        sweep = Sweep(formula, BALLS, known, upstream)
    outputs = [sweep.value(node) for node in formula.outputs]
    return outputs, [sweep.gradient(node) for node in formula.inputs] if dout else []


def truths(found: balls.Ball, signs: Array, kind: FloatFormat) -> Truths:
    """What balls tell of the truth; an exact 0 has the sign beside it."""
    hi, lo, radius = (np.broadcast_to(np.asarray(one, float), signs.shape) for one in found)
    with np.errstate(all="ignore"):
        size, low, radius = np.abs(hi), np.copysign(1, hi) * lo, radius * balls.UP
        bits = size.view(np.int64)
        power = (bits & (0x7FF << 52)).view(np.float64)
        # Both differences are exact, and rounded once with what is added.
        over, under = (size - power) + (low + power * 2.0**-SAME), (2 * power - size) - low
        torn = (radius > 0) & ((np.abs(over) <= radius) | (np.abs(under) <= radius))
        exponent = (bits >> 52) - 1023 - (over < 0)
        above = (size - kind.overflow) + low
        unknown = ~np.isfinite(hi + lo) | (radius > 0) & (
            (size <= radius) | (np.abs(above) <= radius)
        )
        value = np.where((hi == 0) & (radius == 0), np.copysign(0, signs), hi)
        value = np.where(above >= 0, np.copysign(np.inf, hi), value)
        offset, off = in_ulp(lo, exponent, kind), in_ulp(radius, exponent, kind)
    return Truths(value, exponent, offset, np.where(unknown, np.inf, off), torn)
