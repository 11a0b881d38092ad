"""The installed command as a process: streams, pipes, signals and exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import actgrad

Run = Callable[..., CompletedProcess[bytes]]
Shell = Callable[[str], CompletedProcess[bytes]]
LARGE = 1 << 18


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0, -0.5], [-2.0, 3.0]]))
    np.save(tmp_path / "large.npy", np.ones(LARGE))


def stray(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"x.npy", "large.npy"}


def refusal(ended: CompletedProcess[bytes]) -> list[str]:
    """The lines of an error: one, or two with a hint; and nothing on stdout."""
    assert ended.returncode == 2
    assert ended.stdout == b""
    lines = ended.stderr.decode().splitlines()
    assert lines[0].startswith("actgrad: ")
    assert all(line.startswith("         ") for line in lines[1:])
    assert len(lines) <= 2
    return [line[9:] for line in lines]


def test_done_is_0_and_says_nothing_on_stderr(actgrad: Run) -> None:
    ended = actgrad("forward", "relu", "--x", "[[1,-0.5],[-2,3]]", "-f", "json")
    assert (ended.returncode, ended.stderr) == (0, b"")
    arrays = json.loads(ended.stdout)["arrays"]
    assert arrays["mask"]["data"] == [[False, True], [True, False]]
    assert arrays["out"]["data"] == [[1, 0], [0, 3]]


def test_the_default_dout_is_ones(actgrad: Run) -> None:
    ended = actgrad("backward", "relu", "--x", "[1, -2]", "-f", "csv")
    assert (
        ended.stdout
        == b"axis0,x,mask,out,dout,dx\n0,1.0,False,1.0,1.0,1.0\n1,-2.0,True,0.0,1.0,0.0\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("forward nope --x 1", "no layer is called 'nope'"),
        (
            "forward leaky_relu:slope=1 --x 1",
            "leaky_relu has no parameter 'slope'",
        ),
        (
            "forward leaky_relu:negative_slope=x --x 1",
            "leaky_relu: negative_slope is 'x', which is not a number",
        ),
        ("forward relu --x 1 --nope", "no such option: --nope"),
        ("forward relu", "missing option '--x'"),
        ("forward --x 1", "missing argument 'LAYER...'"),
        ("forward relu --x", "option '--x' requires an argument"),
        ("forward relu --x 1 --grad 2", "no such option: --grad"),
        ("forward relu --x 1 2 3", "no layer is called '2'"),
        ("help nope", "no such command 'nope'"),
        ("nope", "no such command 'nope'"),
        ("forward relu --x 1 -f xml", "invalid value for '--format' / '-f': 'xml' is not one of"),
        (
            "forward relu --x 1 --threads two",
            "invalid value for '--threads': 'two' is not a whole number",
        ),
        ("backward relu --x 1 --order 3", "invalid value for '--order': 3 is not from 1 to 2"),
        ("forward relu --x 1 --dtype int8", "invalid value for '--dtype': 'int8' is not one of"),
        ("forward relu --x missing.npy", "missing.npy: No such file or directory"),
        ("forward relu --x [1,[2]]", "--x: the rows differ: row 1 has 1 number, row 0 is a number"),
        ("backward relu --x [1,2] --dout [1,2,3]", "dout has shape (3,), but relu's out has (2,)"),
        ("backward relu --x - --dout 1", "standard input ended without an array for --x"),
        ("forward relu --x 1 -o missing/a.npy", "missing/a.npy: No such file or directory"),
        ("forward relu --x 1 -o a.npy -o /dev/full", "/dev/full: No space left on device"),
    ],
)
def test_not_done_is_2_with_a_line_or_two(
    arguments: str, message: str, actgrad: Run, tmp_path: Path
) -> None:
    assert refusal(actgrad(*arguments.split()))[0].startswith(message)
    assert stray(tmp_path) == set()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["forward", "relu", "--x", "1", "2", "3"], "put the numbers of --x in quotes: --x "),
        (["forward", "relu", "--x", "1", "-0.5e3"], "no such option: -0"),
        (["forward", "relu", "--x"], "actgrad forward --help"),
        (["forward", "relu", "-x", "1"], "did you mean --x?"),
        (
            ["forward", "-exp(x)", "--x", "1"],
            "put an expression that begins with - in parentheses: '(-",
        ),
        (["forward", "relu sigmoid", "--x", "1"], "write relu sigmoid as two arguments"),
        (["graph", "relu,sigmoid"], "write relu sigmoid as two arguments"),
        (["sample", "relu, gelu,tanh"], "write relu gelu tanh as separate arguments"),
        (["backward", "relu", "--x", "1", "--grad", "2"], "did you mean --dout?"),
        (["explain", "relu", "sigmoid"], "explain takes one layer; actgrad graph draws a chain"),
        (["layers", "sigmoid"], "layers takes no layer; actgrad explain LAYER describes one"),
        (["version"], "actgrad --version shows it"),
        (["forward", "relu", "--x", "1", "--dout", "2"], "--dout is an option of actgrad backward"),
        (["forward", "relu", "--x", "1", "--grad", "2"], "--dout is an option of actgrad backward"),
    ],
    ids=" ".join,
)
def test_a_mistake_that_many_make_is_answered_by_what_to_type(
    arguments: list[str], hint: str, actgrad: Run
) -> None:
    assert any(line.startswith(hint) for line in refusal(actgrad(*arguments)))


@pytest.mark.parametrize("command", ["", "forward", "verify", "layers"])
def test_h_and_help_are_the_help(command: str, actgrad: Run) -> None:
    words = command.split()
    shown = actgrad(*words, "--help")
    assert shown.returncode == 0
    assert b"Usage: actgrad" in shown.stdout
    for arguments in ([*words, "-h"], ["help", *words]):
        assert actgrad(*arguments).stdout == shown.stdout


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_the_help_cuts_nothing_and_keeps_to_the_width(columns: str, actgrad: Run) -> None:
    commands = ["forward", "backward", "graph", "explain", "check", "sample", "verify", "layers"]
    for command in commands:
        text = actgrad(command, "--help", env={"COLUMNS": columns}).stdout.decode()
        assert "…" not in text
        assert not re.search(r"\bx *[<>]=|<=x", text)  # the numbers that an option takes, in words
        assert "..." not in text.replace("[LAYER...]", "").replace("LAYER...", "").replace(
            "PARAM=VALUE...", ""
        ).replace("param=value,...", "").replace("VALUE,...", "").replace("N,M,...", "")
        assert all(line == line.rstrip() for line in text.splitlines())
        # The files of `check` stand on one line.
        whole = [line for line in text.splitlines() if not re.search(r":\w+,\w+", line)]
        assert max(map(len, whole)) <= int(columns)
    overview = actgrad("--help", env={"COLUMNS": columns}).stdout
    assert b"..." not in overview.replace(b"[ARGS]...", b"")


def test_no_arguments_show_the_help(actgrad: Run) -> None:
    ended = actgrad()
    assert ended.returncode == 2
    assert b"backward" in ended.stdout
    assert ended.stderr == b""


def test_the_pipes_of_the_readme(shell: Shell) -> None:
    ended = shell(
        "set -o pipefail; cat x.npy | actgrad forward relu --x - -o -"
        " | actgrad backward sigmoid --x - -f json"
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    out = 1 / (1 + np.exp(-np.array([[1.0, 0], [0, 3]])))
    np.testing.assert_allclose(
        json.loads(ended.stdout)["arrays"]["dx"]["data"], out * (1 - out), rtol=1e-14
    )


def test_two_arrays_down_one_pipe(shell: Shell) -> None:
    ended = shell("cat x.npy x.npy | actgrad backward relu --x - --dout - -o -")
    np.testing.assert_array_equal(np.load(io.BytesIO(ended.stdout)), [[1, 0], [0, 3]])


def test_an_archive_down_a_pipe(shell: Shell) -> None:
    ended = shell(
        "actgrad backward relu --x x.npy -o all.npz -o dx=one.npz;"
        "cat one.npz | actgrad forward relu --x - -f csv;"
        "cat all.npz | actgrad forward relu --x -"
    )
    assert ended.stdout.startswith(b"axis0,axis1,x,mask,out\n0,0,1.0,False,1.0\n")
    assert ended.stderr.decode().splitlines() == [
        "actgrad: standard input holds x, mask, out, dout, dx: which one?",
        "         FILE.npz:NAME names it",
    ]


@pytest.mark.parametrize(
    "command",
    [
        *(
            f"backward relu --x large.npy -f {form}"
            for form in ("json", "csv", "npy", "npz", "table")
        ),
        "forward relu --x large.npy -o -",
        "forward relu --x large.npy -o a.npy -o /dev/stdout",
        "layers",
        "layers -f json",
        "--help",
        "--version",
    ],
)
def test_a_reader_that_leaves_ends_it_silently(command: str, actgrad: Run, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = actgrad(*command.split(), stdout=writing)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (-signal.SIGPIPE, b"")
    assert stray(tmp_path) == set()


def test_head(shell: Shell) -> None:
    ended = shell("actgrad forward relu --x large.npy -f csv | head -n 2")
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        0,
        b"axis0,x,mask,out\n0,1.0,False,1.0\n",
        b"",
    )


@pytest.mark.parametrize(
    "command",
    [
        *(f"forward relu --x 1 -f {form}" for form in ("json", "csv", "npy", "npz", "table")),
        "forward relu --x 1 -o -",
        "layers",
        "layers -f json",
        "--help",
        "--version",
    ],
)
def test_a_full_disk_under_stdout(command: str, actgrad: Run) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = actgrad(*command.split(), stdout=full)
    assert ended.returncode == 2
    assert ended.stderr == b"actgrad: standard output: No space left on device\n"


@pytest.mark.parametrize("command", ["-f json", "-f npy", "-f table", "-o -"])
def test_a_closed_stdout(command: str, shell: Shell) -> None:
    ended = shell(f"actgrad forward relu --x 1 {command} >&-")
    assert (ended.returncode, ended.stderr) == (2, b"actgrad: standard output is closed\n")


def test_a_file_needs_no_stream_at_all(shell: Shell, tmp_path: Path) -> None:
    assert shell("actgrad forward relu --x [1,-2] -o a.npy <&- >&- 2>&-").returncode == 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), [1, 0])
    assert stray(tmp_path) == {"a.npy"}


def test_the_status_tells_where_stderr_cannot(shell: Shell, tmp_path: Path) -> None:
    assert (
        shell("actgrad forward relu --x 1 -o a.npy -o missing/a.npy <&- >&- 2>&-").returncode == 2
    )
    for unbuffered in ("", "1"):
        assert shell(f"PYTHONUNBUFFERED={unbuffered} actgrad nope 2>/dev/full").returncode == 2
    assert stray(tmp_path) == set()


def test_a_closed_stdin(shell: Shell) -> None:
    ended = shell("actgrad forward relu --x - <&-")
    assert refusal(ended) == ["--x is -, but standard input is closed"]


def test_a_limit_on_the_size_of_files(shell: Shell, tmp_path: Path) -> None:
    ended = shell("ulimit -f 1000; actgrad forward relu --x large.npy -o large.npy")
    assert refusal(ended) == ["large.npy: File too large"]
    np.testing.assert_array_equal(np.load(tmp_path / "large.npy"), np.ones(LARGE))
    assert stray(tmp_path) == set()


def test_the_input_may_be_the_output(actgrad: Run, tmp_path: Path) -> None:
    assert actgrad("forward", "relu", "--x", "x.npy", "-o", "x.npy").returncode == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), [[1, 0], [0, 3]])


def ended_by(error: str, *flags: str) -> CompletedProcess[bytes]:
    """What the program does when a command stops with that error."""
    script = f"import actgrad.cli as cli\ndef run(): raise {error}\ncli.run = run\ncli.main()"
    return subprocess.run(
        [sys.executable, *flags, "-c", script], capture_output=True, timeout=600, check=False
    )


def test_a_fault_of_ours_is_told_without_a_traceback() -> None:
    assert refusal(ended_by("ZeroDivisionError('a\\nb')")) == [
        "ZeroDivisionError: a\\nb",
        "this is a fault of actgrad; please report it",
    ]


def test_a_fault_of_ours_shows_its_traceback_to_a_developer() -> None:
    ended = ended_by("ZeroDivisionError", "-X", "dev")
    assert ended.returncode == 1
    assert b"Traceback" in ended.stderr


def test_too_little_memory() -> None:
    assert refusal(ended_by("MemoryError")) == ["there is not enough memory for these arrays"]


def test_an_interrupt_says_nothing() -> None:
    ended = ended_by("KeyboardInterrupt")
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_decides_the_status_whatever_error_it_leads_to(name: str) -> None:
    script = f"""if True:
        import os, signal
        import actgrad.cli as cli

        def run():
            try:
                os.kill(os.getpid(), signal.{name})
            except BaseException:
                raise ImportError("numpy was interrupted") from None

        cli.run = run
        cli.main()"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=600, check=False
    )
    status = 128 + getattr(signal, name)
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, b"", b"")


@pytest.fixture
def started(
    program: str, environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.Popen[bytes]]:
    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [program, *arguments],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def stopped(process: subprocess.Popen[bytes], by: signal.Signals) -> None:
    process.send_signal(by)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, out, err) == (128 + by, b"", b"")


stop = pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


@stop
def test_stopped_while_it_waits_for_input(
    started: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, by: signal.Signals
) -> None:
    os.mkfifo(tmp_path / "pipe")
    process = started("forward", "relu", "--x", "pipe", "-o", "a.npy")
    with (tmp_path / "pipe").open("wb"):  # opens once it is being read
        stopped(process, by)
    assert stray(tmp_path) == {"pipe"}


@stop
def test_stopped_while_it_writes(
    started: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, by: signal.Signals
) -> None:
    os.mkfifo(tmp_path / "pipe")
    process = started("forward", "relu", "--x", "large.npy", "-o", "a.npy", "-o", "pipe")
    with (tmp_path / "pipe").open("rb") as pipe:  # opens once it is being written to
        assert pipe.read(1) == b"\x93"
        stopped(process, by)
    assert stray(tmp_path) == {"pipe"}


def on_terminal(actgrad: Run, *arguments: str) -> tuple[int, bytes]:
    """The status, and what the terminal that stdout and stderr are was sent."""
    ours, theirs = pty.openpty()
    ended = actgrad(*arguments, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as screen, suppress(OSError):  # Linux: EIO at its end
        while part := screen.read(4096):
            shown += part
    return ended.returncode, shown


@pytest.mark.parametrize("text", [b"[1,-2]\n", b"[[1, -2], [3, 4]]\n"])
def test_one_end_of_file_ends_an_array_that_is_typed(text: bytes, actgrad: Run) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, text + b"\x04")  # a Ctrl-D
    ended = actgrad("forward", "relu", "--x", "-", "-f", "csv", stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (0, 1)
    assert b"-2.0,True,0.0" in ended.stdout


@pytest.mark.parametrize(
    "arguments", ["-f npy", "-f npz", "-o -", "-o /dev/stdout", "-o a.npy -o -"]
)
def test_bytes_are_not_written_to_a_terminal(arguments: str, actgrad: Run, tmp_path: Path) -> None:
    status, shown = on_terminal(actgrad, "forward", "relu", "--x", "1", *arguments.split())
    assert status == 2
    assert b"NUMPY" not in shown
    assert b"is not written to a terminal\r\n" in shown
    assert stray(tmp_path) == set()


def test_text_is_written_to_a_terminal(actgrad: Run) -> None:
    status, shown = on_terminal(actgrad, "forward", "relu", "--x", "1", "-f", "csv")
    assert (status, shown) == (0, b"x,mask,out\r\n1.0,False,1.0\r\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["forward", "relu", "--x", "{}.npz"],
        ["forward", "relu", "--x", "{}.npz:{}?"],
        ["forward", "relu", "--x", "{}"],
        ["forward", "relu", "--x", "{}.npy"],
        ["forward", "relu", "--x", "1", "-o", "missing/{}.npy"],
        ["forward", "relu", "--x", "1", "-o", "{}"],
        ["forward", "{}", "--x", "1"],
        ["forward", "relu:{}", "--x", "1"],
        ["forward", "relu", "--x", "1", "--{}"],
        ["{}"],
    ],
    ids=" ".join,
)
def test_a_name_is_shown_as_text(arguments: list[str], actgrad: Run, tmp_path: Path) -> None:
    name = "\x1b[31m[red]\a\u202e[bold][b]"
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{name: np.ones(2), "b": np.ones(3)})
    (tmp_path / f"{name}.npz").write_bytes(file.getvalue())
    ended = actgrad(*(argument.replace("{}", name) for argument in arguments))
    refusal(ended)
    message = ended.stderr.decode()
    assert "[red]" in message
    assert "[bold]" in message
    assert all(char.isprintable() for char in message.replace("\n", ""))


@pytest.mark.parametrize("argument", [b"\xff\xfe", b"\xff.npy", b"[1, \xff]", b"a" * 100_000])
def test_arguments_that_are_no_text_or_endless(argument: bytes, actgrad: Run) -> None:
    for arguments in ([b"relu", b"--x", argument], [argument, b"--x", b"1"]):
        ended = actgrad(b"forward", *arguments)
        refusal(ended)
        assert len(ended.stderr) < 1000
        assert b"\\udc" not in ended.stderr  # a byte is shown as \xff


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb"},
        {"COLUMNS": "1"},
        {"COLUMNS": "none"},
        {"PYTHONUNBUFFERED": "1"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONDEVMODE": "1"},
        {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
    ],
    ids=str,
)
def test_any_surroundings(env: dict[str, str], actgrad: Run) -> None:
    for command in (
        "layers",
        "backward relu --x [1,nan,-2]",
        "backward relu --x [1,nan,-2] -f npz",
    ):
        ended = actgrad(*command.split(), env=env)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert b"relu" in ended.stdout or b"mask" in ended.stdout


def test_unbuffered_output_is_the_same(actgrad: Run) -> None:
    for form in ("npy", "csv", "json"):
        command = ["forward", "sigmoid", "--x", "x.npy", "-f", form]
        unbuffered = actgrad(*command, env={"PYTHONUNBUFFERED": "1"})
        assert unbuffered.stdout == actgrad(*command).stdout


@pytest.mark.parametrize(
    ("arguments", "env", "expected"),
    [
        (["--version"], {}, f"actgrad {actgrad.__version__}\n"),
        (["--help"], {}, "backward"),
        (["backward", "--help"], {}, "--dout"),
        (
            [],
            {"_ACTGRAD_COMPLETE": "complete_bash", "COMP_WORDS": "actgrad b", "COMP_CWORD": "1"},
            "backward\n",
        ),
        (
            [],
            {
                "_ACTGRAD_COMPLETE": "complete_bash",
                "COMP_WORDS": "actgrad forward re",
                "COMP_CWORD": "2",
            },
            "relu\n",
        ),
        (
            [],
            {
                "_ACTGRAD_COMPLETE": "complete_bash",
                "COMP_WORDS": "actgrad forward relu sig",
                "COMP_CWORD": "3",
            },
            "sigmoid\n",
        ),
    ],
    ids=["version", "help", "command help", "complete command", "complete layer", "complete chain"],
)
def test_what_computes_nothing_imports_no_numpy(
    arguments: list[str], env: dict[str, str], expected: str, actgrad: Run
) -> None:
    ended = actgrad(*arguments, env=env | {"PYTHONPROFILEIMPORTTIME": "1"})
    assert ended.returncode == 0
    assert expected in ended.stdout.decode()
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.decode().splitlines()}
    assert "typer" in imported
    assert not {"numpy", "mpmath", "actgrad.layers"} & imported


def test_completion_lists_every_layer(actgrad: Run) -> None:
    words = {
        "_ACTGRAD_COMPLETE": "complete_bash",
        "COMP_WORDS": "actgrad forward ",
        "COMP_CWORD": "2",
    }
    listed = json.loads(actgrad("layers", "-f", "json").stdout)["layers"]
    assert actgrad(env=words).stdout.decode().split() == sorted(layer["name"] for layer in listed)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_can_be_installed_in_every_shell(name: str, actgrad: Run) -> None:
    ended = actgrad(env={"_ACTGRAD_COMPLETE": f"source_{name}"})
    assert ended.returncode == 0
    assert f"complete_{name}" in ended.stdout.decode()


def test_a_broken_promise_of_memory_is_told(actgrad: Run, tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,)}\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    ended = actgrad("forward", "relu", "--x", "-", input=data)
    assert "standard input is cut short: " in refusal(ended)[0]
    alone = actgrad("forward", "softmax", "--x", "-", input=data)
    assert "promises 8 PB, more than this machine's memory" in refusal(alone)[0]
