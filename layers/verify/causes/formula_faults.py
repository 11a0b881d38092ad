"""Formulas computed step by step: rival ways to compute a layer, and its formula as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.formula import Formula, Node, variable
from actgrad.layers.layer import Layer
from actgrad.layers.verify.causes.observations import Observations
from actgrad.layers.verify.causes.precision_faults import narrower_formats
from actgrad.layers.verify.causes.rivals import RIVALS, Way
from actgrad.layers.verify.causes.steps import computed_in_steps, nudged, value_in_steps

#: A kernel's library functions are right, or a neighbour of what is right.
NUDGES = (0, 1, -1)


def formula_results(seen: Observations) -> Iterator[tuple[str, Array]]:
    """Each rival way, then the formula as it stands, with the steps rounded to several dtypes."""
    layer, own = seen.reference.layer, seen.float_format
    wider = [np.dtype(np.float32 if own.precision < 24 else np.float64)]
    narrower = (form.dtype for form in narrower_formats(own))
    lower = [dtype for dtype in narrower if own.precision >= 24 and dtype.itemsize > 1]
    for working in dict.fromkeys((own.dtype, *wider, *lower)):
        how = f"computed in {working.name}"
        if working.itemsize > own.dtype.itemsize == 4:
            how = "with wider or fused steps"
        for single in layer.layers if len(layer.layers) == 1 else ():
            for rival in RIVALS.get(single.name, ()):
                way = getattr(rival, seen.name)
                if way is not None:
                    results = computed_way(way, single, seen, working)
                    yield f"{rival.cause}, {how}", results
        yield (
            f"{layer.naive_formula}, computed in {working.name}",
            as_it_stands(layer, seen, working),
        )


def computed_way(way: Way, layer: Layer, seen: Observations, working: np.dtype[Any]) -> Array:
    """A rival way at the elements' x, with y = out correctly rounded; a row for each nudge."""
    x, y, dout = inputs = [Node(variable, leaf=name) for name in ("x", "y", "dout")]
    formula = Formula(inputs, way(x, y, dout, layer))
    out = seen.rounded(seen.run.out)
    return np.stack(
        [
            value_in_steps(
                formula,
                (seen.x, nudged(out, working, nudge), seen.dout),
                working,
                nudge,
            )
            for nudge in NUDGES
        ]
    )


def as_it_stands(layer: Layer, seen: Observations, working: np.dtype[Any]) -> Array:
    """The layer's formula or its graph's gradient at the elements' x; a row for each nudge."""
    x, dout = (a.astype(seen.float_format.dtype) for a in (seen.x, seen.dout))
    which, formula = int(seen.name == "dx"), layer.traced()
    return np.stack(
        [computed_in_steps(formula, x, dout, working, nudge)[which] for nudge in NUDGES]
    )
