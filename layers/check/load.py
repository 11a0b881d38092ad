"""Anyone's layer: a class, an object, a pair of functions, or the text that names one of them."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from actgrad.layers.activations import layer
from actgrad.layers.arrays import Array
from actgrad.layers.check.subject import Subject, copies, raised
from actgrad.layers.errors import ActgradError, ParameterError
from actgrad.layers.layer import Layer

#: `file.py:Class`, `package.module:Class` or `file.py:forward,backward`, and what follows a colon.
FOREIGN = re.compile(r"(?s)(.+?\.py|[\w.]+):(\w+(?:,\w+)?)(?::(.*))?")


class ForeignError(ActgradError):
    """There is no such file, module or name, or it is no layer."""


class Pair:
    """Two functions as a layer: forward(x), and backward(x, dout)."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        self._functions = forward, backward

    def forward(self, x: Array) -> Any:
        """The first function of x, which is kept."""
        self._x = x
        return self._functions[0](x)

    def backward(self, dout: Array) -> Any:
        """The second function of what was kept, and dout."""
        return self._functions[1](self._x, dout)


def subject(what: Any) -> Subject:
    """What is to be examined: a text as the command line takes it, a class, an object or a pair.

    Raises:
        UnknownLayerError, ParameterError: the catalogue has no such layer.
        ForeignError: there is no such file, module or name, or it is no layer.
        LayerRaisedError: it cannot be imported or made.
    """
    if isinstance(what, str):
        found = FOREIGN.fullmatch(what)
        if found is None or ("=" in what.partition(":")[2] and not found[3]):
            if what.endswith(".py"):
                raise ForeignError(f"{what} names no class in it", f"write {what}:Class")
            setup = f"from actgrad.layers import layer as named; layer = named({what!r})"
            made = layer(what)
            return Subject(str(made), copies(made), setup, made)
        return _named(what, found[1], found[2], found[3])
    if isinstance(what, tuple):
        names = ", ".join(one.__name__ for one in what)
        return Subject(names.replace(" ", ""), lambda: Pair(*what), f"{PAIR}; {_paired(names)}")
    if isinstance(what, type):
        return _made(what.__name__, what, {}, "")
    name = type(what).__name__
    _see_methods(name, what)
    reference = what if isinstance(what, Layer) else None
    setup = f"layer = ...  # the {name} that was given"
    return Subject(str(reference or name), copies(what), setup, reference)


#: What makes a layer of two functions.
PAIR = "from actgrad.layers.check.load import Pair"


def _paired(names: str) -> str:
    return f"layer = Pair({names})"


def _named(spec: str, place: str, names: str, parameters: str | None) -> Subject:
    is_file = place.endswith(".py")
    module = _import_file(place) if is_file else _import_module(place)
    found = [_attribute(module, place, name) for name in names.split(",")]
    names = names.replace(",", ", ")
    setup = f"from {Path(place).stem if is_file else place} import {names}; "
    if len(found) == 2:
        return Subject(spec, lambda: Pair(*found), f"{setup}{PAIR}; {_paired(names)}")
    values = dict(map(_value, parameters.split(","))) if parameters else {}
    return _made(spec, found[0], values, setup)


def _import_file(file: str) -> Any:
    path = Path(file)
    if not path.is_file():
        raise ForeignError(f"{file}: no such file")
    name = path.stem if path.stem not in sys.modules else f"_checked_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ForeignError(f"{file} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise raised(error, f"{file} cannot be imported") from error
    return module


def _import_module(name: str) -> Any:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise raised(error, f"{name} cannot be imported") from error


def _attribute(module: Any, place: str, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        from difflib import get_close_matches

        close = get_close_matches(name, [one for one in vars(module) if one[0] != "_"], n=1)
        raise ForeignError(
            f"{place} has no {name}", f"did you mean {close[0]}?" if close else None
        ) from None


def _value(pair: str) -> tuple[str, Any]:
    """One `param=value`: a Python literal, else a text."""
    key, equals, text = (part.strip() for part in pair.partition("="))
    if not (key and equals):
        raise ParameterError(f"{pair!r} is no parameter", "write file.py:Class:param=value")
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return key, text


def _made(name: str, maker: Any, parameters: dict[str, Any], setup: str) -> Subject:
    if not isinstance(maker, type):
        _see_methods(name, maker)
        return Subject(name, copies(maker), f"{setup}layer = {setup.split()[3].rstrip(';')}")

    def make() -> Any:
        try:
            return maker(**parameters)
        except ActgradError:
            raise
        except Exception as error:
            raise raised(error, f"{name} cannot be made") from error

    first = make()
    _see_methods(name, first)
    given = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    reference = first if isinstance(first, Layer) else None
    return Subject(name, make, f"{setup}layer = {maker.__name__}({given})", reference)


def _see_methods(name: str, found: Any) -> None:
    for method in ("forward", "backward"):
        if not callable(getattr(found, method, None)):
            raise ForeignError(
                f"{name} has no {method}", "a layer has forward(x) and backward(dout)"
            )
