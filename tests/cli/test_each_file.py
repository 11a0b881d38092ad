"""`forward` and `backward` on each file of a pattern, as a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from actgrad.layers import layer

Actgrad = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, np.ndarray]:
    """The files `x-1.npy`, `x-2.npy` and `x-10.npy`, and a dout for each, `d-1.npy` …"""
    rng = np.random.default_rng(0)
    arrays = {}
    for own in ("1", "2", "10"):
        arrays[own] = rng.standard_normal(7).astype(np.float32)
        np.save(tmp_path / f"x-{own}.npy", arrays[own])
        np.save(tmp_path / f"d-{own}.npy", 2 * arrays[own])
    return arrays


def test_each_file_has_its_own_answer(
    actgrad: Actgrad, inputs: dict[str, np.ndarray], tmp_path: Path
) -> None:
    outputs = ["-o", "dx=g-*.npy", "-o", "all-*.npz"]
    done = actgrad("backward", "gelu", "--x", "x-*.npy", "--dout", "d-*.npy", *outputs)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    gelu = layer("gelu")
    for own, x in inputs.items():
        out, dx = gelu.forward(x), gelu.backward(2 * x)
        assert np.array_equal(np.load(tmp_path / f"g-{own}.npy"), dx)
        assert np.array_equal(np.load(tmp_path / f"all-{own}.npz")["out"], out)


def test_a_member_of_each_archive_has_its_own_answer(actgrad: Actgrad, tmp_path: Path) -> None:
    for own in (1, 2):
        np.savez(tmp_path / f"a-{own}.npz", x=np.arange(-own, own), y=np.ones(3))
    done = actgrad("forward", "relu", "--x", "a-*.npz:x", "-o", "out=y-*.npy")
    assert (done.returncode, done.stderr) == (0, b"")
    assert np.load(tmp_path / "y-2.npy").tolist() == [0, 0, 0, 1]


def test_a_file_that_fails_is_named_and_the_others_are_written(
    actgrad: Actgrad, inputs: dict[str, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "x-2.npy").write_bytes(b"broken")
    failed = actgrad("forward", "relu", "--x", "x-*.npy", "-o", "y-*.npy")
    assert failed.returncode == 2
    broken, summary = failed.stderr.decode().splitlines()
    assert "x-2.npy is no .npy file" in broken
    assert summary == "actgrad: 1 of 3 files failed; the others are written"
    assert sorted(file.name for file in tmp_path.glob("y*")) == ["y-1.npy", "y-10.npy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--x x-*.npy", "each file of --x needs its own -o"),
        ("--x x-*.npy -o y.npy", "each file of --x needs its own -o"),
        ("--x *-*.npy -o y-*.npy", "has more than one *"),
        ("--x z-*.npy -o y-*.npy", "no file is called z-*.npy"),
        ("--x z.npz:* -o y-*.npy", "has its * in the name of a member"),
        ("--x x-*.npy -o y-*.nope", "neither its suffix nor -f"),
        ("--x 2* -o y-*.npy", "'2*' is no number"),
        ("--x 2 --scheduler tcp://127.0.0.1:1", "--scheduler needs several files"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(
    actgrad: Actgrad, inputs: dict[str, np.ndarray], tmp_path: Path, arguments: str, message: str
) -> None:
    refused = actgrad("forward", "relu", *arguments.split(" "))
    assert refused.returncode == 2
    assert message in refused.stderr.decode()
    assert not list(tmp_path.glob("y*"))
