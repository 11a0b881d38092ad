"""Inputs that find faults: every binade, every edge of the layer, and a dense middle."""

from __future__ import annotations

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.errors import ActgradError
from actgrad.layers.exact import FloatFormat, ordered, unordered
from actgrad.layers.layer import Layer
from actgrad.layers.verify.edges import edges

#: How many ULP around an edge are all looked at.
NEAR = 4
#: The middle, where layers bend, and the share of the sample that it gets.
MIDDLE, SHARE = 12.0, 0.5
#: A dtype with fewer numbers is drawn from as from a bag.
FEW = 1 << 20


class SampleError(ActgradError):
    """A sample that cannot be drawn."""


def every_number(dtype: np.dtype[np.generic]) -> Array:
    """Every bit pattern of a 16-bit dtype, by its bits as a whole number.

    Raises:
        SampleError: the dtype has more bits.
    """
    if dtype.itemsize != 2:
        raise SampleError(f"{dtype.name} has too many numbers", "16-bit dtypes have 65,536")
    return np.arange(1 << 16, dtype=np.uint16).view(dtype)


def drawn(layer: Layer | None, dtype: np.dtype[np.generic], count: int, seed: int = 0) -> Array:
    """`count` numbers of the dtype in their order, nan last; the same for the same seed.

    First come ±0, ±inf, nan and the ends of the subnormal and the normal numbers, then the numbers
    within a few ULP of where the layer changes its nature, then both ends of every binade; half of
    the rest is spread over the binades, half over the middle. All differ while the dtype has enough
    numbers, after which there are less than `count`; what is too much for `count` is thinned, what
    is named first last. For a layer along an axis they are shuffled, without nan and the
    infinities, which would spoil whole lines.

    Raises:
        SampleError: count is not positive.
    """
    if count < 1:
        raise SampleError(f"a sample of {count} numbers is none")
    kind, rng = FloatFormat.of(dtype), np.random.default_rng(seed)
    along_axis = layer is not None and not layer.is_elementwise
    special = np.array([-0.0] if along_axis else [-0.0, np.nan]).astype(dtype)[:count]
    top = _top(kind) - along_axis
    chosen: Array = np.empty(0, np.int64)
    for group in (_ends(kind), _edges(layer, kind), _binades(kind)):
        group = np.setdiff1d(group[np.abs(group) <= top], chosen)
        room = count - special.size - chosen.size
        if group.size > room:
            group = group[np.linspace(0, group.size - 1, room).astype(np.intp)]
        chosen = np.union1d(chosen, group)
    chosen = _filled(chosen, count - special.size, top, kind, rng)
    values, zero = unordered(chosen, kind), int(np.searchsorted(chosen, 0))
    found = np.concatenate([values[:zero], special[:1], values[zero:], special[1:]])
    return rng.permutation(found) if along_axis else found


def _top(kind: FloatFormat) -> int:
    return int(ordered(np.array([np.inf]).astype(kind.dtype), kind)[0])


def _both(positive: Array) -> Array:
    return np.unique(np.concatenate([-positive, positive]))


def _ends(kind: FloatFormat) -> Array:
    normal = 1 << (kind.precision - 1)
    one = int(ordered(np.ones(1, kind.dtype), kind)[0])
    return _both(np.array([0, 1, 2, normal - 1, normal, one, _top(kind) - 1, _top(kind)]))


def _edges(layer: Layer | None, kind: FloatFormat) -> Array:
    if layer is None:
        return np.empty(0, np.int64)
    found = ordered(edges(layer, kind), kind)
    near = (found[:, None] + np.arange(-NEAR, NEAR + 1)).ravel()
    return np.unique(near[np.abs(near) <= _top(kind)])


def _binades(kind: FloatFormat) -> Array:
    step = 1 << (kind.precision - 1)
    starts = np.arange(step, _top(kind), step)
    subnormal = 1 << np.arange(kind.precision - 1)
    return _both(np.concatenate([subnormal, starts - 1, starts, starts + 1]))


def _filled(
    chosen: Array, count: int, top: int, kind: FloatFormat, rng: np.random.Generator
) -> Array:
    """The chosen and others, in order, until they are so many, or the dtype has no more."""
    if top < FEW:
        others = np.setdiff1d(np.arange(-top, top + 1), chosen)
        return np.union1d(chosen, rng.permutation(others)[: max(count - chosen.size, 0)])
    while chosen.size < count:
        lacking = count - chosen.size
        middle = rng.uniform(-MIDDLE, MIDDLE, int(lacking * SHARE) + 1).astype(kind.dtype)
        wide = rng.integers(-top, top, lacking + 1)
        others = np.setdiff1d(np.concatenate([ordered(middle, kind), wide]), chosen)
        chosen = np.union1d(chosen, rng.permutation(others)[:lacking])
    return chosen
