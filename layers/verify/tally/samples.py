"""A sample of elements and the worst of them, whatever the blocks in which they come."""

from __future__ import annotations

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.verify.tally.elements import Elements

#: The most elements of a sample, of those that fail or of those that pass.
SAMPLED = 8192
#: The worst elements that are kept of each failure.
KEPT = 100
#: 2⁶⁴ divided by the golden ratio: multiples of it, modulo 2⁶⁴, are spread evenly.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class EvenSample:
    """At most SAMPLED elements, spread evenly over all that were given.

    Each position has a rank, and those with the lowest ranks are kept. So the sample depends
    neither on the blocks nor on their order.
    """

    def __init__(self) -> None:
        self._kept: Elements | None = None
        #: The highest rank that may still be kept; None while all are.
        self._most: np.uint64 | None = None

    @property
    def elements(self) -> Elements | None:
        """The sample in the order of the positions; None without elements."""
        return None if self._kept is None else self._kept.at(np.argsort(self._kept.position))

    def add(self, elements: Elements, which: Array) -> None:
        """Add some of the elements for which `which` is True."""
        indices = np.flatnonzero(which)
        if self._most is not None:
            indices = indices[ranks(elements.position[indices]) < self._most]
        if indices.size:
            self._keep(elements.at(indices))

    def merge(self, other: EvenSample) -> None:
        """Include the sample of other elements."""
        if other._kept is not None:
            self._keep(other._kept)

    def _keep(self, elements: Elements) -> None:
        merged = elements.followed_by(self._kept)
        if merged.x.size > SAMPLED:
            order = ranks(merged.position)
            lowest = np.argpartition(order, SAMPLED)
            self._most = order[lowest[SAMPLED]]
            merged = merged.at(lowest[:SAMPLED])
        self._kept = merged


def ranks(positions: Array) -> Array:
    """The rank of each position; no two are equal, and neighbours are far from each other."""
    return np.asarray(positions.astype(np.uint64) * GOLDEN)


class WorstElements:
    """The KEPT elements with the largest errors; of equal errors, the first.

    Of elements with equal x, dout and result, the first counts alone.
    """

    def __init__(self) -> None:
        self.elements: Elements | None = None

    def add(self, elements: Elements) -> None:
        """Include later elements; those whose error is nan are left out."""
        kept = self.elements
        indices = np.flatnonzero(~np.isnan(elements.error))
        if kept is not None and len(kept.x) == KEPT:
            indices = indices[elements.error[indices] > kept.error[-1]]
        if indices.size:
            self._merge(elements.at(worst_distinct(elements.at(indices), indices)))

    def merge(self, other: WorstElements) -> None:
        """Include the worst of later elements."""
        if other.elements is not None:
            self._merge(other.elements)

    def _merge(self, elements: Elements) -> None:
        merged = elements.followed_by(self.elements)
        self.elements = merged.at(worst_distinct(merged, np.arange(merged.x.size)))


def worst_distinct(elements: Elements, indices: Array) -> Array:
    """The `indices` of the KEPT worst distinct elements, the worst first."""
    taken = 4 * KEPT
    while True:
        chosen = np.arange(elements.x.size)
        if taken < chosen.size:
            least = -np.partition(-elements.error, taken)[taken]
            chosen = np.flatnonzero(elements.error >= least)
        order = chosen[np.lexsort((elements.position[chosen], -elements.error[chosen]))]
        first = np.sort(np.unique(identities(elements.at(order)), return_index=True)[1])
        if first.size >= KEPT or chosen.size == elements.x.size:
            return np.asarray(indices[order[first[:KEPT]]])
        taken *= 8


def identities(elements: Elements) -> Array:
    """A number for each element, which is another where the bits of x, dout or result are."""
    with np.errstate(invalid="ignore"):
        got = elements.got.astype(np.float64)
    numbers = np.zeros(got.size, np.uint64)
    for values in (elements.x, elements.dout, got):
        numbers = (numbers ^ (numbers >> np.uint64(31)) ^ values.view(np.uint64)) * GOLDEN
    return numbers
