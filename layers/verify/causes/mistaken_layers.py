"""Mistaken arrays, factors and layers: what was computed is not the result that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from actgrad.layers.activations import catalogue
from actgrad.layers.arrays import Array, decimal
from actgrad.layers.errors import ActgradError
from actgrad.layers.explain import Derivative
from actgrad.layers.layer import Layer
from actgrad.layers.verify.causes.formula_faults import as_it_stands
from actgrad.layers.verify.causes.observations import Observations

WRONG_ARRAY = "the wrong array: it holds"
#: Common values of parameters.
COMMON = (0.0, 0.01, 0.1, 0.2, 0.25, 0.3, 0.5, 1.0, 1.5, 1.702, 2.0, 3.0, 4.0, 6.0, 10.0)
#: The fewest different results that show that an array is another one, or another one's multiple.
FEWEST = 10
#: A factor has so many significant digits at most.
FACTOR_DIGITS = 3
#: The least share that an exact layer explains if its formula in steps is worth trying.
PROMISING = 0.3


def wrong_arrays(seen: Observations) -> Iterator[tuple[str, Array]]:
    """x, dout, or the run's other result."""
    other = "dx" if seen.name == "out" else "out"
    held = {"x": seen.x, other: getattr(seen.run, other)}
    if seen.name == "dx" and (seen.dout != 1).any():
        held["dout"] = seen.dout
    for name, values in held.items():
        # A saturated result equals many arrays: only where both differ is one held.
        tells = seen.fails & seen.reproduced(seen.rounded(values))
        is_x = name == "x" and bool(tells[seen.fails].all())
        if is_x or np.unique(seen.got[tells]).size >= FEWEST:
            yield f"{WRONG_ARRAY} {name}", values


def misused_dout(seen: Observations) -> Iterator[tuple[str, Array]]:
    """The slope alone, without dout, and the result times a factor."""
    if seen.name == "dx" and (seen.dout != 1).any():
        slope = seen.reference.run(seen.x, np.ones(seen.x.size)).dx
        yield "dout is left out", slope
    right = getattr(seen.run, seen.name)
    with np.errstate(all="ignore"):
        ratios = (seen.got / right)[seen.fails]
    ratios = ratios[np.isfinite(ratios) & (ratios != 0)]
    if np.unique(seen.got[seen.fails]).size >= FEWEST <= ratios.size:
        factor = float(f"{np.median(ratios):.{FACTOR_DIGITS}g}")
        yield factor_cause(factor), factor * right


def factor_cause(factor: float) -> str:
    """The cause of results that are a multiple of the right ones."""
    if factor == -1:
        return "every result has the opposite sign"
    return f"every result is {decimal(factor)} times the right one"


def other_layers(seen: Observations) -> Iterator[tuple[str, Array]]:
    """The results of likely mistaken layers, exact, and in steps where these look promising."""
    layers = seen.reference.layer.layers
    # To compare with the derivatives of all other layers would take long.
    if len(layers) > 1 or isinstance(layers[0], Derivative):
        return
    for cause, other in mistaken_layers(layers[0], seen):
        with np.errstate(all="ignore"):
            result = other.forward(seen.x)
            if seen.name == "dx":
                result = other.backward(seen.dout)
        yield cause, result
        if PROMISING < seen.share(result) < 1:
            dtype = seen.float_format.dtype
            yield f"{cause}, computed in {dtype.name}", as_it_stands(other, seen, dtype)


def mistaken_layers(layer: Layer, seen: Observations) -> Iterator[tuple[str, Layer]]:
    """Each likely mistaken layer, with its cause: other parameters, then other layers."""
    settings = {name: getattr(layer, name) for name in layer.parameters}
    for name, spec in layer.parameters.items():
        now = settings[name]
        if isinstance(now, str):
            continue
        exact = float(now)
        rounded = float(seen.rounded(np.array([exact]))[0]) if seen.x.size else exact
        if rounded != exact:
            cause = f"{name} = {now} is rounded to {seen.float_format.dtype.name}"
            with suppress(ActgradError):
                yield cause, type(layer)(**settings | {name: rounded})
        for value in dict.fromkeys((spec.default, *COMMON)):
            if value is not None and value != now:
                with suppress(ActgradError):
                    cause = f"wrong parameter: {name} = {decimal(value)} instead of {now}"
                    yield cause, type(layer)(**settings | {name: value})
    for cls in catalogue():
        if cls is not type(layer):
            with suppress(ActgradError):
                other = cls()
                if other.is_elementwise:
                    mistake = layer.mistaken_for.get(cls.name)
                    yield mistake or f"another layer: {cls.name}", other


def mistaken_layers_of_lines(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """The layer with each other choice of a parameter, then other layers of as long an out."""
    settings = {name: getattr(layer, name) for name in layer.parameters}
    chosen = {name: settings[name] for name, spec in layer.parameters.items() if spec.choices}
    for name, setting in chosen.items():
        for choice in layer.parameters[name].choices:
            if choice != setting:
                cause = f"the other half of x is gated: {name}={choice} instead of {setting}"
                yield cause, type(layer)(**settings | {name: choice})
    for cls in catalogue():
        same = {name: setting for name, setting in chosen.items() if name in cls.parameters}
        if cls is not type(layer):
            with suppress(ActgradError):
                other = cls(**same)
                if not other.is_elementwise and other.out_shape((4,)) == layer.out_shape((4,)):
                    yield f"another layer: {cls.name}", other
