"""Frames around lines of text, side by side: plain text in a file, and Rich's panels elsewhere.

To import Rich takes a fifth of a small run, and a file needs nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from rich.panel import Panel

    from actgrad.cli.show.page import Page

T = TypeVar("T")

#: A cell's text and its style.
Cell = tuple[str, str]


class Frame(NamedTuple):
    """Lines of cells below a title, and a note below them."""

    title: Sequence[Cell]
    lines: Sequence[Sequence[Cell]]
    note: str

    @property
    def width(self) -> int:
        """Its columns, in characters of one column each."""
        texts = [*self._texts(), f" {text_of_cells(self.title)} "]
        return max(map(len, texts)) + 4

    def _texts(self) -> Iterator[str]:
        yield from map(text_of_cells, self.lines)
        if self.note:
            yield self.note

    def plain(self) -> list[str]:
        """Its lines of text, all as long as it is wide."""
        inner = self.width - 2
        top = f"─ {text_of_cells(self.title)} ".ljust(inner, "─")
        body = [f"│ {text.ljust(inner - 2)} │" for text in self._texts()]
        return [f"╭{top}╮", *body, f"╰{'─' * inner}╯"]

    def panel(self) -> Panel:
        """The same for Rich, with styles."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        text = Text(no_wrap=True)
        for place, line in enumerate(self.lines):
            text.append("\n" * (place > 0))
            for cell in line:
                text.append(*cell)
        content = Group(text, Text(self.note, "italic")) if self.note else text
        title = Text.assemble(*self.title)
        return Panel(content, title=title, title_align="left", expand=False, border_style="dim")


def text_of_cells(cells: Sequence[Cell]) -> str:
    """The text of the cells."""
    return "".join(text for text, _ in cells)


def rows_that_fit(
    items: Iterable[T], width_of: Callable[[T], int], width: int
) -> Iterator[list[T]]:
    """The items in order, as many in a row as fit side by side into the width."""
    row: list[T] = []
    free = width
    for item in items:
        taken = width_of(item)
        if row and taken > free:
            yield row
            row, free = [], width
        row.append(item)
        free -= taken + 1
    yield row


def print_panels(panels: Iterable[Panel], page: Page) -> None:
    """Print panels side by side."""
    from rich.table import Table

    for row in rows_that_fit(panels, page.width_of, page.width):
        side_by_side = Table.grid(padding=(0, 1))
        side_by_side.add_row(*row)
        page.print(side_by_side)


def write_frames(frames: Iterable[Frame], width: int, file: IO[str]) -> None:
    """Write frames side by side as plain text, without trailing spaces."""
    for row in rows_that_fit(frames, lambda frame: frame.width, width):
        columns = (frame.plain() for frame in row)
        blanks = [" " * frame.width for frame in row]
        for lines in zip_longest(*columns):
            pieces = (line or blank for line, blank in zip(lines, blanks, strict=True))
            file.write(" ".join(pieces).rstrip() + "\n")
