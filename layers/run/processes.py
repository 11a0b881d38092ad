"""Pieces of work shared with forked processes, which do not wait for the interpreter's lock."""

from __future__ import annotations

import os
import pickle
import select
import struct
import threading
from array import array
from collections.abc import Callable
from io import BufferedReader, BufferedWriter, FileIO
from typing import Any, Protocol

from actgrad.layers.run.worker import FEWEST_PIECES, end_worker, start_worker

#: A piece, as processes take and report it. ~piece reports that it failed.
NUMBER = struct.Struct("q")
#: Seconds between two calls of `progress` while other processes work.
INTERVAL = 0.1


class Mergeable(Protocol):
    """What the pieces that a process runs leave in its memory; it can be pickled."""

    def merge(self, other: Any, /) -> None:
        """Add what the pieces of another process have left there."""


def share_pieces(
    pieces: range,
    run: Callable[[int], None],
    processes: int,
    progress: Callable[[int], None] | None = None,
    left: Mergeable | None = None,
) -> bool:
    """Run each piece, which is a number, in this process and in forked ones: `processes` in all.

    What `run` does must show outside the memory of a process, or in `left`, to which that of the
    other processes is merged at the end. A piece that fails elsewhere, or whose process dies, is
    run here, so its exception is raised here.

    Returns False, and runs nothing, for few pieces and where the system does not give what is
    needed. So it does where threads run: a fork would leave their locks locked.
    """
    if processes < 2 or len(pieces) < FEWEST_PIECES or not hasattr(os, "memfd_create"):
        return False
    if threading.active_count() > 1:
        return False
    try:
        shared = SharedPieces(pieces, run, left)
    except OSError:  # too many files are open
        return False

    def show() -> None:
        if progress is not None:
            progress(shared.done)

    try:
        shared.fork(processes - 1)
        while (piece := shared.take()) is not None:
            shared.run_here(piece)
            while shared.collect(0):
                pass
            show()
        while shared.collect(INTERVAL) is not None:
            show()
        shared.merge()
        for place, is_done in enumerate(shared.are_done):
            if not is_done:
                shared.run_here(pieces[place])
    finally:
        shared.close()
    return True


class SharedPieces:
    """Pieces of which each process takes the next, and the reports of those done."""

    def __init__(
        self, pieces: range, run: Callable[[int], None], left: Mergeable | None = None
    ) -> None:
        self.run, self.left = run, left
        self.pieces = pieces
        #: For each piece, whether it is known to be done, and the number of those that are.
        self.are_done, self.done = bytearray(len(pieces)), 0
        #: The other processes, and the files in memory for what their pieces leave.
        self.workers: list[int] = []
        self._files: list[FileIO] = []
        # Processes that share a descriptor share its place, which each read moves on.
        self._numbers = FileIO(os.memfd_create("pieces"), "r+")
        self._numbers.write(array("q", pieces))
        self._numbers.seek(0)
        self._reports, self._reporting = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._reports, select.POLLIN)

    def take(self) -> int | None:
        """The next piece that no process has taken, or None."""
        data = self._numbers.read(NUMBER.size)
        number: int | None = NUMBER.unpack(data)[0] if data else None
        return number

    def run_here(self, number: int) -> None:
        """Run a piece in this process."""
        self.run(number)
        self._note(number)
        self.done += 1

    def _note(self, number: int) -> None:
        self.are_done[self.pieces.index(number)] = True

    def collect(self, timeout: float) -> bool | None:
        """Note reports, and run pieces that failed; None at their end, False where none came."""
        if not self._poll.poll(1000 * timeout):
            return False
        # A pipe takes a report whole or not at all.
        data = os.read(self._reports, 1000 * NUMBER.size)
        for (number,) in NUMBER.iter_unpack(data):
            if number < 0:
                self.run_here(~number)
            else:
                self.done += 1
                if self.left is None:
                    self._note(number)
        return True if data else None

    def fork(self, processes: int) -> None:
        """Start so many processes, or as many as the system allows."""
        try:
            for _ in range(processes):
                if self.left is not None:
                    self._files.append(FileIO(os.memfd_create("left"), "r+"))
                self.workers.append(start_worker(self._work))
        except OSError:  # there are too many processes or files, or too little memory
            pass
        os.close(self._reporting)

    def _work(self) -> None:
        """Run and report pieces until none is left, and then hand on what they leave."""
        os.close(self._reports)  # so that a report ends this process when the first has died
        own: list[int] = []
        while (number := self.take()) is not None:
            try:
                self.run(number)
            except BaseException:
                os.write(self._reporting, NUMBER.pack(~number))
                return
            os.write(self._reporting, NUMBER.pack(number))
            own.append(number)
        if self.left is not None:
            with BufferedWriter(self._files[-1]) as file:
                pickle.dump((own, self.left), file)

    def merge(self) -> None:
        """Merge what the pieces of processes that have ended left; only those pieces are done."""
        for file in self._files:
            file.seek(0)
            try:
                with BufferedReader(file) as whole:
                    own, left = pickle.load(whole)
            except (EOFError, pickle.UnpicklingError):  # the process failed or died
                continue
            assert self.left is not None
            self.left.merge(left)
            for number in own:
                self._note(number)
        self.done = sum(self.are_done)

    def close(self) -> None:
        """End the processes."""
        for process in self.workers:
            end_worker(process)
        for file in (self._numbers, *self._files):
            file.close()
        os.close(self._reports)
