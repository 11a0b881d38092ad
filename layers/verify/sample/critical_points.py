"""The critical points of a layer: where its results change their kind, and kernels often fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.casting import in_dtype, nearest_numbers
from actgrad.layers.exact import FloatFormat, largest_place, ordered, unordered
from actgrad.layers.explain import find_kinks
from actgrad.layers.layer import Layer

#: How many numbers are tried in every binade; two changes between neighbours are missed.
TRIED = 32
#: Where so many changes follow one another from number to number, the layer oscillates.
OSCILLATING = 16


def critical_points(layer: Layer, float_format: FloatFormat) -> Array:
    """Return the numbers of the dtype on both sides of every critical point, sorted, 1-d.

    Critical points are kinks and jumps, roots of the function and of its slope, and the x where
    either overflows, underflows, becomes subnormal or saturates. A layer along an axis has none.
    """
    if not layer.is_elementwise:
        return np.empty(0, float_format.dtype)
    low, high = _changes(
        lambda x: _nature(layer, x, float_format), grid(float_format)[:-1], float_format
    )
    bends = nearest_finite([kink.x for kink in find_kinks(layer)], float_format)
    points = np.concatenate([low, high, ordered(bends, float_format)])
    return unordered(np.unique(points), float_format)


def monotonic_branches(layer: Layer, float_format: FloatFormat) -> tuple[Array, Array]:
    """The least x of every branch but the first, in float64, and the direction of each branch.

    The direction is 1 where out rises, and −1 where it falls. A branch ends where the slope changes
    its sign, and where the function jumps. It is 0 at large x where the layer oscillates so fast
    that a branch may be missed.
    """

    def falls(x: Array) -> Array:
        with np.errstate(all="ignore"):
            out = layer.forward(x.astype(np.float64))
            return (layer.backward(np.ones_like(out)) < 0)[:, None]

    places = grid(float_format)[:-1]
    reach = _reach(falls(unordered(places, float_format))[:, 0], places, float_format)
    _, turning = _changes(falls, places[np.abs(places) <= reach], float_format)
    jumps = nearest_finite([kink.x for kink in find_kinks(layer) if kink.is_jump], float_format)
    before = ordered(jumps, float_format)
    ends = [-reach, reach + 1] if reach < largest_place(float_format) else []
    starts = np.unique(np.concatenate([turning, before, before + 1, ends])).astype(np.int64)
    numbers = unordered(starts, float_format).astype(np.float64)
    directions = np.where(falls(np.concatenate([[-np.inf], numbers]))[:, 0], -1, 1)
    directions[np.abs(np.concatenate([[places[0] - 1], starts])) > reach] = 0
    return numbers, directions


def _reach(falls: Array, places: Array, float_format: FloatFormat) -> int:
    """The largest place up to which no branch is missed; that of infinity if there is no other.

    The numbers tried lie the closer, the smaller they are. Where the slope's sign changes from each
    to the next, it has changed four times as slowly two binades farther inside.
    """
    changes = np.flatnonzero(falls[1:] != falls[:-1])
    following = changes[1:][np.diff(changes) == 1]
    if following.size < OSCILLATING:
        return largest_place(float_format) + 1
    return int(np.abs(places[following]).min()) - (2 << float_format.precision - 1)


def nearest_finite(points: list[float], float_format: FloatFormat) -> Array:
    """The numbers of the dtype that are nearest to the points."""
    largest = float_format.largest
    return in_dtype(np.clip(np.array(points, float), -largest, largest), float_format.dtype)


def _changes(
    nature: Callable[[Array], Array], places: Array, float_format: FloatFormat
) -> tuple[Array, Array]:
    """The neighbours in the dtype between which the nature changes, as integers of `ordered`.

    `nature` gives a row for each x. What changes twice between two of the places is missed.
    """
    natures = nature(unordered(places, float_format))
    before = np.flatnonzero((natures[1:] != natures[:-1]).any(axis=1))
    low, high = places[before], places[before + 1]
    while (high - low > 1).any():
        middle = low + (high - low) // 2
        same = (nature(unordered(middle, float_format)) == natures[before]).all(axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low, high


def grid(float_format: FloatFormat) -> Array:
    """The places of TRIED numbers of every binade and both signs, sorted,.

    They begin with that of the least number; the last is the one after that of the largest number.
    """
    last = largest_place(float_format) + 1
    step = 1 << max(float_format.precision - 1 - TRIED.bit_length() + 1, 0)
    positive = np.unique(np.concatenate([np.arange(1, last, step), 1 << np.arange(52), [last - 1]]))
    positive = positive[positive < last]
    return np.concatenate([-positive[::-1], [0], positive, [last]])


def _nature(layer: Layer, x: Array, float_format: FloatFormat) -> Array:
    """The nature of the results at each x: a row of flags and signs that critical points change."""
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        out = layer.forward(wide)
        slope = layer.backward(np.ones_like(out))
        columns = [
            *_magnitudes(out, float_format),
            *_magnitudes(slope, float_format),
            *_saturation(layer, wide, out, slope, float_format.dtype),
        ]
    return np.stack([column.astype(np.int8) for column in columns], axis=1)


def _magnitudes(values: Array, float_format: FloatFormat) -> list[Array]:
    """The sign of each value, and whether it underflows, is subnormal or overflows."""
    size = np.abs(values)
    return [
        np.where(np.isnan(values), 2, np.sign(values)),
        np.signbit(values),
        size <= float_format.quantum / 2,
        size < float_format.tiny,
        size >= float_format.overflow,
    ]


def _saturation(
    layer: Layer, x: Array, out: Array, slope: Array, dtype: np.dtype[np.generic]
) -> list[Array]:
    """Whether out equals x, or out or the slope its limit at −inf or inf, once rounded."""
    limits = layer.forward(np.array([-np.inf, np.inf]))
    slopes = layer.backward(np.ones(2))
    value, rounded_slope = (nearest_numbers(results, dtype) for results in (out, slope))
    return [
        value == x,
        *(value == limit for limit in nearest_numbers(limits, dtype)),
        *(rounded_slope == limit for limit in nearest_numbers(slopes, dtype)),
    ]
