"""The kinks and jumps of a layer, located at the breakpoints of its formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.formula import FLOATS, Formula, Node, Sweep, arrays
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Layer

#: Operations whose result switches where their two inputs are equal.
BRANCHING = (f.above, f.not_above, f.maximum, f.minimum)
#: Breakpoints are searched for between these neighbours: ±2ᵉ and ±1.3·2ᵉ for |e| ≤ 20, and 0.
#: Kinks lie near 0, or where a parameter puts them.
GRID = sorted({s * m * 2.0**e for s in (-1, 1) for m in (1.0, 1.3) for e in range(-20, 21)} | {0})
#: How far from a breakpoint the one-sided slopes are taken, relative to |x| but next to 0.
STEP = 1e-9
#: Two one-sided values or slopes that differ by more than this, relative or absolute, are unequal.
TOLERANCE = 1e-6


class Kink(NamedTuple):
    """A point where the derivative jumps: the derivative on its left, there and on its right."""

    x: float
    left: float
    here: float
    right: float
    #: Whether the function itself jumps too.
    is_jump: bool


def find_kinks(layer: Layer) -> list[Kink]:
    """The kinks and jumps of a layer or a chain whose formula takes one number, in order of x."""
    formula = layer.traced()
    with np.errstate(all="ignore"):
        on_grid: Sweep[Any] = Sweep(
            formula, arrays(np.dtype(float)), {formula.inputs[0]: np.array(GRID)}
        )
        points = {x for node in formula.nodes for x in breakpoints(formula, node, on_grid)}
    return [kink for x in sorted(points) if (kink := kink_at(formula, x)) is not None]


def breakpoints(formula: Formula, node: Node, on_grid: Sweep[Any]) -> Iterator[float]:
    """The x at which the node switches from one branch to another.

    `on_grid` holds the values of the formula's nodes at the points of `GRID`.
    """
    if node.operation in BRANCHING:
        u, v = node.inputs
    elif node.operation is f.absolute:
        u, v = node.inputs[0], f.constant(0)
    else:
        return

    def difference(x: float) -> float:
        sweep: Sweep[float] = Sweep(formula, FLOATS, {formula.inputs[0]: x})
        return float(sweep.value(u) - sweep.value(v))

    signs = np.sign(on_grid.value(u) - on_grid.value(v))
    pairs = zip(GRID, np.broadcast_to(signs, len(GRID)).tolist(), strict=True)
    for (low, before), (high, after) in pairwise(pairs):
        if before == 0:
            yield low
        elif before * after < 0:
            yield zero_by_bisection(difference, low, high)


def zero_by_bisection(function: Callable[[float], float], low: float, high: float) -> float:
    """Where the function, of different signs at low and high, is 0 or changes its sign."""
    is_positive = function(low) > 0
    while low < (middle := low + (high - low) / 2) < high:
        value = function(middle)
        if value == 0:
            return middle
        low, high = (middle, high) if (value > 0) == is_positive else (low, middle)
    return high


def kink_at(formula: Formula, x: float) -> Kink | None:
    """The kink or jump at x; None where value and slope are the same from both sides."""
    step = one_sided_step(x)
    low, left = value_and_slope(formula, x - step)
    high, right = value_and_slope(formula, x + step)
    is_jump = unequal(low, high) and abs(high - low) > 2 * step * (abs(left) + abs(right))
    if not is_jump and not unequal(left, right):
        return None
    return Kink(x, left, value_and_slope(formula, x)[1], right, is_jump)


def one_sided_step(x: float) -> float:
    """How far from x one-sided values and slopes are taken."""
    return STEP * (abs(x) if abs(x) > STEP else 1)


def unequal(u: float, v: float) -> bool:
    """Whether two numbers differ by more than `TOLERANCE`."""
    return not math.isclose(u, v, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def value_and_slope(formula: Formula, x: float) -> tuple[float, float]:
    """y and ∂y/∂x at x, computed in float64 as the formula states them."""
    sweep = evaluate(formula, x)
    return sweep.value(formula.outputs[0]), sweep.gradient(formula.inputs[0])


def evaluate(formula: Formula, x: float) -> Sweep[float]:
    """The formula of one number, evaluated in float64 at x, with its gradients for ∂L/∂y = 1."""
    return Sweep(formula, FLOATS, {formula.inputs[0]: x}, [1.0])
