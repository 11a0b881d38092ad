"""`actgrad forward`: a layer's output, and what it keeps for the way back."""

from __future__ import annotations

from actgrad.cli.options import (
    ArrayFormatOption,
    ArrayOutput,
    DtypeOption,
    Layers,
    Quiet,
    Threads,
    X,
)


def forward(
    layers: Layers,
    x: X,
    dtype: DtypeOption = None,
    form: ArrayFormatOption = None,
    output: ArrayOutput = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Run a layer, or a chain of layers, forward on x.

    The answer is x, what each layer keeps for backward, and out.
    """
    from actgrad.cli.commands.backward import run_layers

    run_layers(layers, x, None, False, dtype, form, output, threads, quiet)
