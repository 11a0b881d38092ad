"""A graph in the format asked for, printed or written to a file."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from actgrad.cli.draw.picture import Picture
from actgrad.cli.options import GraphFormat
from actgrad.cli.write.output import STDOUT, OutputError, blamed, open_stdout, whole_file

#: The format that a file's suffix names.
SUFFIXES = {
    ".json": GraphFormat.json,
    ".dot": GraphFormat.dot,
    ".gv": GraphFormat.dot,
    ".mmd": GraphFormat.mermaid,
    ".mermaid": GraphFormat.mermaid,
    ".svg": GraphFormat.svg,
    ".txt": GraphFormat.table,
}


def publish(picture: Picture, form: GraphFormat | None, file: str | None) -> None:
    """Print the graph, or write it to the file.

    Raises:
        OutputError: that cannot be done.
        ReaderGone: standard output's reader has left.
    """
    if file is None or file == STDOUT:
        stream = open_stdout()
        with blamed(STDOUT):
            if form is None or form is GraphFormat.table:
                from actgrad.cli.draw.graph_table import show

                show(picture, stream)
            else:
                stream.write(text(picture, form))
            stream.flush()
        return
    named = SUFFIXES.get(Path(file).suffix.lower(), form)
    if named is None:
        raise OutputError(
            f"{file}: its suffix names no format", f"use one of {', '.join(SUFFIXES)}, or -f"
        )
    with whole_file(file) as opened:
        opened.write(text(picture, named).encode())


def text(picture: Picture, form: GraphFormat) -> str:
    """The graph in any format, without colour."""
    match form:
        case GraphFormat.table:
            from actgrad.cli.draw.graph_table import show

            stream = StringIO()
            show(picture, stream)
            return stream.getvalue()
        case GraphFormat.json:
            from actgrad.cli.draw.graph_json import written as write
        case GraphFormat.dot:
            from actgrad.cli.draw.diagram import dot as write
        case GraphFormat.mermaid:
            from actgrad.cli.draw.diagram import mermaid as write
        case GraphFormat.svg:
            from actgrad.cli.draw.svg import svg as write
    return write(picture)
