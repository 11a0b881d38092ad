"""A graph as a drawing, and below it a table with a row for each node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from rich import box
from rich.table import Table
from rich.text import Text

from actgrad.cli.draw.boxes import Drawing
from actgrad.cli.draw.labels import Labels
from actgrad.cli.draw.picture import Picture
from actgrad.cli.show import Page, numeral
from actgrad.layers.formula import Edge, Node

#: The longest label that stands in the drawing itself.
LONGEST, SHORTEST = 44, 9


def show(picture: Picture, file: IO[str]) -> None:
    """Print the drawing, what its letters mean, and the table."""
    page = Page(file)
    longest = max(SHORTEST, min(LONGEST, page.limit // 3))
    page.print(Text(picture.title, "bold"))
    page.print(Text.assemble("above an edge its value →, below it ", ("← ∂L/∂value", "blue")))
    drawing = Drawing(picture.labels, longest)
    for band in drawing.fold(page.limit):
        page.print("")
        page.print(band)
    for line in (*picture.names, *drawing.legend.lines()):
        page.print(line)
    page.print("")
    headings, rows = headed(picture.labels)
    grid = Table(*headings, box=box.SIMPLE_HEAD, show_edge=False)
    for row in rows:
        grid.add_row(*row)
    page.print(grid if page.fits(grid) else records(headings, rows))


def headed(labels: Labels) -> tuple[list[str], list[list[str]]]:
    """A row for each node: what it takes, its value, and what goes back through it."""
    graph = labels.graph
    numbers = graph.numbers
    headings = ["node", "operation", "inputs", "expression", "local derivative", "gradient"]
    rows = [
        [
            labels.id(node),
            labels.vertex(node) if node.inputs else "input",
            ", ".join(inputs(labels, node)),
            str(graph.expressions.value(node)),
            "\n".join(derivatives(labels, node)),
            str(graph.labels.gradient(node)),
        ]
        for node in graph.nodes
    ]
    if numbers is not None:
        headings = [*headings[:4], "value", *headings[4:], "= number"]
        for node, row in zip(graph.nodes, rows, strict=True):
            row[4:4] = [numeral(numbers.value(node))]
            row.append(numeral(numbers.gradient(node)))
    return headings, rows


def records(headings: list[str], rows: list[list[str]]) -> Table:
    """The same one below the other, for a page too narrow for a row."""
    found = Table(box=None, show_header=False, pad_edge=False)
    found.add_column(style="dim", no_wrap=True)
    found.add_column(overflow="fold")
    for row in rows:
        found.add_row(Text(row[0], "bold not dim"), Text(row[1], "bold"))
        for heading, cell in zip(headings[2:], row[2:], strict=True):
            if cell:
                found.add_row(f"  {heading}", cell)
    return found


def inputs(labels: Labels, node: Node) -> Iterator[str]:
    """What the node takes, in the order it takes it."""
    taken = [*labels.graph.taken(node), *entering(labels, node)]
    for edge in dict.fromkeys(taken):
        yield labels.id(edge.source)


def entering(labels: Labels, node: Node) -> list[Edge]:
    return [edge for edge in labels.graph.edges if edge.target is node]


def derivatives(labels: Labels, node: Node) -> Iterator[str]:
    """The node's derivative by each input that is no constant."""
    for edge in entering(labels, node):
        expression = str(labels.graph.labels.derivative(edge))
        if labels.graph.numbers is None:
            yield expression
            continue
        value = numeral(labels.graph.numbers.derivative(edge))
        yield value if expression == value else f"{expression} = {value}"
