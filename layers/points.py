"""The points at which a layer is looked at when nobody names any."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from actgrad.layers.arrays import Array
from actgrad.layers.numeric import Break

#: A dense middle, and thinner outside: where breaks are looked for. No end is a number on which
#: anyone puts a break.
OFFSET = 0.00390625 / np.pi
GRID = np.sort(
    np.concatenate(
        [np.linspace(-32, 32, 1281), np.geomspace(33, 2000, 160), -np.geomspace(33, 2000, 160)]
    )
    + OFFSET
)
#: Beyond these a result that is not finite is told, but not condemned.
FAR = {"float16": 100.0, "float32": 1e6, "float64": 1e6}
#: Shapes in which every layer is asked for its answer.
SHAPES = ((), (0,), (6,), (4, 6), (2, 2, 2, 4))


def designed(breaks: list[Break], dtype: DTypeLike) -> Array:
    """The finite points within `FAR`: zeros, tiny and subnormal numbers, breaks, saturation."""
    about = np.finfo(np.dtype(dtype))
    far = FAR[about.dtype.name]
    tiny = [float(about.smallest_subnormal), float(about.tiny), float(about.eps), 1e-6, 1e-3, 0.01]
    sizes = [*tiny, 0.1, 0.5, 1.0, 10.0, 12.0, 17.5, 20.0, 30.0, 38.0, 50.0, 90.0, 100.0]
    large = [200.0, 500.0, 710.0, 746.0, 1e3, 1e4, 1e5, 1e6]
    positive = np.array([one for one in sizes + large if one <= far])
    middle = np.linspace(-9, 9, 61) + OFFSET
    kinks = np.array([one.x for one in breaks[:20]])
    beside = np.concatenate([kinks + s * d for s in (-1, 1) for d in (1e-7, 1e-3, 0.05)])
    with np.errstate(all="ignore"):
        near = kinks.astype(dtype)
        next_to = np.concatenate([np.nextafter(near, near.dtype.type(s * np.inf)) for s in (-1, 1)])
        points = np.concatenate([positive, -positive, middle, kinks, beside, [0.0]]).astype(dtype)
    return np.unique(np.concatenate([points, next_to]))


def far_out(dtype: DTypeLike) -> Array:
    """±inf, and finite numbers beyond any that a network meets."""
    about = np.finfo(np.dtype(dtype))
    sizes = np.array([float(about.max) ** 0.5 * 16, float(about.max) / 2, np.inf])
    return np.concatenate([sizes, -sizes]).astype(dtype)


def moderate(shape: tuple[int, ...], dtype: DTypeLike = np.float64, seed: int = 5) -> Array:
    """Ordinary numbers of both signs, none of them 0."""
    values: Array = np.asarray(np.random.default_rng(seed).uniform(0.1, 3, shape))
    signs = np.where(np.random.default_rng(seed + 1).random(shape) < 0.5, -1, 1)
    result: Any = np.asarray(values * signs).astype(dtype)
    return np.asarray(result)
