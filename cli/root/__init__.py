"""actgrad: see, prove and diagnose activation layers and their gradients.

This is the package `actgrad` itself. What it offers from Python is `actgrad.layers`'s public API,
imported at first use:

>>> import actgrad
>>> actgrad.layer("gelu").forward([1.0])
array([0.84134475])
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in ("cli", "layers"):
        return import_module(f"{__name__}.{name}")
    api = import_module("actgrad.layers")
    if name not in api.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(api, name)


def __dir__() -> list[str]:
    from actgrad.layers import __all__ as api

    return sorted([*globals(), *api])
