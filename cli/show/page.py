"""The page that people read, a terminal or a file, and how numbers and signs are written on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import decimal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

#: The width in which tables are arranged where neither a terminal nor COLUMNS gives one.
DEFAULT_WIDTH = 80
#: A width that everything fits into.
UNBOUNDED = 1 << 20
#: The variables of the environment by which a file may be styled as a terminal is.
STYLED = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
#: Significant digits of a number; json, csv and npy have all of them.
DIGITS = 6


class Ink(NamedTuple):
    """How a gradient of one sign looks: on a terminal, and in a file on white ground."""

    name: str
    terminal: str
    paper: str


#: By sign; None is that of nan and ±∞. Readable on dark and on light grounds.
SIGNS: Mapping[int | None, Ink] = {
    1: Ink("positive", "bright_blue", "#0550ae"),
    -1: Ink("negative", "red", "#b42318"),
    0: Ink("zero", "dim", "#6e7781"),
    None: Ink("undefined", "bold magenta", "#8250df"),
}


def numeral(value: Any, digits: int = DIGITS) -> str:
    """The number in at most `digits` significant digits: `-0.5`, `1e-300`, `nan`, `True`.

    `value` is a float, a NumPy scalar or a bool.
    """
    if isinstance(value, bool | np.bool_):
        return str(value)
    # 16 bits hold fewer digits than are shown; NumPy prints only those that identify the number.
    is_narrow = isinstance(value, np.generic) and value.dtype.itemsize <= 2
    return decimal(str(value) if is_narrow else value, digits)


class Page:
    """A text stream for tables and drawings.

    `width` is the number of columns in which content is arranged: those of the terminal, else
    COLUMNS, else 80. Lines longer than `limit` are folded: it is `width`, but UNBOUNDED for a file
    if COLUMNS is not set. A file's lines are never cut, and have no trailing spaces. `is_ascii` is
    True if the stream takes ASCII characters only. `has_braille` is True if braille patterns are
    shown; the font of the Linux console has none.
    """

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        is_tty = file.isatty() or not STYLED.isdisjoint(os.environ)
        self.terminal = is_tty and self.console.is_terminal
        self.is_ascii = not (getattr(file, "encoding", None) or "utf-8").lower().startswith("utf")
        self.has_braille = not self.is_ascii and os.environ.get("TERM") != "linux"
        asked = os.environ.get("COLUMNS", "")
        if self.terminal:
            self.width = self.limit = self.console.width
        else:
            given = int(asked) if asked.isdecimal() else 0
            self.width, self.limit = given or DEFAULT_WIDTH, given or UNBOUNDED

    @property
    def is_plain(self) -> bool:
        """Whether the stream takes no styles, and all characters."""
        return not (self.terminal or self.is_ascii)

    @cached_property
    def console(self) -> Console:
        """Rich's console for the file."""
        from rich.console import Console

        console = Console(file=self.file, highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console.width = UNBOUNDED
        return console

    def width_of(self, content: RenderableType) -> int:
        """The columns that the content takes if nothing in it is cut."""
        from rich.measure import Measurement

        options = self.console.options.update(max_width=UNBOUNDED)
        return Measurement.get(self.console, options, self.encodable(content)).maximum

    def fits(self, content: RenderableType) -> bool:
        """Whether the content fits into the limit without being folded or cut."""
        return self.limit == UNBOUNDED or self.width_of(content) <= self.limit

    def fold(self, text: str, hanging: str = "  ") -> str:
        """The text in lines that fit into the limit; those after the first are indented."""
        if self.limit == UNBOUNDED:
            return text
        return "\n".join(self.lines(text, self.limit, hanging))

    def lines(self, text: str, width: int, hanging: str = "  ") -> list[str]:
        """The text in lines of at most `width` columns, in characters that the stream takes."""
        from actgrad.cli.show.folding import fold

        # In ASCII a text is longer: `…` is `...`.
        return fold(str(self.encodable(text)), width, hanging)

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
