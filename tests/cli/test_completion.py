"""Completion: what is completed, and the scripts of Bash and zsh."""

from __future__ import annotations

import os
import pty
import select
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from actgrad.cli.completion import (
    complete_checked,
    complete_framework,
    complete_layer,
    complete_target,
    known_layers,
)
from actgrad.layers import catalogue as catalogue_of_classes
from actgrad.layers.frameworks import FRAMEWORKS

Shell = Callable[[str], CompletedProcess[bytes]]


def test_the_source_text_tells_every_name_and_parameter() -> None:
    expected = {layer.name: tuple(layer.parameters) for layer in catalogue_of_classes()}
    assert known_layers() == expected


@pytest.mark.parametrize(
    ("incomplete", "completed"),
    [
        ("leaky", ["leaky_relu"]),
        ("leaky_relu:", ["leaky_relu:negative_slope="]),
        ("threshold:threshold=1,v", ["threshold:threshold=1,value="]),
        ("softmax:", ["softmax:axis="]),
        ("relu:", []),
        ("nope:", []),
    ],
)
def test_names_and_then_parameters_are_completed(incomplete: str, completed: list[str]) -> None:
    assert complete_layer(incomplete) == completed


def test_check_completes_python_files_beside_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.py", "mine.txt", "mi/layer.py", "mi/.hidden.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    assert complete_checked("mi") == ["mish", "mi/", "mine.py"]
    assert complete_checked("mi/") == ["mi/layer.py"]
    assert complete_checked(f"{tmp_path}/min") == [f"{tmp_path}/mine.py"]
    assert complete_checked("missing/") == []
    Path("mine.py").write_text(
        "raise SystemExit\ndef relu(x): ...\nclass Relu: ...\nclass _R: ...\n"
    )
    assert complete_checked("mine.py:") == ["mine.py:Relu", "mine.py:relu"]
    assert complete_checked("mine.py:R") == ["mine.py:Relu"]
    Path("mine.py").write_bytes(b"class \0")
    assert complete_checked("mine.py:") == complete_checked("missing.py:") == []


def test_targets_are_frameworks_and_python_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("task.py").write_text("def mish(x): ...\n")
    assert complete_framework("") == [*FRAMEWORKS]
    assert complete_target("") == [*FRAMEWORKS, "task.py"]
    assert complete_target("t") == ["torch", "task.py"]
    assert complete_target("task.py:") == ["task.py:mish"]
    assert complete_framework("n") == ["numpy"]


@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("actgrad forward leaky", ["leaky_relu"]),
        ("actgrad forward leaky_relu:", ["negative_slope="]),
        ("actgrad forward threshold:threshold=1,v", ["1,value="]),
        ("actgrad forward --x '[1, 2]' sigm", ["sigmoid"]),
        ("actgrad exp", ["explain"]),
        ("actgrad verify gelu --run onnx", ["onnxruntime"]),
        ("actgrad help ", []),
    ],
)
def test_bash_gets_what_stands_behind_its_last_word_break(
    line: str, replies: list[str], shell: Shell
) -> None:
    ended = shell(
        f'eval "$(_ACTGRAD_COMPLETE=source_bash actgrad)"; COMP_LINE="{line}";'
        " COMP_POINT=${#COMP_LINE}; _actgrad_completion actgrad 2>/dev/null;"
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert ended.stdout.decode().split() == replies


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_the_first_tab_in_a_new_zsh_completes(
    program: str, environment: dict[str, str], tmp_path: Path
) -> None:
    path = os.pathsep.join([str(Path(program).parent), environment["PATH"]])
    env = environment | {"HOME": str(tmp_path), "PATH": path, "TERM": "dumb", "PS1": "> "}
    process, terminal = pty.fork()
    if not process:
        os.execvpe("zsh", ["zsh", "-f", "-i"], env)
    shown = b""

    def type_and_wait_for(text: str, answer: bytes) -> None:
        nonlocal shown
        os.write(terminal, text.encode())
        while answer not in shown and select.select([terminal], [], [], 600)[0]:
            shown += os.read(terminal, 1 << 16)

    (tmp_path / ".zfunc").mkdir()
    setup = "_ACTGRAD_COMPLETE=source_zsh actgrad > ~/.zfunc/_actgrad; fpath+=~/.zfunc;"
    type_and_wait_for(f"{setup} autoload -Uz compinit; compinit -u; echo rea''dy\n", b"ready")
    type_and_wait_for("actgrad forward leaky_r\t", b"leaky_relu")
    os.write(terminal, b"\x15exit\n")
    os.close(terminal)
    os.waitpid(process, 0)
    assert b"leaky_relu" in shown
