"""A piece of a streamed run: it is read, run through the chain, and written, block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from actgrad.layers.arrays import Array, floating
from actgrad.layers.casting import for_cast
from actgrad.layers.layer import Layer
from actgrad.layers.run.met import Met
from actgrad.layers.run.sources import ArraySpec, Sink, Source
from actgrad.layers.run.threads import OrderedThreads

if TYPE_CHECKING:
    from actgrad.layers.run.streaming import SliceLayout


class Runner(Protocol):
    """Runs a chain over one piece after another."""

    @property
    def length(self) -> int | None:
        """How many slices are run in buffers that fit in the cache; None where there is no need."""

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
    length = None

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
    """Runs pieces in a thread or a process: reads, computes and writes them in its own buffers.

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
        #: Whether all can be read and written block by block, in any process.
        self.in_files = all(sink.in_file for _, sink in into) and not any(
            source.ordered for source in self.sources.values()
        )
        #: Slices that are read, computed and written at a time.
        self.step = min(per_piece, runner.length or per_piece) if self.in_files else per_piece
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

    @property
    def uses_files_alone(self) -> bool:
        """Whether nothing is kept in memory of a piece but what layers met: no term of a sum."""
        # What overflows in 8 bits is noted.
        is_noted = self.buffers["x"].itemsize == 1
        return self.in_files and not is_noted and not self.runner.terms

    def run_pieces(self, starts: OrderedThreads[int]) -> None:
        """Run the pieces that `starts` gives this thread, until there is none left."""
        with np.errstate(all="ignore"):
            while True:
                with starts.taking() as taken:
                    if taken is None:
                        return
                    number, first = taken
                    arrays = self._read(first, ordered=True)
                self._run(first, arrays)
                if any(sink.ordered for _, sink in self.into):
                    with starts.turn(number):
                        self._write(first, arrays, ordered=True)
                starts.finish()

    def run_piece(self, first: int) -> None:
        """Run the piece that begins there, from sources to sinks of which none is ordered."""
        with np.errstate(all="ignore"):
            self._run(first, {})

    def _run(self, first: int, arrays: dict[str, Array]) -> None:
        """Run a piece; `arrays` has what was read of it in order, and gets its last block."""
        for start in range(first, min(first + self.per_piece, self.slices), self.step):
            arrays |= self._read(start, ordered=False)
            self._compute(start, arrays)
            self.met.add(start, self.runner.layers)
            self._write(start, arrays, ordered=False)

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
        if not self.in_files or self.slices - first < self.step:
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
