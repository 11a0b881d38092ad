"""`actgrad backward`: the gradient that a layer hands down."""

from __future__ import annotations

from actgrad.cli.options import Dout, DtypeOption, FormatOption, Layers, Output, X


def backward(
    layers: Layers,
    x: X,
    dout: Dout = None,
    dtype: DtypeOption = None,
    form: FormatOption = None,
    output: Output = None,
) -> None:
    """Run a layer, or a chain of them, forward on x and back from dout, the gradient of out."""
    import numpy as np

    from actgrad.cli.answer import run_backward
    from actgrad.cli.output import deliver
    from actgrad.cli.source import read
    from actgrad.layers import Chain, layer

    chain = Chain([layer(spec) for spec in layers])
    given = read(x, "--x", dtype)
    upstream = read(dout, "--dout", dtype) if dout is not None else np.ones((), given.dtype)
    deliver(run_backward(chain, given, upstream), form, output)
