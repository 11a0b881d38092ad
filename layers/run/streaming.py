"""Streaming: running a chain over arrays of any size, piece by piece, in constant memory.

A process or a thread takes a piece, and reads a block of it, runs that through the kernels and
writes it while it is in the cache. The result is bit for bit what the chain gives for the whole
array at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import partial
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array, Order, check_dout, native_dtype, total
from actgrad.layers.layer import Layer
from actgrad.layers.run.met import Met
from actgrad.layers.run.pipeline import Pipeline
from actgrad.layers.run.processes import share_pieces
from actgrad.layers.run.sources import ArraySpec, Sink, Source
from actgrad.layers.run.streamer import Runner, SliceRunner, Streamer
from actgrad.layers.run.threads import OrderedThreads, cores, keep_freed_memory

#: Elements of a piece: a multiple of BLOCK, because prelu sums its gradient block by block.
PIECE = 1 << 18
#: The largest number of elements of a slice or of a region.
LARGEST_SLICE = 1 << 20

#: A function that is called repeatedly with the share of the work that is done, from 0 to 1.
Progress: TypeAlias = Callable[[float], None]


class SliceLayout(NamedTuple):
    """The `number` slices of an array in memory order, each whole along the layers' axis."""

    number: int
    #: The length of that axis, and its stride in elements.
    length: int
    stride: int

    @property
    def size(self) -> int:
        """Elements of a slice."""
        return self.length * self.stride


def slice_layout(chain: Layer, shape: tuple[int, ...], order: Order) -> SliceLayout | None:
    """The slices of an x of that shape, if the chain can run over each of them alone.

    None for layers that take whole arrays or work along several axes, and for layers along an axis
    in a chain with a trained parameter, whose gradient would be summed in another order.
    """
    if not chain.runs_in_parts:
        return None
    axes = chain.axes(len(shape))
    if not axes:
        return SliceLayout(prod(shape), 1, 1)
    if not can_run_by_regions(chain, len(shape)):
        return None
    (axis,) = axes
    if order == "F":
        shape, axis = shape[::-1], len(shape) - 1 - axis
    return SliceLayout(prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :]))


def can_run_by_regions(chain: Layer, ndim: int) -> bool:
    """Whether `run_by_regions` can run the chain over an x with `ndim` axes.

    It cannot if the layers work along several axes, or if a parameter is trained: its gradient is
    a sum that would depend on the regions.
    """
    return len(chain.axes(ndim)) < 2 and not chain.trained


def can_stream(chain: Layer, x: Source, dout: Source | None = None) -> bool:
    """Whether `stream` can run the chain over x, and back over dout, from start to end."""
    layout = slice_layout(chain, x.shape, x.order)
    same_order = dout is None or dout.order == x.order or min(len(x.shape), len(dout.shape)) < 2
    return same_order and layout is not None and layout.size <= LARGEST_SLICE


def can_run_in_parts(chain: Layer, x: Source, dout: Source | None = None) -> bool:
    """Whether `stream` or `run_by_regions` can run the chain in parts of bounded size."""
    layout = slice_layout(chain, x.shape, x.order)
    by_regions = (
        layout is not None
        and layout.length <= LARGEST_SLICE
        and can_run_by_regions(chain, len(x.shape))
    )
    return by_regions or can_stream(chain, x, dout)


def trace_specs(chain: Layer, x: ArraySpec, dout: ArraySpec | None = None) -> dict[str, ArraySpec]:
    """The shapes and dtypes of the arrays of `Layer.trace`, from a run over a single slice.

    Raises what the layers raise for an x of that shape.
    """
    axes = chain.axes(len(x.shape))

    def slice_of(spec: ArraySpec) -> Array:
        shape = [n if axis in axes else 1 for axis, n in enumerate(spec.shape)]
        return np.zeros(shape, spec.dtype)

    def whole(shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(n if axis in axes else x.shape[axis] for axis, n in enumerate(shape))

    # A copy, so that the chain keeps nothing of this run.
    arrays = copy(chain).trace(slice_of(x), None if dout is None else slice_of(dout))
    return {name: ArraySpec(whole(array.shape), array.dtype) for name, array in arrays.items()}


def source_spec(source: Source, dtype: np.dtype[Any] | None) -> ArraySpec:
    """The source's shape, and the dtype that layers get: `dtype` if given, else its own."""
    return ArraySpec(source.shape, dtype or native_dtype(source.dtype))


def check_dout_shape(chain: Layer, x: Source, dout: Source | None) -> None:
    """Check that dout has out's shape.

    Raises:
        ShapeError: dout has another shape.
    """
    out = chain.out_shape(x.shape)
    if dout is not None:
        check_dout(dout.shape, out, chain.layers[-1].name)


def stream(
    chain: Layer,
    x: Source,
    dout: Source | None,
    into: Iterable[tuple[str, Sink]],
    *,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Array]:
    """Run the chain over x, and back over dout, from start to end; see `can_stream`.

    `into` pairs names of `Layer.trace` with the sinks of these arrays. x and dout are cast to
    `dtype` first. Sinks that are `ordered` are written in order by any number of threads.

    Returns the gradients of trained parameters.

    Raises:
        ShapeError: dout has another shape than out.
        ValueError: the chain needs more than a slice of x at a time.
    """
    layout = slice_layout(chain, x.shape, x.order)
    if layout is None or not can_stream(chain, x, dout):
        raise ValueError(f"{chain} cannot go over x from start to end")
    given = source_spec(x, dtype)
    check_dout_shape(chain, x, dout)
    specs = trace_specs(chain, given, None if dout is None else source_spec(dout, dtype))
    per_piece = max(1, PIECE // layout.size)
    pairs = [(chain.canonical(name), sink) for name, sink in into]
    starts, met = range(0, layout.number, per_piece), Met(chain)
    make_runner: Callable[[], Runner] = (
        partial(Pipeline, chain, given.dtype)
        if chain.is_elementwise
        else partial(SliceRunner, chain, layout)
    )
    streamers = [
        Streamer(make_runner(), layout.number, per_piece, specs, x, dout, pairs, met)
        for _ in range(threads or cores())
    ]
    show = None if progress is None else lambda done: progress(done / len(starts))
    run_piece, are_files = streamers[0].run_piece, streamers[0].uses_files_alone
    left = met if met.notes else None
    keep_freed_memory()
    if not (are_files and share_pieces(starts, run_piece, len(streamers), show, left)):
        queue = OrderedThreads(starts)
        queue.run([partial(streamer.run_pieces, queue) for streamer in streamers], show)
    met.state()
    return gradients(streamer.runner.terms for streamer in streamers)


def gradients(parts: Iterable[Mapping[str, list[float]]]) -> dict[str, Array]:
    """The gradients of trained parameters, from the terms that each thread collected."""
    terms: dict[str, list[float]] = {}
    for part in parts:
        for name, numbers in part.items():
            terms.setdefault(name, []).extend(numbers)
    return {name: np.asarray(total(numbers)) for name, numbers in terms.items()}
