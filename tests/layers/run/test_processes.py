"""Pieces shared with forked processes: each is run once it counts, and failures are raised here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actgrad.layers.run import processes
from actgrad.layers.run.processes import share_pieces
from actgrad.layers.run.worker import FEWEST_PIECES

PIECES = range(40)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process seem to have no other threads; those of pytest-xdist only wait."""
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)


@pytest.fixture
def marked(tmp_path: Path) -> Callable[[int], None]:
    """Marks a piece in a file."""
    file = tmp_path / "marks"
    file.write_bytes(bytes(len(PIECES)))

    def mark(number: int) -> None:
        with file.open("r+b") as stream:
            os.pwrite(stream.fileno(), b"\1", number)

    return mark


def is_complete(folder: Path) -> bool:
    return (folder / "marks").read_bytes() == b"\1" * len(PIECES)


def test_all_pieces_are_run(marked: Callable[[int], None], forked: Any, tmp_path: Path) -> None:
    shown: list[int] = []
    assert share_pieces(PIECES, marked, 3, shown.append)
    assert is_complete(tmp_path)
    assert forked
    assert forked.are_gone
    assert shown[-1] <= len(PIECES)
    assert shown == sorted(shown)


@pytest.mark.parametrize("end", [lambda: os._exit(1), lambda: 1 / 0], ids=["dies", "raises"])
def test_what_another_process_does_not_do_is_done_here(
    end: Callable[[], None],
    marked: Callable[[int], None],
    forked: Any,
    tmp_path: Path,
) -> None:
    here = os.getpid()

    def run(number: int) -> None:
        if os.getpid() != here:
            end()
        marked(number)

    assert share_pieces(PIECES, run, 3)
    assert is_complete(tmp_path)
    assert forked
    assert forked.are_gone


class Numbers(list[int]):
    """The pieces that a process has run."""

    def merge(self, other: list[int]) -> None:
        self += other


@pytest.mark.parametrize(
    "end", [lambda: None, lambda: os._exit(1), lambda: 1 / 0], ids=["ends", "dies", "raises"]
)
def test_what_pieces_leave_in_memory_is_merged_once(end: Callable[[], None], forked: Any) -> None:
    here, left = os.getpid(), Numbers()

    def run(number: int) -> None:
        if os.getpid() != here and number > PIECES[len(PIECES) // 2]:
            end()
        left.append(number)

    assert share_pieces(PIECES, run, 3, left=left)
    assert sorted(left) == list(PIECES)
    assert forked
    assert forked.are_gone


def test_an_exception_is_raised_here(marked: Callable[[int], None], forked: Any) -> None:
    def run(number: int) -> None:
        if number == PIECES[-1]:
            raise ValueError(f"piece {number}")
        marked(number)

    with pytest.raises(ValueError, match="piece 39"):
        share_pieces(PIECES, run, 3)
    assert forked
    assert forked.are_gone


def test_a_system_that_refuses_processes(
    marked: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    assert share_pieces(PIECES, marked, 3)
    assert is_complete(tmp_path)


def test_nothing_is_run_where_processes_do_not_pay_or_threads_run(
    marked: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not share_pieces(range(FEWEST_PIECES - 1), marked, 3)
    assert not share_pieces(PIECES, marked, 1)
    monkeypatch.setattr(processes.threading, "active_count", lambda: 2)
    assert not share_pieces(PIECES, marked, 3)
    assert (tmp_path / "marks").read_bytes() == bytes(len(PIECES))
