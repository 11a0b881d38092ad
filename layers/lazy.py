"""Names that a package hands on, each imported at its first use."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

#: A line that imports names from a module; several lines stand in parentheses.
IMPORT = r"(?m)^ +from ([\w.]+) import ([^(\n]+|\([^)]*\))"


def lazy_attributes(package: str, file: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package that states what it hands on under `if TYPE_CHECKING:`.

    Type checkers read these imports, and so does this function, so that they are stated once:

    >>> if TYPE_CHECKING:
    ...     from actgrad.layers.run.regions import run_by_regions
    >>> __getattr__ = lazy_attributes(__name__, __file__)

    The result raises AttributeError for every name that is not stated there.
    """
    module_of: dict[str, str] = {}

    def attribute(name: str) -> Any:
        if not module_of:
            for match in re.finditer(IMPORT, Path(file).read_text(encoding="utf-8")):
                module_of.update(dict.fromkeys(re.findall(r"\w+", match[2]), match[1]))
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(module_of[name]), name)
        # Kept in the package, so that a name is looked up once.
        setattr(sys.modules[package], name, value)
        return value

    return attribute
