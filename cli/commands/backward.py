"""`actgrad backward`: the gradient that a layer hands down."""

from __future__ import annotations

from actgrad.cli.options import (
    ArrayFormatOption,
    ArrayOutput,
    Dout,
    DtypeOption,
    Layers,
    Quiet,
    Threads,
    X,
)


def backward(
    layers: Layers,
    x: X,
    dout: Dout = None,
    dtype: DtypeOption = None,
    form: ArrayFormatOption = None,
    output: ArrayOutput = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Run a layer, or a chain of them, forward on x and back from dout, the gradient of out."""
    from actgrad.cli.commands.run import run

    run(
        layers,
        x,
        dout,
        backward=True,
        dtype=dtype,
        form=form,
        output=output,
        threads=threads,
        quiet=quiet,
    )
