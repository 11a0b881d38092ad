"""The `actgrad` command."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 the verdict is bad, 2 not done, 130 on Ctrl-C."""
    # A short run leaves no cycles worth looking for, and looking costs a tenth of its start.
    gc.disable()
    # Asked to end, it ends by an exception, and what was half written goes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        status = run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException as error:  # every way to end has a status, SystemExit's own included
        from actgrad.cli.exit import end

        status = end(error)
    if threading.active_count() > 1:
        # One still waits for a pipe: Python would not end well while that thread holds the stream.
        os._exit(status)
    sys.exit(status)


def run() -> int:
    """Run the command line; the exit status, unless an exception says it."""
    from actgrad.cli.app import app

    status: int | None = app(prog_name="actgrad", standalone_mode=False)
    return status or 0
