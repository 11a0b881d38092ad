"""The likely cause of wrong results: the results of known mistakes are compared with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.activations import catalogue
from actgrad.layers.arrays import Array
from actgrad.layers.errors import ActgradError
from actgrad.layers.explain import Derivative
from actgrad.layers.formula import Formula, Node, Sweep, arrays, variable
from actgrad.layers.layer import Layer
from actgrad.layers.verify.policy import FAILURE_CODES
from actgrad.layers.verify.reference import Reference
from actgrad.layers.verify.tally import Elements

#: The least share of the wrong elements that a cause must explain.
ENOUGH = 0.6
#: A cause explains an element if its result differs from the element's by at most this share of
#: the element's own error.
CLOSE = 0.25
#: A cause replaces a likelier one that came before it if it explains this much more.
MARGIN = 0.02
#: The fewest elements that a cause is inferred from.
FEWEST = 10
#: The most elements that are compared with a cause.
MOST = 2048
#: The least share of elements next to the truth, on the side of 0, that shows truncation.
TRUNCATED_SHARE = 0.9
#: Common values of parameters.
COMMON = (0.0, 0.01, 0.1, 0.2, 0.25, 0.3, 0.5, 1.0, 1.5, 1.702, 2.0, 3.0, 4.0, 6.0, 10.0)

PRECISIONS = {"bfloat16": 8, "float16": 11, "float32": 24}
TRUNCATED = "results are truncated, not rounded"
WRONG_ARRAY = "the wrong array: it holds"


class FailedLines(NamedTuple):
    """Lines of which an element failed: their x and dout, and all elements of their result."""

    x: Array
    dout: Array
    elements: Elements


class LikelyCause(NamedTuple):
    """A cause, and the share of the wrong elements that it explains."""

    cause: str
    share: float


def likely_cause(
    reference: Reference, name: str, wrong: Elements, passed: bool
) -> LikelyCause | None:
    """Return the cause that explains the most elements of a result; None if none explains enough.

    `wrong` is a sample of the elements that fail or are not correctly rounded. Where all elements
    `passed`, truncation is the only cause that is considered.
    """
    if not reference.layer.is_elementwise or wrong.x.size < FEWEST:
        return None
    if passed:
        share = truncated_share(wrong)
        return LikelyCause(TRUNCATED, share) if share else None
    failed = wrong.at(wrong.failure > 0)
    if failed.x.size < FEWEST:
        return None
    failed = failed.at(slice(None, None, -(-failed.x.size // MOST)))
    best = LikelyCause("", ENOUGH - MARGIN)
    for cause, share in _causes(reference, name, failed):
        if share > best.share + MARGIN:
            best = LikelyCause(cause, share)
        if best.share >= 1 - MARGIN:  # no share is larger by MARGIN
            break
    return best if best.cause else None


def likely_cause_of_lines(
    reference: Reference, name: str, lines: FailedLines
) -> LikelyCause | None:
    """The layer along an axis whose results the failed elements are; None if there is none."""
    failed = np.flatnonzero(lines.elements.failure > 0)
    elements, best = lines.elements.at(failed), LikelyCause("", ENOUGH)
    for cause, other in _other_layers_of_lines(reference.layer):
        with np.errstate(all="ignore"), suppress(ActgradError):
            run = Reference(other, reference.float_format).run(lines.x, lines.dout)
            share = explained_share(getattr(run, name).ravel()[failed], elements)
            if share > best.share:
                best = LikelyCause(cause, share)
    return best if best.cause else None


def _other_layers_of_lines(layer: Layer) -> Iterator[tuple[str, Layer]]:
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


def _causes(reference: Reference, name: str, elements: Elements) -> Iterator[tuple[str, float]]:
    """Every known cause, the most certain first, and the share of the elements that it explains."""
    got = elements.got.astype(np.float64)
    flushed = elements.failure == FAILURE_CODES["flushed"]
    yield "subnormal numbers are flushed to 0", float(np.mean(flushed))
    for dtype in ("bfloat16", "float16", "float32"):
        if reference.float_format.precision > PRECISIONS[dtype]:
            coarse = fits_precision(got, PRECISIONS[dtype]) & (got != 0) & np.isfinite(got)
            coarse &= np.unique(got).size > FEWEST
            cause = f"computed in a lower precision: every number is one of {dtype}"
            yield cause, float(coarse.mean())
    yield TRUNCATED, truncated_share(elements)
    with np.errstate(all="ignore"):
        run = reference.run(elements.x, elements.dout)
        yield f"{WRONG_ARRAY} x", held_share(elements.x, elements)
        other = "dx" if name == "out" else "out"
        yield f"{WRONG_ARRAY} {other}", held_share(getattr(run, other), elements)
        if name == "dx" and (elements.dout != 1).any():
            yield f"{WRONG_ARRAY} dout", held_share(elements.dout, elements)
            slope = reference.run(elements.x, np.ones(elements.x.size)).dx
            yield "dout is left out", explained_share(slope, elements)
        for cause, out, dx in _mistaken_results(reference, elements):
            yield cause, explained_share(out if name == "out" else dx, elements)


def held_share(values: Array, elements: Elements) -> float:
    """The share of the results that equal the given values; 0 if nearly all results are 0."""
    not_zero = elements.got != 0
    if np.count_nonzero(not_zero) < FEWEST:
        return 0.0
    return min(
        explained_share(values, elements),
        explained_share(values[not_zero], elements.at(not_zero)),
    )


def truncated_share(elements: Elements) -> float:
    """The share of results at most 1 ULP off, towards 0; 0 unless it is over TRUNCATED_SHARE."""
    nearer_0 = np.abs(elements.got.astype(np.float64)) < np.abs(elements.truth)
    share = float(np.mean(nearer_0 & (elements.error <= 1)))
    return share if share > TRUNCATED_SHARE else 0.0


def fits_precision(values: Array, precision: int) -> Array:
    """Whether each number has at most so many significant bits."""
    mantissa, _ = np.frexp(values)
    scaled = np.ldexp(mantissa, precision)
    return np.asarray(scaled == np.rint(scaled))


def explained_share(results: Array, elements: Elements) -> float:
    """The share of the elements whose results are much nearer to these than to the truth."""
    got = elements.got.astype(np.float64)
    with np.errstate(all="ignore"):
        nearer = np.abs(got - results) <= CLOSE * np.abs(got - elements.truth)
    equal = (got == results) & (np.signbit(got) == np.signbit(results))
    equal |= np.isnan(got) & np.isnan(results)
    return float(np.mean(equal | (nearer & np.isfinite(results) & np.isfinite(got))))


def _mistaken_results(
    reference: Reference, elements: Elements
) -> Iterator[tuple[str, Array, Array]]:
    """The results of each known mistake: its cause, and out and dx in float64."""
    dtype = reference.float_format.dtype
    layers = reference.layer.layers
    # To compare with the derivatives of all other layers would take long.
    is_single = len(layers) == 1 and not isinstance(layers[0], Derivative)
    layer = layers[0] if is_single else None
    x = Node(variable, leaf="x")
    formulas = [(reference.layer.naive_formula, reference.layer.traced())]
    for cause, value, slope in reference.layer.naive_forms(x):
        formulas.append((cause, Formula([x], [value, slope])))
    wider = [wide for wide in map(np.dtype, ("f4", "f8")) if wide.itemsize > dtype.itemsize]
    for working in (dtype, *wider):
        for cause, formula in formulas:
            results = (result.astype(dtype) for result in computed(formula, elements, working))
            out, dx = (
                np.broadcast_to(result.astype(np.float64), elements.x.shape) for result in results
            )
            yield f"{cause}, computed in {working.name}", out, dx
    for cause, other in other_layers(layer) if layer else ():
        yield cause, other.forward(elements.x), other.backward(elements.dout)


def other_layers(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """Each likely mistaken layer, with its cause: other parameters, then other layers."""
    for name, spec in layer.parameters.items():
        for value in dict.fromkeys((spec.default, *COMMON)):
            if value is None or value == getattr(layer, name):
                continue
            values = {key: getattr(layer, key) for key in layer.parameters} | {name: value}
            with suppress(ActgradError):
                cause = f"wrong parameter: {name} = {value} instead of {getattr(layer, name)}"
                yield cause, type(layer)(**values)
    for cls in catalogue():
        if cls is not type(layer):
            with suppress(ActgradError):
                other = cls()
                if other.is_elementwise:
                    mistake = layer.mistaken_for.get(cls.name)
                    yield mistake or f"another layer: {cls.name}", other


def computed(formula: Formula, elements: Elements, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The formula's out and dx, every step rounded to the dtype; a second output is the slope."""
    x, dout = elements.x.astype(dtype), elements.dout.astype(dtype)
    upstream = [dout] * len(formula.outputs)
    sweep = Sweep(formula, arrays(dtype), {formula.inputs[0]: x}, upstream)
    values = [sweep.value(node) for node in formula.outputs]
    gradient = sweep.gradient(formula.inputs[0]) if len(values) == 1 else dout * values[1]
    return np.asarray(values[0], dtype), np.asarray(gradient, dtype)
