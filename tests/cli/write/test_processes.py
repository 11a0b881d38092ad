"""Blocks that several processes make: in order, whatever becomes of the processes."""

from __future__ import annotations

import errno
import io
import os
import signal
from typing import Any

import pytest

from actgrad.cli.write.processes import write_in_order

#: The blocks of a text: numbers to square, and marks between them.
BLOCKS = [block for place in range(40) for block in (place, b";")]
TEXT = b"".join(b"%d;" % place**2 for place in range(40))


def squared(number: int) -> bytes:
    return b"%d" % number**2


def written(make: Any, threads: int) -> bytes:
    stream = io.BytesIO()
    write_in_order(stream, BLOCKS, make, threads)
    return stream.getvalue()


@pytest.mark.parametrize("threads", [1, 2, 3, 17])
def test_blocks_of_several_processes_are_in_order(threads: int) -> None:
    assert written(squared, threads) == TEXT


def test_a_block_may_be_larger_than_a_pipe() -> None:
    stream, size = io.BytesIO(), 1 << 20
    write_in_order(stream, range(9), lambda place: bytes([place]) * size, 2)
    assert stream.getvalue() == b"".join(bytes([place]) * size for place in range(9))


def test_what_a_process_that_dies_does_not_make_is_made_all_the_same() -> None:
    this = os.getpid()

    def make(number: int) -> bytes:
        if os.getpid() != this and number == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return squared(number)

    assert written(make, 2) == TEXT


def test_an_error_in_a_process_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        written(lambda number: b"%d" % (1 // (number - 30)), 2)


@pytest.mark.parametrize("forks", [0, 1])
def test_without_processes_the_blocks_are_the_same(
    forks: int, forked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork, left = os.fork, [forks]

    def failing() -> int:
        if not left[0]:
            raise BlockingIOError(errno.EAGAIN, "too many processes")
        left[0] -= 1
        return fork()

    monkeypatch.setattr(os, "fork", failing)
    assert written(squared, 2) == TEXT
    assert len(forked) == forks
    assert forked.are_gone


def test_no_process_is_left_when_the_reader_has_read_enough(forked: Any) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        write_in_order(Full(), BLOCKS, squared, 2)
    assert forked
    assert forked.are_gone
