"""Running a chain over arrays in memory, or mapped into it, region by region, on all cores."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from copy import copy
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array, floating, native_dtype
from actgrad.layers.casting import in_dtype
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.run.met import Met, all_layers
from actgrad.layers.run.streaming import (
    LARGEST_SLICE,
    Progress,
    can_run_by_regions,
)
from actgrad.layers.run.threads import OrderedThreads, cores

Region: TypeAlias = tuple[slice, ...]


def run_by_regions(
    chain: Layer,
    x: Array,
    dout: Array | None,
    into: Mapping[str, Array],
    *,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Run the chain over x, and back over dout, into arrays named as in `Layer.trace`.

    The arrays may have any strides. The memory of mapped files is released after each region.

    Raises:
        ShapeError: a mapped file has become shorter.
        ValueError: the chain needs more than a region of x at a time; see `can_run_by_regions`.
    """
    if not can_run_by_regions(chain, x.ndim):
        raise ValueError(f"{chain} needs more than a region of x at a time")

    def read(array: Array, region: Region, name: str) -> Array:
        check_file_size(array, name)
        return in_dtype(floating(array[region], name), dtype or native_dtype(array.dtype))

    met = Met(chain)
    regions = list(split_into_regions(x.shape, chain.axes(x.ndim)))
    queue = OrderedThreads(regions)

    def run_regions() -> None:
        own = copy(chain)
        while True:
            with queue.taking() as taken:
                if taken is None:
                    return
            number, region = taken
            upstream = None if dout is None else read(dout, region, "dout")
            arrays = own.trace(read(x, region, "x"), upstream)
            met.add(number, all_layers(own))
            for name, array in into.items():
                array[region] = arrays[name]
            release(x, dout, *into.values())
            queue.finish()

    queue.run(
        [run_regions] * (threads or cores()),
        None if progress is None else lambda done: progress(done / len(regions)),
    )
    met.state()


def split_into_regions(shape: tuple[int, ...], uncut: set[int]) -> Iterator[Region]:
    """Regions of at most LARGEST_SLICE elements, each whole along the axes `uncut`.

    A region is larger if these axes alone have more elements. The longest axis is cut first, so
    that a region has long lines in any memory order.
    """
    steps = list(shape)
    while np.prod(steps, dtype=float) > LARGEST_SLICE:
        free = [axis for axis in range(len(shape)) if axis not in uncut and steps[axis] > 1]
        if not free:
            break
        longest = max(free, key=lambda axis: steps[axis])
        steps[longest] = -(-steps[longest] // 2)
    starts = product(*(range(0, size, step) for size, step in zip(shape, steps, strict=True)))
    for start in starts:
        yield tuple(
            slice(None) if axis in uncut else slice(first, first + steps[axis])
            for axis, first in enumerate(start)
        )


def check_file_size(array: Array, name: str) -> None:
    """Check that a mapped file is not shorter than its array: a read beyond its end is fatal.

    Raises:
        ShapeError: the file is shorter.
    """
    file = mapped_file(array)
    if isinstance(array, np.memmap) and file is not None:
        needed = array.offset + array.nbytes
        if file.size() < needed:
            raise ShapeError(
                f"{name}'s file shrank from {needed} bytes to {file.size()} while it was read"
            )


def release(*arrays: Array | None) -> None:
    """Release the memory of mapped files; their contents stay in the files."""
    for array in arrays:
        file = mapped_file(array)
        if file is not None:
            file.madvise(mmap.MADV_DONTNEED)


def mapped_file(array: Array | None) -> mmap.mmap | None:
    """The mapped file that holds the array's data, or None."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
