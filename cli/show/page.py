"""The page that people read: a terminal of some width, or a file, where nothing is cut."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

#: The width in which tables are arranged where neither a terminal nor COLUMNS gives one.
DEFAULT_WIDTH = 80
#: A width that everything fits into.
UNBOUNDED = 1 << 20


class Page:
    """A text stream for tables and drawings.

    `width` is the number of columns that content is arranged in: the terminal's, else COLUMNS, else
    80. `limit` is the same, but without bound for a file where COLUMNS is not set: what may be
    folded is folded there. A file's lines are never cut, and they have no trailing spaces.
    `is_ascii` says that the stream takes no other characters than ASCII.
    """

    def __init__(self, file: IO[str]) -> None:
        from rich.console import Console

        self.file = file
        self.console = Console(file=file, highlight=False, markup=False, emoji=False)
        self.terminal = self.console.is_terminal
        self.is_ascii = self.console.options.ascii_only
        asked = os.environ.get("COLUMNS", "")
        if self.terminal:
            self.width = self.limit = self.console.width
        else:
            given = int(asked) if asked.isdecimal() else 0
            self.width, self.limit = given or DEFAULT_WIDTH, given or UNBOUNDED
            self.console.width = UNBOUNDED

    def width_of(self, content: RenderableType) -> int:
        """The columns that the content takes if nothing in it is cut."""
        from rich.measure import Measurement

        options = self.console.options.update(max_width=UNBOUNDED)
        return Measurement.get(self.console, options, self.encodable(content)).maximum

    def fits(self, content: RenderableType) -> bool:
        """Whether the content fits into the limit without being folded or cut."""
        return self.width_of(content) <= self.limit

    def encodable(self, content: RenderableType) -> RenderableType:
        """The content in characters that the stream takes."""
        if not self.is_ascii:
            return content
        from actgrad.cli.show.ascii import ascii_content

        return ascii_content(content)

    def print(self, content: RenderableType, soft_wrap: bool = False) -> None:
        """Print the content.

        Only a terminal's width folds it. With `soft_wrap` the terminal folds it by itself, so that
        copied text has no additional line breaks.
        """
        content = self.encodable(content)
        if self.terminal:
            self.console.print(content, soft_wrap=soft_wrap)
            return
        with self.console.capture() as capture:
            self.console.print(content, soft_wrap=soft_wrap)
        lines = capture.get().split("\n")
        self.file.write("\n".join(line.rstrip() for line in lines))
