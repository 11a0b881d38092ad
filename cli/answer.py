"""What a command answers with; `actgrad.cli.write` prints an answer, or writes it to files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import IO, Any, NamedTuple, Protocol

from actgrad.layers import ActgradError
from actgrad.layers.parameter import Setting


class OutputError(ActgradError):
    """The answer cannot be written where it was asked for."""


class Answer(Protocol):
    """What a command answers with: `Output.deliver` prints it or writes it to files."""

    @property
    def command(self) -> str:
        """The name of the command."""

    @property
    def verdict(self) -> str:
        """The verdict in one line; empty where there is none."""

    def show(self, file: IO[str]) -> None:
        """Print the format `table`, for people."""

    def write(self, form: str, stream: IO[bytes]) -> None:
        """Write any other format that the command has."""

    def part(self, name: str) -> Answer:
        """What `-o NAME=FILE` writes.

        Raises:
            OutputError: the answer has no part of that name.
        """


class TextAnswer(NamedTuple):
    """An answer in words: `show` prints it, and each of `texts` returns it in one format.

    A picture that is no text is returned as bytes.

    >>> TextAnswer("layers", show, {"json": lambda: '{"layers": []}\\n'})
    """

    command: str
    show: Callable[[IO[str]], None]
    texts: Mapping[str, Callable[[], str | bytes]]
    verdict: str = ""

    def write(self, form: str, stream: IO[bytes]) -> None:
        """Write one of the texts, as UTF-8."""
        content = self.texts[form]()
        if isinstance(content, str):
            # A file name that is not UTF-8 has characters that are not either.
            content = content.encode(errors="backslashreplace")
        stream.write(content)

    def with_text(self, form: str, text: Callable[[], str | bytes]) -> TextAnswer:
        """The answer with one more format."""
        return self._replace(texts={**self.texts, form: text})

    def part(self, name: str) -> Answer:
        """Raise OutputError: a text is written as a whole."""
        raise OutputError(
            f"-o: {self.command} gives no array {name!r}", "write it as -o FILE, or -o ./NAME=FILE"
        )


def json_setting(value: Setting | None) -> float | str | None:
    """A parameter's value as JSON: a number, a choice, or null."""
    return value if value is None or isinstance(value, str) else float(value)


def json_number(number: float | bool) -> float | bool | str:
    """The number; JSON lacks NaN and the infinities, which become strings."""
    if math.isfinite(number):
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"


def json_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with `json_number` of each float."""
    return {
        name: json_number(value) if isinstance(value, float) else value
        for name, value in fields.items()
    }
