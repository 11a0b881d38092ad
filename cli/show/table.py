"""An answer as Rich tables: one an array, side by side where the page is wide enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from actgrad.cli.show.excerpt import Excerpt
from actgrad.cli.show.grid import Grid, narrower
from actgrad.cli.show.page import Page
from actgrad.cli.show.summary import Summary, summary
from actgrad.cli.write.answer import ArrayAnswer
from actgrad.layers.arrays import Array


def show(answer: ArrayAnswer, file: IO[str]) -> None:
    """Print a table for every array: on a terminal coloured and fitted to it, else never cut."""
    page = Page(file)
    tables = [framed(answer, name, page) for name in shown(answer)]
    for row in rows([(table, page.width_of(table)) for table in tables], page.width):
        side_by_side = Table.grid(padding=(0, 1))
        side_by_side.add_row(*row)
        page.print(side_by_side)


def shown(answer: ArrayAnswer) -> list[str]:
    """The arrays that get a table: in a chain, the last out and the first dx are the chain's."""
    twice = {"1.dx", f"{len(answer.layers)}.out"}
    return [name for name in answer.arrays if name not in twice]


def rows(tables: Sequence[tuple[Panel, int]], page: int) -> Iterator[list[Panel]]:
    """The tables in order, as many side by side as their widths allow."""
    row: list[Panel] = []
    free = page
    for table, width in tables:
        if row and width > free:
            yield row
            row, free = [], page
        row.append(table)
        free -= width + 1
    yield row


def framed(answer: ArrayAnswer, name: str, page: Page) -> Panel:
    """One array's table, framed by its name, shape and dtype, with no more columns than fit."""
    array = answer.arrays[name]
    title = Text.assemble((name, "bold"), f" {array.shape} {array.dtype.name}")
    grid = Grid(array, answer.arrays.get(mask_of(name)), name.endswith(("dout", "dx")))
    cells, columns = grid.rows, grid.columns
    while True:
        content: RenderableType = grid.text(cells, columns) if array.size else Text("empty")
        if array.size and None in [*cells, *columns]:
            content = Group(content, Text(str(told(array)), "italic"))
        panel = Panel(content, title=title, title_align="left", expand=False, border_style="dim")
        if not page.terminal or len(columns) <= 2 or page.fits(panel):
            return panel
        columns = narrower(columns)


def told(array: Array | Excerpt) -> Summary:
    """The summary of an array, of which an excerpt has it ready."""
    return array.summary if isinstance(array, Excerpt) else summary(array)


def mask_of(name: str) -> str:
    """The name of the mask that would dim that array's cells: its own layer's."""
    return "".join(name.rpartition(".")[:2]) + "mask"
