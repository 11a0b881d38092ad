"""A graph in each format of `actgrad graph`."""

from __future__ import annotations

from functools import partial
from typing import IO

from actgrad.cli.answer import TextAnswer
from actgrad.cli.draw.picture import Picture


def graph_answer(picture: Picture) -> TextAnswer:
    """The graph, to be printed or written in the format that is asked for."""
    texts = {form: partial(text_of, picture, form) for form in ("json", "dot", "mermaid", "svg")}
    return TextAnswer("graph", partial(show_picture, picture), texts)


def show_picture(picture: Picture, file: IO[str]) -> None:
    """Print the graph as a drawing and a table."""
    # Here, for it imports Rich, which the other formats do not need.
    from actgrad.cli.draw.table import show_graph

    show_graph(picture, file)


def text_of(picture: Picture, form: str) -> str:
    """The graph as JSON, DOT, Mermaid or SVG."""
    match form:
        case "json":
            from actgrad.cli.draw.json_text import json_graph as text
        case "dot":
            from actgrad.cli.draw.dot import dot as text
        case "mermaid":
            from actgrad.cli.draw.mermaid import mermaid as text
        case _:
            from actgrad.cli.draw.svg import picture_svg as text
    return text(picture)
