"""Text that anyone's layer prints: each line once, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from io import TextIOBase
from typing import TextIO, cast

#: A layer that prints more different lines prints numbers.
MOST_LINES = 10
#: Where it prints, if not on stderr.
_STREAM: ContextVar[TextIO | None] = ContextVar("stream", default=None)


def stream_of_prints() -> TextIO:
    """The stream that gets what anyone's layer prints."""
    return _STREAM.get() or sys.stderr


@contextmanager
def prints_to(stream: TextIO) -> Iterator[None]:
    """Let layers that are made meanwhile print to that stream."""
    token = _STREAM.set(stream)
    try:
        yield
    finally:
        _STREAM.reset(token)


class DistinctLines(TextIOBase):
    """A stream that passes on each line once, up to MOST_LINES of them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: set[str] = set()
        self._start = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream that gets the lines."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Pass on the lines that end in this text."""
        *lines, self._start = (self._start + text).split("\n")
        for line in lines:
            if line not in self._lines and len(self._lines) <= MOST_LINES:
                more = len(self._lines) == MOST_LINES
                self._stream.write(f"{'... the layer prints more' if more else line}\n")
                self._lines.add(line)
        return len(text)

    def end_line(self) -> None:
        """Pass on the text after the last line end."""
        if self._start:
            self.write("\n")

    @contextmanager
    def instead_of_stdout(self) -> Iterator[None]:
        """Take what is printed meanwhile: it is no part of an answer."""
        try:
            with redirect_stdout(self):
                yield
        finally:
            self.end_line()


@contextmanager
def prints_once() -> Iterator[None]:
    """Print each line once, however many of the layers that are made meanwhile print it."""
    with prints_to(cast(TextIO, DistinctLines(stream_of_prints()))):
        yield


@contextmanager
def distinct_lines_on_stderr() -> Iterator[None]:
    """Write what is printed meanwhile to stderr, each line once: it is no part of an answer."""
    lines = DistinctLines(stream_of_prints())
    try:
        with redirect_stdout(lines), redirect_stderr(lines):
            yield
    finally:
        lines.end_line()
