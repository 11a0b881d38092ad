"""The catalogue of layers as a table, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import IO, TypeAlias

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from actgrad.cli.answer import TextAnswer, json_setting
from actgrad.cli.show.folding import HANGING, fold
from actgrad.cli.show.page import Page
from actgrad.layers import Layer
from actgrad.layers.activations import names_elsewhere
from actgrad.layers.explain import at_defaults, derivative_text, formula_text

Layers: TypeAlias = Sequence[type[Layer]]
#: A layer with its parameters, its formula, and the names of what it keeps.
Row: TypeAlias = tuple[str, str, str]

FRAMEWORKS = ("PyTorch", "JAX", "Keras", "TensorFlow", "ONNX")
#: The width of the layers' column if the table is folded: that of the longest parameter.
LAYER_WIDTH = 26
#: If a formula has fewer columns than this, a layer is shown in lines, not in a row.
LEAST_FORMULA_WIDTH = 30


def catalogue_answer(layers: Layers) -> TextAnswer:
    """The catalogue in every format of `actgrad layers`."""
    texts = {"json": partial(_json_text, layers), "markdown": partial(_markdown, layers)}
    return TextAnswer("layers", partial(_show, layers), texts)


def _show(layers: Layers, file: IO[str]) -> None:
    """Print each layer with its parameters, its formula and what it keeps for backward."""
    page = Page(file)
    rows = [
        (spec(layer), formula_text(at_defaults(layer)), ", ".join(layer.shown_keeps()))
        for layer in layers
    ]
    page.print(arranged(rows, page))


def arranged(rows: Sequence[Row], page: Page) -> RenderableType:
    """A row for each layer; on a narrow page formulas fold, on a narrower one rows are lines."""
    table = as_table(rows)
    if page.fits(table):
        return table
    specs, formulas, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    excess = page.width_of(table) - page.limit
    width = formulas + specs - LAYER_WIDTH - excess
    if width < LEAST_FORMULA_WIDTH:
        return Group(*(line for row in rows for line in as_lines(row, page.limit)))
    return as_table(
        ("\n".join(fold(layer, LAYER_WIDTH)), "\n".join(fold(formula, width)), keeps)
        for layer, formula, keeps in rows
    )


def as_table(rows: Iterable[Row]) -> Table:
    """The rows below their headings."""
    table = Table("layer", "formula", "keeps", box=box.SIMPLE_HEAD, show_edge=False)
    for row in rows:
        table.add_row(*row)
    return table


def as_lines(row: Row, width: int) -> Iterator[Text]:
    """A layer's lines, of at most `width` columns."""
    layer, formula, keeps = row
    yield from (Text(line, "bold") for line in fold(layer, width))
    for text in (f"y = {formula}", f"keeps {keeps or 'nothing'}"):
        yield from (Text(HANGING + line) for line in fold(text, width - len(HANGING)))


def spec(layer: type[Layer]) -> str:
    """The layer as the command line names it, with all its parameters: `celu:alpha=1.0`."""
    values = (
        f"{name}={'…' if parameter.default is None else parameter.default}"
        for name, parameter in layer.parameters.items()
    )
    return ":".join(filter(None, [layer.name, ",".join(values)]))


def _json_text(layers: Layers) -> str:
    """The catalogue as one JSON object on one line."""
    import json

    described = [
        {
            "name": layer.name,
            "aliases": list(layer.aliases),
            "elsewhere": names_elsewhere(layer),
            "formula": formula_text(at_defaults(layer)),
            "parameters": {
                name: {
                    "default": json_setting(parameter.default),
                    "meaning": parameter.meaning,
                    "domain": parameter.domain,
                }
                for name, parameter in layer.parameters.items()
            },
            "keeps": list(layer.shown_keeps()),
            "source": layer.source,
        }
        for layer in layers
    ]
    return json.dumps({"command": "layers", "layers": described}) + "\n"


def _markdown(layers: Layers) -> str:
    """The catalogue as a Markdown table, a row for each layer."""
    headings = ["layer", "parameters", "y", "∂y/∂x", "range of y", *FRAMEWORKS, "keeps"]
    rows = [headings, ["---"] * len(headings), *map(cells, layers)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cells(layer: type[Layer]) -> list[str]:
    """A layer's row in Markdown; a `|` in a formula does not end its cell.

    A layer along an axis has no ∂y/∂x, and a layer whose parameters have no defaults no range.
    """
    example = at_defaults(layer)
    parameters = (
        f"{code(f'{name} = {parameter.default}'.removesuffix(' = None'))}: {parameter.meaning}"
        for name, parameter in layer.parameters.items()
    )
    has_defaults = all(parameter.default is not None for parameter in layer.parameters.values())
    elsewhere = names_elsewhere(layer)
    row = [
        code(layer.name),
        "; ".join(parameters),
        code(formula_text(example)),
        code(derivative_text(example) if example.is_elementwise else ""),
        code(example.range if has_defaults else ""),
        *(code(elsewhere.get(framework, "")) for framework in FRAMEWORKS),
        ", ".join(map(code, layer.shown_keeps())),
    ]
    return [cell.replace("|", r"\|") for cell in row]


def code(text: str) -> str:
    """The text as Markdown code; nothing if there is none."""
    return f"`{text}`" if text else ""
