"""Commands on the workers of a cluster of Dask, whose answers are those of this machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from actgrad.layers import layer

Actgrad = Callable[..., CompletedProcess[bytes]]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed"
    ),
    pytest.mark.filterwarnings("ignore"),
]
#: A layer of the user's whose first run ends the process that it runs in.
DEADLY = """
import os, pathlib, signal
flag = pathlib.Path(__file__).with_name("died")

class Twice:
    def forward(self, x):
        if x[0] == 2 and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * x

    def backward(self, dout):
        return 2 * dout
"""
#: A layer of the user's that prints.
NOISY = """
class Same:
    def __init__(self):
        print("made")

    def forward(self, x):
        print("run")
        return x

    def backward(self, dout):
        return dout
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a scheduler with two workers, each a process."""
    import dask
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        # Without it, the scheduler asks a worker that is dead for 30 seconds. Workers that start
        # have these 30 seconds.
        dask.config.set({"distributed.comm.timeouts.connect": "2s"}),
    ):
        yield cluster.scheduler_address


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """`x-0.npy` to `x-19.npy`, lines of 4 units; each with a dout, `d-0.npy`, and an out."""
    rng = np.random.default_rng(0)
    for own in range(20):
        x = rng.standard_normal((1 + own % 3, 4)).astype(np.float32)
        np.save(tmp_path / f"x-{own}.npy", x)
        np.save(tmp_path / f"d-{own}.npy", 2 * x)
        out = layer("gelu").forward(x)
        out[0, own % 4] += np.float32(1e-6)
        np.save(tmp_path / f"y-{own}.npy", out)
    return tmp_path


def test_backward_writes_what_this_machine_writes(
    actgrad: Actgrad, shards: Path, address: str
) -> None:
    command = ["backward", "silu", "--x", "x-*.npy", "--dout", "d-*.npy", "-o"]
    actgrad(*command, "dx=here-*.npy")
    (shards / "x-2.npy").write_bytes(b"broken")
    spread = actgrad(*command, "dx=there-*.npy", "--scheduler", address)
    assert spread.returncode == 2
    assert b"1 of 20 files failed" in spread.stderr
    for own in ("1", "10"):
        here, there = (shards / f"{place}-{own}.npy" for place in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()


def test_the_notes_of_workers_are_said_once(actgrad: Actgrad, shards: Path, address: str) -> None:
    for own in range(20):
        np.save(shards / f"x-{own}.npy", np.zeros(2))
    command = ["backward", "relu", "--order", "2", "--x", "x-*.npy", "-o", "g-*.npy"]
    for more in ([], ["--scheduler", address]):
        noted = actgrad(*command, *more)
        assert noted.returncode == 0
        assert noted.stderr == b"actgrad: note: relu has a kink at x = 0, so d2x is 0 there\n"


def test_a_worker_that_dies_loses_no_file(actgrad: Actgrad, shards: Path, address: str) -> None:
    """The layer's file is found by its absolute path: workers stand in another folder."""
    for own in range(4):
        np.save(shards / f"v{own}.npy", np.full(3, float(own)))
    (shards / "deadly.py").write_text(DEADLY)
    survived = actgrad(
        *("forward", "deadly.py:Twice", "--x", "v*.npy", "-o", "out=z*.npy"),
        *("--scheduler", address),
    )
    assert survived.stderr == b""
    assert survived.returncode == 0
    assert (shards / "died").exists()
    for own in range(4):
        assert np.load(shards / f"z{own}.npy").tolist() == [2.0 * own] * 3


@pytest.mark.parametrize("options", [["-o", "z-*.npy"], ["--shards"]], ids=["forward", "diagnose"])
def test_what_a_layer_prints_is_printed_once_on_stderr(
    actgrad: Actgrad, shards: Path, address: str, options: list[str], request: Any
) -> None:
    (shards / "noisy.py").write_text(NOISY)
    command = request.node.callspec.id, "noisy.py:Same", "--x", "x-*.npy", *options
    for more in ([], ["--scheduler", address]):
        assert actgrad(*command, *more).stderr == b"made\nrun\n"


def test_diagnose_gives_what_this_machine_gives(
    actgrad: Actgrad, shards: Path, address: str
) -> None:
    (shards / "x-1.npy").write_bytes(b"broken")
    command = ["diagnose", "gelu", "--x", "x-*.npy", "--dout", "d-*.npy", "--shards", "-f", "json"]
    local, spread = actgrad(*command), actgrad(*command, "--scheduler", address)
    assert spread.returncode == 1
    assert b"x-1.npy" in local.stdout
    # Workers name a file by its whole path.
    assert spread.stdout.replace(f"{shards}/".encode(), b"") == local.stdout


def test_verify_gives_what_this_machine_gives(actgrad: Actgrad, shards: Path, address: str) -> None:
    """The tallies of 20 files take two rounds of merges."""
    (shards / "y-7.npy").write_bytes(b"broken")
    command = ["verify", "gelu", "--x", "x-*.npy", "--out", "y-*.npy", "-f", "json"]
    local, spread = actgrad(*command), actgrad(*command, "--scheduler", address)
    assert (spread.stdout, spread.stderr) == (local.stdout, local.stderr)
    assert spread.returncode == 1
    assert b"y-7.npy" in spread.stderr
