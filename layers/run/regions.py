"""Running a chain over arrays in memory, or mapped into it, region by region, on all cores."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from copy import copy
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array, floating
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.run.streaming import SLICE, Watch, computed_in, regional
from actgrad.layers.run.threads import OrderedThreads, cores

Region: TypeAlias = tuple[slice, ...]


def sweep(
    chain: Layer,
    x: Array,
    dout: Array | None,
    into: Mapping[str, Array],
    *,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
) -> None:
    """Run the chain over x, and back over dout, of any strides, into arrays named as in its trace.

    Pages of files that are mapped into memory are given back as soon as a region is done.

    Raises:
        ShapeError: a file has become shorter.
        ValueError: the chain needs more than a region of x at a time; see `regional`.
    """
    if not regional(chain, x.ndim):
        raise ValueError(f"{chain} needs more than a region of x at a time")

    def given(array: Array, region: Region, name: str) -> Array:
        see_that_it_is_all_there(array, name)
        return floating(array[region], name).astype(dtype or computed_in(array.dtype))

    regions = list(tiles(x.shape, chain.axes(x.ndim)))
    crew = OrderedThreads(regions)

    def work() -> None:
        own = copy(chain)
        while True:
            with crew.taking() as taken:
                if taken is None:
                    return
            _, region = taken
            upstream = None if dout is None else given(dout, region, "dout")
            arrays = own.trace(given(x, region, "x"), upstream)
            for name, array in into.items():
                array[region] = arrays[name]
            release(x, dout, *into.values())
            crew.finish()

    crew.run(
        [work] * (threads or cores()),
        None if watch is None else lambda done: watch(done / len(regions)),
    )


def tiles(shape: tuple[int, ...], worked: set[int]) -> Iterator[Region]:
    """Regions of at most SLICE elements, if that can be, which cut none of the axes `worked` along.

    The longest axis is cut first, so that a region has long lines in any order of memory.
    """
    steps = list(shape)
    while np.prod(steps, dtype=float) > SLICE:
        free = [axis for axis in range(len(shape)) if axis not in worked and steps[axis] > 1]
        if not free:
            break
        longest = max(free, key=lambda axis: steps[axis])
        steps[longest] = -(-steps[longest] // 2)
    starts = product(*(range(0, size, step) for size, step in zip(shape, steps, strict=True)))
    for start in starts:
        yield tuple(
            slice(None) if axis in worked else slice(first, first + steps[axis])
            for axis, first in enumerate(start)
        )


def see_that_it_is_all_there(array: Array, name: str) -> None:
    """See that a mapped file is as long as it was: who reads beyond its end, the system kills.

    Raises:
        ShapeError: it is not.
    """
    found = mapping(array)
    if isinstance(array, np.memmap) and found is not None:
        needed = array.offset + array.nbytes
        if found.size() < needed:
            raise ShapeError(
                f"{name}'s file shrank from {needed} bytes to {found.size()} meanwhile"
            )


def release(*arrays: Array | None) -> None:
    """Give back the memory that files are mapped to; what they hold stays in the files."""
    for array in arrays:
        found = mapping(array)
        if found is not None:
            found.madvise(mmap.MADV_DONTNEED)


def mapping(array: Array | None) -> mmap.mmap | None:
    """The mapped file that the array lies in, if it lies in one."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
