"""Collecting the statistics of a layer from arrays of any size, piece by piece, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, Order, floating, native_dtype
from actgrad.layers.diagnose.moments import ROWS
from actgrad.layers.diagnose.slopes import slope_runner
from actgrad.layers.diagnose.statistics import RunBlock, UnitStatistics, slope_scale
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.run import OrderedThreads, Progress, Source, cores

#: Columns of a block, at least, and elements of a piece, at most.
WIDTH, PIECE = 1024, 1 << 18
#: The most elements of a piece that holds a sample of every unit.
LARGEST_PIECE = 1 << 21


class UnitLayout(NamedTuple):
    """An array in the order of its memory: `outer` × `units` × `inner` elements."""

    outer: int
    units: int
    inner: int


class Piece(NamedTuple):
    """A contiguous part of an array, of that layout, whose first unit is number `unit`."""

    start: int
    layout: UnitLayout
    unit: int

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.layout)


def unit_axis(ndim: int, axis: int | None) -> int | None:
    """The axis that holds the units: `axis` if given, else the last, or 1 of four axes and more.

    None for an array with less than two axes: it holds the samples of one unit.

    Raises:
        ShapeError: there is no such axis.
    """
    if axis is None:
        return None if ndim < 2 else ndim - 1 if ndim < 4 else 1
    if not -ndim <= axis < ndim:
        raise ShapeError(f"there is no axis {axis}", f"the array has {ndim} axes, counted from 0")
    return axis % ndim


def unit_layout(shape: tuple[int, ...], order: Order, axis: int | None) -> UnitLayout:
    """The layout of an array whose units are along `axis`."""
    if axis is None:
        return UnitLayout(prod(shape), 1, 1)
    if order == "F":
        shape, axis = shape[::-1], len(shape) - 1 - axis
    return UnitLayout(prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :]))


def pieces(layout: UnitLayout) -> Iterator[Piece]:
    """The parts of an array that are read one by one."""
    outer, units, inner = layout
    row = units * inner
    if not outer * row:
        return
    if row <= LARGEST_PIECE:
        groups = groups_of_samples(units)
        step = max(1, min(ROWS * groups, PIECE // units) // inner)
        for first in range(0, outer, step):
            count = min(step, outer - first)
            yield Piece(first * row, UnitLayout(count, units, inner), 0)
        return
    together = max(1, PIECE // inner) if units >= WIDTH else 1
    length = min(inner, PIECE)
    for sample in range(outer):
        for unit in range(0, units, together):
            for at in range(0, inner, length):
                count, size = min(together, units - unit), min(length, inner - at)
                start = sample * row + unit * inner + at
                yield Piece(start, UnitLayout(1, count, size), unit)


def groups_of_samples(units: int) -> int:
    """How many samples of all units stand in a row of a block, so that rows are long."""
    return max(1, WIDTH // units)


def collect(
    layer: Layer,
    sources: Mapping[str, Source],
    axis: int | None = None,
    *,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> UnitStatistics:
    """The statistics of a layer's units from `sources`: x or out, and dout and dx if known.

    The arrays are cast to `dtype` if it is given.

    Raises:
        ShapeError: the layer couples elements, dout has another shape than x, or there is no
            such axis.
        ActgradError: only out is given, and it does not determine the slope.
    """
    name, given = next(iter(sources.items()))
    units_along = unit_axis(len(given.shape), axis)
    layout = unit_layout(given.shape, given.order, units_along)
    run_dtype = dtype or native_dtype(given.dtype)
    make_runner = slope_runner(layer, name, run_dtype)
    scale = slope_scale(layer)
    queue = OrderedThreads(pieces(layout))
    total = ceil(prod(layout) / PIECE)
    columns = layout.units * groups_of_samples(layout.units)
    collectors = [
        Collector(
            sources,
            make_runner(),
            UnitStatistics(layout.units, columns, scale, run_dtype),
        )
        # Anyone's code may not run on several threads.
        for _ in range((threads or cores()) if layer.runs_in_parts else 1)
    ]
    queue.run(
        [collector.work(queue) for collector in collectors],
        None if progress is None else lambda done: progress(min(1, done / max(total, 1))),
    )
    first, *others = (collector.statistics for collector in collectors)
    for other in others:
        first.merge(other)
    return first


class Collector:
    """Collects statistics on one thread."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        run: Callable[[Array, Array | None], RunBlock],
        statistics: UnitStatistics,
    ) -> None:
        self.sources, self.run, self.statistics = sources, run, statistics
        self._raw = {name: np.empty(0, source.dtype) for name, source in sources.items()}

    def work(self, queue: OrderedThreads[Piece]) -> Callable[[], None]:
        """The target of a thread that takes pieces from the queue until there is none left."""

        def take_pieces() -> None:
            with np.errstate(all="ignore"):
                while True:
                    with queue.taking() as taken:
                        if taken is None:
                            return
                        piece = taken[1]
                        arrays = {name: self._read(name, piece) for name in self.sources}
                    self._add(piece, arrays)
                    queue.finish()

        return take_pieces

    def _read(self, name: str, piece: Piece) -> Array:
        """A piece of a source, in the order of its memory."""
        if self._raw[name].size < piece.size:
            self._raw[name] = np.empty(piece.size, self.sources[name].dtype)
        return self.sources[name].read(piece.start, self._raw[name][: piece.size])

    def _add(self, piece: Piece, arrays: Mapping[str, Array]) -> None:
        """Include a piece in the statistics."""
        dtype = self.statistics.dtype
        samples = {}
        for name, array in arrays.items():
            cast = floating(array, name).astype(dtype, copy=False).reshape(piece.layout)
            samples[name] = np.ascontiguousarray(cast.swapaxes(1, 2)).reshape(-1)
        given = next(iter(samples.values()))
        block = self.run(given, samples.get("dout"))
        if "dx" in samples:
            block = block._replace(dx=samples["dx"])
        is_finite = True
        for rows, columns in self._rows(piece):
            part = block.part(rows, columns[1])
            is_finite &= self.statistics.add(part, columns[0])
        if not is_finite:
            raw = next(iter(arrays.values()))
            first_here = np.flatnonzero(~np.isfinite(raw))[:1] + piece.start
            known = self.statistics.first_not_finite
            places = [*first_here.tolist(), *([] if known is None else [known])]
            self.statistics.first_not_finite = min(places, default=None)

    def _rows(self, piece: Piece) -> Iterator[tuple[slice, tuple[slice, int]]]:
        """The blocks of a piece's samples × units: their elements, their columns and width."""
        units, columns = self.statistics.units, self.statistics.columns
        here = piece.layout.units
        if here == units:
            at, width = slice(0, columns), columns
        elif units < WIDTH:
            # One unit: its samples are shared among the columns that belong to it.
            at, width = slice(piece.unit, columns, units), columns // units
        else:
            at, width = slice(piece.unit, piece.unit + here), here
        whole = piece.size // width * width
        for start in range(0, whole, ROWS * width):
            yield slice(start, min(start + ROWS * width, whole)), (at, width)
        if left := piece.size - whole:
            stop = at.start + left * (at.step or 1)
            yield slice(whole, piece.size), (slice(at.start, stop, at.step), left)
