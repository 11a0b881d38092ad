"""Walking over arrays block by block, each block in the dtype the arithmetic wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from actgrad.layers.arrays import Array

#: Elements a block: six buffers of float64 stay in the L2 cache of today's cores.
BLOCK = 16384


def blocks(
    reads: Sequence[tuple[Array, DTypeLike]], writes: Sequence[tuple[Array, DTypeLike]]
) -> Iterator[tuple[Array, ...]]:
    """1-d blocks of arrays of one shape, each in the dtype that stands beside it.

    Every array is read from or rounded to its own dtype once. Memory order, strides and byte order
    may differ, and a written array may overlap a read one, which is copied first then.
    """
    operands = [*reads, *writes]
    if not operands[0][0].size:
        return
    access: list[Literal["readonly", "writeonly"]] = ["readonly"] * len(reads)
    access += ["writeonly"] * len(writes)
    with np.nditer(
        [array for array, _ in operands],
        flags=["external_loop", "buffered", "copy_if_overlap"],
        op_flags=[[flag] for flag in access],
        op_dtypes=[dtype for _, dtype in operands],
        casting="same_kind",
        buffersize=BLOCK,
    ) as walk:
        yield from walk
