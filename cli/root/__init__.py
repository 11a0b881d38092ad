"""actgrad: see, prove and diagnose activation layers and their gradients.

This is the package `actgrad` itself. Its API is that of `actgrad.layers`, `diagnose` and
`verify`; they are imported when a name is first used:

>>> import actgrad
>>> actgrad.layer("gelu").forward([1.0])
array([0.84134475])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actgrad.layers import *  # noqa: F403
    from actgrad.layers.diagnose import diagnose as diagnose
    from actgrad.layers.verify import verify as verify

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in ("cli", "layers"):
        return import_module(f"{__name__}.{name}")
    if name == "view":  # what notebooks show; see `actgrad.layers.displayed`
        return import_module("actgrad.cli.notebook").view
    layers = import_module("actgrad.layers")
    if name in ("diagnose", "verify"):
        # `actgrad.layers.verify` is the package, so the function is not in its API.
        return getattr(import_module(f"actgrad.layers.{name}"), name)
    if name not in layers.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(layers, name)


def __dir__() -> list[str]:
    from actgrad.layers import __all__ as api

    special = [name for name in globals() if name.startswith("__")]
    return sorted([*special, "cli", "diagnose", "layers", "verify", *api])
