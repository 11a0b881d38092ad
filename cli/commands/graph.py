"""`actgrad graph`: the computational graph, with a number or an expression on every edge."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.options import AnyX, At, Dout, GraphFormat, Layers


def graph(
    layers: Layers,
    x: AnyX = None,
    dout: Dout = None,
    at: At = None,
    grouped: Annotated[
        bool, typer.Option("--grouped", help="Draw each layer as one node.")
    ] = False,
    symbolic: Annotated[
        bool, typer.Option("--symbolic", help="Put expressions on the edges, not numbers.")
    ] = False,
    form: Annotated[
        GraphFormat | None,
        typer.Option("--format", "-f", help="How to print the graph.", show_default="table"),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to FILE (.svg, .dot, .mmd, .json) instead of printing.",
        ),
    ] = None,
) -> None:
    """Draw the computational graph: every value above its edge, every gradient below it."""
    from actgrad.cli.draw.picture import picture
    from actgrad.cli.draw.publish import publish
    from actgrad.layers import Chain, layer

    chain = Chain([layer(spec) for spec in layers])
    publish(picture(chain, x, dout or "1", at, grouped, symbolic), form, output)
