"""`actgrad layers`: the catalogue."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from actgrad.cli.options import ReportFormat, ReportFormatOption, ReportOutput

if TYPE_CHECKING:
    from actgrad.layers import Layer

FRAMEWORKS = ("PyTorch", "JAX", "Keras", "ONNX")


def layers(form: ReportFormatOption = None, output: ReportOutput = None) -> None:
    """List the layers: parameters, formulas, names elsewhere, and what each keeps for backward."""
    from functools import partial

    from actgrad.cli.write import Output, TextAnswer
    from actgrad.layers import catalogue

    known = catalogue()
    Output(ReportFormat, form, output).deliver(
        TextAnswer(
            "layers",
            partial(show, known),
            json=partial(json_text, known),
            markdown=partial(markdown, known),
        )
    )


def json_text(known: list[type[Layer]]) -> str:
    """The catalogue as one JSON object on one line."""
    import json

    answer = {"command": "layers", "layers": [described(layer) for layer in known]}
    return json.dumps(answer) + "\n"


def formula_of(layer: type[Layer]) -> str:
    """The layer's formula at its default parameters; one without a default keeps its name.

    A layer along an axis is printed for the first of two elements.
    """
    from actgrad.layers.formula import Formula, Graph, Node, variable

    made = layer.__new__(layer)
    named = []
    for name, spec in layer.parameters.items():
        if spec.default is None:
            named.append(Node(variable, leaf=name))
        setattr(made, name, named[-1] if spec.default is None else spec.default)
    traced = made.traced(None if made.is_elementwise else 2)
    graph = Graph(Formula([*traced.inputs, *named], traced.outputs))
    return str(graph.expressions.value(traced.outputs[0]))


def described(layer: type[Layer]) -> dict[str, object]:
    """What the catalogue says of a layer."""
    from actgrad.layers.activations import names_elsewhere

    return {
        "name": layer.name,
        "aliases": list(layer.aliases),
        "elsewhere": names_elsewhere(layer),
        "formula": formula_of(layer),
        "parameters": {
            name: {
                "default": None if spec.default is None else float(spec.default),
                "meaning": spec.meaning,
                "domain": spec.domain,
            }
            for name, spec in layer.parameters.items()
        },
        "keeps": list(layer.shown_keeps()),
    }


def show(known: list[type[Layer]], file: IO[str]) -> None:
    """Print the catalogue as a table, a row a layer."""
    from rich import box
    from rich.table import Table

    from actgrad.cli.show import Page

    table = Table("layer", "formula", "keeps", box=box.SIMPLE_HEAD, show_edge=False)
    for layer in known:
        table.add_row(spec_of(layer), formula_of(layer), ", ".join(layer.shown_keeps()))
    Page(file).print(table)


def spec_of(layer: type[Layer]) -> str:
    """How the layer is written on the command line, all its parameters spelt out."""
    values = (
        f"{name}={'…' if spec.default is None else spec.default}"
        for name, spec in layer.parameters.items()
    )
    return ":".join(filter(None, [layer.name, ",".join(values)]))


def markdown(known: list[type[Layer]]) -> str:
    """The catalogue as a Markdown table: a layer, what others call it, what it keeps."""
    from actgrad.layers.activations import names_elsewhere

    rows = [
        [
            layer.name,
            *(names_elsewhere(layer).get(each, "") for each in FRAMEWORKS),
            ", ".join(layer.shown_keeps()),
        ]
        for layer in known
    ]
    lines = [["layer", *FRAMEWORKS, "keeps"], ["---"] * 6, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
