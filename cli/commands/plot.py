"""`actgrad plot`: the curves of layers and of their derivatives."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.completion import complete_layer
from actgrad.cli.options import LAYER, PlotFormat, PlotFormatOption, PlotOutput, range_of


def plot(
    layers: Annotated[
        list[str],
        typer.Argument(
            metavar="LAYER...",
            help=f"{LAYER}; each gets a curve.",
            show_default=False,
            autocompletion=complete_layer,
        ),
    ],
    ends: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="LOW:HIGH",
            help="The least and the greatest x.",
            show_default="-5:5, or as far as the kinks reach",
        ),
    ] = None,
    orders: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="N[,N]",
            help="0 is out, 1 and 2 are its derivatives; a panel for each.",
        ),
    ] = "0,1",
    form: PlotFormatOption = None,
    output: PlotOutput = None,
) -> None:
    """Plot layers and their derivatives over x.

    At a jump, a closed circle is the value, and open circles are the limits beside it.
    """
    from functools import partial

    from actgrad.cli.page import figure_page
    from actgrad.cli.plot import figure_answer, figure_of
    from actgrad.cli.write import Output
    from actgrad.layers import any_layer
    from actgrad.layers.explain import curves
    from actgrad.layers.printed import distinct_lines_on_stderr

    destination = Output(PlotFormat, form, output)
    low_high = None if ends is None else parsed_ends(ends)
    with distinct_lines_on_stderr():
        described = [any_layer(name) for name in dict.fromkeys(layers)]
        figure = figure_of(curves(described, parsed_orders(orders), low_high))
    page = partial(figure_page, figure)
    destination.deliver(figure_answer(figure).with_text("html", page))


def parsed_ends(text: str) -> tuple[float, float]:
    """`-4:4` as two numbers.

    Raises:
        PlotError: the text has another form, or LOW is not below HIGH.
    """
    from math import isfinite

    from actgrad.cli.plot import PlotError

    ends = range_of(text) or (0.0, 0.0)
    if not (ends[0] < ends[1] and isfinite(ends[1] - ends[0])):
        raise PlotError(f"--range {text}: not LOW:HIGH with LOW < HIGH", "such as --range -4:4")
    return ends


def parsed_orders(text: str) -> list[int]:
    """`0,1` as numbers in rising order.

    Raises:
        PlotError: one of them is no order of which curves are known.
    """
    from actgrad.cli.plot import PlotError
    from actgrad.layers.explain import ORDERS

    names = {str(order): order for order in ORDERS}
    for part in text.split(","):
        if part not in names:
            known = ", ".join(names)
            raise PlotError(f"--order {text}: {part!r} is none of {known}", "such as --order 0,1")
    return sorted({names[part] for part in text.split(",")})
