"""Streaming: running a chain over arrays of any size, piece by piece, in constant memory.

Each thread takes a piece; it reads a block of it, runs it through the kernels and writes it while
it is in the cache. The result is bit for bit what the chain gives for the whole array at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import partial
from math import ceil, prod
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array, Order, floating, native_dtype, order, total
from actgrad.layers.casting import for_cast
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.run.met import Met
from actgrad.layers.run.pipeline import Pipeline
from actgrad.layers.run.threads import OrderedThreads, cores

#: Elements of a piece: a multiple of BLOCK, because prelu sums its gradient block by block.
PIECE = 1 << 18
#: The largest number of elements of a slice or of a region.
LARGEST_SLICE = 1 << 20

#: A function that is called repeatedly with the share of the work that is done, from 0 to 1.
Progress: TypeAlias = Callable[[float], None]


class Source(Protocol):
    """An array that is read piece by piece, in the order of its elements in memory."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Order
    #: Whether it can be read from start to end only, as a pipe can.
    ordered: bool

    def read(self, start: int, buffer: Array) -> Array:
        """Read `buffer.size` elements from position `start` on; return `buffer` or a view."""


class Sink(Protocol):
    """An array that is written piece by piece, in the order in which the source is read."""

    #: Whether it can be written from start to end only, as a pipe can.
    ordered: bool
    #: Whether it is to be written block by block, while a block is in the L2 cache.
    in_blocks: bool = False

    def array_for(self, start: int, buffer: Array) -> Array:
        """Where to compute the elements from `start` on: `buffer`, or a view of the sink."""
        return buffer

    def write(self, start: int, values: Array) -> None:
        """Write `values` from position `start` on; the caller may change `values` afterwards."""


class MemoryArray:
    """An array in memory, or mapped into it, as a source and as a sink."""

    ordered = False
    in_blocks = False

    def __init__(self, array: Array) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype
        self.order: Order = order(array)
        self._flat = array.reshape(-1, order=self.order)

    def read(self, start: int, buffer: Array) -> Array:
        view: Array = self._flat[start : start + buffer.size]
        return view

    def array_for(self, start: int, buffer: Array) -> Array:
        view = self.read(start, buffer)
        return view if view.dtype == buffer.dtype else buffer

    def mapped(self) -> Array:
        """The array itself."""
        return self._array

    def write(self, start: int, values: Array) -> None:
        view = self.read(start, values)
        if not np.may_share_memory(view, values):
            np.copyto(view, values, casting="same_kind")


class ArraySpec(NamedTuple):
    """The shape and the dtype of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """How many elements the array has."""
        return prod(self.shape)


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
    if dout is not None and dout.shape != out:
        raise ShapeError(
            f"dout has shape {dout.shape}, but {chain.layers[-1].name}'s out has {out}"
        )


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
    starts, met = OrderedThreads(range(0, layout.number, per_piece)), Met(chain)
    streamers = [
        Streamer(
            Pipeline(chain, given.dtype) if chain.is_elementwise else SliceRunner(chain, layout),
            layout.number,
            per_piece,
            specs,
            x,
            dout,
            pairs,
            met,
        )
        for _ in range(threads or cores())
    ]
    pieces = ceil(layout.number / per_piece)
    starts.run(
        [partial(streamer.run_pieces, starts) for streamer in streamers],
        None if progress is None else lambda done: progress(done / pieces),
    )
    met.state()
    return gradients(streamer.runner.terms for streamer in streamers)


def gradients(parts: Iterable[Mapping[str, list[float]]]) -> dict[str, Array]:
    """The gradients of trained parameters, from the terms that each thread collected."""
    terms: dict[str, list[float]] = {}
    for part in parts:
        for name, numbers in part.items():
            terms.setdefault(name, []).extend(numbers)
    return {name: np.asarray(total(numbers)) for name, numbers in terms.items()}


class Runner(Protocol):
    """Runs a chain over one piece after another."""

    #: The most slices that are worth running at a time.
    length: int

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The copies of the chain's layers that run."""

    @property
    def terms(self) -> Mapping[str, list[float]]:
        """The terms of all runs whose sums are the gradients of trained parameters."""

    def run(self, x: Array, dout: Array | None, into: Mapping[str, Array]) -> None:
        """Fill the 1-d arrays `into`, by their names in `Layer.trace`, from 1-d x and dout."""


class SliceRunner:
    """A chain with layers along an axis, run over slices that are whole along it."""

    terms: Mapping[str, list[float]] = {}
    length = PIECE

    def __init__(self, chain: Layer, layout: SliceLayout) -> None:
        self.chain, self.layout = chain.along(1), layout
        self.layers = self.chain.layers

    def run(self, x: Array, dout: Array | None, into: Mapping[str, Array]) -> None:
        slices = x.reshape(-1, self.layout.length, self.layout.stride)
        upstream = None if dout is None else dout.reshape(len(slices), -1, self.layout.stride)
        arrays = self.chain.trace(slices, upstream)
        for name, array in into.items():
            np.copyto(array, arrays[name].reshape(-1))


class Streamer:
    """Runs pieces on one thread: it reads, computes and writes them in buffers of its own.

    A piece has `per_piece` slices and begins at the slice `first`; there are `slices` slices. Where
    everything can be read and written block by block, only a block of a piece is in memory.
    """

    def __init__(
        self,
        runner: Runner,
        slices: int,
        per_piece: int,
        specs: Mapping[str, ArraySpec],
        x: Source,
        dout: Source | None,
        into: Sequence[tuple[str, Sink]],
        met: Met,
    ) -> None:
        self.runner, self.slices, self.per_piece, self.into = runner, slices, per_piece, into
        self.met = met
        self.sources = {"x": x} if dout is None else {"x": x, "dout": dout}
        self.in_blocks = all(sink.in_blocks for _, sink in into) and not any(
            source.ordered for source in self.sources.values()
        )
        #: Slices that are read, computed and written at a time.
        self.step = min(per_piece, runner.length) if self.in_blocks else per_piece
        #: Elements of one slice of each array.
        self.sizes = {name: spec.size // slices for name, spec in specs.items()}
        self.raw = {
            name: np.empty(self.step * self.sizes[name], source.dtype)
            for name, source in self.sources.items()
        }
        self.buffers = {
            name: np.empty(self.step * self.sizes[name], specs[name].dtype)
            for name in {*self.sources, *(name for name, _ in into)}
        }
        #: What a whole block is computed into.
        self.computed = {name: self.buffers[name] for name, _ in into if name not in self.sources}

    def run_pieces(self, starts: OrderedThreads[int]) -> None:
        """Run the pieces that `starts` gives this thread, until there is none left."""
        with np.errstate(all="ignore"):
            while True:
                with starts.taking() as taken:
                    if taken is None:
                        return
                    number, first = taken
                    arrays = self._read(first, ordered=True)
                for start in range(first, min(first + self.per_piece, self.slices), self.step):
                    arrays |= self._read(start, ordered=False)
                    self._compute(start, arrays)
                    self.met.add(start, self.runner.layers)
                    self._write(start, arrays, ordered=False)
                if any(sink.ordered for _, sink in self.into):
                    with starts.turn(number):
                        self._write(first, arrays, ordered=True)
                starts.finish()

    def _read(self, first: int, *, ordered: bool) -> dict[str, Array]:
        """A part of each source that is `ordered` or is not, in the dtype that layers get."""
        arrays = {}
        for name, source in self.sources.items():
            if source.ordered is ordered:
                array = source.read(first * self.sizes[name], self._part(self.raw, name, first))
                if array.dtype != self.buffers[name].dtype:
                    own = self._part(self.buffers, name, first)
                    array = floating(array, name)
                    np.copyto(own, for_cast(array, own.dtype), casting="unsafe")
                    array = own
                arrays[name] = array
        return arrays

    def _compute(self, first: int, arrays: dict[str, Array]) -> None:
        """Add the part of every array that a sink takes to `arrays`."""
        computed = self.computed
        if not self.in_blocks or self.slices - first < self.step:
            computed = {}
            for name, sink in self.into:
                if name not in self.sources:
                    buffer = computed.get(name, self._part(self.buffers, name, first))
                    computed[name] = sink.array_for(first * self.sizes[name], buffer)
        self.runner.run(arrays["x"], arrays.get("dout"), computed)
        arrays |= computed

    def _write(self, first: int, arrays: Mapping[str, Array], *, ordered: bool) -> None:
        for name, sink in self.into:
            if sink.ordered is ordered:
                sink.write(first * self.sizes[name], arrays[name])

    def _part(self, buffers: Mapping[str, Array], name: str, first: int) -> Array:
        """The part of a buffer for the slices from `first` on; the last part may be shorter."""
        buffer = buffers[name]
        left = self.slices - first
        return buffer if left >= self.step else buffer[: left * self.sizes[name]]
