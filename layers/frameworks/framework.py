"""To which framework a function, a module or an array belongs. None is imported to find out."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np

Framework: TypeAlias = Literal["torch", "jax"]
#: The packages of each framework.
PACKAGES: dict[str, Framework] = {"torch": "torch", "jax": "jax", "jaxlib": "jax"}
#: So deep, functions are looked at that a function calls.
NESTED = 3


def framework_of(value: Any) -> Framework | None:
    """The framework that an object is of, or that its code names; None if it is neither's.

    The code of a function, of the `__call__` of an object, or of the forward of a class counts.

    >>> framework_of(lambda x: torch.sigmoid(x) * x)
    'torch'
    """
    return next(_frameworks(value, NESTED), None)


def is_torch(value: Any, kind: str) -> bool:
    """Whether a value is an object or a subclass of PyTorch's `kind`, such as "nn.Module"."""
    cls: Any = sys.modules.get("torch")
    for name in kind.split(".") if cls else ():
        cls = getattr(cls, name)
    if cls is None:
        return False
    return issubclass(value, cls) if isinstance(value, type) else isinstance(value, cls)


def as_array(value: Any) -> np.ndarray[Any, Any]:
    """A result as an array: of NumPy, PyTorch or JAX, a number, or a list of these.

    Raises:
        ValueError, TypeError: it is none of these, or a list of rows of different lengths.
    """
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if is_torch(value, "Tensor"):
        from actgrad.layers.frameworks.torch_layer import array_of

        return array_of(value)
    if isinstance(value, list | tuple) and any(is_torch(each, "Tensor") for each in value):
        return np.stack([as_array(each) for each in value])
    return np.asarray(value)


def _frameworks(value: Any, depth: int) -> Iterator[Framework]:
    """The frameworks that are named first by the value itself, then by the code of it."""
    if isinstance(value, partial):
        yield from _frameworks(value.func, depth)
        return
    bases = value.__mro__ if isinstance(value, type) else type(value).__mro__
    for each in (value, *bases, getattr(value, "__self__", None)):
        module = each.__name__ if isinstance(each, ModuleType) else getattr(each, "__module__", "")
        package = str(module).partition(".")[0]
        if package in PACKAGES:
            yield PACKAGES[package]
    function = _function(value)
    if not depth or function is None:
        return
    try:
        around = inspect.getclosurevars(function)
    except ValueError:  # a variable that has no value yet
        return
    for each in (*around.globals.values(), *around.nonlocals.values()):
        if isinstance(each, ModuleType) or callable(each):
            yield from _frameworks(each, depth - 1)


def _function(value: Any) -> FunctionType | None:
    """The function of Python that computes a value's results."""
    if isinstance(value, MethodType | staticmethod | classmethod):
        return _function(value.__func__)
    if isinstance(value, FunctionType):
        return value
    cls = value if isinstance(value, type) else type(value)
    method = getattr(cls, "forward", None) or vars(cls).get("__call__")
    return method if isinstance(method, FunctionType) else None
