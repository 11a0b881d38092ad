"""Running over arrays that are too large for memory, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any, BinaryIO, cast

import numpy as np

from actgrad.cli.read import Repeated, nbytes, random_access
from actgrad.cli.show import Bar
from actgrad.cli.write.archive import ArchiveInPlace
from actgrad.cli.write.formats import npy_header
from actgrad.cli.write.output import (
    STDOUT,
    ArrayAnswer,
    Destination,
    Output,
    blamed,
    is_special_file,
)
from actgrad.cli.write.sinks import FileSink, ReleasingStream, StreamSink, TemporaryArray
from actgrad.layers import Layer
from actgrad.layers.arrays import Array
from actgrad.layers.run import (
    ArraySpec,
    MemoryArray,
    Sink,
    Source,
    can_run_in_parts,
    can_stream,
    check_dout_shape,
    release,
    run_by_regions,
    source_spec,
    stream,
    trace_specs,
)

#: Elements that are copied at a time.
PART = 1 << 18


def streamed_run(
    chain: Layer,
    x: Array | Source,
    dout: Array | Source | None,
    dtype: np.dtype[Any] | None,
    plotted: bool,
) -> StreamedRun | None:
    """Prepare a run of the chain in pieces; return None if a layer needs the whole array at once.

    x and dout are cast to `dtype` if it is given; `plotted` asks for histograms. A 0-d dout stands
    for an array of out's shape.

    Raises:
        ShapeError: dout has another shape than out.
    """
    source = MemoryArray(x) if isinstance(x, np.ndarray) else x
    upstream: Source | None
    if isinstance(dout, np.ndarray):
        is_number = not dout.ndim
        shape = chain.out_shape(source.shape) if is_number else ()
        upstream = Repeated(dout, shape, source.order) if is_number else MemoryArray(dout)
    else:
        upstream = dout
    if not can_run_in_parts(chain, source, upstream):
        return None
    return StreamedRun(chain, source, upstream, dtype, plotted)


def is_new_file(target: Destination) -> bool:
    """Whether it is a regular file, which can be written in any order."""
    return target.file != STDOUT and not is_special_file(target.file)


class StreamedRun:
    """A run over arrays that are too large for memory: one pass from sources to sinks."""

    def __init__(
        self,
        chain: Layer,
        x: Source,
        dout: Source | None,
        dtype: np.dtype[Any] | None,
        plotted: bool,
    ) -> None:
        """Prepare to run the chain over x, and back over dout, cast to `dtype` if it is given.

        Raises:
            ShapeError: dout has another shape than out.
        """
        self.chain, self.x, self.dout, self.dtype = chain, x, dout, dtype
        check_dout_shape(chain, x, dout)
        upstream = None if dout is None else source_spec(dout, dtype)
        specs = trace_specs(chain, source_spec(x, dtype), upstream)
        command, main = ("forward", "out") if dout is None else ("backward", "dx")
        self.answer = ArrayAnswer(command, tuple(map(str, chain.layers)), specs, main, plotted)
        #: The name of an array, and the sink that gets it.
        self.sinks: list[tuple[str, Sink]] = []

    def deliver(self, output: Output, threads: int | None, quiet: bool) -> None:
        """Run the chain, and print the answer or write the files: all of them or none.

        Raises:
            OutputError: the answer has no such array, or the system refuses.
            BrokenPipeError: the reader of a pipe has closed it.
        """
        if output.shows_table:
            output.deliver(self._excerpts(threads, quiet))
            return
        parts = [
            (target, self.answer.part(target.name) if target.name else self.answer)
            for target in output.targets
        ]
        with ExitStack() as files:
            streams = [files.enter_context(target.opened()) for target, _ in parts]
            copies: dict[str, TemporaryArray] = {}
            archives: dict[str, ArchiveInPlace] = {}
            for (target, part), stream in zip(parts, streams, strict=True):
                if target.form == "npy":
                    self.sinks.append((part.main, self._npy(target, part.main, stream)))
                    continue
                if target.form == "npz" and is_new_file(target):
                    with blamed(target.file):
                        archive = ArchiveInPlace(stream, part.arrays, self.x.order, target.file)
                    archives[target.file] = archive
                    self.sinks += archive.sinks.items()
                    continue
                for name, array in part.arrays.items():
                    if name not in copies:
                        copies[name] = TemporaryArray(array, self.x.order, files)
            self.sinks += copies.items()
            self._run(threads, quiet)
            arrays = {name: copy.mapped() for name, copy in copies.items()}
            for (target, part), stream in zip(parts, streams, strict=True):
                if target.form == "npy" or target.file in archives:
                    with blamed(target.file):
                        if target.file in archives:
                            archives[target.file].finish()
                        stream.flush()
                else:
                    chosen = {name: arrays[name] for name in part.arrays}
                    releasing = cast(BinaryIO, ReleasingStream(stream, chosen.values()))
                    target.write(part._replace(arrays=chosen, threads=threads), releasing)

    def _npy(self, target: Destination, name: str, stream: IO[bytes]) -> Sink:
        """Write the header of a `.npy` file; return the sink for its data."""
        array: ArraySpec = self.answer.arrays[name]
        with blamed(target.file):
            stream.write(npy_header(array.shape, array.dtype, self.x.order))
        if is_new_file(target):
            return FileSink(stream, array, target.file)
        return StreamSink(stream, target.file)

    def _excerpts(self, threads: int | None, quiet: bool) -> ArrayAnswer:
        """Run the chain; return the part of the answer that a table shows."""
        from actgrad.cli.show import Excerpt

        excerpts = {
            name: Excerpt(self.answer.arrays[name], self.x.order, self.answer.plotted)
            for name in self.answer.shown
        }
        self.sinks += excerpts.items()
        self._run(threads, quiet)
        return self.answer._replace(arrays=excerpts)

    def _run(self, threads: int | None, quiet: bool) -> None:
        """Run the chain into the sinks; the gradients of trained parameters come last."""
        numbers = {name for name, spec in self.answer.arrays.items() if not spec.shape}
        arrays = [(name, sink) for name, sink in self.sinks if name not in numbers]
        with Bar(nbytes(self.x) + (nbytes(self.dout) if self.dout else 0), quiet) as bar:
            if can_stream(self.chain, self.x, self.dout):
                gradients = stream(
                    self.chain,
                    self.x,
                    self.dout,
                    arrays,
                    dtype=self.dtype,
                    threads=threads,
                    progress=bar,
                )
            else:
                gradients = self._run_by_regions(arrays, threads, bar)
        for name, sink in self.sinks:
            if name in numbers:
                sink.write(0, gradients[name].reshape(1))

    def _run_by_regions(
        self, sinks: Sequence[tuple[str, Sink]], threads: int | None, bar: Bar
    ) -> dict[str, Array]:
        """Run the chain by regions into mapped temporary files, and copy these to the sinks."""
        with ExitStack() as files:
            arrays = {
                name: TemporaryArray(self.answer.arrays[name], self.x.order, files).mapped()
                for name, _ in sinks
            }
            run_by_regions(
                self.chain,
                random_access(self.x, files).mapped(),
                None if self.dout is None else random_access(self.dout, files).mapped(),
                arrays,
                dtype=self.dtype,
                threads=threads,
                progress=bar,
            )
        for name, sink in sinks:
            flat = arrays[name].reshape(-1, order=self.x.order)
            for start in range(0, flat.size, PART):
                sink.write(start, flat[start : start + PART])
                release(flat)
        return {}
