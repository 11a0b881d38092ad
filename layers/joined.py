"""Kernels for float32 in few passes: compiled ones, where the installation has them.

NumPy makes one pass over the cache for each operation, and a kernel has some ten or thirty of them.
`joined.c` joins those between two exponentials into one pass. It does the same operations in the
same order, so each result has the same bits. Without a compiler at installation, `passes` is None,
and the kernels are NumPy's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.layer import Elementwise

try:
    from actgrad.layers import _joined as passes
except ImportError:
    passes = None  # type: ignore[assignment]


class Joinable(Elementwise):
    """An elementwise layer that keeps its slope last, and has such a kernel."""

    @abstractmethod
    def joined_block(self, x: Array, wide: Array, out: Array, slope: Array, rare: Array) -> int:
        """Fill `out` and `slope` from x, and `rare` with the places of elements left out.

        x and out are of float32, the others of float64 and int64; `wide` is lost.

        Returns:
            The number of elements left out.
        """


class JoinedKernel:
    """The compiled kernel of a layer for blocks of at most `length` elements."""

    def __init__(self, layer: Joinable, kernel: Callable[..., None], length: int) -> None:
        """`kernel` is the layer's own in float64, which computes what is left out."""
        self.layer, self.kernel = layer, kernel
        self._wide, self._rare = np.empty(length), np.empty(length, np.int64)

    @staticmethod
    def takes(slope: Array, *others: Array) -> bool:
        """Whether the arrays are in the dtypes and the order that compiled code reads."""
        return (
            slope.dtype == np.float64
            and all(array.dtype == np.float32 for array in others)
            and all(array.flags.c_contiguous for array in (slope, *others))
        )

    def forward(self, x: Array, out: Array, slope: Array) -> None:
        """Fill `out` and `slope` from x."""
        wide, rare = self._wide[: x.size], self._rare[: x.size]
        count = self.layer.joined_block(x, wide, out, slope, rare)
        if count:
            places = rare[:count]
            value, own = np.empty(count), np.empty(count)
            self.kernel(x[places].astype(np.float64), value, own)
            out[places], slope[places] = value, own

    def backward(self, dout: Array, slope: Array, dx: Array) -> None:
        """Fill dx with dout·slope."""
        passes.multiply(dout, slope, dx)


def joined_kernel(
    layer: Elementwise, kernel: Callable[..., None], dtype: np.dtype[Any], length: int
) -> JoinedKernel | None:
    """The compiled kernel for an x of that dtype, if there is one."""
    if passes is None or dtype != np.float32 or not isinstance(layer, Joinable):
        return None
    return JoinedKernel(layer, kernel, length)
