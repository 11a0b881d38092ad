"""What a table shows of an array that is too large for it: some cells, and a summary of all."""

from __future__ import annotations

import numpy as np

from actgrad.cli.show.grid import Grid, Place
from actgrad.cli.show.summary import Summary
from actgrad.layers.arrays import Array, Order
from actgrad.layers.run import Blank


class Excerpt:
    """The cells at an array's ends, gathered as it passes by; a sink of
    `actgrad.layers.run.streaming`.
    """

    ordered = False

    def __init__(self, blank: Blank, order: Order) -> None:
        self.shape, self.dtype, self.size = blank.shape, blank.dtype, blank.size
        self.ndim = len(self.shape)
        self.summary = Summary()
        places = Grid(self).places()
        at = np.ravel_multi_index(np.transpose(places), self.shape, order=order)
        self._at, self._places = np.sort(at), [places[i] for i in np.argsort(at)]
        self._cells: dict[Place, np.generic] = {}

    def __getitem__(self, place: Place) -> np.generic:
        return self._cells[place]

    def room(self, start: int, buffer: Array) -> Array:
        return buffer

    def write(self, start: int, values: Array) -> None:
        first, last = np.searchsorted(self._at, [start, start + values.size])
        for i in range(first, last):
            self._cells[self._places[i]] = values[self._at[i] - start]
        self.summary.add(values)
