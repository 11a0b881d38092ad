"""The caller's own x: which of its elements are checked, and the note that says so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from actgrad.layers.arrays import Array, floating, named
from actgrad.layers.check.input_shapes import Shape
from actgrad.layers.errors import ActgradError, ShapeError

#: An x of more elements is checked in part: at so many, or with so many where a layer couples them.
MOST_ELEMENTS, MOST_COUPLED = 1 << 16, 1 << 13


class GivenPoints:
    """The caller's x, of any size."""

    def __init__(self, x: ArrayLike, dtype: str | None = None) -> None:
        """x is cast to `dtype` if it is given.

        Raises:
            ShapeError: x has no elements.
            ActgradError: none of them is finite.
        """
        self.x = floating(x, "x")
        if not self.x.size:
            raise ShapeError("x has no elements at which a layer can be checked")
        if dtype is not None:
            with np.errstate(over="ignore"):
                self.x = self.x.astype(named(dtype))
        if not np.isfinite(self.x).any():
            raise ActgradError("x has no finite number at which a layer can be checked")
        self._parts = {part.shape: part for part in _parts_of(self.x)}

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of the parts of x that a layer may take, the smallest first; x is the last."""
        return [*self._parts]

    def part(self, shape: Shape) -> Array:
        """The part of x that has one of these shapes."""
        return self._parts[shape]

    def row(self) -> Array:
        """Elements of x as a row: all, or of a large x evenly spaced ones and the extremes."""
        row = self.x.reshape(-1)
        if row.size <= MOST_ELEMENTS:
            return row
        finite = row[np.isfinite(row)]
        extremes = finite[[finite.argmin(), finite.argmax()]]
        return np.concatenate([row[:: -(-row.size // MOST_ELEMENTS)], extremes])

    def notes(self, part: Array, coupled: bool) -> Iterator[str]:
        """What says that only this part of x is checked, or only some of its elements."""
        shape, size = self.x.shape, self.x.size
        if coupled:
            axes = [axis for axis in range(len(shape)) if shape[axis] != part.shape[axis]]
            if axes:
                kept = (f"{part.shape[a]} of {shape[a]} places along axis {a}" for a in axes)
                yield f"x of shape {shape} is checked in part: {' and '.join(kept)}, evenly spaced"
            return
        if size > MOST_ELEMENTS:
            count = self.row().size - 2
            yield (
                f"x is checked in part: {count} of {size} elements, evenly spaced, and the smallest"
                " and the largest number"
            )
        if others := size - int(np.isfinite(self.x).sum()):
            yield f"not checked: {others} of {size} elements of x, which are nan or infinite"


def _parts_of(x: Array) -> list[Array]:
    """x, and before it smaller parts of it, the smallest first, if it is large.

    A part has places that are evenly spaced along an axis: first along axis 0, whose lines are most
    often samples of a batch, and then along the longest of the others. Its length is even.
    """
    parts = [x]
    for axis in (0, *sorted(range(1, x.ndim), key=lambda axis: -x.shape[axis])):
        part = parts[0]
        if part.size <= MOST_COUPLED:
            break
        length = part.shape[axis]
        count = max(MOST_COUPLED * length // part.size // 2 * 2, 2)
        if count < length:
            step = length // count
            places = [slice(None)] * axis + [slice(0, step * count, step)]
            parts.insert(0, part[tuple(places)])
    return parts
