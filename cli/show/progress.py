"""How far a long run is, on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

#: Seconds for which nothing is shown.
PATIENCE = 1.0


class Bar:
    """A bar on stderr with bytes, rate and time left; it goes when the work is done."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._total = total
        self._wanted = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._begun = time.monotonic()
        self._shown: Progress | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __call__(self, share: float) -> None:
        """That share of the work is done."""
        if not self._wanted or time.monotonic() - self._begun < PATIENCE:
            return
        if self._shown is None:
            self._shown = self._stack.enter_context(bar())
            self._shown.add_task("", total=self._total)
        task = self._shown.tasks[0]
        self._shown.update(task.id, completed=share * self._total)


def bar() -> Progress:
    """Rich's bar; it takes longer to import than most runs take."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(None), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, expand=True)
