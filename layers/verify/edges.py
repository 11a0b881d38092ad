"""Where a layer's results change their nature: the numbers at which kernels go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.exact import FloatFormat, ordered, unordered
from actgrad.layers.explain import find_kinks
from actgrad.layers.layer import Layer

#: Numbers tried in every binade; two changes between neighbours of them cancel, and are missed.
TRIED = 32


def edges(layer: Layer, kind: FloatFormat) -> Array:
    """The numbers of the dtype on both sides of every change of nature, in order.

    Such changes are kinks and jumps, roots of the function and of its slope, and where either
    overflows, underflows, becomes subnormal or saturates. Layers along an axis have none that a
    number alone could show.
    """
    if not layer.is_elementwise:
        return np.empty(0, kind.dtype)
    low, high = _changes(lambda x: _nature(layer, x, kind), kind)
    bends = np.array([kink.x for kink in find_kinks(layer)])
    with np.errstate(all="ignore"):
        bends = bends.astype(kind.dtype)
    found = np.concatenate([low, high, ordered(bends, kind)])
    return unordered(np.unique(found), kind)


def turns(chain: Layer, kind: FloatFormat) -> tuple[Array, Array]:
    """The least x of every branch but the first, and whether out rises (1) or falls (−1) on each.

    A branch ends where the slope changes its sign, and where the function jumps.
    """

    def falls(x: Array) -> Array:
        with np.errstate(all="ignore"):
            out = chain.forward(x.astype(np.float64))
            return (chain.backward(np.ones_like(out)) < 0)[:, None]

    _, starts = _changes(falls, kind)
    jumps = np.array([kink.x for kink in find_kinks(chain) if kink.is_jump]).astype(kind.dtype)
    both = ordered(jumps, kind)
    places = unordered(np.unique(np.concatenate([starts, both, both + 1])), kind)
    first = np.array([-np.inf]).astype(kind.dtype)
    branches = np.concatenate([first, places])
    return places.astype(np.float64), np.where(falls(branches)[:, 0], -1, 1)


def _changes(nature: Callable[[Array], Array], kind: FloatFormat) -> tuple[Array, Array]:
    """Where neighbours of the dtype are of unlike nature, a row each: both, as `ordered` has them.

    What changes twice between two numbers tried is missed.
    """
    grid = _grid(kind)
    natures = nature(grid)
    here = np.flatnonzero((natures[1:] != natures[:-1]).any(axis=1))
    low, high = ordered(grid[here], kind), ordered(grid[here + 1], kind)
    while (high - low > 1).any():
        middle = low + (high - low) // 2
        same = (nature(unordered(middle, kind)) == natures[here]).all(axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low, high


def _grid(kind: FloatFormat) -> Array:
    """Numbers of every binade and both signs, in order, the infinities left out."""
    last = int(ordered(np.array([np.inf]).astype(kind.dtype), kind)[0])
    step = 1 << max(kind.precision - 1 - TRIED.bit_length() + 1, 0)
    positive = np.unique(np.concatenate([np.arange(1, last, step), 1 << np.arange(52), [last - 1]]))
    positive = positive[positive < last]
    return unordered(np.concatenate([-positive[::-1], [0], positive]), kind)


def _nature(layer: Layer, x: Array, kind: FloatFormat) -> Array:
    """What distinguishes the results at each x, as a row of small numbers."""
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        out = layer.forward(wide)
        slope = layer.backward(np.ones_like(out))
        columns = [*_size(out, kind), *_size(slope, kind), *_limits(layer, wide, out, slope, kind)]
    return np.stack([column.astype(np.int8) for column in columns], axis=1)


def _size(values: Array, kind: FloatFormat) -> list[Array]:
    size = np.abs(values)
    return [
        np.sign(values),
        np.signbit(values),
        size <= kind.quantum / 2,
        size < kind.tiny,
        size >= kind.overflow,
    ]


def _limits(layer: Layer, x: Array, out: Array, slope: Array, kind: FloatFormat) -> list[Array]:
    """Where out has become x or what it is at an infinity, and where the slope has."""
    ends = np.array([-np.inf, np.inf])
    far = layer.forward(ends)
    steep = layer.backward(np.ones(2))
    value, rise = (one.astype(kind.dtype) for one in (out, slope))
    saturated: list[Any] = [value == x.astype(kind.dtype)]
    saturated += [value == one for one in far.astype(kind.dtype)]
    saturated += [rise == one for one in steep.astype(kind.dtype)]
    return saturated
