"""The README shows what the commands print; `python tests/test_readme.py` writes it there anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
#: What stands between two comments is what the command in the first one prints.
GENERATED = re.compile(r"<!-- (actgrad .*?) -->\n(.*?)<!-- end -->", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def run(command: str, folder: Path) -> str:
    """What the shell shows of a command, with this environment's actgrad and python first."""
    scripts = str(Path(sys.executable).parent)
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"COLUMNS", "FORCE_COLOR", "NO_COLOR"}
    }
    environment["PATH"] = scripts + os.pathsep + environment["PATH"]
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout


def replay(block: str, folder: Path) -> str:
    """The block as it would look if its commands were typed now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{run(line[2:], folder)}" for line in commands)


def replayed(text: str, folder: Path) -> str:
    """The whole README with every console block and generated table made anew, in one folder."""
    text = CONSOLE.sub(lambda found: f"```console\n{replay(found[1], folder)}```", text)
    return GENERATED.sub(
        lambda found: f"<!-- {found[1]} -->\n\n{run(found[1], folder)}\n<!-- end -->", text
    )


def test_every_command_prints_what_the_readme_shows(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    anew = replayed(text, tmp_path)
    assert CONSOLE.findall(anew) == CONSOLE.findall(text)
    assert GENERATED.findall(anew) == GENERATED.findall(text) != []


@pytest.mark.parametrize("code", PYTHON.findall(README.read_text(encoding="utf-8")))
def test_the_python_examples_run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        README.write_text(replayed(README.read_text(encoding="utf-8"), Path(empty)), "utf-8")
