"""The parts of a report for people, and how they are written as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias


class Heading(NamedTuple):
    """A heading of a level; the highest is 1. A part in backticks is code."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """A sentence or more; a verdict is printed bold."""

    text: str
    is_verdict: bool = False


class Items(NamedTuple):
    """Facts, one a line."""

    lines: Sequence[str]


class Rows(NamedTuple):
    """A table. Rows in backticks are code; `numeric` names the columns that hold numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[str] = ()


class Code(NamedTuple):
    """Lines of Python."""

    lines: Sequence[str]


Part: TypeAlias = Heading | Paragraph | Items | Rows | Code


def markdown_of(parts: Iterable[Part]) -> str:
    """The parts as Markdown, with an empty line between each."""
    return "\n\n".join(map(markdown_part, parts)) + "\n"


def markdown_part(part: Part) -> str:
    """One part as Markdown."""
    match part:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text, is_verdict):
            return f"**{text}**" if is_verdict else text
        case Items(lines):
            return "\n".join(f"- {line}" for line in lines)
        case Code(lines):
            return "\n".join(["```python", *lines, "```"])
        case Rows(heads, rows, numeric):
            rule = ["---:" if head in numeric else "---" for head in heads]
            return "\n".join(
                f"| {' | '.join(map(markdown_cell, row))} |" for row in (heads, rule, *rows)
            )


def markdown_cell(text: str) -> str:
    """A cell in one line, without the sign between cells."""
    return text.replace("|", "\\|").replace("\n", "<br>")
