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

from actgrad.layers.activations import layer as catalogue_layer
from actgrad.layers.arrays import Array
from actgrad.layers.check.subject import Subject, copy_maker, layer_error
from actgrad.layers.errors import ActgradError, LayerImportError, ParameterError
from actgrad.layers.layer import Layer

#: `file.py:Class`, `package.module:Class` or `file.py:forward,backward`, then `:param=value…`.
IMPORTED = re.compile(r"(?s)(.+?\.py|[\w.]+):(\w+(?:,\w+)?)(?::(.*))?")


class FunctionPair:
    """Two functions as a layer: forward(x), and backward(x, dout)."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        self._functions = forward, backward

    def forward(self, x: Array) -> Any:
        """The first function of x, which is kept."""
        self._x = x
        return self._functions[0](x)

    def backward(self, dout: Array) -> Any:
        """The second function of the x that was kept, and dout."""
        return self._functions[1](self._x, dout)


def load_subject(layer: Any) -> Subject:
    """The layer to examine: a text as the command line takes it, a class, an object or a pair.

    Raises:
        UnknownLayerError, ParameterError: the catalogue has no such layer.
        LayerImportError: there is no such file, module or name, or it is no layer.
        LayerRaisedError: it cannot be imported or made.
    """
    if isinstance(layer, str):
        match = IMPORTED.fullmatch(layer)
        if match and (match[3] or "=" not in layer.partition(":")[2]):
            return _imported(layer, match[1], match[2], match[3])
        if layer.endswith(".py"):
            raise LayerImportError(f"{layer} names no class in it", f"write {layer}:Class")
        setup = f"from actgrad.layers import layer as named; layer = named({layer!r})"
        made = catalogue_layer(layer)
        return Subject(str(made), copy_maker(made), setup, made)
    if isinstance(layer, tuple):
        names = [function.__name__ for function in layer]
        return _pair(",".join(names), layer, names, "")
    if isinstance(layer, type):
        return _from_class(layer.__name__, layer, {}, "")
    name = type(layer).__name__
    reference = layer if isinstance(layer, Layer) else None
    setup = f"layer = ...  # the {name} that was given"
    return _from_object(str(reference or name), layer, setup, reference)


def _imported(spec: str, place: str, names: str, parameters: str | None) -> Subject:
    is_file = place.endswith(".py")
    module = _import_file(place) if is_file else _import_module(place)
    name, *others = names.split(",")
    layer, *backward = (_attribute(module, place, each) for each in (name, *others))
    setup = f"from {Path(place).stem if is_file else place} import {', '.join([name, *others])}; "
    if backward:
        return _pair(spec, (layer, *backward), [name, *others], setup)
    if isinstance(layer, type):
        values = dict(map(_parameter, parameters.split(","))) if parameters else {}
        return _from_class(spec, layer, values, setup)
    return _from_object(spec, layer, f"{setup}layer = {name}")


def _pair(spec: str, functions: tuple[Any, ...], names: list[str], setup: str) -> Subject:
    pair = "from actgrad.layers.check import FunctionPair"
    setup = f"{setup}{pair}; layer = FunctionPair({', '.join(names)})"
    return Subject(spec, lambda: FunctionPair(*functions), setup)


def _from_object(name: str, layer: Any, setup: str, reference: Layer | None = None) -> Subject:
    _require_methods(name, layer)
    return Subject(name, copy_maker(layer), setup, reference)


def _from_class(name: str, cls: type, parameters: dict[str, Any], setup: str) -> Subject:
    def make() -> Any:
        try:
            return cls(**parameters)
        except ActgradError:
            raise
        except Exception as error:
            raise layer_error(error, f"{name} cannot be made") from error

    first = make()
    _require_methods(name, first)
    arguments = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    reference = first if isinstance(first, Layer) else None
    return Subject(name, make, f"{setup}layer = {cls.__name__}({arguments})", reference)


def _import_file(file: str) -> Any:
    path = Path(file)
    if not path.is_file():
        raise LayerImportError(f"{file}: no such file")
    name = path.stem if path.stem not in sys.modules else f"_checked_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LayerImportError(f"{file} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise layer_error(error, f"{file} cannot be imported") from error
    return module


def _import_module(name: str) -> Any:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise layer_error(error, f"{name} cannot be imported") from error


def _attribute(module: Any, place: str, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        from difflib import get_close_matches

        close = get_close_matches(name, [each for each in vars(module) if each[0] != "_"], n=1)
        raise LayerImportError(
            f"{place} has no {name}", f"did you mean {close[0]}?" if close else None
        ) from None


def _parameter(text: str) -> tuple[str, Any]:
    """One `param=value`: the value is a Python literal, else a text."""
    key, equals, value = (part.strip() for part in text.partition("="))
    if not (key and equals):
        raise ParameterError(f"{text!r} is no parameter", "write file.py:Class:param=value")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _require_methods(name: str, layer: Any) -> None:
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            raise LayerImportError(
                f"{name} has no {method}", "a layer has forward(x) and backward(dout)"
            )
