"""Where a layer's derivative, or the layer itself, jumps: found from what its formula decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from actgrad.layers.formula import FLOATS, Formula, Node, Sweep, trace
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Layer

#: Operations that decide between two numbers.
DECIDING = (f.above, f.not_above, f.maximum, f.minimum)
#: Where decisions are looked for; kinks lie near 0, or where a parameter puts them.
PLACES = sorted({s * m * 2.0**e for s in (-1, 1) for m in (1.0, 1.3) for e in range(-20, 21)} | {0})


class Kink(NamedTuple):
    """A point where the derivative jumps, and what it is to the left, there, and to the right."""

    x: float
    left: float
    here: float
    right: float
    #: Whether the function itself jumps too.
    is_jump: bool


def kinks(layer: Layer) -> list[Kink]:
    """The kinks and jumps of a layer or a chain, from left to right."""
    formula = trace(layer.formula)
    places = {place for node in formula.nodes for place in decisions(node, formula)}
    found = (kink(formula, place) for place in sorted(places))
    return [one for one in found if one is not None]


def decisions(node: Node, formula: Formula) -> Iterator[float]:
    """The x at which what the node decides changes."""
    if node.operation in DECIDING:
        u, v = node.inputs
    elif node.operation is f.absolute:
        u, v = node.inputs[0], f.constant(0)
    else:
        return

    def difference(x: float) -> float:
        sweep = reading(formula, x)
        found: float = sweep.value(u) - sweep.value(v)
        return found

    for low, high in pairwise(PLACES):
        if difference(low) == 0:
            yield low
        elif difference(low) * difference(high) < 0:
            yield bisected(difference, low, high)


def bisected(difference: Callable[[float], float], low: float, high: float) -> float:
    """The zero between two places where the difference has different signs."""
    positive = difference(low) > 0
    while low < (middle := low + (high - low) / 2) < high:
        if difference(middle) == 0:
            return middle
        low, high = (middle, high) if (difference(middle) > 0) == positive else (low, middle)
    return high


def kink(formula: Formula, x: float) -> Kink | None:
    """The kink at x, if there is one and not merely a decision without consequence."""
    step = 1e-9 * max(abs(x), 1)
    values, slopes = zip(*(at(formula, place) for place in (x - step, x, x + step)), strict=True)
    is_jump = not math.isclose(values[0], values[2], rel_tol=1e-6, abs_tol=1e-6)
    if is_jump or not math.isclose(slopes[0], slopes[2], rel_tol=1e-6, abs_tol=1e-6):
        return Kink(x, slopes[0], slopes[1], slopes[2], is_jump)
    return None


def at(formula: Formula, x: float) -> tuple[float, float]:
    sweep = reading(formula, x)
    return sweep.value(formula.outputs[0]), sweep.gradient(formula.inputs[0])


def reading(formula: Formula, x: float) -> Sweep[float]:
    return Sweep(formula, FLOATS, {formula.inputs[0]: x}, [1.0])
