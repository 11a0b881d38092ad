"""Whether results rise where the layer does."""

from __future__ import annotations

import numpy as np

from actgrad.layers.errors import ShapeError
from actgrad.layers.verify.edges import turns
from actgrad.layers.verify.policy import CODE
from actgrad.layers.verify.reference import Reference
from actgrad.layers.verify.tally import Elements


class Monotone:
    """Compares each element with the one at the next smaller x of its block, or just before it.

    So every fall that is told is one, and none is missed in a dump that is in the order of x, or of
    a single block.

    Raises:
        ShapeError: the layer runs along an axis, where one x does not say what out is.
    """

    def __init__(self, reference: Reference) -> None:
        if reference.along_axis:
            raise ShapeError("--monotonic is for layers that take each element for itself")
        self.turns, self.rises = turns(reference.chain, reference.kind)
        self._last: Elements | None = None

    def falls(self, some: Elements) -> Elements:
        """The elements that come out less than their neighbour at a smaller x, on one branch."""
        last = some.at(slice(-1, None))
        if self._last is not None:
            some = self._last.and_(some)
        self._last = last
        out = some.got.astype(np.float64)
        numbers = np.flatnonzero(~np.isnan(some.x) & ~np.isnan(out))
        order = numbers[np.argsort(some.x[numbers], kind="stable")]
        x, out = some.x[order], out[order]
        branch = np.searchsorted(self.turns, x, side="right")
        step = np.where(out[1:] == out[:-1], 0, np.where(out[1:] > out[:-1], 1, -1))
        wrong = step * self.rises[branch[1:]] < 0
        wrong &= (branch[1:] == branch[:-1]) & (x[1:] > x[:-1])
        found = some.at(order[1:][wrong])
        return found._replace(kind=np.full(found.kind.size, CODE["decreasing"], np.uint8))
