"""The progress bar of a long run, and the name of the work at hand, on a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

#: Seconds of work before the bar appears.
PATIENCE = 1.0


class Bar:
    """A bar on stderr with bytes, rate and remaining time, which disappears at the end.

    `total` is the number of bytes to process, or None where the work is no bytes. There is no bar
    if `quiet` is set or stderr is not a terminal.
    """

    def __init__(self, total: int | None, quiet: bool) -> None:
        self._total = total
        self._enabled = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._started = time.monotonic()
        self._progress: Progress | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __call__(self, share: float) -> None:
        """Show that this share of the work, between 0 and 1, is done."""
        if not self._enabled or time.monotonic() - self._started < PATIENCE:
            return
        if self._progress is None:
            self._progress = self._stack.enter_context(rich_progress(self._total is not None))
            self._progress.add_task("", total=self._total or 1)
        task = self._progress.tasks[0]
        self._progress.update(task.id, completed=share * (self._total or 1))


@contextmanager
def at_work(text: str) -> Iterator[None]:
    """Name the work at hand on stderr if that is a terminal; the name disappears at the end."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    terminal, width = sys.stderr, shutil.get_terminal_size().columns
    shown = "".join(filter(str.isprintable, text))[: width - 3] + ": "
    print(shown, end="", file=terminal, flush=True)
    try:
        yield
    finally:
        print(f"\r{' ' * len(shown)}\r", end="", file=terminal, flush=True)


def rich_progress(in_bytes: bool) -> Progress:
    """Rich's progress display, imported only here: its import takes longer than most runs."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amount = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (TaskProgressColumn(),)
    columns = (BarColumn(None), *amount, TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, expand=True)
