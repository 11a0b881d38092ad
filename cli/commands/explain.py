"""`actgrad explain`: what is known of a layer, and why its derivative is what it is."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.options import OneLayer, ReportFormat, ReportFormatOption, ReportOutput


def explain(
    spec: OneLayer,
    x: Annotated[
        str | None,
        typer.Option("--x", metavar="NUMBER", help="Evaluate every step of the derivation here."),
    ] = None,
    form: ReportFormatOption = None,
    output: ReportOutput = None,
) -> None:
    """Explain a layer: formula, derivative and its steps, range, kinks, and floating point."""
    from actgrad.cli.show.explanation import explanation
    from actgrad.cli.show.explanation_formats import answer
    from actgrad.cli.write import Output
    from actgrad.layers import layer

    Output(ReportFormat, form, output).deliver(answer(explanation(layer(spec), x)))
