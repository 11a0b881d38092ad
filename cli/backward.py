"""`actgrad backward`: the gradient that a layer hands down."""

from __future__ import annotations

from actgrad.cli.options import Dout, DtypeOption, FormatOption, Layers, Output, X


def backward(
    layers: Layers,
    x: X,
    dout: Dout = "1",
    dtype: DtypeOption = None,
    form: FormatOption = None,
    output: Output = None,
) -> None:
    """Run a layer, or a chain of them, forward on x and back from dout, the gradient of out."""
    from actgrad.cli.answer import run_backward
    from actgrad.cli.output import deliver
    from actgrad.cli.source import read
    from actgrad.layers import Chain, layer

    chain = Chain([layer(spec) for spec in layers])
    answer = run_backward(chain, read(x, "--x", dtype), read(dout, "--dout", dtype))
    deliver(answer, form, output)
