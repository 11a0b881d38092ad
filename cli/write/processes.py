"""Blocks of a large answer, made by several processes and written in order."""

from __future__ import annotations

import gc
import os
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from io import FileIO
from itertools import chain, islice
from typing import IO, NamedTuple, TypeVar

from actgrad.layers.run import FEWEST_PIECES, cores, end_worker, start_worker

T = TypeVar("T")

#: A worker sends the length of a block before it.
LENGTH = struct.Struct("q")


class Worker(NamedTuple):
    """A forked process, and the pipe through which its blocks come."""

    process: int
    pipe: FileIO

    def block(self) -> bytes | bytearray | None:
        """Its next block; None if the process has died."""
        length = self._read(LENGTH.size)
        return None if length is None else self._read(*LENGTH.unpack(length))

    def _read(self, size: int) -> bytearray | None:
        data, done = bytearray(size), 0
        with memoryview(data) as view:
            while done < size:
                count = self.pipe.readinto(view[done:])
                if not count:
                    return None
                done += count
        return data

    def end(self) -> None:
        self.pipe.close()
        end_worker(self.process)


def write_in_order(
    stream: IO[bytes], blocks: Iterable[bytes | T], make: Callable[[T], bytes], threads: int | None
) -> None:
    """Write each block to the stream: bytes as they are, any other as what `make` gives for it.

    Where many are to be made, so many forked processes make them, or one on each core. What a
    process that died did not make is made here.
    """
    blocks = iter(blocks)
    first = [*islice(blocks, 2 * FEWEST_PIECES)]
    many = sum(not isinstance(block, bytes) for block in first) >= FEWEST_PIECES
    # Each process goes on with its own copy of the iterator.
    blocks = chain(first, blocks)
    workers = workers_for(blocks, make, threads or cores()) if many else []
    place = 0
    try:
        for block in blocks:
            if isinstance(block, bytes):
                stream.write(block)
                continue
            made = workers[place % len(workers)].block() if workers else None
            stream.write(make(block) if made is None else made)
            place += 1
    finally:
        for worker in workers:
            worker.end()


def workers_for(
    blocks: Iterable[bytes | T], make: Callable[[T], bytes], processes: int
) -> Sequence[Worker]:
    """Processes that make the blocks in turn; none where the system cannot fork, or refuses."""
    workers: list[Worker] = []
    if processes < 2 or not hasattr(os, "fork"):
        return workers
    try:
        for place in range(processes):
            workers.append(_worker(partial(_make, blocks, make, place, processes)))
    except OSError:  # there are too many processes, or too little memory
        for worker in workers:
            worker.end()
        return []
    return workers


def _worker(work: Callable[[int], None]) -> Worker:
    """A process that does the work, which writes to a pipe, and then ends."""
    reading, writing = os.pipe()

    def send() -> None:
        os.close(reading)
        work(writing)

    try:
        return Worker(start_worker(send), FileIO(reading))
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)


def _make(
    blocks: Iterable[bytes | T],
    make: Callable[[T], bytes],
    place: int,
    processes: int,
    pipe: int,
) -> None:
    """Make every so manieth block, from `place` on, and send it."""
    gc.disable()
    to_make = (block for block in blocks if not isinstance(block, bytes))
    for block in islice(to_make, place, None, processes):
        data = make(block)
        parts = [memoryview(LENGTH.pack(len(data))), memoryview(data)]
        while parts:
            sent = os.writev(pipe, parts)
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            parts[:1] = [part[sent:] for part in parts[:1]]
