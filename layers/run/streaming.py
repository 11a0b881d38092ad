"""Running a chain over arrays of any size: piece by piece, on all cores, in constant memory.

A piece is read, run through the kernels and written while it is in the cache. What comes out is,
bit for bit, what the chain gives for the whole array at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import ceil, prod
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array, Order, floating, order
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer, total
from actgrad.layers.run.pipeline import Pipeline
from actgrad.layers.run.threads import OrderedThreads, cores

#: Elements that one thread reads at a time, a multiple of BLOCK, by which some layers sum.
PIECE = 1 << 18
#: Elements of the longest slice that is read as a whole.
SLICE = 1 << 20

#: What is told, now and then, which share of the work is done.
Watch: TypeAlias = Callable[[float], None]


class Source(Protocol):
    """An array that is read piece by piece, in the order of its elements in memory."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Order
    #: Whether it can be read from start to end only, as a pipe can.
    ordered: bool

    def read(self, start: int, buffer: Array) -> Array:
        """As many elements as `buffer` has, from `start` on: in it, or where they lie already."""


class Sink(Protocol):
    """An array that is written piece by piece, in the order that the source is read in."""

    #: Whether it can be written from start to end only, as a pipe can.
    ordered: bool

    def room(self, start: int, buffer: Array) -> Array:
        """Where to compute what will be written at `start`: `buffer`, or its place itself."""
        return buffer

    def write(self, start: int, values: Array) -> None:
        """Put `values` at `start`; they may change after that."""


class Held:
    """An array in memory, or mapped into it, as a source and as a sink."""

    ordered = False

    def __init__(self, array: Array) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype
        self.order: Order = order(array)
        self._flat = array.reshape(-1, order=self.order)

    def read(self, start: int, buffer: Array) -> Array:
        there: Array = self._flat[start : start + buffer.size]
        return there

    def room(self, start: int, buffer: Array) -> Array:
        there: Array = self._flat[start : start + buffer.size]
        return there if there.dtype == buffer.dtype else buffer

    def mapped(self) -> Array:
        """The array itself."""
        return self._array

    def write(self, start: int, values: Array) -> None:
        there = self._flat[start : start + values.size]
        if not np.may_share_memory(there, values):
            np.copyto(there, values, casting="same_kind")


class Slices(NamedTuple):
    """An array in memory order as `number` slices, whole along the axis that layers work on."""

    number: int
    #: The length of that axis, and how many numbers lie side by side across it.
    length: int
    across: int

    @property
    def size(self) -> int:
        """Elements a slice."""
        return self.length * self.across


def slices(chain: Layer, shape: tuple[int, ...], order: Order) -> Slices | None:
    """The slices of an x of that shape that the chain can go over one by one.

    None if there are none, because its layers work along several axes, or because the gradient of
    a trained parameter would be summed in another order.
    """
    worked = chain.axes(len(shape))
    if not worked:
        return Slices(prod(shape), 1, 1)
    if not regional(chain, len(shape)):
        return None
    (axis,) = worked
    if order == "F":
        shape, axis = shape[::-1], len(shape) - 1 - axis
    return Slices(prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :]))


def regional(chain: Layer, ndim: int) -> bool:
    """Whether the chain can go over an x of so many axes in regions that are whole along one.

    Not if its layers work along several axes, nor if it sums up the gradient of a trained
    parameter, for the sum would depend on the regions.
    """
    return len(chain.axes(ndim)) < 2 and not chain.trained


def in_order(chain: Layer, x: Source, dout: Source | None = None) -> bool:
    """Whether `stream` can read x, and dout beside it, from start to end."""
    cut = slices(chain, x.shape, x.order)
    alike = dout is None or dout.order == x.order or min(len(x.shape), len(dout.shape)) < 2
    return alike and cut is not None and cut.size <= SLICE


def piecewise(chain: Layer, x: Source, dout: Source | None = None) -> bool:
    """Whether `stream` or `sweep` can take x, and dout beside it, in parts of bounded size."""
    cut = slices(chain, x.shape, x.order)
    lines = cut is not None and cut.length <= SLICE and regional(chain, len(x.shape))
    return in_order(chain, x, dout) or lines


class Blank(NamedTuple):
    """What is known of an array before it is computed."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.shape)


def outline(chain: Layer, x: Blank, dout: Blank | None = None) -> dict[str, Blank]:
    """The arrays of `Layer.trace`, as a run over a single slice tells them.

    Raises what the layers raise for an x of that shape.
    """
    worked = chain.axes(len(x.shape))

    def single(blank: Blank) -> Array:
        shape = [n if axis in worked else 1 for axis, n in enumerate(blank.shape)]
        return np.zeros(shape, blank.dtype)

    def whole(shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(n if axis in worked else x.shape[axis] for axis, n in enumerate(shape))

    arrays = chain.trace(single(x), None if dout is None else single(dout))
    return {name: Blank(whole(array.shape), array.dtype) for name, array in arrays.items()}


def stream(
    chain: Layer,
    x: Source,
    dout: Source | None,
    into: Iterable[tuple[str, Sink]],
    *,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
) -> dict[str, Array]:
    """Run the chain over x, and back over dout, from start to end, which must be possible.

    `into` says which arrays of `Layer.trace` go where; `dtype` casts x and dout first. Returns the
    gradients of trained parameters. Threads beyond one keep the order where sinks want it.

    Raises:
        ShapeError: dout has another shape than out.
        ValueError: the chain needs more than a slice of x at a time; see `in_order` and `sweep`.
    """
    cut = slices(chain, x.shape, x.order)
    if cut is None or not in_order(chain, x, dout):
        raise ValueError(f"{chain} cannot go over x from start to end")
    given = blank(x, dtype)
    upstream = None if dout is None else blank(dout, dtype)
    see_that_it_fits(chain, x, dout)
    blanks = outline(chain, given, upstream)
    each = max(1, PIECE // cut.size)
    crew = OrderedThreads(range(0, cut.number, each))
    pairs = [(chain.canonical(name), sink) for name, sink in into]
    workers = [
        Worker(
            _runner(chain, cut, given.dtype),
            cut.number,
            each,
            blanks,
            x,
            dout,
            pairs,
        )
        for _ in range(threads or cores())
    ]
    pieces = ceil(cut.number / each)
    crew.run(
        [partial(worker.work, crew) for worker in workers],
        None if watch is None else lambda done: watch(done / pieces),
    )
    return gradients(worker.runner.terms for worker in workers)


def see_that_it_fits(chain: Layer, x: Source, dout: Source | None) -> None:
    """See that dout has out's shape.

    Raises:
        ShapeError: it has not.
    """
    out = chain.out_shape(x.shape)
    if dout is not None and dout.shape != out:
        raise ShapeError(
            f"dout has shape {dout.shape}, but {chain.layers[-1].name}'s out has {out}"
        )


def blank(source: Source, dtype: np.dtype[Any] | None) -> Blank:
    """What the source's array will be: cast to `dtype` if that is given."""
    return Blank(source.shape, dtype or computed_in(source.dtype))


def computed_in(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that layers compute an array of that dtype in."""
    return floating(np.empty(0, dtype), "x").dtype.newbyteorder("=")


def gradients(parts: Iterable[Mapping[str, list[float]]]) -> dict[str, Array]:
    """The gradients of trained parameters, from what each part summed up."""
    terms: dict[str, list[float]] = {}
    for part in parts:
        for name, numbers in part.items():
            terms.setdefault(name, []).extend(numbers)
    return {name: np.asarray(total(numbers)) for name, numbers in terms.items()}


class Runner(Protocol):
    """What computes a piece."""

    @property
    def terms(self) -> Mapping[str, list[float]]:
        """What all runs summed up for the gradients of trained parameters."""

    def run(self, x: Array, dout: Array | None, into: Mapping[str, Array]) -> None:
        """Fill the 1-d arrays `into`, by their names in `Layer.trace`, from 1-d x and dout."""


def _runner(chain: Layer, cut: Slices, dtype: np.dtype[Any]) -> Runner:
    return Pipeline(chain, dtype) if chain.is_elementwise else Lines(chain, cut)


class Lines:
    """A chain with layers along an axis, run over slices that are whole along it."""

    terms: Mapping[str, list[float]] = {}

    def __init__(self, chain: Layer, cut: Slices) -> None:
        self.chain, self.cut = chain.along(1), cut

    def run(self, x: Array, dout: Array | None, into: Mapping[str, Array]) -> None:
        whole = x.reshape(-1, self.cut.length, self.cut.across)
        upstream = None if dout is None else dout.reshape(len(whole), -1, self.cut.across)
        arrays = self.chain.trace(whole, upstream)
        for name, array in into.items():
            np.copyto(array, arrays[name].reshape(-1))


class Worker:
    """What one thread does with its pieces, and the memory it does it in."""

    def __init__(
        self,
        runner: Runner,
        count: int,
        each: int,
        blanks: Mapping[str, Blank],
        x: Source,
        dout: Source | None,
        into: Sequence[tuple[str, Sink]],
    ) -> None:
        self.runner, self.count, self.each, self.into = runner, count, each, into
        self.read = {"x": x} if dout is None else {"x": x, "dout": dout}
        #: Elements a slice.
        self.sizes = {name: blank.size // count for name, blank in blanks.items()}
        self.raw = {
            name: np.empty(each * self.sizes[name], source.dtype)
            for name, source in self.read.items()
        }
        self.buffers = {
            name: np.empty(each * self.sizes[name], blanks[name].dtype)
            for name in {*self.read, *(name for name, _ in into)}
        }

    def work(self, crew: OrderedThreads[int]) -> None:
        """Take pieces until there are no more."""
        with np.errstate(all="ignore"):
            while True:
                with crew.taking() as taken:
                    if taken is None:
                        return
                    number, first = taken
                    arrays = self._reading(first, ordered=True)
                arrays |= self._reading(first, ordered=False)
                self._compute(first, arrays)
                self._write(first, arrays, ordered=False)
                if any(sink.ordered for _, sink in self.into):
                    with crew.turn(number):
                        self._write(first, arrays, ordered=True)
                crew.finish()

    def _reading(self, first: int, *, ordered: bool) -> dict[str, Array]:
        """The sources' pieces from that slice on, in the dtype that is computed in."""
        arrays = {}
        for name, source in self.read.items():
            if source.ordered is ordered:
                array = source.read(first * self.sizes[name], self._part(self.raw, name, first))
                if array.dtype != self.buffers[name].dtype:
                    cast = self._part(self.buffers, name, first)
                    np.copyto(cast, floating(array, name), casting="unsafe")
                    array = cast
                arrays[name] = array
        return arrays

    def _compute(self, first: int, arrays: dict[str, Array]) -> None:
        """Add to `arrays` those that are wanted."""
        wanted: dict[str, Array] = {}
        for name, sink in self.into:
            if name not in self.read:
                room = wanted.get(name, self._part(self.buffers, name, first))
                wanted[name] = sink.room(first * self.sizes[name], room)
        self.runner.run(arrays["x"], arrays.get("dout"), wanted)
        arrays |= wanted

    def _write(self, first: int, arrays: Mapping[str, Array], *, ordered: bool) -> None:
        for name, sink in self.into:
            if sink.ordered is ordered:
                sink.write(first * self.sizes[name], arrays[name])

    def _part(self, buffers: Mapping[str, Array], name: str, first: int) -> Array:
        """As much of a buffer as the piece from that slice on takes; the last one takes less."""
        return buffers[name][: min(self.each, self.count - first) * self.sizes[name]]
