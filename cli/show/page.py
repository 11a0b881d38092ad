"""The page that tables are set on: a terminal of some width, or a file, where nothing is cut."""

from __future__ import annotations

from typing import IO

from rich.console import Console, RenderableType
from rich.measure import Measurement

#: The width tables are arranged in where there is no terminal to fit.
PAPER = 80
#: A width within which nothing is too wide.
UNBOUNDED = 1 << 20


class Page:
    """Where tables are printed."""

    def __init__(self, file: IO[str]) -> None:
        self.console = Console(file=file, highlight=False, markup=False, emoji=False)
        self.terminal = self.console.is_terminal
        self.width = self.console.width if self.terminal else PAPER
        if not self.terminal:
            self.console.width = UNBOUNDED

    def width_of(self, content: RenderableType) -> int:
        """The columns that the content takes if nothing in it is cut."""
        options = self.console.options.update(max_width=UNBOUNDED)
        return Measurement.get(self.console, options, content).maximum

    def fits(self, content: RenderableType) -> bool:
        """Whether it can be printed whole: in a file, everything can."""
        return not self.terminal or self.width_of(content) <= self.width

    def print(self, content: RenderableType, soft_wrap: bool = False) -> None:
        """Print it; only a terminal's width ever folds it, and with `soft_wrap` the terminal itself
        does, so that what is copied has no line breaks of ours."""
        self.console.print(content, soft_wrap=soft_wrap)
