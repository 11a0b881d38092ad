"""Real processes that are killed, starved, or have their files taken away while they run."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run import COMMAND, OLD, PROGRAM, SIGNALS, judged, prepared

#: Enough that an array is streamed, with a small memory.
ELEMENTS = 1 << 21


def ended(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        **{"stdin": subprocess.DEVNULL, **options},
    )


def limit(kind: int, value: int) -> Any:
    return lambda: resource.setrlimit(kind, (value, value))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """A folder with x.npy, what its gradients must be, and the seconds of a run."""
    folder = tmp_path_factory.mktemp("large")
    return folder, *prepared(folder, ELEMENTS)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("share", [0.2, 0.6, 1])
def test_a_signal_leaves_the_old_file_or_the_new_one(
    large: tuple[Path, str, float], number: signal.Signals, share: float
) -> None:
    folder, new, _ = large
    (folder / "out.npy").write_bytes(OLD)
    data = (folder / "x.npy").read_bytes()
    taken = int(share * len(data))
    command = ["-" if argument == "x.npy" else argument for argument in COMMAND]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, **pipes) as process:
        assert process.stdin is not None
        # Once it has taken more than a pipe holds, it is in the middle of its work.
        process.stdin.write(data[:taken])
        process.stdin.flush()
        process.send_signal(number)
        _, stderr = process.communicate(data[taken:], timeout=600)
    assert list(judged(folder, new, number, process.returncode, stderr.decode())) == []


def test_a_killed_process_leaves_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    np.save(tmp_path / "x.npy", np.ones(1 << 18))
    command = [PROGRAM, "forward", "relu", "--x", "x.npy", "-o", "a.npy", "-o", "pipe"]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        with (tmp_path / "pipe").open("rb") as pipe:
            assert pipe.read(1) == b"\x93"
            process.kill()
        assert process.wait() == -signal.SIGKILL
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe", "x.npy"]


def test_ctrl_c_ends_the_wait_for_a_pipe_without_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [PROGRAM, "forward", "relu", "--x", "pipe"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        waiting = Path(f"/proc/{process.pid}/wchan")
        while process.poll() is None and "wait_for_partner" not in waiting.read_text():
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        assert process.wait(600) == 130
        assert process.stderr
        assert process.stderr.read() == b""


def test_little_memory_is_said_so_or_suffices(large: tuple[Path, str, float]) -> None:
    # float64 softmax along axis 0 needs its line as a whole.
    run = ended(
        large[0],
        *("forward", "softmax", "--x", "x.npy", "-o", "soft.npy"),
        preexec_fn=limit(resource.RLIMIT_AS, 1 << 28),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert (run.returncode, run.stderr.count("\n")) in {(0, 0), (2, 1), (2, 2)}
    assert "fault" not in run.stderr
    assert (large[0] / "soft.npy").exists() == (run.returncode == 0)


def test_few_descriptors_are_said_so(tmp_path: Path) -> None:
    arguments = [word for k in range(40) for word in ("-o", f"{k}.npy")]
    run = ended(
        tmp_path,
        *("forward", "relu", "--x", "1", *arguments),
        preexec_fn=limit(resource.RLIMIT_NOFILE, 20),
    )
    assert run.returncode == 2
    assert run.stderr.endswith("Too many open files\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["dx.npy", "dx.json", "dx.csv", "dx.npz"])
def test_a_full_disk_leaves_the_old_file(large: tuple[Path, str, float], file: str) -> None:
    disk = large[0] / "disk"
    disk.mkdir(exist_ok=True)
    # Only the superuser, or one in a namespace of their own, may mount a disk.
    script = f"""
        mount -t tmpfs -o size=1m tmpfs {disk} || exit 77
        cd {disk}
        echo old > {file}
        {PROGRAM} backward sigmoid --x ../x.npy -o {file}
        echo "status $?"
        cat * .[!.]* 2>/dev/null
    """
    run = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if "status" not in run.stdout:
        pytest.skip(f"no disk can be mounted here: {run.stderr.strip()}")
    assert run.stderr == f"actgrad: {file}: No space left on device\n"
    assert run.stdout == "status 2\nold\n"


def test_two_writers_of_one_file_leave_one_of_them(large: tuple[Path, str, float]) -> None:
    folder = large[0]
    runs = [
        subprocess.Popen([PROGRAM, "forward", name, "--x", "x.npy", "-o", "two.npy"], cwd=folder)
        for name in ("relu", "identity")
    ]
    assert [run.wait(600) for run in runs] == [0, 0]
    x, written = np.load(folder / "x.npy"), np.load(folder / "two.npy")
    assert np.array_equal(written, x) or np.array_equal(written, np.maximum(x, 0))
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("flag", [{}, {"PYTHONOPTIMIZE": "2"}], ids=["", "optimized"])
def test_modules_in_the_working_folder_are_not_run(tmp_path: Path, flag: dict[str, str]) -> None:
    for name in ("numpy", "json", "typing", "rich", "typer"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hostile')")
    run = ended(
        tmp_path, "backward", "relu", "--x", "[1,-2]", "-f", "json", env={**os.environ, **flag}
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_the_output_folder_may_vanish(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").mkdir()
    command = [PROGRAM, "forward", "relu", "--x", "pipe", "-o", "out/a.npy"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        with (tmp_path / "pipe").open("w") as pipe:
            (tmp_path / "out").rmdir()
            pipe.write("[1, 2]")
        assert process.wait(600) == 2
        assert process.stderr
        assert process.stderr.read() == "actgrad: out/a.npy: No such file or directory\n"


@pytest.mark.parametrize("change", ["truncated", "replaced"])
def test_an_input_that_changes_while_it_is_read(tmp_path: Path, change: str) -> None:
    x = np.ones(1 << 22, np.float32)
    np.save(tmp_path / "x.npy", x)
    os.mkfifo(tmp_path / "pipe")
    command = [PROGRAM, "forward", "sigmoid", "--x", "x.npy", "-o", "pipe"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        with (tmp_path / "pipe").open("rb") as pipe:
            pipe.read(1000)
            if change == "truncated":
                os.truncate(tmp_path / "x.npy", 1 << 20)
            else:
                np.save(tmp_path / "y.npy", x)
                (tmp_path / "y.npy").replace(tmp_path / "x.npy")
            rest = len(pipe.read())
        assert process.stderr
        message = process.stderr.read()
        assert process.wait(600) == (2 if change == "truncated" else 0)
    assert ("cut short" in message) == (change == "truncated")
    assert (rest < x.nbytes - 1000) == (change == "truncated")
