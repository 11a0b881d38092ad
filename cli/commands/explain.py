"""`actgrad explain`: what is known of a layer, and why its derivative is what it is."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.options import OneLayer, TextFormat


def explain(
    spec: OneLayer,
    x: Annotated[
        str | None,
        typer.Option("--x", metavar="NUMBER", help="Evaluate every step of the derivation here."),
    ] = None,
    form: Annotated[
        TextFormat, typer.Option("--format", "-f", help="How to print the explanation.")
    ] = TextFormat.table,
) -> None:
    """Explain a layer: formula, derivative and its steps, range, kinks, and floating point."""
    from actgrad.cli.show.explanation import explanation
    from actgrad.cli.show.explanation_formats import publish
    from actgrad.layers import layer

    publish(explanation(layer(spec), x), form)
