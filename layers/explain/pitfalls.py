"""Where a formula typed in as it stands fails on floats, and its kernel does not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from actgrad.layers.explain.derivation import steps
from actgrad.layers.explain.kinks import at
from actgrad.layers.formula import trace
from actgrad.layers.layer import Layer

#: Where it is tried, the small numbers first: what fails nearest to 0 fails most people.
PLACES = [s * m * 10.0**e for e in range(-8, 4) for m in (1.0, 1.8, 3.7, 7.2) for s in (1, -1)]
#: A result this far off has lost half of its digits.
LOST = 1e-8


class Failure(NamedTuple):
    """What is computed at x in float64, and what is right."""

    what: str
    x: float
    found: float
    right: float


def failures(layer: Layer) -> list[Failure]:
    """Where the formula, its gradient and each further step to it first go wrong."""
    out = np.asarray(layer.forward(PLACES)).tolist()
    dx = np.asarray(layer.backward(np.ones(len(PLACES)))).tolist()
    formula = trace(layer.formula)
    computed = [at(formula, x) for x in PLACES]
    ways = {"y": [value for value, _ in computed], "the graph's ∂y/∂x": [s for _, s in computed]}
    for step in steps(layer)[1:]:
        ways[step.text] = [step.at(x, y)[0] for x, y in zip(PLACES, out, strict=True)]
    found = (first(what, way, out if what == "y" else dx) for what, way in ways.items())
    return [one for one in found if one is not None]


def first(what: str, computed: list[float], right: list[float]) -> Failure | None:
    """The first place where the computed number has lost half of its digits."""
    for x, one, other in zip(PLACES, computed, right, strict=True):
        if not abs(one - other) <= LOST * abs(other) + 1e-290:
            return Failure(what, x, one, other)
    return None
