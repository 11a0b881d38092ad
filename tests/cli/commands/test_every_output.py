"""`-f` and `-o` mean the same in every command that answers with something."""

from __future__ import annotations

import os
import pty
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from actgrad.cli.options import (
    ArrayFormat,
    CheckFormat,
    GraphFormat,
    ReportFormat,
    VerificationFormat,
)

Run = Callable[..., CompletedProcess[bytes]]

COMMANDS: dict[str, Iterable[str]] = {
    "forward relu --x [1,-2]": ArrayFormat,
    "backward relu --x [1,-2]": ArrayFormat,
    "sample relu -n 5": ArrayFormat,
    "graph relu --x 1": GraphFormat,
    "explain relu": ReportFormat,
    "plot relu": ["table", "json", "svg"],
    "check relu --x [1,-2]": CheckFormat,
    "layers": ReportFormat,
    "verify relu --x [1,-2] --out [1,0]": VerificationFormat,
}
SUFFIXES = {"markdown": ".md", "mermaid": ".mmd", "table": ".txt"}
EVERY = [
    (command, form)
    for command, formats in COMMANDS.items()
    for form in formats
    if not (form == "table" and formats is ArrayFormat)  # it shows large arrays in part
]


@pytest.mark.parametrize(("command", "form"), EVERY)
def test_a_file_holds_what_f_prints(command: str, form: str, actgrad: Run, tmp_path: Path) -> None:
    file = "answer" + SUFFIXES.get(form, f".{form}")
    printed = actgrad(*command.split(), "-f", form)
    written = actgrad(*command.split(), "-o", file)
    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, b"")
    assert printed.stdout
    if form != "npz":  # the archive of a pipe has its sizes behind the data
        assert (tmp_path / file).read_bytes() == printed.stdout
    if form == "json":
        assert actgrad(*command.split(), "-f", form, "-o", "-").stdout == printed.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_several_files_are_written_whole_or_not_at_all(
    command: str, actgrad: Run, tmp_path: Path
) -> None:
    refused = actgrad(*command.split(), "-o", "a.json", "-o", "missing/b.json")
    assert refused.stderr == b"actgrad: missing/b.json: No such file or directory\n"
    assert (refused.returncode, list(tmp_path.iterdir())) == (2, [])
    twice = actgrad(*command.split(), "-o", "a.json", "-o", "./a.json")
    assert twice.stderr == b"actgrad: -o: ./a.json would be written twice\n"
    both = actgrad(*command.split(), "-o", "a.json", "-o", "b.json", "-f", "json")
    assert (both.returncode, both.stdout) == (0, b"")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes() != b""


@pytest.mark.parametrize(
    "command",
    [
        "check relu --x 1",
        "check relu gelu --x 1",
        "diagnose relu --x [1,-2]",
        "verify relu --x [1] --out [1]",
    ],
)
def test_the_verdict_of_a_report_in_a_file_is_told_on_stderr(command: str, actgrad: Run) -> None:
    printed = actgrad(*command.split())
    last = printed.stdout.splitlines()[-1]
    written = actgrad(*command.split(), "-o", "a.json", "-o", "b.md")
    assert written.stderr == b"actgrad: " + last + b"; the report is in a.json and b.md\n"
    assert (printed.stderr, written.returncode) == (b"", printed.returncode)
    assert actgrad(*command.split(), "-o", "a.json", "-o", "/dev/null").stderr == b""


@pytest.mark.parametrize("command", COMMANDS)
def test_devices_are_written_to_and_no_suffix_is_guessed(command: str, actgrad: Run) -> None:
    assert actgrad(*command.split(), "-o", "/dev/null").returncode == 0
    assert actgrad(*command.split(), "-o", "a.xyz").stderr.decode().splitlines()[0] == (
        "actgrad: a.xyz: neither its suffix nor -f names a file's format"
    )
    full = actgrad(*command.split(), "-f", "json", "-o", "/dev/full")
    assert full.stderr == b"actgrad: /dev/full: No space left on device\n"
    unknown = actgrad(*command.split(), "-f", "xyz")
    assert b"'--format' / '-f': 'xyz' is not one of 'table', 'json'" in unknown.stderr


@pytest.mark.parametrize("command", ["explain relu", "check relu --x 1", "layers"])
def test_a_text_has_no_arrays_to_pick(command: str, actgrad: Run) -> None:
    assert actgrad(*command.split(), "-o", "dx=a.json").stderr.decode().splitlines() == [
        f"actgrad: -o: {command.split()[0]} gives no array 'dx'",
        "         write it as -o FILE, or -o ./NAME=FILE",
    ]


@pytest.mark.parametrize("command", ["forward", "backward", "verify --out 1"])
def test_a_shape_is_refused_where_no_data_are_raw(command: str, actgrad: Run) -> None:
    refused = actgrad(*command.split(), "relu", "--x", "[1,2]", "--shape", "2")
    assert refused.stderr == b"actgrad: --shape is that of raw data, which a .bin file holds\n"
    assert refused.returncode == 2


def test_a_refused_format_stops_verify_before_it_reads(actgrad: Run) -> None:
    ended = actgrad("verify", "relu", "--x", "-", "--out", "-", "-o", "a.svg")
    assert ended.stderr.startswith(b"actgrad: a.svg: ")


def test_f_must_fit_a_file_of_o(actgrad: Run, tmp_path: Path) -> None:
    command = ["forward", "relu", "--x", "1", "-f", "csv", "-o", "x.json"]
    refused = actgrad(*command)
    assert refused.returncode == 2
    assert refused.stderr.startswith(b"actgrad: -f csv and -o x.json contradict each other")
    assert (
        actgrad(
            *["forward", "relu", "--x", "1", "-f", "csv", "-o", "x.json", "-o", "plain"]
        ).returncode
        == 0
    )
    assert (tmp_path / "plain").read_bytes().startswith(b"x,mask,out\n")


def test_formats_for_programs_are_utf_8_in_any_locale(actgrad: Run) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    for form in ("json", "markdown"):
        printed = actgrad("explain", "sigmoid", "-f", form, env=ascii_only).stdout
        assert printed == actgrad("explain", "sigmoid", "-f", form).stdout
        assert "∂" in printed.decode()


def test_prose_errors_and_help_are_ascii_where_the_locale_is(actgrad: Run) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    assert b"mathematiques" in actgrad("explain", "sigmoid", env=ascii_only).stdout
    refused = actgrad(
        *["verify", "relu", "--x", "1", "--out", "1", "--max-ulp", "-1"], env=ascii_only
    )
    assert refused.stderr == b"actgrad: --max-ulp is -1, but must be >= 0\n"
    assert actgrad("backward", "--help", env=ascii_only).stdout.isascii()


def test_a_table_on_a_terminal_is_coloured_and_in_a_file_it_is_not(
    actgrad: Run, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    actgrad("layers", "-o", "layers.txt", "-o", os.ttyname(theirs), env={"TERM": "xterm"})
    os.close(theirs)
    shown = b""
    while b"\x1b[" not in shown:
        shown += os.read(ours, 1 << 16)  # an error at the end of what was shown
    os.close(ours)
    assert b"\x1b[" not in (tmp_path / "layers.txt").read_bytes()
