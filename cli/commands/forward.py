"""`actgrad forward`: a layer's output, and what it keeps for the way back."""

from __future__ import annotations

from actgrad.cli.options import (
    ArrayFormatOption,
    ArrayOutput,
    Bits,
    DtypeOption,
    Histograms,
    Layers,
    OverflowOption,
    Quiet,
    RawShape,
    Scheduler,
    Threads,
    X,
    raw_shape,
)


def forward(
    layers: Layers,
    x: X,
    dtype: DtypeOption = None,
    shape: RawShape = None,
    bits: Bits = False,
    overflow: OverflowOption = None,
    plot: Histograms = False,
    form: ArrayFormatOption = None,
    output: ArrayOutput = None,
    threads: Threads = None,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> None:
    """Run a layer, or a chain of layers, forward on x.

    The answer is x, what each layer keeps for backward, and out.
    """
    from actgrad.cli.commands.backward import RunOptions, run_and_note
    from actgrad.cli.read import Encoding

    encoding = Encoding(dtype, raw_shape(shape, x), bits, threads=threads)
    options = RunOptions(0, encoding, overflow, plot, form, quiet)
    run_and_note(options, layers, x, None, output, scheduler)
