"""Threads that share out the pieces of one job; NumPy's loops run beside each other in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import Generic, TypeVar

import numpy as np

Piece = TypeVar("Piece")

#: Seconds between two looks at how far it is, and those given to threads to stop.
LOOK, GRACE = 0.1, 0.5
#: Bytes: a little less than the 32 MiB from which on glibc learns nothing.
MAPPED = 31 << 20


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep_what_is_freed() -> None:
    """Have glibc give the threads the same memory again, for what a kernel needs in passing.

    By itself it returns more than 2 MiB to the system as soon as they are free, and gets them back
    page by page, which takes longer than many a kernel. What it keeps is twice the largest that
    was ever mapped and freed, which this is (mallopt(3), M_MMAP_THRESHOLD); it is never touched.
    """
    np.empty(MAPPED, np.uint8)


class StoppedError(Exception):
    """The job ended while a thread waited for its turn."""


class OrderedThreads(Generic[Piece]):
    """Threads that take pieces in their order, and do in it what must be done in order."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = enumerate(pieces)
        self._taking, self._turn = Lock(), Condition()
        self._now = 0
        self._stopped = False
        self._failure: BaseException | None = None
        self._ended = Event()
        self._working = 0
        #: How many pieces are done.
        self.done = 0

    def run(
        self, works: Sequence[Callable[[], None]], watch: Callable[[int], None] | None = None
    ) -> None:
        """Do all works, each on a thread of its own; `watch` is told how many pieces are done.

        The first exception of any of them stops the others and is raised here. So does one that
        is raised here meanwhile, Ctrl-C say; a thread that waits for a pipe is then left behind.
        """
        _keep_what_is_freed()
        threads = [Thread(target=self._guarded, args=(work,), daemon=True) for work in works]
        self._working = len(threads)
        try:
            for thread in threads:
                thread.start()
            while not self._ended.wait(LOOK):
                if watch is not None:
                    watch(self.done)
        finally:
            self._stop()
            until = monotonic() + GRACE
            for thread in threads:
                thread.join(max(0, until - monotonic()))
        if self._failure is not None:
            raise self._failure

    @contextmanager
    def taking(self) -> Iterator[tuple[int, Piece] | None]:
        """The next piece and its number, None if there is no more; nobody else takes meanwhile."""
        with self._taking:
            yield None if self._stopped else next(self._pieces, None)

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Wait until all pieces before that one have had their turn.

        Raises:
            StoppedError: that will not happen.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._stopped or self._now == number)
            if self._stopped:
                raise StoppedError
        yield
        with self._turn:
            self._now += 1
            self._turn.notify_all()

    def finish(self) -> None:
        """Count one piece more as done."""
        with self._turn:
            self.done += 1

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoppedError:
            pass
        except BaseException as failure:  # raised again where the job was asked for
            self._failure = self._failure or failure
            self._stop()
        with self._turn:
            self._working -= 1
            if not self._working or self._failure:
                self._ended.set()

    def _stop(self) -> None:
        with self._turn:
            self._stopped = True
            self._turn.notify_all()
