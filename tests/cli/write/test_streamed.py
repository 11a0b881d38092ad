"""Arrays past what is read as a whole: from files and pipes, into files and pipes, and faults."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from actgrad.cli.read.external import IncompleteArrayError
from actgrad.cli.read.source import open_array
from actgrad.layers import Chain, layer
from actgrad.layers.arrays import Array
from actgrad.layers.run.sources import MemoryArray
from actgrad.layers.run.streaming import stream

Run = Callable[..., CompletedProcess[bytes]]

#: A little more than is read as a whole.
N = (1 << 20) + 4321
RNG = np.random.default_rng(1)
X = RNG.standard_normal(N).astype(np.float32) * 4
DOUT = RNG.standard_normal(N).astype(np.float32)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> Iterator[None]:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "d.npy", DOUT)
    yield
    assert not list(tmp_path.rglob(".actgrad*"))


def traced(specs: list[str], x: Array, dout: Array | None = None) -> dict[str, Array]:
    return Chain([layer(spec) for spec in specs]).trace(x, dout)


def well(ended: CompletedProcess[bytes]) -> bytes:
    assert (ended.returncode, ended.stderr) == (0, b"")
    return ended.stdout


def refusal(ended: CompletedProcess[bytes]) -> str:
    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr
    return ended.stderr.decode()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_several_files_in_one_pass(actgrad: Run, tmp_path: Path, threads: str) -> None:
    to = ["-o", "out=out.npy", "-o", "dx.npy", "-o", "all.npz", "--threads", threads]
    well(actgrad("backward", "sigmoid", "prelu", "--x", "x.npy", "--dout", "d.npy", *to))
    want = traced(["sigmoid", "prelu"], X, DOUT)
    assert np.load(tmp_path / "out.npy").tobytes() == want["out"].tobytes()
    assert np.load(tmp_path / "dx.npy").tobytes() == want["dx"].tobytes()
    with np.load(tmp_path / "all.npz") as archive:
        assert set(archive.files) == set(want)
        assert all(archive[name].tobytes() == want[name].tobytes() for name in archive.files)


def test_the_second_derivative(actgrad: Run, tmp_path: Path) -> None:
    function, x = "x*x + max(x, 0)", X.copy()
    x[N - 1] = 0
    np.save(tmp_path / "x.npy", x)
    to = ["-o", "dx=dx.npy", "-o", "d2x=d2x.npy"]
    ended = actgrad("backward", function, "--x", "x.npy", "--dout", "d.npy", "--order", "2", *to)
    note = f"actgrad: note: {function} has a kink at x = 0, so d2x is 0 there\n"
    assert (ended.returncode, ended.stderr.decode()) == (0, note)
    want = 2 * DOUT
    want[N - 1] *= 0
    assert np.load(tmp_path / "d2x.npy").tobytes() == want.tobytes()
    np.testing.assert_array_equal(np.load(tmp_path / "dx.npy"), traced([function], x, DOUT)["dx"])


def test_from_pipe_to_pipe(shell: Any, tmp_path: Path) -> None:
    script = "cat x.npy | actgrad forward relu --x - -o - | actgrad forward sigmoid --x - -o - > y"
    well(shell(script))
    assert np.load(tmp_path / "y").tobytes() == traced(["relu", "sigmoid"], X)["out"].tobytes()


def test_two_arrays_of_one_pipe(shell: Any, tmp_path: Path) -> None:
    well(shell("cat x.npy d.npy | actgrad backward tanh --x - --dout - -o dx.npy"))
    assert np.load(tmp_path / "dx.npy").tobytes() == traced(["tanh"], X, DOUT)["dx"].tobytes()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_members_of_archives(save: Any, actgrad: Run, shell: Any, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", x=X, d=DOUT)
    well(actgrad("backward", "relu", "--x", "a.npz:x", "--dout", "a.npz:d", "-o", "dx.npy"))
    assert np.load(tmp_path / "dx.npy").tobytes() == traced(["relu"], X, DOUT)["dx"].tobytes()
    np.savez(tmp_path / "one.npz", x=X)
    well(shell("cat one.npz | actgrad forward relu --x - -o out.npy"))
    assert np.load(tmp_path / "out.npy").tobytes() == traced(["relu"], X)["out"].tobytes()


def test_tensors(actgrad: Run, tmp_path: Path) -> None:
    save_file({"a": np.ones(3, np.int8), "x": X}, tmp_path / "m.safetensors")
    well(actgrad("forward", "relu", "--x", "m.safetensors:x", "-o", "out.npy"))
    assert np.load(tmp_path / "out.npy").tobytes() == traced(["relu"], X)["out"].tobytes()


@pytest.mark.parametrize("dtype", [">f4", "<f8", "<i4", "?"])
def test_any_dtype_and_order(dtype: str, actgrad: Run, tmp_path: Path) -> None:
    x = np.asfortranarray((X[: 1 << 20].reshape(256, -1) * 9).astype(dtype))
    x = np.asfortranarray(np.tile(x, (5, 1)))
    np.save(tmp_path / "f.npy", x)
    well(actgrad("forward", "sigmoid", "--x", "f.npy", "-o", "out.npy"))
    got = np.load(tmp_path / "out.npy")
    assert got.flags.f_contiguous
    np.testing.assert_array_equal(got, traced(["sigmoid"], x)["out"])


@pytest.mark.parametrize("spec", ["softmax:axis=0", "softmax", "glu:axis=0"])
def test_along_any_axis_of_a_file_or_a_pipe(spec: str, shell: Any, tmp_path: Path) -> None:
    x = RNG.standard_normal((1500, 1400)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    want = traced([spec], x)["out"]
    well(shell(f"actgrad forward {spec} --x x.npy -o a.npy"))
    well(shell(f"cat x.npy | actgrad forward {spec} --x - -o - > b.npy"))
    assert np.load(tmp_path / "a.npy").tobytes() == want.tobytes()
    assert np.load(tmp_path / "b.npy").tobytes() == want.tobytes()


def test_x_and_dout_in_unlike_orders(actgrad: Run, tmp_path: Path) -> None:
    x, dout = X[: 1 << 20].reshape(1024, -1), DOUT[: 1 << 20].reshape(1024, -1)
    x, dout = np.tile(x, (2, 1)), np.asfortranarray(np.tile(dout, (2, 1)))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "d.npy", dout)
    well(actgrad("backward", "gelu", "--x", "x.npy", "--dout", "d.npy", "-o", "dx.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "dx.npy"), traced(["gelu"], x, dout)["dx"])


def test_json_and_csv(actgrad: Run, tmp_path: Path) -> None:
    x = np.asfortranarray((X[: 1 << 17].reshape(512, -1)).astype(np.float64).repeat(5, axis=1))
    np.save(tmp_path / "x.npy", x)
    out = traced(["relu"], x)["out"]
    well(actgrad("forward", "relu", "--x", "x.npy", "-o", "a.json", "-o", "out=b.csv"))
    arrays = json.loads((tmp_path / "a.json").read_text())["arrays"]
    assert arrays["out"]["data"] == out.tolist()
    rows = (tmp_path / "b.csv").read_text().splitlines()
    assert rows[0] == "axis0,axis1,out"
    assert [float(row.rsplit(",", 1)[1]) for row in rows[1:]] == out.reshape(-1).tolist()
    printed = json.loads(well(actgrad("forward", "relu", "--x", "x.npy", "-f", "json")))
    assert printed["arrays"]["mask"]["data"] == (x <= 0).tolist()


def test_a_table_shows_the_ends_and_sums_up_the_rest(actgrad: Run, tmp_path: Path) -> None:
    x = X.copy()
    x[777_777] = np.nan
    np.save(tmp_path / "x.npy", x)
    table = well(actgrad("backward", "relu", "--x", "x.npy", "--dout", "2")).decode()
    assert f"{N - 1}" in table
    assert ", 1 nan" in table
    assert f"{np.nanmin(x):.6g} … {np.nanmax(x):.6g}" in table
    assert f"{np.mean(x <= 0):.1%} masked" in table


def test_the_input_may_be_the_output(actgrad: Run, tmp_path: Path) -> None:
    well(actgrad("forward", "relu", "--x", "x.npy", "-o", "x.npy"))
    assert np.load(tmp_path / "x.npy").tobytes() == traced(["relu"], X)["out"].tobytes()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("head -c 3000000 x.npy | actgrad forward relu --x - -o y.npy", "is cut short"),
        ("head -c 3000000 x.npy > s.npy; actgrad forward relu --x s.npy -o y.npy", "is cut short"),
        ("actgrad forward relu --x x.npy -o /dev/full", "/dev/full: No space left"),
        ("actgrad forward relu --x x.npy -o - > /dev/full", "No space left"),
        ("actgrad forward relu --x x.npy > /dev/full", "No space left"),
        ("actgrad backward relu --x x.npy --dout '[1,2]' -o y.npy", "dout has shape (2,)"),
        ("ulimit -f 1000; actgrad forward relu --x x.npy -o y.npy", "File too large"),
    ],
)
def test_faults_leave_one_line_and_no_file(
    command: str, said: str, shell: Any, tmp_path: Path
) -> None:
    assert said in refusal(shell(command))
    assert not (tmp_path / "y.npy").exists()
    assert np.load(tmp_path / "x.npy").tobytes() == X.tobytes()


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.npy"

    class Cutting(MemoryArray):
        def write(self, start: int, values: Array) -> None:
            os.truncate(file, 3_000_000)

    with (
        open_array(str(file), "--x") as x,
        pytest.raises(IncompleteArrayError, match="is cut short"),
    ):
        stream(Chain([layer("relu")]), x, None, [("out", Cutting(X.copy()))], threads=1)


def test_a_full_disk(shell: Any, tmp_path: Path) -> None:
    ended = shell("""unshare -rm true 2> /dev/null || exit 77
        unshare -rm sh -c 'mkdir disk; mount -t tmpfs -o size=3m tmpfs disk || exit 77
            actgrad forward relu --x x.npy -o disk/y.npy; status=$?; ls -A disk; exit $status'""")
    if ended.returncode == 77:
        pytest.skip("no file system can be mounted here")
    assert refusal(ended).endswith("disk/y.npy: No space left on device\n")
    assert ended.stdout == b""


def test_a_reader_that_leaves_ends_it_silently(shell: Any) -> None:
    ended = shell("actgrad forward relu --x x.npy -o - | head -c 100 > /dev/null; exit $PIPESTATUS")
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_clean_up(
    number: signal.Signals, status: int, program: str, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    command = [program, "forward", "relu", "--x", "-", "-o", "y.npy"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        # Once it has taken more than a pipe holds, it is in the middle of its work.
        process.stdin.write((tmp_path / "x.npy").read_bytes()[:3_000_000])
        process.stdin.flush()
        process.send_signal(number)
        assert process.wait(timeout=600) == status
        assert process.stderr.read() == b""
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_run_shows_how_far_it_is_on_a_terminal(
    quiet: bool, program: str, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    command = [program, "forward", "relu", "--x", "-", "-o", "y.npy", *["--quiet"] * quiet]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=theirs, cwd=tmp_path, env={"TERM": "xterm"}
    ) as process:
        os.close(theirs)
        assert process.stdin is not None
        data = (tmp_path / "x.npy").read_bytes()
        process.stdin.write(data[:3_000_000])
        process.stdin.flush()
        shown = b"" if quiet else os.read(ours, 4096)  # what waits here is the bar
        process.stdin.write(data[3_000_000:])
        process.stdin.close()
        assert process.wait(timeout=600) == 0
    with suppress(OSError):  # Linux: EIO at its end
        shown += os.read(ours, 4096)
    assert bool(shown) is not quiet
    os.close(ours)
    assert np.load(tmp_path / "y.npy").size == N
