"""Inputs at which kernels fail: binades of x and of results, critical points, the middle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.errors import SampleError
from actgrad.layers.exact import FloatFormat, largest_place, ordered, unordered
from actgrad.layers.layer import Layer
from actgrad.layers.verify.sample.cells import GridCells, band_sizes
from actgrad.layers.verify.sample.critical_points import critical_points

#: The sample has all numbers within this many ULP of a critical point.
NEAR = 4
#: The share of the rest that covers the binades of results, and then that of parameters' bands.
RESULTS_SHARE, BANDS_SHARE = 0.5, 0.125
#: The middle is |x| < MIDDLE, where layers bend, and has this share of what is left.
MIDDLE, MIDDLE_SHARE = 12.0, 0.5


def every_number(dtype: np.dtype[np.generic]) -> Array:
    """Return every bit pattern of an 8- or 16-bit dtype, sorted as unsigned integers.

    Raises:
        SampleError: the dtype has more bits.
    """
    if dtype.itemsize > 2:
        raise SampleError(f"{dtype.name} has too many numbers", "16-bit dtypes have 65,536")
    return np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}").view(dtype)


def draw_sample(
    layer: Layer | None, dtype: np.dtype[np.generic], count: int, seed: int = 0
) -> Array:
    """Return `count` different numbers of the dtype, sorted, nan last; 1-d.

    The sample has, in this order of importance:

    1. ±0, ±inf, nan, ±1, and the least and largest subnormal and normal numbers;
    2. the numbers within NEAR ULP of the layer's critical points;
    3. both ends of every binade;
    4. half of the rest evenly over the binades of the results, out and slope, subnormal ones too:
       dense where results change fastest;
    5. of what is left, an eighth in the bands of parameters, half of the others in the middle, and
       half over all binades of x; both only where the layer has a value.

    A group that does not fit into `count` is thinned evenly. A dtype that has fewer than `count`
    numbers gives them all. For a layer along an axis, the numbers are shuffled, and without nan and
    ±inf, since one of these makes its whole line nan. Equal seeds give equal samples.

    Raises:
        SampleError: count is not positive.
    """
    if count < 1:
        raise SampleError(f"a sample of {count} numbers is empty")
    float_format, rng = FloatFormat.of(dtype), np.random.default_rng(seed)
    along_axis = layer is not None and not layer.is_elementwise
    # −0 and nan have no places of their own.
    zeros = np.array([-0.0] * float_format.has_signed_zero).astype(dtype)
    nans = np.array([] if along_axis else [np.nan]).astype(dtype)
    special = np.concatenate([zeros, nans])[:count]
    zeros, nans = np.split(special, [zeros.size])
    largest = largest_place(float_format) + (float_format.has_infinity and not along_axis)
    chosen: Array = np.empty(0, np.int64)
    for group in (_special(float_format), _critical(layer, float_format), _binades(float_format)):
        group = np.setdiff1d(group[np.abs(group) <= largest], chosen)
        room = count - special.size - chosen.size
        if group.size > room:
            group = group[np.linspace(0, group.size - 1, room).astype(np.intp)]
        chosen = np.union1d(chosen, group)
    chosen = _filled(chosen, count - special.size, layer, float_format, rng)
    values, zero = unordered(chosen, float_format), int(np.searchsorted(chosen, 0))
    sample = np.concatenate([values[:zero], zeros, values[zero:], nans])
    return rng.permutation(sample) if along_axis else sample


# Below, numbers are the integers that `ordered` gives for them.


def _both_signs(positive: Array) -> Array:
    return np.unique(np.concatenate([-positive, positive]))


def _special(float_format: FloatFormat) -> Array:
    """±0, ±1, ±inf, and the least and largest subnormal and normal numbers."""
    normal, infinity = 1 << (float_format.precision - 1), largest_place(float_format) + 1
    unit = int(ordered(np.ones(1, float_format.dtype), float_format)[0])
    return _both_signs(np.array([0, 1, 2, normal - 1, normal, unit, infinity - 1, infinity]))


def _critical(layer: Layer | None, float_format: FloatFormat) -> Array:
    """The numbers within NEAR ULP of a critical point."""
    if layer is None:
        return np.empty(0, np.int64)
    points = ordered(critical_points(layer, float_format), float_format)
    near = (points[:, None] + np.arange(-NEAR, NEAR + 1)).ravel()
    return np.unique(near)


def _binades(float_format: FloatFormat) -> Array:
    """The powers of two with their neighbours, and those that are subnormal."""
    step = 1 << (float_format.precision - 1)
    starts = np.arange(step, largest_place(float_format) + 1, step)
    subnormal = 1 << np.arange(float_format.precision - 1)
    return _both_signs(np.concatenate([subnormal, starts - 1, starts, starts + 1]))


def _filled(
    chosen: Array,
    count: int,
    layer: Layer | None,
    float_format: FloatFormat,
    rng: np.random.Generator,
) -> Array:
    """The chosen numbers with others, sorted: `count`, or as many as the dtype has."""
    cells = GridCells(float_format)
    for share, weights in _shares(layer, cells):
        drawn = cells.draw(weights, int(max(count - chosen.size, 0) * share), rng)
        chosen = merged(chosen, drawn)
    more = count
    while chosen.size < count and more < 4 * cells.sizes.sum():
        # What was drawn twice is replaced, in the end by every number that is left.
        drawn = cells.draw(cells.sizes.astype(float), more, rng)
        others = drawn[chosen[np.searchsorted(chosen[:-1], drawn)] != drawn]
        chosen = merged(chosen, rng.permutation(others)[: count - chosen.size])
        more *= 2
    return chosen


def merged(chosen: Array, others: Array) -> Array:
    """All of the places, sorted, each once. `numpy.unique` takes seconds for so regular numbers."""
    places = np.sort(np.concatenate([chosen, others]))
    return places[np.diff(places, prepend=places[:1] - 1) > 0]


def _shares(layer: Layer | None, cells: GridCells) -> Iterator[tuple[float, Array]]:
    """The parts of the rest: the share of what is still lacking, and the weight of each cell."""
    defined = np.ones(cells.sizes.size)
    if layer is not None and layer.is_elementwise:
        defined = cells.defined(layer)
        yield RESULTS_SHARE, cells.results(layer)
        yield BANDS_SHARE, cells.bands(band_sizes(layer))
    yield MIDDLE_SHARE, cells.width(MIDDLE) * defined
    yield 1.0, cells.sizes * defined
