"""`actgrad layers`: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actgrad.cli.options import ListFormat

if TYPE_CHECKING:
    from actgrad.layers import Layer


def layers(
    form: Annotated[ListFormat, typer.Option("--format", "-f", help="How to print the list.")] = (
        ListFormat.table
    ),
) -> None:
    """List the layers: names, formulas, parameters, and what each keeps for backward."""
    from actgrad.cli.output import open_stdout
    from actgrad.layers import catalogue

    known = catalogue()
    if form is ListFormat.json:
        import json

        answer = {"command": "layers", "layers": [described(layer) for layer in known]}
        open_stdout().write(json.dumps(answer) + "\n")
    else:
        show(known)


def printed(layer: type[Layer]) -> tuple[str, str]:
    """The formula at the default parameters, and the gradient that follows from it."""
    from actgrad.layers.formula import trace
    from actgrad.layers.graph import Graph

    traced = trace(layer().formula)
    graph = Graph(traced)
    out, x = traced.outputs[0], traced.inputs[0]
    return str(graph.expressions.value(out)), str(graph.labels.gradient(x))


def described(layer: type[Layer]) -> dict[str, object]:
    """What the catalogue says of a layer."""
    formula, gradient = printed(layer)
    return {
        "name": layer.name,
        "aliases": list(layer.aliases),
        "formula": formula,
        "gradient": gradient,
        "parameters": {
            name: {"default": spec.default, "meaning": spec.meaning}
            for name, spec in layer.parameters.items()
        },
        "keeps": list(layer.keeps),
    }


def show(known: list[type[Layer]]) -> None:
    """Print the catalogue as a table, a row a layer."""
    from rich import box
    from rich.table import Table

    from actgrad.cli.output import open_stdout
    from actgrad.cli.page import Page

    table = Table(
        "layer", "also called", "formula", "gradient", "keeps", box=box.SIMPLE_HEAD, show_edge=False
    )
    for layer in known:
        parameters = ", ".join(f"{name}={spec.default}" for name, spec in layer.parameters.items())
        name = f"{layer.name}:{parameters}" if parameters else layer.name
        table.add_row(name, ", ".join(layer.aliases), *printed(layer), ", ".join(layer.keeps))
    Page(open_stdout()).print(table)
