"""Worker processes: forks of this one, which end when their work is done."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable

#: The fewest pieces of work that are worth a process.
FEWEST_PIECES = 8
#: What the program handles, and a worker must not.
HANDLED = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))


def start_worker(work: Callable[[], None]) -> int:
    """Fork a process that does the work and ends; return its number.

    Raises:
        OSError: there are too many processes, or too little memory.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        # Python warns of a fork where threads run; those of the linear algebra are idle.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            process = os.fork()
        if not process:
            _work_and_end(work)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def _work_and_end(work: Callable[[], None]) -> None:
    try:
        # Ctrl-C reaches every process; the first one says what becomes of the others.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for each in HANDLED[1:]:
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        work()
    finally:
        os._exit(0)


def end_worker(process: int) -> None:
    """End a worker, whatever it does, and wait until it is gone."""
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
