"""Iterating over arrays block by block, each block in the dtype of the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.casting import for_cast

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

#: Elements of a block: six buffers of float64 fit in the L2 cache of current cores.
BLOCK = 16384


def blocks(
    reads: Sequence[tuple[Array, DTypeLike]], writes: Sequence[tuple[Array, DTypeLike]]
) -> Iterator[tuple[Array, ...]]:
    """1-d blocks of arrays of one shape, each in the dtype that is paired with its array.

    Each element is cast from or rounded to the array's own dtype once. Memory order, strides and
    byte order may differ. A written array may overlap a read one, which is then copied first.
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
        for block in walk:
            yield block
            for (array, _), written in zip(writes, block[len(reads) :], strict=True):
                # The name of a dtype takes longer than a small block.
                if written.itemsize == 8 and array.itemsize <= 2:
                    prepared = for_cast(written, array.dtype)
                    if prepared is not written:
                        written[...] = prepared


def lines(
    axis: int, reads: Sequence[Array], writes: Sequence[Array]
) -> Iterator[tuple[Array, ...]]:
    """Lines along `axis` of arrays that differ in that axis alone, several at a time, as rows.

    The rows are copies in float64, or in bool for a boolean array. Rows of `writes` are rounded to
    their array's dtype once. A written array may overlap a read one.
    """
    if not all(array.size for array in (*reads, *writes)):
        return
    overlap = any(np.may_share_memory(read, write) for read in reads for write in writes)
    sources = [np.moveaxis(array.copy() if overlap else array, axis, -1) for array in reads]
    targets = [np.moveaxis(array, axis, -1) for array in writes]
    longest = max(array.shape[-1] for array in (*sources, *targets))
    for part in _parts(sources[0].shape[:-1], BLOCK // longest):
        read = [_rows(array[part]) for array in sources]
        written: list[Array] = [
            np.empty((len(read[0]), array.shape[-1]), _wide(array)) for array in targets
        ]
        yield (*read, *written)
        for array, rows in zip(targets, written, strict=True):
            array[part] = for_cast(rows, array.dtype).reshape(array[part].shape)


def _rows(lines: Array) -> Array:
    return lines.astype(_wide(lines), order="C").reshape(-1, lines.shape[-1])


def _wide(array: Array) -> type:
    return bool if array.dtype == bool else float


def _parts(shape: tuple[int, ...], most: int) -> Iterator[tuple[int | slice, ...]]:
    """Indices of the parts of an array of that shape, each of at most `most` elements or of one."""
    axis, size = len(shape), 1
    while axis and size * shape[axis - 1] <= most:
        axis -= 1
        size *= shape[axis]
    if not axis:
        yield ()
        return
    step = max(1, most // size)
    for outer in np.ndindex(shape[: axis - 1]):
        for start in range(0, shape[axis - 1], step):
            yield (*outer, slice(start, start + step))
