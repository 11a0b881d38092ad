"""Every page shows what its commands print.

`python tests/test_docs.py` runs the commands of every page again and writes what they print.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
REGENERATE = "run `python tests/test_docs.py` to write what the commands print now"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
#: What stands between these comments is what the command in the first comment prints.
GENERATED = re.compile(r"<!-- (actgrad .*?) -->\n(.*?)<!-- end -->", re.DOTALL)
#: The files of the code, in docs/architecture.md.
TREE = re.compile(r"<!-- tree -->\n(.*?)<!-- end -->", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
#: The console blocks of recipes run in a copy of the project: tests/test_contributing.py.
RECIPES = ROOT / "CONTRIBUTING.md"
SVG = "actgrad graph sigmoid --x 1 -o"


def run(command: str, folder: Path, *programs: Path) -> str:
    """What a shell prints for a command; these programs and those beside Python come first."""
    hidden = {"COLUMNS", "FORCE_COLOR", "NO_COLOR"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    paths = [*map(str, programs), str(Path(sys.executable).parent), environment["PATH"]]
    environment["PATH"] = os.pathsep.join(paths)
    process = subprocess.run(
        ["bash", "-c", command],
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


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output that the page shows for it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def tree() -> str:
    """Every file of the code, by folder, with the first sentence of its docstring."""
    lines = []
    for top in ("layers", "cli"):
        folders = sorted({file.parent for file in (ROOT / top).rglob("*.py")})
        for folder in folders:
            lines.append(f"**{folder.relative_to(ROOT)}/** {sentence(folder / '__init__.py')}\n")
            for file in sorted(folder.glob("[!_]*.py")):
                lines.append(f"- `{file.name}`: {sentence(file)}")
            lines.append("")
    return "\n".join(lines)


def sentence(file: Path) -> str:
    """The first paragraph of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def replayed(text: str, folder: Path) -> str:
    """A page with the output of every command as it is now."""

    def console(block: re.Match[str]) -> str:
        parts = [f"$ {command}\n{run(command, folder)}" for command, _ in commands(block[1])]
        return f"```console\n{''.join(parts)}```"

    text = TREE.sub(lambda _: f"<!-- tree -->\n\n{tree()}\n<!-- end -->", text)
    text = CONSOLE.sub(console, text)
    return GENERATED.sub(
        lambda block: f"<!-- {block[1]} -->\n\n{run(block[1], folder)}\n<!-- end -->", text
    )


def name_of(page: Path) -> str:
    """The page's path from the project's root."""
    return str(page.relative_to(ROOT))


replayed_pages = pytest.mark.parametrize(
    "page", [page for page in PAGES if page != RECIPES], ids=name_of
)


@replayed_pages
def test_every_command_prints_what_the_page_shows(
    page: Path, warm_start: Path, tmp_path: Path
) -> None:
    text = page.read_text(encoding="utf-8")
    for block in CONSOLE.findall(text):
        for command, shown in commands(block):
            printed = run(command, tmp_path, warm_start)
            assert printed == shown, f"{name_of(page)}: `{command}` prints otherwise; {REGENERATE}"
    for command, shown in GENERATED.findall(text):
        printed = f"\n{run(command, tmp_path, warm_start)}\n"
        assert printed == shown, f"{name_of(page)}: `{command}` prints otherwise; {REGENERATE}"


def test_the_page_on_the_architecture_shows_the_tree() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (shown,) = TREE.findall(page)
    assert shown == f"\n{tree()}\n", f"docs/architecture.md: the tree is another; {REGENERATE}"


def test_the_picture_is_what_the_command_draws(tmp_path: Path) -> None:
    run(f"{SVG} sigmoid.svg", tmp_path)
    drawn = (tmp_path / "sigmoid.svg").read_text(encoding="utf-8")
    shown = (ROOT / "docs" / "sigmoid.svg").read_text(encoding="utf-8")
    assert drawn == shown, f"docs/sigmoid.svg: `{SVG}` draws otherwise; {REGENERATE}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), f"{name_of(page)} links to {link}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 12 * 1024


def python_examples() -> Iterator[object]:
    """The Python examples of every page but the recipes."""
    for page in PAGES:
        if page == RECIPES:
            continue
        for number, code in enumerate(PYTHON.findall(page.read_text(encoding="utf-8")), 1):
            yield pytest.param(code, id=f"{name_of(page)}-{number}")


@pytest.mark.parametrize("code", [*python_examples()])
def test_the_python_examples_run(code: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600, cwd=tmp_path)


def regenerate() -> None:
    """Write every page with what its commands print now."""
    run(f"{SVG} sigmoid.svg", ROOT / "docs")
    for page in PAGES:
        if page != RECIPES:
            with tempfile.TemporaryDirectory() as folder:
                text = replayed(page.read_text(encoding="utf-8"), Path(folder))
                page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    regenerate()
