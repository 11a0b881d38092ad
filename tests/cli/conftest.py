"""The installed command as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

#: What a person's shell may set, and what changes how tables look.
LOOKS = {"COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TERM", "TTY_COMPATIBLE"}


@pytest.fixture(scope="session")
def program() -> str:
    """The path of the `actgrad` that belongs to this Python."""
    return str(Path(sys.executable).with_name("actgrad"))


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment without what changes how tables look."""
    return {name: value for name, value in os.environ.items() if name not in LOOKS}


@pytest.fixture
def actgrad(
    warm_start: Path, environment: dict[str, str], tmp_path: Path
) -> Callable[..., CompletedProcess[bytes]]:
    """Run `actgrad` with these arguments in tmp_path: its returncode, stdout and stderr."""

    def run(
        *arguments: str | bytes, env: dict[str, str] | None = None, **options: Any
    ) -> CompletedProcess[bytes]:
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run(
            [warm_start / "actgrad", *arguments],
            env=environment | (env or {}),
            cwd=tmp_path,
            timeout=600,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def shell(
    program: str, warm_start: Path, environment: dict[str, str], tmp_path: Path
) -> Callable[[str], CompletedProcess[bytes]]:
    """Run a bash script in tmp_path in which `actgrad` and `python` are those of this Python."""
    path = os.pathsep.join([str(warm_start), str(Path(program).parent), environment["PATH"]])

    def run(script: str) -> CompletedProcess[bytes]:
        return subprocess.run(
            ["bash", "-c", script],
            env=environment | {"PATH": path},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
            check=False,
        )

    return run
