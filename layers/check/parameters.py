"""The numbers that a layer keeps, and those that backward keeps for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.input_shapes import vars_of
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import LayerRaisedError

#: An attribute, or an attribute and a key in it.
Path: TypeAlias = tuple[Any, ...]


def numbers_of(layer: Any) -> Iterator[tuple[Path, Any]]:
    """The numbers and the arrays of floats that a layer keeps, by their paths."""
    for name, value in vars_of(layer).items():
        items: dict[Path, Any] = {(name,): value}
        if isinstance(value, dict | list):
            keys = value if isinstance(value, dict) else range(len(value))
            items = {(name, key): value[key] for key in keys}
        for path, each in items.items():
            is_number = isinstance(each, float | np.floating | np.ndarray)
            if is_number and np.asarray(each).dtype.kind == "f":
                yield path, each


def path_text(path: Path) -> str:
    """A path as Python has it after `layer.`."""
    name, *keys = path
    return f"{name}{''.join(f'[{key!r}]' for key in keys)}"


def kept_by_backward(subject: Subject, x: Array) -> list[Path]:
    """The numbers and arrays that backward computes and keeps, besides dx and dout."""
    layer = subject.make()
    try:
        out = subject.call(layer, "forward", x.astype(subject.widest))
        before = {path: np.array(value) for path, value in numbers_of(layer)}
        dout = np.cos(np.arange(1.0, out.size + 1)).reshape(out.shape).astype(out.dtype)
        dx = subject.call(layer, "backward", dout.copy())
    except LayerRaisedError:
        return []
    known = (dx, dout)
    return [
        path
        for path, value in numbers_of(layer)
        if not (path in before and np.array_equal(value, before[path]))
        and not any(np.array_equal(value, each) for each in known)
    ]
