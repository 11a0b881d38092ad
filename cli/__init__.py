"""The `actgrad` command."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 a check failed, 2 not done, 130 on Ctrl-C."""
    # A short run leaves hardly any cycles, and the search for them takes a tenth of its start.
    gc.disable()
    # These raise SystemExit, so that files which are half written are removed. After `nohup`, a
    # hangup is ignored.
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> NoReturn:
        received.append(number)
        sys.exit(128 + number)

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        received.append(number)
        raise KeyboardInterrupt

    handlers = {signal.SIGTERM: stop, signal.SIGHUP: stop, signal.SIGINT: interrupt}
    for number, handler in handlers.items():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        status = run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException as error:  # every exception has a status, SystemExit included
        from actgrad.cli.exit import exit_status

        # What a signal interrupts may raise an error of its own, such as an import of NumPy.
        status = exit_status(SystemExit(128 + received[0]) if received else error)
    if threading.active_count() > 1:
        # A thread still waits for a pipe: Python would hang or abort while it holds the stream.
        os._exit(status)
    sys.exit(status)


def run() -> int:
    """Run the command line; return the exit status, or raise what stopped it."""
    from actgrad.cli.app import command_line

    status: int | None = command_line()(prog_name="actgrad", standalone_mode=False)
    return status or 0
