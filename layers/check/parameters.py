"""The numbers that a layer and the layers in it keep, and those that backward keeps for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.input_shapes import vars_of
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import LayerRaisedError

#: So deep, layers are looked at that a layer is made of.
NESTED = 3


class Path(NamedTuple):
    """Where a layer keeps a number or an array: attributes, and at last perhaps a key."""

    #: The attributes and keys that lead to the layer which keeps it.
    owner: tuple[Any, ...]
    attribute: str
    #: The key in the attribute, a dictionary or a list.
    key: Any = None

    @property
    def text(self) -> str:
        """The path as Python has it after `layer.`: `affine.W`, `params['W']`."""
        steps = [f".{each}" if isinstance(each, str) else f"[{each!r}]" for each in self.owner]
        key = "" if self.key is None else f"[{self.key!r}]"
        return f"{''.join(steps)}.{self.attribute}{key}".removeprefix(".")


def numbers_of(layer: Any, owner: tuple[Any, ...] = ()) -> Iterator[tuple[Path, Any]]:
    """The numbers and arrays of floats that a layer and the layers in it keep, by their paths."""
    for name, value in vars_of(layer).items():
        if _is_layer(value) and len(owner) < NESTED:
            yield from numbers_of(value, (*owner, name))
        items: dict[Any, Any] = {None: value}
        if isinstance(value, dict | list):
            items = value if isinstance(value, dict) else dict(enumerate(value))
        for key, each in items.items():
            is_number = isinstance(each, float | np.floating | np.ndarray)
            if is_number and np.asarray(each).dtype.kind == "f":
                yield Path(owner, name, key), each
            elif isinstance(value, list) and _is_layer(each) and len(owner) < NESTED:
                yield from numbers_of(each, (*owner, name, key))


def set_number(layer: Any, path: Path, value: Any) -> None:
    """Give the layer another value there; a container is changed, not replaced."""
    for step in path.owner:
        layer = getattr(layer, step) if isinstance(step, str) else layer[step]
    if path.key is None:
        setattr(layer, path.attribute, value)
    else:
        getattr(layer, path.attribute)[path.key] = value


def kept_by_backward(subject: Subject, x: Array) -> dict[Path, Any]:
    """The numbers and arrays that backward computes and keeps, besides dx and dout."""
    layer = subject.make()
    try:
        out = subject.call(layer, "forward", x.astype(subject.widest))
        before = {path: np.array(value) for path, value in numbers_of(layer)}
        dout = np.cos(np.arange(1.0, out.size + 1)).reshape(out.shape).astype(out.dtype)
        dx = subject.call(layer, "backward", dout.copy())
    except LayerRaisedError:
        return {}
    known = (dx, dout)
    return {
        path: value
        for path, value in numbers_of(layer)
        if not (path in before and np.array_equal(value, before[path]))
        and not any(np.array_equal(value, each) for each in known)
    }


def _is_layer(value: Any) -> bool:
    return not isinstance(value, type) and all(
        callable(getattr(value, method, None)) for method in ("forward", "backward")
    )
