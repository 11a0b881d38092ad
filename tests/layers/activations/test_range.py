"""The range that each layer states: no value lies outside it, and its ends are approached."""

from __future__ import annotations

import re
from math import inf
from typing import Any, NamedTuple

import numpy as np
import pytest
from mpmath import isnan, mpf, workprec

from actgrad.layers import Layer, catalogue, layer
from actgrad.layers.arithmetic.balls import Ball
from actgrad.layers.exact.domain import BALL_DOMAIN, undefined
from actgrad.layers.exact.values import Effort, exact
from actgrad.layers.formula import BALLS, Formula, Sweep

#: Beside every layer at its defaults, or at 1 where a parameter has none.
SPECS = [
    "capped_relu:negative_slope=0.25,threshold=1,max_value=6",
    "capped_relu:negative_slope=0.25,max_value=3",
    "capped_relu:threshold=1,max_value=3",
    "celu:alpha=0.25",
    "celu:alpha=-2",
    "elu:alpha=3",
    "elu:alpha=0",
    "elu:alpha=-2",
    "hardshrink:lambd=0",
    "hardshrink:lambd=2",
    "hardsigmoid:alpha=0.2,beta=2",
    "hardtanh:min_val=0.25,max_val=7",
    "isrlu:alpha=4",
    "isru:alpha=0.5",
    "laplace:mu=0,sigma=2",
    "leaky_relu:negative_slope=-2",
    "logit_clamped:eps=0.25",
    "leaky_relu:negative_slope=0",
    "prelu:weight=-0.5",
    "rrelu:lower=-1,upper=1",
    "scaled_tanh:alpha=2,beta=3",
    "silu:beta=0.5",
    "situ:beta=0.5",
    "snake:alpha=0.5",
    "softcap:cap=0.5",
    "softplus:beta=3",
    "softshrink:lambd=0",
    "squareplus:b=0.01",
    "swiglu_clamped:limit=0.5",
    "threshold:threshold=1,value=-2",
    "threshold:threshold=1,value=2",
    "thresholded_leaky_relu:negative_slope=0",
    "thresholded_leaky_relu:threshold=0",
    "thresholded_relu:alpha=0",
    "thresholded_relu:alpha=2",
    *[
        cls.name + (":threshold=1,value=1" if cls.name == "threshold" else "")
        for cls in catalogue()
    ],
]
#: Close to 0 from both sides, and densely between −8 and 8.
PLACES = sorted(
    {0.0}
    | {sign * 2.0**exponent for sign in (-1, 1) for exponent in range(-60, 6)}
    | {place / 64 for place in range(-64 * 8, 64 * 8 + 1)}
    | {place + side * 2.0**-40 for place in (-2, -1, -0.5, 0.5, 1, 2) for side in (-1, 1)}
)
#: There even BITS bits do not distinguish a value from the end of its range.
FAR = [sign * 2.0**exponent for sign in (-1, 1) for exponent in range(8, 40, 4)]
with workprec(400):
    #: Next to the ends of the domain of logit.
    FAR += [mpf(2) ** -200, 1 - mpf(2) ** -200]
#: Enough to distinguish tanh(32) and laplace(6) from 1.
BITS = 400
#: How near a value must come to an end, relative to the end or to 1.
NEAR = 1e-3
#: Digits that the texts do not show, relative to the end or to 1.
ROUNDING = 1e-11


class Interval(NamedTuple):
    """Part of a range; an end that is not `closed` is no value of the function."""

    low: float
    low_closed: bool
    high: float
    high_closed: bool

    def holds(self, value: Any) -> Any:
        """Whether a number, or each number of an array, is in this part."""
        low, high = (
            end + side * ROUNDING * (max(1, abs(end)) if abs(end) < inf else 1)
            for end, side in ((self.low, -1), (self.high, 1))
        )
        above = low <= value if self.low_closed else self.low < value
        return above & (value <= high if self.high_closed else value < self.high)


def intervals(text: str) -> list[Interval]:
    """The parts of a range such as `y < -1, y = 0 or 1 < y ≤ 2`."""
    if text == "every number":
        return [Interval(-inf, False, inf, False)]
    parts = []
    for part in re.split(", | or ", text):
        match = re.fullmatch(r"(?:(\S+) (<|≤) )?y(?: (<|≤|=) (\S+))?", part)
        assert match is not None, part
        low, low_sign, high_sign, high = match.groups()
        if high_sign == "=":
            low, low_sign = high, "≤"
        low_end, high_end = float(low or "-inf"), float(high or "inf")
        parts.append(Interval(low_end, low_sign == "≤", high_end, high_sign in ("≤", "=")))
    return parts


def lines(tried: Layer, places: list[Any]) -> list[list[Any]]:
    """What the layer takes: each x by itself, or lines of two for a layer along an axis."""
    if tried.is_elementwise:
        return [[x] for x in places if tried.name != "laplace" or not 6 < abs(x) <= 32]
    pairs = [[x, other] for x in places[::6] for other in (1.0, -1.0, x, -x)]
    return pairs + [[0.5, x] for x in places[::6]]


def exact_values(formula: Formula, x: list[list[Any]]) -> list[mpf]:
    """The formula's values at these lines."""
    effort, results = Effort(), []
    for line in x:
        out, _ = exact(formula, line, bits=BITS, effort=effort)
        results += [out] if formula.is_scalar else out
    return [value for value in results if not isnan(value)]


def values(formula: Formula, x: list[list[float]], parts: list[Interval]) -> list[Any]:
    """The formula's values: each as both ends of its ball where one part holds them, else exact."""
    columns = np.array(x).T
    known = {node: Ball(column) for node, column in zip(formula.inputs, columns, strict=True)}
    ends, decided = [], np.ones(len(x), bool)
    with np.errstate(all="ignore"):
        sweep = Sweep(formula, BALLS, known)
        without = np.broadcast_to(undefined(formula, sweep.values, BALL_DOMAIN), len(x))
        for node in formula.outputs:
            hi, lo, radius, _ = np.broadcast_arrays(*sweep.value(node), columns[0])
            off = np.nextafter(np.abs(lo) + radius, inf)
            low, high = np.nextafter(hi - off, -inf), np.nextafter(hi + off, inf)
            decided &= np.any([part.holds(low) & part.holds(high) for part in parts], axis=0)
            ends += [low, high]
    left = [x[i] for i in np.flatnonzero(~decided & ~without)]
    return [*np.array(ends)[:, decided].flat, *exact_values(formula, left)]


@pytest.mark.no_cover
@pytest.mark.parametrize("spec", SPECS)
def test_a_range_holds_every_value_and_its_ends_are_approached(spec: str) -> None:
    tried = layer(spec)
    formula = tried.traced() if tried.is_elementwise else tried.traced(2)
    parts = intervals(tried.range)
    reached = values(formula, lines(tried, PLACES), parts)
    for value in reached:
        assert any(part.holds(value) for part in parts), value
    closed = [part._replace(low_closed=True, high_closed=True) for part in parts]
    limits = exact_values(formula, lines(tried, FAR))
    for value in limits:
        assert any(part.holds(value) for part in closed), value
    for part in closed:
        inside = [value for value in (*reached, *limits) if part.holds(value)]
        for end, nearest in ((part.low, min(inside)), (part.high, max(inside))):
            if abs(end) == inf:
                assert abs(nearest) > 100
            else:
                assert abs(nearest - end) <= NEAR * max(1, abs(end))
