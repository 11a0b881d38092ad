"""The help, laid out for the width of the terminal and the characters of its encoding."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from typer._click.formatting import HelpFormatter

#: The least and the greatest width of a page; longer lines are hard to read.
LEAST, MOST = 20, 80
#: How Click writes the numbers that an option takes; x is the tool's own input.
LEAST_NUMBER, NUMBERS_BETWEEN = (
    re.compile(rf"\b{numbers}\]") for numbers in (r"x>=(\d+)", r"(\d+)<=x<=(\d+)")
)
#: On a narrower page, what an option does stands below its name.
NARROW = 60


class HelpPage(HelpFormatter):
    """A page of help as wide as the terminal, but at most MOST columns."""

    def __init__(self, **_: Any) -> None:
        columns = shutil.get_terminal_size().columns
        super().__init__(width=max(LEAST, min(columns, MOST)) - 2)

    def write_dl(
        self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names with what they mean, beside or below them."""
        super().write_dl(rows, 0 if self.width < NARROW else col_max, col_spacing)

    def getvalue(self) -> str:
        """The page as text, in ASCII where stdout takes nothing else."""
        text = "\n".join(line.rstrip() for line in super().getvalue().split("\n"))
        text = NUMBERS_BETWEEN.sub(r"\1 to \2]", LEAST_NUMBER.sub(r"at least \1]", text))
        if sys.stdout is None or sys.stdout.encoding.lower().startswith("utf"):
            return text
        from actgrad.cli.show import ascii_text

        return ascii_text(text)
