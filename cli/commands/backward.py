"""`actgrad backward`: the gradient that a layer hands down."""

from __future__ import annotations

from actgrad.cli.options import Dout, DtypeOption, FormatOption, Layers, Output, Quiet, Threads, X


def backward(
    layers: Layers,
    x: X,
    dout: Dout = None,
    dtype: DtypeOption = None,
    form: FormatOption = None,
    output: Output = None,
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
