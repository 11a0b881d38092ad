"""Python files and modules that hold layers: what is in them, and how they are imported."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from actgrad.layers.check.subject import layer_error
from actgrad.layers.errors import LayerImportError

METHODS = ("forward", "backward")


def layers_in(place: str) -> list[str]:
    """Every layer of a Python file, or of the files in a folder and below, as a text each.

    The files are read, not run. A layer is a class or a pair of functions as in `layer_names`. A
    file of a folder that is no Python is a text itself.

    >>> layers_in("mine.py")
    ['mine.py:Sigmoid', 'mine.py:forward,backward']

    Raises:
        LayerImportError: there is no such file or folder, no layer in it, or the file is no Python.
    """
    path = Path(place)
    if not os.path.exists(path):
        raise LayerImportError(f"{place}: no such file")
    files = _python_files(path) if os.path.isdir(path) else [path]
    texts = []
    for file in files:
        try:
            texts += [f"{file}:{name}" for name in layer_names(file)]
        except LayerImportError:
            if file == path:
                raise
            # It is refused when it is loaded, and the other files are checked.
            texts.append(str(file))
    if not texts:
        hint = "a layer is a class with forward(x) and backward(dout)"
        raise LayerImportError(f"{place} holds no layer", hint)
    return texts


def layer_names(file: Path) -> list[str]:
    """The layers that a file defines: classes, and pairs of functions as `forward,backward`.

    A class has both methods; methods that only raise NotImplementedError are none. A module of
    PyTorch that needs no arguments has forward alone. The functions of a pair have the same name
    but for `forward` and `backward`, and take (x) and (x, dout). A function of JAX states its
    gradient by `custom_vjp` or `custom_jvp`.

    Raises:
        LayerImportError: the file is no Python.
    """
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        at = f"{file}:{line}" if line else f"{file}"
        raise LayerImportError(f"{at} is no Python: {error.args[0]}") from None
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    stated = [name for name, each in functions.items() if _states_gradient(each)]
    return [*_layer_classes(classes), *_layer_pairs(functions), *stated]


def import_place(place: str, layer: str) -> Any:
    """The module of a `file.py` or of a dotted name; `layer` is what is wanted of it.

    Raises:
        LayerImportError: there is no such file.
        LayerRaisedError: it raises an exception.
    """
    return _import_file(place, layer) if place.endswith(".py") else _import_module(place)


def attribute_of(module: Any, place: str, name: str) -> Any:
    """The attribute of a module that was imported from that place.

    Raises:
        LayerImportError: it has none of that name; the hint lists its layers.
    """
    try:
        return getattr(module, name)
    except AttributeError:
        pass
    from difflib import get_close_matches

    public = [each for each in vars(module) if each[0] != "_"]
    close = get_close_matches(name, public, n=1)
    source = getattr(module, "__file__", None)
    layers = layer_names(Path(source)) if source and source.endswith(".py") else []
    hints = [f"did you mean {close[0]}?"] if close else []
    hints += [f"its layers are {' '.join(layers)}"] if layers else []
    raise LayerImportError(f"{place} has no {name}", " ".join(hints) or None)


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        inner = path.relative_to(folder).parts
        if not any(part.startswith((".", "__pycache__")) for part in inner):
            yield path


def _layer_classes(classes: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    for name, node in classes.items():
        methods = _methods(node, classes)
        from_elsewhere = any(ast.unparse(base) not in {*classes, "object"} for base in node.bases)
        has_both = all(method in methods for method in METHODS)
        by_base = from_elsewhere and ("backward" in methods or _is_module(node, methods))
        if name.startswith("_") or not (has_both or by_base):
            continue
        if not any(_is_abstract(methods[each]) for each in METHODS if each in methods):
            yield name


def _methods(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> dict[str, ast.stmt]:
    """The class's own methods and those of its bases in the same file, by name."""
    others = {name: each for name, each in classes.items() if name != node.name}
    methods: dict[str, ast.stmt] = {}
    for base in reversed(node.bases):
        methods |= _methods(others[name], others) if (name := ast.unparse(base)) in others else {}
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                methods[name] = statement
    return methods


def _is_module(node: ast.ClassDef, methods: Mapping[str, ast.stmt]) -> bool:
    """Whether a class is a module of PyTorch with a forward of x, made without arguments."""
    is_module = any(ast.unparse(base).rpartition(".")[2] == "Module" for base in node.bases)
    made = methods.get("__init__")
    return (
        is_module and _required(methods.get("forward")) == 2 and (not made or _required(made) == 1)
    )


def _required(method: ast.stmt | None) -> int:
    """How many positional arguments a method needs, self included; 0 if it is none."""
    if not isinstance(method, ast.FunctionDef):
        return 0
    return len(method.args.args) - len(method.args.defaults)


def _states_gradient(function: ast.FunctionDef) -> bool:
    """Whether a function of one array is decorated as one that states its gradient in JAX."""
    decorators = {ast.unparse(each).rpartition(".")[2] for each in function.decorator_list}
    return bool(decorators & {"custom_vjp", "custom_jvp"}) and _required(function) == 1


def _is_abstract(method: ast.stmt) -> bool:
    """Whether a method does nothing but raise NotImplementedError."""
    if not isinstance(method, ast.FunctionDef):
        return False
    if any("abstractmethod" in ast.unparse(each) for each in method.decorator_list):
        return True
    last = method.body[-1]
    trivial = len(method.body) <= 1 + (ast.get_docstring(method) is not None)
    if isinstance(last, ast.Raise) and last.exc is not None:
        return trivial and "NotImplementedError" in ast.unparse(last.exc)
    is_constant = isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant)
    return trivial and (isinstance(last, ast.Pass) or is_constant)


def _layer_pairs(functions: Mapping[str, ast.FunctionDef]) -> Iterator[str]:
    for name, forward in functions.items():
        backward = functions.get(name.replace("forward", "backward"))
        if "forward" not in name or name.startswith("_") or backward is None:
            continue
        (x, *more), (first, *others) = (
            [argument.arg for argument in each.args.args] or [""] for each in (forward, backward)
        )
        if x and x == first and not more and len(others) == 1:
            yield f"{name},{backward.name}"


def _import_file(file: str, layer: str) -> Any:
    path = Path(file)
    if not os.path.isfile(path):
        raise LayerImportError(f"{file}: no such file")
    name = path.stem if path.stem not in sys.modules else f"_checked_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LayerImportError(f"{file} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    with _whole_numpy(file):
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            raised = layer_error(error, f"{file} cannot be imported")
            if "attempted relative import" in str(error):
                folder, name = _module_name(path)
                where = "" if folder == Path.cwd() else f", in {folder}"
                raised.hint = f"it is part of a package: write {name}:{layer}{where}"
            raise raised from error
    return module


@contextmanager
def _whole_numpy(file: str) -> Iterator[None]:
    """Refuse a file that puts something else in the place of a function of NumPy.

    Raises:
        LayerImportError: it does; NumPy is whole again.
    """
    functions = {name: value for name, value in vars(np).items() if callable(value)}
    try:
        yield
    finally:
        lost = {each: functions[each] for each in functions if not callable(vars(np).get(each))}
        vars(np).update(lost)
    if lost:
        raise LayerImportError(f"{file} replaces the function numpy.{min(lost)}")


def _module_name(path: Path) -> tuple[Path, str]:
    """The folder to start Python in, and the name of the file's module there.

    The folder is the nearest above the packages that hold the file, or the current one.
    """
    path = path.resolve()
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    if folder == path.parent and path.is_relative_to(Path.cwd()):
        folder = Path.cwd()
    return folder, ".".join(path.relative_to(folder).with_suffix("").parts)


def _import_module(name: str) -> Any:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise layer_error(error, f"{name} cannot be imported") from error
