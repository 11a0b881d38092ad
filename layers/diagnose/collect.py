"""Collecting the statistics of a layer from arrays of any size, piece by piece, on all cores.

Arrays in files are shared among processes, any others among threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, Order, floating, native_dtype
from actgrad.layers.diagnose.moments import ROWS
from actgrad.layers.diagnose.slopes import slope_runner
from actgrad.layers.diagnose.statistics import RunBlock, UnitStatistics, slope_scale
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.run import (
    OrderedThreads,
    Progress,
    Source,
    cores,
    keep_freed_memory,
    share_pieces,
)

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


class Pieces:
    """The parts of an array that are read one by one."""

    def __init__(self, layout: UnitLayout) -> None:
        self._layout = layout
        _, units, inner = layout
        if units * inner <= LARGEST_PIECE:
            samples = min(ROWS * groups_of_samples(layout), PIECE // units) // inner
            self._steps = UnitLayout(max(1, samples), units, inner)
        else:
            together = max(1, PIECE // inner) if units >= WIDTH else 1
            self._steps = UnitLayout(1, together, min(inner, PIECE))
        self._counts = [-(-n // step) for n, step in zip(layout, self._steps, strict=True)]

    def __len__(self) -> int:
        return prod(self._counts)

    def __getitem__(self, number: Any) -> Any:
        _, units, inner = self._layout
        place = np.unravel_index(number, self._counts)
        sample, unit, at = (int(k) * step for k, step in zip(place, self._steps, strict=True))
        ends = zip(self._layout, (sample, unit, at), self._steps, strict=True)
        shape = UnitLayout(*(min(step, n - first) for n, first, step in ends))
        return Piece((sample * units + unit) * inner + at, shape, unit)


def groups_of_samples(layout: UnitLayout) -> int:
    """How many samples of all units stand in a row of a block, so that rows are long."""
    outer, units, inner = layout
    return max(1, min(WIDTH // units, -(-outer * inner // ROWS)))


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

    Any part of a source can be read. The arrays are cast to `dtype` if it is given.

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
    pieces = Pieces(layout)
    columns = layout.units * groups_of_samples(layout)
    # Anyone's code may not run on several threads.
    workers = min(threads or cores(), max(len(pieces), 1)) if layer.runs_in_parts else 1
    collectors = [
        Collector(
            sources, pieces, make_runner(), UnitStatistics(layout.units, columns, scale, run_dtype)
        )
        for _ in range(workers)
    ]
    show = None if progress is None else lambda done: progress(done / len(pieces))
    whole, run = collectors[0].statistics, collectors[0].run_piece
    are_files = all(source.in_file for source in sources.values())
    keep_freed_memory()
    if workers == 1:
        for number in range(len(pieces)):
            run(number)
            if show is not None:
                show(number + 1)
    elif not (are_files and share_pieces(range(len(pieces)), run, workers, show, whole)):
        queue = OrderedThreads(range(len(pieces)))
        queue.run([partial(collector.run_pieces, queue) for collector in collectors], show)
    for other in collectors[1:]:
        whole.merge(other.statistics)
    return whole.folded()


class Collector:
    """Collects statistics in a thread or a process."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        pieces: Pieces,
        run: Callable[[Array, Array | None], RunBlock],
        statistics: UnitStatistics,
    ) -> None:
        self.sources, self.pieces, self.run = sources, pieces, run
        self.statistics = statistics
        self._raw = {name: np.empty(0, source.dtype) for name, source in sources.items()}

    def run_pieces(self, queue: OrderedThreads[int]) -> None:
        """Include the pieces that the queue gives this thread, until there is none left."""
        while True:
            with queue.taking() as taken:
                if taken is None:
                    return
            self.run_piece(taken[1])
            queue.finish()

    def run_piece(self, number: int) -> None:
        """Include the piece of that number."""
        piece = self.pieces[number]
        with np.errstate(all="ignore"):
            self._add(piece, {name: self._read(name, piece) for name in self.sources})

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
