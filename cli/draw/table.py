"""A graph for the terminal: a drawing, and below it a table with a row for each node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from rich import box
from rich.table import Table
from rich.text import Text

from actgrad.cli.draw.boxes import folded
from actgrad.cli.draw.drawing import Drawing
from actgrad.cli.draw.labels import Labels
from actgrad.cli.draw.picture import Picture
from actgrad.cli.show import SIGNS, Page, ascii_text, numeral
from actgrad.layers.formula import Edge, Node

#: The longest label that the drawing contains is a third of the page, within these bounds.
LONGEST, SHORTEST = 44, 9
#: Characters of a cell: the expression of a node that many operations lead to can have millions.
MOST = 1000
#: On a narrower page a long cell stands below its heading, not beside it.
NARROW = 60


def show_graph(picture: Picture, file: IO[str]) -> None:
    """Print the title, the drawing, what the letters in it stand for, and the table."""
    page = Page(file)
    page.print(Text(page.fold(picture.title), "bold"))
    key = Text(page.fold("above an edge its value →, below it ← ∂L/∂value"))
    key.highlight_regex("(?s)(←|<-).*", SIGNS[1].terminal)
    page.print(key)
    longest = max(SHORTEST, min(LONGEST, page.limit // 3))
    drawing = Drawing(picture.labels, longest, ascii_text if page.is_ascii else None)
    for section in folded(drawing, page.limit):
        page.print("")
        page.print(section)
    for line in (*picture.names, *drawing.legend.lines()):
        page.print(page.fold(line))
    page.print("")
    headings, rows = node_rows(picture.labels)
    table = Table(*headings, box=box.SIMPLE_HEAD, show_edge=False)
    for row in rows:
        table.add_row(*row)
    page.print(table if page.fits(table) else records(headings, rows, page))


def node_rows(labels: Labels) -> tuple[list[str], list[list[str]]]:
    """The table's headings, and for each node its operands, value, derivatives and gradient."""
    graph, numbers = labels.graph, labels.graph.numbers
    headings = ["node", "operation", "inputs", "expression", "local derivative", "gradient"]
    rows = [
        [
            labels.id(node),
            labels.vertex(node) if node.inputs else "input",
            ", ".join(operands(labels, node)),
            str(graph.expressions.value(node)),
            "\n".join(derivatives(labels, node)),
            str(graph.labels.gradient(node)),
        ]
        for node in graph.nodes
    ]
    if numbers is not None:
        headings = [*headings[:4], "value", *headings[4:], "its value"]
        for node, row in zip(graph.nodes, rows, strict=True):
            row.insert(4, numeral(numbers.value(node)))
            row.append(numeral(numbers.gradient(node)))
    return headings, [list(map(shortened, row)) for row in rows]


def shortened(text: str) -> str:
    """The text, or its beginning if it is too long for a cell."""
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"


def records(headings: list[str], rows: list[list[str]], page: Page) -> Text:
    """The rows as blocks of lines, for a page that is too narrow for the table."""
    width = page.limit
    indent = max(len(f"  {heading}  ") for heading in headings[2:])
    text = Text()
    for name, operation, *cells in rows:
        text.append(f"{name.ljust(indent)}{operation}\n", "bold")
        for heading, cell in zip(headings[2:], cells, strict=True):
            if not cell:
                continue
            is_below = width < NARROW and max(map(len, cell.split("\n"))) > width - indent
            left = 4 if is_below else indent
            lines = [line for part in cell.split("\n") for line in page.lines(part, width - left)]
            text.append(f"  {heading}".ljust(indent), "dim")
            text.append(f"\n{' ' * left}".join(["", *lines] if is_below else lines) + "\n")
    text.rstrip()
    return text


def operands(labels: Labels, node: Node) -> Iterator[str]:
    """The names of what the node takes, constants included, in their order."""
    for edge in dict.fromkeys([*labels.graph.taken(node), *entering(labels, node)]):
        yield labels.id(edge.source)


def entering(labels: Labels, node: Node) -> list[Edge]:
    """The edges that lead to the node."""
    return [edge for edge in labels.graph.edges if edge.target is node]


def derivatives(labels: Labels, node: Node) -> Iterator[str]:
    """The node's derivative by each operand that is no constant, as an expression and a number."""
    for edge in entering(labels, node):
        expression = str(labels.graph.labels.derivative(edge))
        if labels.graph.numbers is None:
            yield expression
            continue
        number = numeral(labels.graph.numbers.derivative(edge))
        yield number if expression == number else f"{expression} = {number}"
