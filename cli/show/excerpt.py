"""The elements of a large array that a table shows, collected while the array is streamed."""

from __future__ import annotations

import numpy as np

from actgrad.cli.show.histogram import Distribution
from actgrad.cli.show.summary import Summary
from actgrad.cli.show.table import Grid, Place
from actgrad.layers.arrays import Array, Order
from actgrad.layers.run import ArraySpec, Sink


class Excerpt(Sink):
    """The elements at the ends of an array, and a summary of all; a sink for streaming.

    With `plotted`, it collects the distribution of the elements too. It is indexed like the array,
    at the places that the table shows.
    """

    ordered = False

    def __init__(self, spec: ArraySpec, order: Order, plotted: bool = False) -> None:
        self.shape, self.dtype, self.size = spec.shape, spec.dtype, spec.size
        self.ndim = len(self.shape)
        self.summary = Summary()
        self.distribution = Distribution() if plotted else None
        places = Grid(self).places()
        positions = np.ravel_multi_index(np.transpose(places), self.shape, order=order)
        ascending = np.argsort(positions)
        self._positions, self._places = positions[ascending], [places[i] for i in ascending]
        self._elements: dict[Place, np.generic] = {}

    def __getitem__(self, place: Place) -> np.generic:
        return self._elements[place]

    def write(self, start: int, values: Array) -> None:
        """Keep what the table shows of the elements from the position `start` on."""
        first, last = np.searchsorted(self._positions, [start, start + values.size])
        for i in range(first, last):
            self._elements[self._places[i]] = values[self._positions[i] - start]
        self.summary.add(values)
        if self.distribution is not None:
            self.distribution.add(values)
