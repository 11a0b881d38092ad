"""A formula and its gradient on many numbers at once, each result within proven bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from actgrad.layers.arithmetic import ball_functions, balls
from actgrad.layers.arithmetic.balls import UP, Ball
from actgrad.layers.arrays import Array
from actgrad.layers.exact.ulp import SAME, FloatFormat, Truths, in_ulp
from actgrad.layers.formula import Formula, Sweep
from actgrad.layers.formula import words as f

#: How each operation reads on balls.
BALLS: Mapping[f.Operation, Callable[..., Any]] = {
    f.literal: balls.literal,
    f.add: balls.add,
    f.subtract: balls.subtract,
    f.multiply: balls.multiply,
    f.divide: balls.divide,
    f.reciprocal: balls.reciprocal,
    f.power: balls.power,
    f.exp: ball_functions.exp,
    f.log: ball_functions.log,
    f.sqrt: balls.sqrt,
    f.tanh: ball_functions.tanh,
    f.erf: ball_functions.erf,
    f.absolute: balls.absolute,
    f.sign: balls.sign,
    f.maximum: balls.maximum,
    f.minimum: balls.minimum,
    f.where: balls.chosen,
    f.above: balls.above,
    f.not_above: balls.not_above,
}


def enclosures(
    formula: Formula, x: Sequence[Array], dout: Sequence[Array]
) -> tuple[list[Ball], list[Ball]]:
    """The formula's outputs and the gradients by its inputs; these only if there is a dout.

    An x that is no number, or infinite, is not enclosed.
    """
    known = {node: Ball(one) for node, one in zip(formula.inputs, x, strict=True)}
    upstream = [balls.ONE if (one == 1).all() else Ball(one) for one in dout]
    with np.errstate(all="ignore"):
        sweep = Sweep(formula, BALLS, known, upstream)
    outputs = [sweep.value(node) for node in formula.outputs]
    return outputs, [sweep.gradient(node) for node in formula.inputs] if dout else []


def truths(found: Ball, signs: Array, kind: FloatFormat) -> Truths:
    """What balls tell of the truth; an exact 0 has the sign beside it."""
    hi, lo, radius = (np.broadcast_to(np.asarray(one, float), signs.shape) for one in found)
    with np.errstate(all="ignore"):
        size, low, radius = np.abs(hi), np.copysign(1, hi) * lo, radius * UP
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
