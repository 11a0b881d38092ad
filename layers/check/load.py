"""Anyone's layer: a class, an object, a pair of functions, or the text that names one of them."""

from __future__ import annotations

import ast
import inspect
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

from actgrad.layers.activations import catalogue
from actgrad.layers.activations import layer as catalogue_layer
from actgrad.layers.check.array_layer import FunctionPair, adapter_of, with_wrapper
from actgrad.layers.check.python_files import (
    METHODS,
    attribute_of,
    import_place,
    layer_names,
    layers_in,
)
from actgrad.layers.check.subject import Subject, copy_maker, layer_error
from actgrad.layers.errors import ActgradError, LayerImportError, ParameterError
from actgrad.layers.frameworks import is_torch
from actgrad.layers.layer import Layer

#: `file.py:Class`, `package.module:Class` or `file.py:forward,backward`, then `:param=value…`.
IMPORTED = re.compile(r"(?s)(.+?\.py|[\w.]+):(\w+(?:,\w+)?)(?::(.*))?")
#: Other tools' spellings: `file.py::Class`, as of a test, and `file.py:Class(3)`, as of a call.
DOUBLE_COLON = re.compile(r"(?s)(.+?\.py|[\w.]+)::(\w.*)")
CALL = re.compile(r"(?s)(.+?\.py|[\w.]+):(\w+)\((.*)\)")
#: `*args` and `**kwargs` are no parameters of a layer.
VARIABLE = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def layer_texts(text: str) -> list[str]:
    """The layers that a text names: all of a Python file or of a folder, else the text itself.

    Raises:
        LayerImportError: as `layers_in`.
    """
    is_folder = os.path.isdir(text) and text not in {cls.name for cls in catalogue()}
    return layers_in(text) if text.endswith((".py", "/")) or is_folder else [text]


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
        _refuse_other_spellings(layer)
        setup = f"from actgrad.layers import layer as named; layer = named({layer!r})"
        made = catalogue_layer(layer)
        return Subject(str(made), copy_maker(made), setup, made)
    if isinstance(layer, tuple):
        names = [function.__name__ for function in layer]
        return _pair(",".join(names), layer, names, "")
    if isinstance(layer, type):
        return _from_class(layer.__name__, layer, {}, "")
    reference = layer if isinstance(layer, Layer) else None
    name = str(reference) if reference else getattr(layer, "__name__", type(layer).__name__)
    setup = f"layer = ...  # the {name} that was given"
    return _from_object(name, layer, {}, setup, reference)


def _imported(spec: str, place: str, names: str, parameters: str | None) -> Subject:
    module = import_place(place, names)
    name, *others = names.split(",")
    layer, *backward = (attribute_of(module, place, each) for each in (name, *others))
    imported = Path(place).stem if place.endswith(".py") else place
    setup = f"from {imported} import {', '.join([name, *others])}; "
    if backward:
        return _pair(spec, (layer, *backward), [name, *others], setup)
    start = f"{place}:{name}:{_first_parameter(layer)}="
    values = dict(_parameter(each, start) for each in (parameters or "").split(",") if each)
    if isinstance(layer, type):
        return _from_class(spec, layer, values, setup)
    return _from_object(spec, layer, values, f"{setup}layer = {name}")


def _pair(spec: str, functions: tuple[Any, ...], names: list[str], setup: str) -> Subject:
    pair = "from actgrad.layers.check import FunctionPair"
    setup = f"{setup}{pair}; layer = FunctionPair({', '.join(names)})"
    return Subject(spec, lambda: FunctionPair(*functions), setup)


def _from_object(
    name: str, layer: Any, values: dict[str, Any], setup: str, reference: Layer | None = None
) -> Subject:
    """An object, or a function of PyTorch or JAX, with values for the function's parameters."""
    is_function = callable(layer) and not hasattr(layer, "backward")
    if not is_function or is_torch(layer, "nn.Module"):
        if values:
            raise ParameterError(f"{name}: an object takes no parameters")
        return _adapted(Subject(name, copy_maker(layer), setup, reference))
    if values:
        arguments = ", ".join(f"{key}={value!r}" for key, value in values.items())
        wrapper = f"from functools import partial; layer = partial(layer, {arguments})"
        setup = with_wrapper(setup, wrapper)
        layer = partial(layer, **values)
    return _adapted(Subject(name, lambda: layer, setup))


def _from_autograd_function(name: str, cls: Any, values: dict[str, Any], setup: str) -> Subject:
    """An `autograd.Function` of PyTorch, with values for what its forward takes besides x."""
    signature = inspect.signature(cls.forward)
    # Where the class states setup_context itself, forward takes no ctx.
    states_context = cls.setup_context.__module__.partition(".")[0] != "torch"
    first = [] if states_context else [None]
    try:
        bound = signature.bind(*first, None, **values)
    except TypeError as error:
        raise ParameterError(f"{name}: {error}") from None
    bound.apply_defaults()
    others = bound.args[len(first) + 1 :]
    text = "".join(f", {value!r}" for value in others)
    call = f"lambda x: {cls.__name__}.apply(x{text})" if others else f"{cls.__name__}.apply"
    function = (lambda x: cls.apply(x, *others)) if others else cls.apply
    return _adapted(Subject(name, lambda: function, f"{setup}layer = {call}"))


def _from_class(name: str, cls: type, parameters: dict[str, Any], setup: str) -> Subject:
    if is_torch(cls, "autograd.Function"):
        return _from_autograd_function(name, cls, parameters, setup)

    def make() -> Any:
        try:
            return cls(**parameters)
        except ActgradError:
            raise
        except (Exception, SystemExit) as error:
            raised = layer_error(error, f"{name} cannot be made")
            raised.hint = _constructor_hint(name, cls, parameters)
            raise raised from error

    first = make()
    arguments = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    reference = first if isinstance(first, Layer) else None
    statement = f"{setup}layer = {cls.__name__}({arguments})"
    return _adapted(Subject(name, make, statement, reference))


def _adapted(subject: Subject) -> Subject:
    """The subject, made a layer where it is none: a function, a module or a callable object.

    Raises:
        LayerImportError: it is no layer.
    """
    layer = subject.make()
    missing = [each for each in METHODS if not callable(getattr(layer, each, None))]
    if not missing:
        return subject
    adapter = adapter_of(layer)
    if adapter is None:
        raise LayerImportError(
            f"{subject.name} has no {missing[-1 if callable(layer) else 0]}",
            "a layer has forward(x) and backward(dout), or is of PyTorch or JAX",
        )
    package = adapter.__module__.rpartition(".")[0]
    wrapper = f"from {package} import {adapter.__name__}; layer = {adapter.__name__}(layer)"
    setup = with_wrapper(subject.setup, wrapper)
    return subject._replace(make=lambda: adapter(subject.make()), setup=setup)


def _parameter(text: str, start: str) -> tuple[str, Any]:
    """One `param=value`: the value is a Python literal, else a text.

    `start` is the layer's text up to a value.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not (key and equals):
        raise ParameterError(f"{text!r} is no parameter", f"write {start}{key or 'VALUE'}")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _parameters(cls: Any) -> dict[str, inspect.Parameter]:
    """What the constructor takes, by name; empty if Python does not know."""
    try:
        return dict(inspect.signature(cls).parameters)
    except (TypeError, ValueError):
        return {}


def _first_parameter(cls: Any) -> str:
    return next(iter(_parameters(cls)), "PARAM")


def _constructor_hint(name: str, cls: type, given: dict[str, Any]) -> str | None:
    """How to write the parameters that are missing, or which there are in place of unknown ones."""
    parameters = _parameters(cls)
    named = [key for key, each in parameters.items() if each.kind not in VARIABLE]
    missing = [key for key in named if parameters[key].default is inspect.Parameter.empty]
    missing = [key for key in missing if key not in given]
    if missing:
        values = [f"{key}={value!r}" for key, value in given.items() if key in parameters]
        values += [f"{key}=VALUE" for key in missing]
        return f"write {':'.join(name.split(':')[:2])}:{','.join(values)}"
    if given.keys() - parameters.keys() and len(named) == len(parameters):
        return f"its parameters are {', '.join(named)}" if named else "it has no parameters"
    return None


def _refuse_other_spellings(text: str) -> None:
    """Raise LayerImportError if the text names a layer in another tool's way."""
    if text.endswith(".py") and os.path.isfile(text):
        layers = layer_names(Path(text)) or ["CLASS"]
        hint = f"write {' or '.join(f'{text}:{each}' for each in layers)}"
        raise LayerImportError(f"{text} names no layer in it", hint)
    if text.endswith(".py"):
        raise LayerImportError(f"{text}: no such file")
    if match := DOUBLE_COLON.fullmatch(text):
        raise LayerImportError(f"{text} has two colons", f"write {match[1]}:{match[2]}")
    if match := CALL.fullmatch(text):
        place, name, arguments = match.groups()
        cls = attribute_of(import_place(place, name), place, name)
        values = ",".join(_as_parameters(arguments, [*_parameters(cls)]))
        hint = f"write {place}:{name}{':' * bool(values)}{values}"
        raise LayerImportError(f"{text} is a call: parameters stand after a colon", hint)


def _as_parameters(arguments: str, names: list[str]) -> list[str]:
    """The arguments of a call, each as `param=value`."""
    try:
        call = ast.parse(f"f({arguments})", mode="eval").body
    except SyntaxError:
        return ["PARAM=VALUE"]
    assert isinstance(call, ast.Call)
    names = [*names, *["PARAM"] * len(call.args)]
    positional = list(zip(names, call.args, strict=False))
    keywords = [(each.arg or "PARAM", each.value) for each in call.keywords]
    return [f"{name}={ast.unparse(value)}" for name, value in positional + keywords]
