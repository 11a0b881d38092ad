"""`actgrad graph`: the computational graph, with a number or an expression on every edge."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.options import (
    AnyX,
    At,
    Dout,
    GraphFormat,
    GraphFormatOption,
    GraphOutput,
    Layers,
    Order,
)


def graph(
    layers: Layers,
    x: AnyX = None,
    dout: Dout = None,
    at: At = None,
    order: Order = 1,
    grouped: Annotated[
        bool,
        typer.Option(
            "--grouped", help="Draw each layer as one node, also those that an expression calls."
        ),
    ] = False,
    symbolic: Annotated[
        bool, typer.Option("--symbolic", help="Put expressions on the edges, not numbers.")
    ] = False,
    form: GraphFormatOption = None,
    output: GraphOutput = None,
) -> None:
    """Draw the computational graph of a layer or a chain.

    Every value stands above its edge, and every gradient below it. With --order 2 the graph is that
    of the derivative, and its gradient is d2x.
    """
    from functools import partial

    from actgrad.cli.draw import graph_answer, picture_of
    from actgrad.cli.page import page_of
    from actgrad.cli.write import Output
    from actgrad.layers import chain_of
    from actgrad.layers.explain import Derivative
    from actgrad.layers.printed import distinct_lines_on_stderr

    destination = Output(GraphFormat, form, output)
    with distinct_lines_on_stderr():
        chain = chain_of(layers)
        drawn = Derivative(chain) if order == 2 else chain
        picture = picture_of(drawn, x, dout, at, grouped, symbolic)
    page = partial(page_of, drawn, *picture.point)
    destination.deliver(graph_answer(picture).with_text("html", page))
