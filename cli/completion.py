"""What the shell completes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


def complete_layer(incomplete: str) -> list[str]:
    """The names of the layers that begin so."""
    return sorted(name for name in layer_names() if name.startswith(incomplete))


def layer_names() -> Iterator[str]:
    """The catalogue's names, read in its source: importing it would import NumPy."""
    package = find_spec("actgrad.layers")
    for folder in (package and package.submodule_search_locations) or ():
        for file in Path(folder).rglob("*.py"):
            for statement in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(statement, ast.ClassDef):
                    yield from stated_name(statement)


def stated_name(statement: ast.ClassDef) -> Iterator[str]:
    """The text that the class body assigns to `name`, if it does."""
    for part in statement.body:
        match part:
            case ast.Assign(targets=[ast.Name("name")], value=ast.Constant(str(name))):
                yield name
