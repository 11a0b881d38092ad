"""Dumps verified by several processes: the same answer, to the last byte, as by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad.cli.read import Encoding, dump
from actgrad.cli.show.verification_json import verification_json
from actgrad.cli.verify.dump import verified
from actgrad.cli.verify.files import verified_files
from actgrad.layers import ActgradError, Policy, layer
from actgrad.layers.run import processes, threads

ENCODING, POLICY = Encoding(None, None, False), Policy(monotonic=True)
NAMES = ("x", "out", "dx", "d2x")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: the sigmoid's dump with some wrong numbers, in a file and in many."""
    x = np.random.default_rng(0).normal(size=9900).astype(np.float32)
    x[4000] = np.nan
    arrays = {"x": x} | layer("sigmoid").trace(x, np.ones_like(x))
    arrays["d2x"] = arrays["dx"] * (1 - 2 * arrays["out"])
    arrays["out"][[7, 4567, 9899]] = 0.25
    arrays["dx"][5000:5010] *= np.float32(1.0001)
    for name in NAMES:
        np.save(tmp_path / f"{name}.npy", arrays[name])
        for own, part in enumerate(np.split(arrays[name], 10)):
            np.save(tmp_path / f"{name}-{own}.npy", part)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)
    monkeypatch.setattr(dump, "BLOCK", 300)
    return tmp_path


def with_cores(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(count)))


def test_processes_change_no_byte_of_one_dump(
    folder: Path, forked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    arguments: dict[str, str | None] = {name: f"{name}.npy" for name in NAMES}
    for count in (1, 3):
        with_cores(count, monkeypatch)
        answers.append(
            verification_json(verified(["sigmoid"], arguments, ENCODING, POLICY, quiet=True))
        )
    assert len(forked) == 2
    assert forked.are_gone
    assert answers[0] == answers[1]
    assert '"failed": 3' in answers[0]


def test_processes_change_no_byte_of_many_dumps(
    folder: Path, forked: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    np.save(folder / "dx-5.npy", np.float32([1]))
    (folder / "out-8.npy").write_bytes((folder / "out-7.npy").read_bytes()[:-4])
    answers = []
    arguments: dict[str, str | None] = {name: f"{name}-*.npy" for name in NAMES[:3]}
    for count in (1, 3):
        with_cores(count, monkeypatch)
        answers.append(
            verification_json(
                verified_files(["sigmoid"], arguments, ENCODING, POLICY, None, quiet=True)
            )
        )
    assert len(forked) == 2
    assert answers[0] == answers[1]
    lost = capfd.readouterr().err.splitlines()
    assert lost[: len(lost) // 2] == lost[len(lost) // 2 :]


def test_an_array_that_cannot_be_read_in_another_process_is_refused_here(
    folder: Path, forked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cores(3, monkeypatch)
    whole = dump.Dump.block

    def cut_short(self: dump.Dump, number: int) -> Any:
        if number > 20:
            raise ActgradError("cut short")
        return whole(self, number)

    monkeypatch.setattr(dump.Dump, "block", cut_short)
    with pytest.raises(ActgradError, match="cut short"):
        verified(["sigmoid"], {"x": "x.npy", "out": "out.npy"}, ENCODING, POLICY, quiet=True)
    assert forked.are_gone
