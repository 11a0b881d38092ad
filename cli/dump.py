"""The arrays of a kernel's run, read block by block and held against one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from actgrad.cli.source import read
from actgrad.layers import AlongAxis, Block, Chain, DtypeError, ShapeError
from actgrad.layers.arrays import Array

#: Elements a block, if a line has no more.
BLOCK = 1 << 16


class Dump:
    """x, out, dout and dx of one run, as far as they are given.

    Raises:
        ActgradError: one cannot be read, or its dtype or shape does not fit x.
    """

    def __init__(
        self, chain: Chain, arguments: Mapping[str, str | None], dtype: str | None
    ) -> None:
        self.arrays = {
            name: read(argument, f"--{name}", dtype)
            for name, argument in arguments.items()
            if argument is not None
        }
        x = self.arrays["x"]
        self.dtype = x.dtype.newbyteorder("=")
        self.shapes = dict.fromkeys(("x", "dx"), x.shape)
        self.shapes |= dict.fromkeys(("out", "dout"), out_shape(chain, x.shape))
        self.axis = axis(chain, x.ndim)
        if "dout" in self.arrays and not self.arrays["dout"].shape:
            self.arrays["dout"] = np.broadcast_to(
                self.arrays["dout"].astype(self.dtype), self.shapes["out"]
            )
        for name, array in self.arrays.items():
            if array.dtype.newbyteorder("=") != self.dtype:
                raise DtypeError(
                    f"--{name} {arguments[name]} is {array.dtype.name}, but --x is {x.dtype.name}",
                    "a dump is verified in its own dtype, which x must have too",
                )
            if array.shape != self.shapes[name]:
                raise ShapeError(
                    f"--{name} {arguments[name]} has shape {array.shape}, but must have"
                    f" {self.shapes[name]} for --x of {x.shape}"
                )

    def blocks(self) -> Iterator[Block]:
        """All of it, in native byte order: 1-d, or whole lines along the layers' axis as rows."""
        flat = {name: self._lines(array) for name, array in self.arrays.items()}
        x = flat["x"]
        step = BLOCK if x.ndim == 1 else max(1, BLOCK // x.shape[1])
        for start in range(0, len(x), step):
            parts = {name: array[start : start + step] for name, array in flat.items()}
            yield Block(**{name: part.astype(self.dtype) for name, part in parts.items()})

    def indices(self, name: str, place: int) -> tuple[int, ...]:
        """The indices of an element that stands in that place of all that `blocks` gives."""
        shape = self.shapes[name]
        if self.axis is None:
            return tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()
        others = (*shape[: self.axis], *shape[self.axis + 1 :], shape[self.axis])
        *indices, last = (int(i) for i in np.unravel_index(place, others))
        return (*indices[: self.axis], last, *indices[self.axis :])

    def _lines(self, array: Array) -> Array:
        if self.axis is None:
            return array.reshape(-1)
        return np.moveaxis(array, self.axis, -1).reshape(-1, array.shape[self.axis])


def out_shape(chain: Chain, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of out.

    Raises:
        ShapeError: x has no such axis, or one of odd length that must be halved.
    """
    for layer in chain.layers:
        if isinstance(layer, AlongAxis):
            shape = layer.out_shape(shape)
    return shape


def axis(chain: Chain, ndim: int) -> int | None:
    """The axis that the lines lie along, if the layers see lines.

    Raises:
        ShapeError: two layers see lines along two axes.
    """
    axes = {int(one.axis) % ndim for one in chain.layers if isinstance(one, AlongAxis)}
    if len(axes) > 1:
        raise ShapeError("a chain along two axes is more than verify can judge")
    return axes.pop() if axes else None
