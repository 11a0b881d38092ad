"""The likely cause of wrong results: what they would be by formulas that are known to go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.activations import catalogue
from actgrad.layers.arrays import Array
from actgrad.layers.errors import ActgradError
from actgrad.layers.formula import Formula, Node, Sweep, arrays, variable
from actgrad.layers.layer import Layer
from actgrad.layers.verify.policy import CODE
from actgrad.layers.verify.reference import Reference
from actgrad.layers.verify.tally import Elements, Tally

#: A cause is told if it explains so much of what is wrong.
ENOUGH = 0.6
#: An element is explained by a result that is off by so little of the element's own error.
CLOSE = 0.25
#: And more by so much than another that is less surprising.
MARGIN = 0.02
#: Fewer elements are no sign of a rule.
FEW = 10
#: At most so many elements are looked at.
LOOKED_AT = 2048
#: Values that people give a parameter.
COMMON = (0.0, 0.01, 0.1, 0.2, 0.25, 0.3, 0.5, 1.0, 1.5, 1.702, 2.0, 3.0, 4.0, 6.0, 10.0)


PRECISIONS = {"bfloat16": 8, "float16": 11, "float32": 24}
TRUNCATED = "results are truncated, not rounded"
WRONG_ARRAY = "the wrong array: it holds"


class Guess(NamedTuple):
    """A cause, and the share of the wrong elements that it explains."""

    cause: str
    share: float


def guess(reference: Reference, name: str, tally: Tally) -> Guess | None:
    """The cause that explains most of what is wrong with a result, if one explains enough.

    Where nothing failed, truncation alone is told.
    """
    if tally.off is None or reference.along_axis or tally.off.x.size < FEW:
        return None
    failed = tally.off.at(tally.off.kind > 0)
    if not tally.failed:
        share = _truncation(tally.off)
        return Guess(TRUNCATED, share) if share else None
    if failed.x.size < FEW:
        return None
    best = Guess("", ENOUGH - MARGIN)
    for cause, share in _causes(reference, name, _thinned(failed)):
        if share > best.share + MARGIN:
            best = Guess(cause, share)
    return best if best.cause else None


def _thinned(some: Elements) -> Elements:
    return some.at(slice(None, None, -(-some.x.size // LOOKED_AT)))


def _causes(reference: Reference, name: str, some: Elements) -> Iterator[tuple[str, float]]:
    """Every cause that is known, and the share of the elements that it explains."""
    got = some.got.astype(np.float64)
    yield "subnormal numbers are flushed to 0", float(np.mean(some.kind == CODE["flushed"]))
    for low in ("bfloat16", "float16", "float32"):
        if reference.kind.precision > PRECISIONS[low]:
            coarse = _is_a(low, got) & (got != 0) & np.isfinite(got)
            coarse &= np.unique(got).size > FEW
            yield (
                f"computed in a lower precision: every number is one of {low}",
                float(coarse.mean()),
            )
    yield TRUNCATED, _truncation(some)
    with np.errstate(all="ignore"):
        right = reference.kernel(some.x, some.dout)
        yield f"{WRONG_ARRAY} x", _held(some.x, some)
        other = "dx" if name == "out" else "out"
        yield f"{WRONG_ARRAY} {other}", _held(getattr(right, other), some)
        if name == "dx" and (some.dout != 1).any():
            yield f"{WRONG_ARRAY} dout", _held(some.dout, some)
            slope = reference.kernel(some.x, np.ones(some.x.size)).dx
            yield "dout is left out", _share(slope, some)
        for cause, out, dx in _results(reference, some):
            yield cause, _share(out if name == "out" else dx, some)


def _held(values: Array, some: Elements) -> float:
    """The share of the elements that are the given values; 0s alone tell no array from another."""
    telling = some.got != 0
    if np.count_nonzero(telling) < FEW:
        return 0.0
    return min(_share(values, some), _share(values[telling], some.at(telling)))


def _truncation(some: Elements) -> float:
    """The share of numbers that lie next to the truth, on the side of 0; 0 if it is no rule."""
    short = np.abs(some.got.astype(np.float64)) < np.abs(some.truth)
    share = float(np.mean(short & (some.error <= 1)))
    return share if share > 0.9 else 0.0


def _is_a(low: str, got: Array) -> Array:
    """Where a number has no more bits than those of the lower precision."""
    mantissa, _ = np.frexp(got)
    scaled = np.ldexp(mantissa, PRECISIONS[low])
    return np.asarray(scaled == np.rint(scaled))


def _share(results: Array, some: Elements) -> float:
    """The share of the elements that these results are much nearer to than the truth is."""
    got = some.got.astype(np.float64)
    with np.errstate(all="ignore"):
        nearer = np.abs(got - results) <= CLOSE * np.abs(got - some.truth)
    alike = (got == results) & (np.signbit(got) == np.signbit(results))
    alike |= np.isnan(got) & np.isnan(results)
    return float(np.mean(alike | (nearer & np.isfinite(results) & np.isfinite(got))))


def _results(reference: Reference, some: Elements) -> Iterator[tuple[str, Array, Array]]:
    """Wrong ways to compute the layer: what each is called, out and dx."""
    kind = reference.kind
    layer = reference.layers[0] if len(reference.layers) == 1 else None
    x = Node(variable, leaf="x")
    ways = [(reference.chain.naive_formula, reference.chain.traced())]
    for cause, value, slope in reference.chain.naive_forms(x):
        ways.append((cause, Formula([x], [value, slope])))
    wider = [np.dtype(one) for one in ("f4", "f8") if np.dtype(one).itemsize > kind.dtype.itemsize]
    for dtype in (kind.dtype, *wider):
        for cause, formula in ways:
            results = (one.astype(kind.dtype) for one in computed(formula, some, dtype))
            out, dx = (np.broadcast_to(one.astype(np.float64), some.x.shape) for one in results)
            yield f"{cause}, computed in {dtype.name}", out, dx
    for cause, other in others(layer) if layer else ():
        yield cause, other.forward(some.x), other.backward(some.dout)


def others(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """The same layer at other parameters that people use, and every other layer."""
    for name, spec in layer.parameters.items():
        for value in dict.fromkeys((spec.default, *COMMON)):
            if value is None or value == getattr(layer, name):
                continue
            values = {one: getattr(layer, one) for one in layer.parameters} | {name: value}
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


def computed(formula: Formula, some: Elements, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Value and gradient as floats of the dtype give them; a second output is the slope."""
    x, dout = some.x.astype(dtype), some.dout.astype(dtype)
    upstream = [dout] * len(formula.outputs)
    sweep = Sweep(formula, arrays(dtype), {formula.inputs[0]: x}, upstream)
    values = [sweep.value(node) for node in formula.outputs]
    gradient = sweep.gradient(formula.inputs[0]) if len(values) == 1 else dout * values[1]
    return np.asarray(values[0], dtype), np.asarray(gradient, dtype)
