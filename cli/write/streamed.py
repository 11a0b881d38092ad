"""One pass over arrays that are too large for memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

import numpy as np

from actgrad.cli.options import Format
from actgrad.cli.read.stored import at_rest, nbytes
from actgrad.cli.show.progress import Bar
from actgrad.cli.write.answer import Answer, names
from actgrad.cli.write.formats import npy_header, write
from actgrad.cli.write.output import STDOUT, Target, blamed, is_special_file, open_stdout, parsed
from actgrad.cli.write.sinks import Lean, Placed, Poured, Spool
from actgrad.layers import Chain
from actgrad.layers.arrays import Array
from actgrad.layers.run import (
    Blank,
    Sink,
    Source,
    blank,
    in_order,
    outline,
    release,
    see_that_it_fits,
    stream,
    sweep,
)

#: Elements that are copied at a time.
PART = 1 << 18


class Flow:
    """One pass over arrays that are too large for memory, and what is made of it."""

    def __init__(
        self, chain: Chain, x: Source, dout: Source | None, dtype: np.dtype[Any] | None
    ) -> None:
        self.chain, self.x, self.dout, self.dtype = chain, x, dout, dtype
        see_that_it_fits(chain, x, dout)
        blanks = outline(chain, blank(x, dtype), None if dout is None else blank(dout, dtype))
        command, main = ("forward", "out") if dout is None else ("backward", "dx")
        self.answer = Answer(command, names(chain), blanks, main)
        self.into: list[tuple[str, Sink]] = []

    def deliver(
        self, form: Format | None, output: Sequence[str], threads: int | None, quiet: bool
    ) -> None:
        """Run it, and print the answer, or write the files that `output` asks for instead.

        Raises:
            OutputError: that cannot be done.
            BrokenPipeError: whoever read it has left.
        """
        if not output and form in {None, Format.table}:
            self._show(threads, quiet)
            return
        targets = parsed(output, self.answer, form) if output else []
        if form is not None and not output:
            targets = [Target(self.answer, STDOUT, form)]
        with ExitStack() as files:
            streams = [files.enter_context(target.opened()) for target in targets]
            spools: dict[str, Spool] = {}
            for target, out in zip(targets, streams, strict=True):
                if target.form is Format.npy:
                    self.into.append((target.answer.main, self._placed(target, out)))
                    continue
                for name in target.answer.arrays:
                    if name not in spools:
                        spools[name] = Spool(self.answer.arrays[name], self.x.order)
            self.into += spools.items()
            self._run(threads, quiet)
            arrays = {name: spool.mapped() for name, spool in spools.items()}
            for target, out in zip(targets, streams, strict=True):
                if target.form is not Format.npy:
                    chosen = {name: arrays[name] for name in target.answer.arrays}
                    with blamed(target.file):
                        answer = target.answer._replace(arrays=chosen)
                        write(answer, target.form, cast(BinaryIO, Lean(out, chosen.values())))
                with blamed(target.file):
                    out.flush()

    def _placed(self, target: Target, out: Any) -> Sink:
        """Where a `.npy` goes, its header written."""
        made: Blank = self.answer.arrays[target.answer.main]
        with blamed(target.file):
            out.write(npy_header(made.shape, made.dtype, self.x.order))
        if target.file == STDOUT or is_special_file(target.file):
            return Poured(out, target.file)
        return Placed(out, made, target.file)

    def _show(self, threads: int | None, quiet: bool) -> None:
        from actgrad.cli.show.excerpt import Excerpt
        from actgrad.cli.show.table import show, shown

        excerpts = {
            name: Excerpt(self.answer.arrays[name], self.x.order) for name in shown(self.answer)
        }
        self.into += excerpts.items()
        self._run(threads, quiet)
        with blamed(STDOUT):
            show(self.answer._replace(arrays=excerpts), open_stdout())
            open_stdout().flush()

    def _run(self, threads: int | None, quiet: bool) -> None:
        numbers = {name for name, made in self.answer.arrays.items() if not made.shape}
        arrays = [(name, sink) for name, sink in self.into if name not in numbers]
        with Bar(nbytes(self.x) + (nbytes(self.dout) if self.dout else 0), quiet) as bar:
            if in_order(self.chain, self.x, self.dout):
                gradients = stream(
                    self.chain,
                    self.x,
                    self.dout,
                    arrays,
                    dtype=self.dtype,
                    threads=threads,
                    watch=bar,
                )
            else:
                gradients = self._sweep(arrays, threads, bar)
        for name, sink in self.into:
            if name in numbers:
                sink.write(0, gradients[name].reshape(1))

    def _sweep(
        self, into: Iterable[tuple[str, Sink]], threads: int | None, bar: Bar
    ) -> dict[str, Array]:
        """Run it region by region, from and into files mapped to memory, and on from these."""
        into = list(into)
        spools = {name: Spool(self.answer.arrays[name], self.x.order) for name, _ in into}
        arrays = {name: spool.mapped() for name, spool in spools.items()}
        sweep(
            self.chain,
            at_rest(self.x).mapped(),
            None if self.dout is None else at_rest(self.dout).mapped(),
            arrays,
            dtype=self.dtype,
            threads=threads,
            watch=bar,
        )
        for name, sink in into:
            flat = arrays[name].reshape(-1, order=self.x.order)
            for start in range(0, flat.size, PART):
                sink.write(start, flat[start : start + PART])
                release(flat)
        return {}
