"""Memory for a kernel's passing values, which each thread has once and keeps."""

from __future__ import annotations

import threading

import numpy as np

from actgrad.layers.arrays import Array

_own = threading.local()


def scratch(count: int, size: int) -> list[Array]:
    """Float64 arrays with anything in them, this thread's own until it asks again."""
    kept: Array | None = getattr(_own, "kept", None)
    if kept is None or kept.shape[0] < count or kept.shape[1] < size:
        kept = _own.kept = np.empty((count, size))
    return [row[:size] for row in kept[:count]]
