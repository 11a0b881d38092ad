"""A graph as an answer, in each of its formats."""

from __future__ import annotations

from functools import partial
from typing import IO

from actgrad.cli.draw.picture import Picture
from actgrad.cli.write import TextAnswer


def answer(picture: Picture) -> TextAnswer:
    """The graph in every format of `actgrad graph`."""
    texts = {form: partial(text, picture, form) for form in ("json", "dot", "mermaid", "svg")}
    return TextAnswer("graph", partial(print_graph, picture), **texts)


def print_graph(picture: Picture, file: IO[str]) -> None:
    """Draw the graph as boxes and lines."""
    from actgrad.cli.draw.graph_table import show

    show(picture, file)


def text(picture: Picture, form: str) -> str:
    """The graph as JSON, DOT, Mermaid or SVG."""
    match form:
        case "json":
            from actgrad.cli.draw.graph_json import written as write
        case "dot":
            from actgrad.cli.draw.diagram import dot as write
        case "mermaid":
            from actgrad.cli.draw.diagram import mermaid as write
        case _:
            from actgrad.cli.draw.svg import svg as write
    return write(picture)
