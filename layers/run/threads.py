"""Threads that take pieces of work in order; NumPy's loops run on them in parallel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import Generic, TypeVar

import numpy as np

Piece = TypeVar("Piece")

#: Seconds between two calls of `progress`.
PROGRESS_INTERVAL = 0.1
#: Seconds that `run` waits for the threads to stop.
STOP_TIMEOUT = 0.5
#: Bytes of a block that raises glibc's threshold for mmap. Blocks of 32 MiB and more leave the
#: threshold as it is.
THRESHOLD_RAISING_BLOCK = 31 << 20


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Let glibc keep the memory that kernels free, so that it need not map it again.

    By default glibc returns freed blocks of more than 2 MiB to the system. To map them again, page
    by page, takes longer than many kernels. glibc keeps twice the largest block that was mapped and
    freed (mallopt(3), M_MMAP_THRESHOLD). This function maps and frees such a block and never
    writes to it.
    """
    np.empty(THRESHOLD_RAISING_BLOCK, np.uint8)


class StoppedError(Exception):
    """The run ended while a thread waited for its turn."""


class OrderedThreads(Generic[Piece]):
    """Threads that take pieces in order, and can wait for their turn in that order."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = enumerate(pieces)
        self._taking, self._turn = Lock(), Condition()
        self._next_turn = 0
        self._stopped = False
        self._failure: BaseException | None = None
        self._ended = Event()
        self._running = 0
        #: The number of pieces that are done.
        self.done = 0

    def run(
        self, targets: Sequence[Callable[[], None]], progress: Callable[[int], None] | None = None
    ) -> None:
        """Run each target on a thread; call `progress` with the number of pieces that are done.

        The first exception of a target stops the other threads and is raised here. An exception
        that is raised here, such as Ctrl-C, stops them too; a thread that waits for a pipe longer
        than STOP_TIMEOUT is abandoned.
        """
        keep_freed_memory()
        threads = [
            Thread(target=copy_context().run, args=(self._guarded, target), daemon=True)
            for target in targets
        ]
        self._running = len(threads)
        try:
            for thread in threads:
                thread.start()
            while not self._ended.wait(PROGRESS_INTERVAL):
                if progress is not None:
                    progress(self.done)
        finally:
            self._stop()
            until = monotonic() + STOP_TIMEOUT
            for thread in threads:
                thread.join(max(0, until - monotonic()))
        if self._failure is not None:
            raise self._failure

    @contextmanager
    def taking(self) -> Iterator[tuple[int, Piece] | None]:
        """The next piece and its number, or None; no other thread takes one inside the block."""
        with self._taking:
            yield None if self._stopped else next(self._pieces, None)

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Wait until the turns of all pieces before piece `number` are over.

        Raises:
            StoppedError: the threads are stopped, by an exception of another thread for example.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._stopped or self._next_turn == number)
            if self._stopped:
                raise StoppedError
        yield
        with self._turn:
            self._next_turn += 1
            self._turn.notify_all()

    def finish(self) -> None:
        """Count one more piece as done."""
        with self._turn:
            self.done += 1

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            target()
        except StoppedError:
            pass
        except BaseException as failure:  # `run` raises it again
            self._failure = self._failure or failure
            self._stop()
        with self._turn:
            self._running -= 1
            if not self._running or self._failure:
                self._ended.set()

    def _stop(self) -> None:
        with self._turn:
            self._stopped = True
            self._turn.notify_all()
