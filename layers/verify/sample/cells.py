"""Cells of the numbers of a dtype: how much results change over each, and drawing from them.

A cell is a stretch between two neighbours of a grid of x. Its ends are places: the integers that
`ordered` gives for the dtype's numbers.
"""

from __future__ import annotations

import re

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.exact import FloatFormat, unordered
from actgrad.layers.layer import Layer
from actgrad.layers.verify.sample.critical_points import grid

#: The most binades of a result that a cell counts for: over a root there are hundreds.
MOST_BINADES = 8.0
#: A band of a parameter p is p/BAND < |x| < p·BAND.
BAND = 1.5


class GridCells:
    """The cells of a dtype between its least and its largest number."""

    def __init__(self, float_format: FloatFormat) -> None:
        self.float_format = float_format
        #: The places where cells begin, and the one after the last.
        self.starts = grid(float_format)
        #: How many numbers each has.
        self.sizes = np.diff(self.starts)
        #: The numbers at which they begin, and the largest number.
        self.ends = unordered(np.minimum(self.starts, self.starts[-1] - 1), float_format).astype(
            np.float64
        )

    def width(self, most: float) -> Array:
        """The width of each cell in x, of what is within −most and most."""
        return np.asarray(np.diff(np.clip(self.ends, -most, most)))

    def results(self, layer: Layer) -> Array:
        """The number of binades that out and the slope go through over each cell."""
        with np.errstate(all="ignore"):
            out = layer.forward(self.ends)
            slope = layer.backward(np.ones_like(out))
            changes = [np.abs(np.diff(self._exponents(result))) for result in (out, slope)]
        return np.asarray(np.minimum(changes[0] + changes[1], MOST_BINADES))

    def defined(self, layer: Layer) -> Array:
        """1 for each cell at an end of which the layer has a value, else 0."""
        with np.errstate(all="ignore"):
            has_value = ~np.isnan(layer.forward(self.ends))
        return (has_value[1:] | has_value[:-1]).astype(float)

    def _exponents(self, results: Array) -> Array:
        """log₂ of each size; the same for all that underflow, and for all that overflow."""
        least = np.log2(self.float_format.quantum) - 1
        sizes = np.nan_to_num(np.log2(np.abs(results)), nan=least)
        return np.asarray(np.clip(sizes, least, self.float_format.most + 1))

    def bands(self, sizes: list[float]) -> Array:
        """How many of the sizes are within a factor of BAND of the x of each cell."""
        low, high = np.sort(np.abs([self.ends[:-1], self.ends[1:]]), axis=0)
        inside = [(high > size / BAND) & (low < size * BAND) for size in sizes]
        return np.sum(inside, axis=0, dtype=float) if sizes else np.zeros(low.size)

    def draw(self, weights: Array, count: int, rng: np.random.Generator) -> Array:
        """About `count` places, sorted: evenly in each cell, and in proportion to its weight.

        A cell gives no more numbers than it has; others give the rest.
        """
        numbers = np.floor(np.cumsum(self._filled(weights, count)) + rng.random())
        counts = np.diff(numbers, prepend=0).astype(np.int64).clip(0, self.sizes)
        cell = np.repeat(np.arange(counts.size), counts)
        within = np.arange(cell.size) - np.repeat(np.cumsum(counts) - counts, counts)
        steps = (within + rng.random(cell.size)) * (self.sizes[cell] / counts[cell])
        places: Array = self.starts[cell] + steps.astype(np.int64)
        return places[np.diff(places, prepend=places[:1] - 1) > 0]

    def _filled(self, weights: Array, count: int) -> Array:
        """How many numbers each cell gives: in proportion to its weight, but at most all."""
        given, is_full = np.zeros(weights.size), weights <= 0
        while not is_full.all():
            room = max(count - given[is_full].sum(), 0)
            left = np.where(is_full, 0, weights)
            # Of subnormal weights the quotient would overflow.
            left = np.ldexp(left, -np.frexp(left.max())[1])
            share = left * (room / left.sum())
            fills = ~is_full & (share >= self.sizes)
            given[~is_full] = share[~is_full]
            if not fills.any():
                break
            given[fills] = self.sizes[fills]
            is_full |= fills
        return given


def band_sizes(layer: Layer) -> list[float]:
    """The sizes at which a parameter may change the results: of parameters and their quotients.

    The numbers in the names that frameworks have for the layer count too: PyTorch's softplus is x
    where beta·x > 20.
    """
    sizes = set()
    for single in layer.layers:
        own = {
            abs(float(getattr(single, name)))
            for name in single.parameters
            if is_number(single, name)
        }
        named = {
            abs(float(text))
            for text in re.findall(r"-?\d+\.?\d*", " ".join(single.elsewhere.values()))
        }
        sizes |= own | {size / scale for size in own | named for scale in own | {1.0} if scale}
    return sorted(sizes - {0.0})


def is_number(layer: Layer, name: str) -> bool:
    """Whether the parameter of that name has a finite number as its value."""
    try:
        return bool(np.isfinite(float(getattr(layer, name))))
    except (TypeError, ValueError):
        return False
