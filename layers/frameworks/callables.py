"""Anyone's callable as a target: a function, a module or a class of PyTorch, JAX or NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actgrad.layers.frameworks.framework import framework_of, is_torch
from actgrad.layers.frameworks.in_jax import JaxTarget
from actgrad.layers.frameworks.in_numpy import NumpyTarget
from actgrad.layers.frameworks.in_torch import TorchTarget
from actgrad.layers.frameworks.target import CPU, Place, Target, TargetError


def target_of(name: str, given: Any, place: Place = CPU) -> Target:
    """The target that a Python object is; of a class, one made without arguments.

    A class with forward and backward that is no module of PyTorch runs in NumPy. A function runs in
    the framework that its code names.

    Raises:
        TargetError: it cannot be called, or the device is not there.
    """
    if isinstance(given, type) and is_torch(given, "nn.Module"):
        given = made(name, given)
    if is_torch(given, "nn.Module") or is_torch(given, "autograd.Function"):
        return TorchTarget(name, given, place)
    if callable(getattr(given, "forward", None)) and callable(getattr(given, "backward", None)):
        is_class = isinstance(given, type)
        return NumpyTarget(name, make=given if is_class else lambda: given, place=place)
    if not callable(given):
        raise TargetError(f"{name} is a {type(given).__name__}, which cannot be called")
    return of_function(name, made(name, given) if isinstance(given, type) else given, place)


def made(name: str, cls: Callable[[], Any]) -> Any:
    """An object of the class.

    Raises:
        TargetError: it cannot be made without arguments.
    """
    try:
        return cls()
    except (Exception, SystemExit) as error:
        raise TargetError(
            f"{name} cannot be made without arguments: {error}",
            "give an object: silu = Swish(beta=1.5) in the file, and its name here",
        ) from error


def of_function(name: str, function: Callable[..., Any], place: Place) -> Target:
    """The target of a function, in the framework that its code names, or else in NumPy."""
    framework = framework_of(function)
    if framework == "torch":
        return TorchTarget(name, function, place)
    if framework == "jax":
        return JaxTarget(name, function, place)
    return NumpyTarget(name, function, place=place)
