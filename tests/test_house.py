"""The rules that keep the code's folders and names in order; docs/architecture.md states them."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(file for folder in ("layers", "cli") for file in (ROOT / folder).rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}
#: English words that name nothing as a whole variable name.
EMPTY_NAMES = {"found", "told", "one", "some"}
#: The readings of a word bear the word's name.
READINGS = "layers/arithmetic/"


def place(file: Path, node: ast.AST | None = None) -> str:
    """Where a rule is broken: `layers/chain.py:12`."""
    line = getattr(node, "lineno", 1)
    return f"{file.relative_to(ROOT)}:{line}"


def module(file: Path) -> str:
    """The module's dotted name when it is installed."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    parts = parts[2:] if parts[:2] == ("cli", "root") else parts
    return ".".join(("actgrad", *parts))


PACKAGES = {module(file) for file in FILES if file.name == "__init__.py"}


def folder_of(file: Path) -> str:
    """The package that the file stands in."""
    return module(file) if file.name == "__init__.py" else module(file).rpartition(".")[0]


def imports(file: Path) -> Iterator[tuple[ast.ImportFrom, str]]:
    """Every import of the project's own modules, those inside functions included."""
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "actgrad":
            yield node, node.module or ""


MODULES = {module(file): file for file in FILES}


def test_layers_import_nothing_of_the_command_line() -> None:
    broken = [
        place(file, node)
        for file in FILES
        for node, name in imports(file)
        if file.is_relative_to(ROOT / "layers") and not name.startswith("actgrad.layers")
    ]
    assert broken == []


def test_a_folder_is_entered_by_its_package_only() -> None:
    broken = []
    for file in FILES:
        for node, name in imports(file):
            folder = name.rpartition(".")[0]
            inside = folder not in {"actgrad", "actgrad.layers", "actgrad.cli"}
            if name not in PACKAGES and inside and folder != folder_of(file):
                broken.append(f"{place(file, node)} imports from the inside of {folder}: {name}")
    assert broken == []


def room(file: Path) -> str:
    """The folder of a file; a file that stands beside the folders is a room of its own."""
    return module(file) if folder_of(file) in {"actgrad.layers", "actgrad.cli"} else folder_of(file)


def test_no_import_runs_in_a_circle() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for file in FILES:
        for node, name in imports(file):
            targets = {f"{name}.{alias.name}" for alias in node.names} | {name}
            files = {MODULES[target] for target in targets if target in MODULES}
            graph[room(file)] |= {room(target) for target in files} - {room(file)}
    # The two faces hand on what others define.
    faces = {"actgrad", "actgrad.layers", "actgrad.cli"}
    left = {name: targets - faces for name, targets in graph.items() if name not in faces}
    while free := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in free}
    assert left == {}


def test_a_public_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file, tree in TREES.items():
        for node in tree.body:
            is_definition = isinstance(node, ast.FunctionDef | ast.ClassDef)
            is_reading = place(file).startswith(READINGS)
            if is_definition and not node.name.startswith("_") and not is_reading:
                places[node.name].append(place(file, node))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_a_name_says_what_it_is() -> None:
    broken = []
    for file in [*FILES, *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    pass
                case ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                    pass
                case _:
                    continue
            if name in EMPTY_NAMES:
                broken.append(f"{place(file, node)}: {name}")
    assert broken == []


def test_files_and_functions_are_short() -> None:
    broken = []
    for file, tree in TREES.items():
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > 400 or (lines < 20 and not file.name.startswith("__")):
            broken.append(f"{place(file)} has {lines} lines")
        for node in ast.walk(tree):
            # A command's list of options is as long as it must be.
            if isinstance(node, ast.FunctionDef) and file.parent.name != "commands":
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > 50:
                    broken.append(f"{place(file, node)}: {node.name} has {size} lines")
    assert broken == []


def test_layers_name_no_option_of_the_command_line() -> None:
    broken = [
        place(file, node)
        for file, tree in TREES.items()
        if file.is_relative_to(ROOT / "layers")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"(?<![\w-])--[a-z]", node.value)
    ]
    assert broken == []


def test_what_differs_between_layers_is_asked_of_the_layer() -> None:
    kinds = re.compile(r"\b(Chain|AlongAxis|Elementwise)\b")
    broken = [
        f"{place(file, node)}: {ast.unparse(node)}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"isinstance", "issubclass"}
        and kinds.search(ast.unparse(node.args[1]))
    ]
    assert broken == []


def test_every_folder_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["setuptools"]["packages"]) == PACKAGES


def test_the_tests_mirror_the_code() -> None:
    tested = {path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    # Two folders hold what runs on the program as a whole.
    folders = {str(path.parent) for path in tested} - {".", "fuzz", "faults"}
    code = {str(file.parent.relative_to(ROOT)) for file in FILES}
    assert folders <= code
