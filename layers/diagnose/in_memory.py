"""Diagnosing a layer from arrays in memory, and from arrays of Dask, whose blocks are tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from actgrad.layers.activations import layer as named_layer
from actgrad.layers.arrays import Array
from actgrad.layers.diagnose.collect import unit_axis
from actgrad.layers.diagnose.report import (
    Diagnosis,
    RunStatistics,
    diagnose_runs,
    run_statistics,
)
from actgrad.layers.diagnose.rules import Thresholds
from actgrad.layers.diagnose.saved import arrays_of, statistics_in
from actgrad.layers.layer import Layer
from actgrad.layers.run import MemoryArray


def diagnose(
    layer: Layer | str,
    x: Any,
    dout: Any = None,
    *,
    units: int | None = None,
    thresholds: Thresholds | None = None,
) -> Diagnosis:
    """Diagnose an element-wise layer from its input x, and the gradient dout if it is known.

    Both are arrays, or both are arrays of Dask: then each block is a task of Dask's scheduler, and
    only the statistics come back. `units` is the axis of the units: by default the last of two or
    three axes, axis 1 of more.

    >>> actgrad.diagnose("relu", x).ok
    True

    Raises:
        ShapeError: the layer works along an axis, x is empty, dout has another shape, or there is
            no such axis.
    """
    layer = named_layer(layer) if isinstance(layer, str) else layer
    arrays = {"x": x} if dout is None else {"x": x, "dout": dout}
    if hasattr(x, "to_delayed"):
        return diagnose_runs(layer, block_statistics(layer, arrays, units), thresholds)
    return diagnose_runs(layer, [memory_statistics(layer, arrays, units)], thresholds)


def memory_statistics(
    layer: Layer, arrays: Mapping[str, Any], units: int | None, threads: int | None = None
) -> RunStatistics:
    """The statistics of arrays in memory."""
    sources = {name: MemoryArray(np.asarray(array, order="C")) for name, array in arrays.items()}
    return run_statistics(layer, sources, units, threads=threads)


def block_statistics(
    layer: Layer, arrays: Mapping[str, Any], units: int | None
) -> Iterator[RunStatistics]:
    """The statistics of each block of arrays of Dask; a block holds all units."""
    import dask

    x = arrays["x"]
    axis = unit_axis(x.ndim, units)
    chunks = x.chunks if axis is None else x.rechunk({axis: -1}).chunks
    blocks = [array.rechunk(chunks).to_delayed().ravel() for array in arrays.values()]
    task = dask.delayed(block_arrays)
    tasks = [
        task(layer, dict(zip(arrays, block, strict=True)), units)
        for block in zip(*blocks, strict=True)
    ]
    yield from map(statistics_in, dask.compute(*tasks))


def block_arrays(layer: Layer, arrays: Mapping[str, Any], units: int | None) -> dict[str, Array]:
    """What a task returns: the statistics of a block as arrays of a few kilobytes."""
    return arrays_of(memory_statistics(layer, arrays, units, threads=1))
