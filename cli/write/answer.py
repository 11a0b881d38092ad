"""What a command answers with, in each of its formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any, NamedTuple, Protocol

from actgrad.layers import ActgradError


class OutputError(ActgradError):
    """The answer cannot be written where it was asked for."""


class Answer(Protocol):
    """What a command answers with: `Output.deliver` prints it or writes it to files."""

    @property
    def command(self) -> str:
        """The name of the command."""

    def show(self, file: IO[str]) -> None:
        """Print the format `table`, for people."""

    def write(self, form: str, stream: IO[bytes]) -> None:
        """Write any other format that the command has."""

    def part(self, name: str) -> Answer:
        """What `-o NAME=FILE` writes.

        Raises:
            OutputError: the answer has no part of that name.
        """


class TextAnswer:
    """An answer in words: `show` prints it, and each of `texts` returns it in one format.

    >>> TextAnswer("layers", show, json=lambda: '{"layers": []}\\n')
    """

    def __init__(
        self, command: str, show: Callable[[IO[str]], None], **texts: Callable[[], str]
    ) -> None:
        self.command, self.show, self.texts = command, show, texts

    def write(self, form: str, stream: IO[bytes]) -> None:
        """Write one of the texts, as UTF-8."""
        stream.write(self.texts[form]().encode())

    def part(self, name: str) -> Answer:
        """Raise OutputError: a text is written as a whole."""
        raise OutputError(
            f"-o: {self.command} gives no array {name!r}", "write it as -o FILE, or -o ./NAME=FILE"
        )


class ArrayAnswer(NamedTuple):
    """The arrays of a run through a chain of layers, by name, in the order they are shown."""

    command: str
    layers: tuple[str, ...]
    #: In memory, or described by what a streamed run has in its place.
    arrays: Mapping[str, Any]
    #: The name of the command's main result, the one array that `.npy` holds.
    main: str

    def show(self, file: IO[str]) -> None:
        """Print a table for each array."""
        from actgrad.cli.show import show_arrays

        show_arrays(self, file)

    def write(self, form: str, stream: IO[bytes]) -> None:
        """Write the arrays as JSON, CSV, `.npy` or `.npz`.

        Raises:
            ShapeError: CSV needs arrays of one shape, and these differ.
        """
        from actgrad.cli.write.formats import WRITERS

        WRITERS[form](self, stream)

    def part(self, name: str) -> ArrayAnswer:
        """The answer with that array alone, now its main result.

        Raises:
            OutputError: there is no such array.
        """
        if name not in self.arrays:
            raise OutputError(
                f"-o: {self.command} gives no array {name!r}", f"it gives {', '.join(self.arrays)}"
            )
        return self._replace(arrays={name: self.arrays[name]}, main=name)
