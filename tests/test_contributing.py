"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the project.

A code block that follows a line such as `In layers/formula/words.py, add at the end:` is an edit; a
console block runs in the copy, and its output is compared.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REGENERATE = "run `python tests/test_contributing.py` to write what it prints now"
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^## (Add [^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
#: What a recipe says before a block: the file, and where in it the block goes.
STEP = re.compile(
    r"(?:(?:In|Make)\s+`([^`]+)`(?:,\s+after\s+the\s+line\s+`([^`]+)`)?[^\n`]*:\n\n```python\n(.*?)```"
    r"|```console\n(.*?)```)",
    re.DOTALL,
)


def edit(file: Path, anchor: str, code: str) -> None:
    """Write the code into the file: at its end, or after the line `anchor`."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if not anchor:
        file.write_text(f"{text}\n\n{code}" if text else code, encoding="utf-8")
        return
    lines = text.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.strip() == anchor]
    assert len(places) == 1, f"{file.name} has {len(places)} lines `{anchor}`"
    lines.insert(places[0] + 1, code)
    file.write_text("".join(lines), encoding="utf-8")


def copy_of_the_project(folder: Path) -> Path:
    """A package `actgrad` as the build makes it, with the tests beside it."""
    package = folder / "actgrad"
    shutil.copytree(ROOT / "cli" / "root", package)
    for name in ("cli", "layers"):
        shutil.copytree(ROOT / name, package / name, ignore=shutil.ignore_patterns("root"))
    shutil.copytree(ROOT / "tests", folder / "tests")
    return package


def run(command: str, folder: Path) -> str:
    """What a command prints in the copy, where `actgrad` and `pytest` are those of the copy."""
    aliases = 'actgrad() { python -m actgrad "$@"; }; pytest() { python -m pytest "$@"; }; '
    # The copy is no part of what a coverage run of these tests measures.
    hidden = ("COLUMNS", "COV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {
        "PATH": str(Path(sys.executable).parent) + os.pathsep + environment["PATH"],
        "PYTHONPATH": str(folder),
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    process = subprocess.run(
        ["bash", "-c", aliases + command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return process.stdout


def test_there_are_recipes() -> None:
    assert list(RECIPES) == ["Add an activation", "Add a word", "Add a command"]


def followed(recipe: str, folder: Path) -> Iterator[tuple[str, str, str]]:
    """Follow a recipe: each command, the output that the page shows, and what it prints."""
    package = copy_of_the_project(folder)
    for file, anchor, code, console in STEP.findall(recipe):
        if file:
            edit((folder if file.startswith("tests") else package) / file, anchor, code)
            continue
        for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            printed = run(command, folder)
            assert not re.search(r"Error|^actgrad: ", printed, re.MULTILINE), (
                f"{command}: {printed}"
            )
            yield command, shown, printed


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_recipe_works(recipe: str, tmp_path: Path) -> None:
    for command, shown, printed in followed(RECIPES[recipe], tmp_path):
        assert printed == shown, f"CONTRIBUTING.md: `{command}` prints otherwise; {REGENERATE}"


def regenerate() -> None:
    """Write the page with what the commands of its recipes print now."""
    page = PAGE
    for recipe in RECIPES.values():
        with tempfile.TemporaryDirectory() as folder:
            for command, shown, printed in followed(recipe, Path(folder)):
                page = page.replace(f"$ {command}\n{shown}", f"$ {command}\n{printed}")
    (ROOT / "CONTRIBUTING.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    regenerate()
