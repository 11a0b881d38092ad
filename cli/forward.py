"""`actgrad forward`: a layer's output, and what it keeps for the way back."""

from __future__ import annotations

from actgrad.cli.options import DtypeOption, FormatOption, Layers, Output, X


def forward(
    layers: Layers,
    x: X,
    dtype: DtypeOption = None,
    form: FormatOption = None,
    output: Output = None,
) -> None:
    """Run a layer, or a chain of them, forward on x: x, what is kept for backward, out."""
    from actgrad.cli.answer import run_forward
    from actgrad.cli.output import deliver
    from actgrad.cli.source import read
    from actgrad.layers import Chain, layer

    chain = Chain([layer(spec) for spec in layers])
    deliver(run_forward(chain, read(x, "--x", dtype)), form, output)
