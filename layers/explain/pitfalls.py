"""Where a formula loses its digits when it is evaluated in float64 as it is written."""

from __future__ import annotations

from itertools import repeat
from typing import NamedTuple

import numpy as np

from actgrad.layers.explain.derivation import steps
from actgrad.layers.explain.kinks import value_and_slope
from actgrad.layers.layer import Layer

#: The x that are tried, small ones first: a failure close to 0 is the most often met.
INPUTS = [s * m * 10.0**e for e in range(-8, 4) for m in (1.0, 1.8, 3.7, 7.2) for s in (1, -1)]
#: A relative error above this has cost half of the digits.
RELATIVE_ERROR = 1e-8
#: An absolute error below this, close to the smallest normal number, is no loss of digits.
ABSOLUTE_ERROR = 1e-290


class Pitfall(NamedTuple):
    """An expression, an x where it loses digits in float64, its value there and the correct one."""

    expression: str
    x: float
    computed: float
    correct: float


def find_pitfalls(layer: Layer) -> list[Pitfall]:
    """The first failure of the formula, of its graph's gradient, and of each further step.

    They are compared with the layer's own forward and backward.
    """
    out = np.asarray(layer.forward(INPUTS)).tolist()
    dx = np.asarray(layer.backward(np.ones(len(INPUTS)))).tolist()
    formula = layer.traced()
    values, slopes = zip(*(value_and_slope(formula, x) for x in INPUTS), strict=True)
    candidates = [("y", values, out), ("the graph's ∂y/∂x", slopes, dx)]
    for step in steps(layer)[1:]:
        computed = tuple(step.evaluate(x, y)[0] for x, y in zip(INPUTS, out, strict=True))
        candidates.append((step.text, computed, dx))
    failures = (first_failure(*candidate) for candidate in candidates)
    return [failure for failure in failures if failure is not None]


def first_failure(
    expression: str, computed: tuple[float, ...], correct: list[float]
) -> Pitfall | None:
    """The first of `INPUTS` where the computed value has lost half of its digits."""
    for pitfall in map(Pitfall, repeat(expression), INPUTS, computed, correct):
        _, _, value, right = pitfall
        error = abs(value - right)  # nan for two equal infinities, which are no failure
        if value != right == right and not error <= RELATIVE_ERROR * abs(right) + ABSOLUTE_ERROR:
            return pitfall
    return None
