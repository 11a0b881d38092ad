"""The gradients of parameters, which a layer keeps for itself. They are not checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import LayerRaisedError


def kept_by_backward(subject: Subject, x: Array) -> list[str]:
    """The names of the numbers and arrays that backward computes and keeps, besides dx and dout."""
    layer = subject.make()
    try:
        out = subject.call(layer, "forward", x.astype(subject.widest))
        before = {name: value.copy() for name, value in _attributes(layer).items()}
        dout = np.cos(np.arange(1.0, out.size + 1)).reshape(out.shape).astype(out.dtype)
        dx = subject.call(layer, "backward", dout.copy())
    except LayerRaisedError:
        return []
    known = (dx, dout)
    return [
        name
        for name, value in _attributes(layer).items()
        if not (name in before and np.array_equal(value, before[name]))
        and not any(np.array_equal(value, each) for each in known)
    ]


def _attributes(layer: Any) -> dict[str, Array]:
    """The attributes of a layer that are floats or arrays of floats."""
    values = getattr(layer, "__dict__", {})
    return {
        name: np.asarray(value)
        for name, value in values.items()
        if isinstance(value, float | np.ndarray | np.floating)
        and np.asarray(value).dtype.kind == "f"
    }
