"""Anyone's callable as a target: a function, a module or a class of PyTorch, JAX or NumPy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from actgrad.layers.frameworks.in_jax import JaxTarget
from actgrad.layers.frameworks.in_numpy import NumpyTarget
from actgrad.layers.frameworks.in_torch import TorchTarget
from actgrad.layers.frameworks.target import CPU, Place, Target, TargetError


def target_of(name: str, given: Any, place: Place = CPU) -> Target:
    """The target that a Python object is; of a class, one made without arguments.

    A class with forward and backward that is no module of PyTorch runs in NumPy. A function runs in
    the framework whose arrays it takes and returns.

    Raises:
        TargetError: it cannot be called, or the device is not there.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        if isinstance(given, type) and issubclass(given, torch.nn.Module):
            given = made(name, given)
        if isinstance(given, torch.nn.Module) or (
            isinstance(given, type) and issubclass(given, torch.autograd.Function)
        ):
            return TorchTarget(name, given, place)
    if callable(getattr(given, "forward", None)) and callable(getattr(given, "backward", None)):
        is_class = isinstance(given, type)
        return NumpyTarget(name, make=given if is_class else lambda: given, place=place)
    if not callable(given):
        raise TargetError(f"{name} is a {type(given).__name__}, which cannot be called")
    return of_function(name, made(name, given) if isinstance(given, type) else given, place)


def subject_target(name: str, make: Callable[[], Any], place: Place = CPU) -> Target:
    """The target of what `make` returns: an object with forward and backward in NumPy.

    Raises:
        TargetError: the place is not the CPU.
    """
    return NumpyTarget(name, make=make, place=place)


def made(name: str, cls: Callable[[], Any]) -> Any:
    """An object of the class.

    Raises:
        TargetError: it cannot be made without arguments.
    """
    try:
        return cls()
    except Exception as error:
        raise TargetError(
            f"{name} cannot be made without arguments: {error}",
            "give an object: silu = Swish(beta=1.5) in the file, and its name here",
        ) from error


def of_function(name: str, function: Callable[..., Any], place: Place) -> Target:
    """The target of a function, by the arrays that it returns for those of each framework."""
    probe = np.array([0.5, -1.0], np.float32)
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    plain, error = attempted(function, probe)
    is_jax = jax is not None and isinstance(plain, jax.Array)
    if jax is not None and (plain is None or is_jax or uses(function, "jax")):
        result, error = attempted(function, jax.numpy.asarray(probe))
        if isinstance(result, jax.Array):
            return JaxTarget(name, function, place)
    if torch is not None and (plain is None or uses(function, "torch")):
        result, error = attempted(function, torch.tensor(probe))
        if isinstance(result, torch.Tensor):
            return TorchTarget(name, function, place)
    if plain is None:
        raise TargetError(f"{name}: {error}")
    return NumpyTarget(name, function, place=place)


def attempted(function: Callable[..., Any], array: Any) -> tuple[Any, str]:
    """The result, or None and the error."""
    try:
        with np.errstate(all="ignore"):
            return function(array), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def uses(function: Callable[..., Any], package: str) -> bool:
    """Whether the function is of the package, or its module has imported something of it."""
    names = getattr(function, "__globals__", {}).values()
    owners = [getattr(each, "__name__", "") or "" for each in names]
    owners += [getattr(each, "__module__", "") or "" for each in (type(function), *names)]
    return any(str(owner).partition(".")[0] == package for owner in owners)
