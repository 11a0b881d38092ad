"""The points at which a layer is looked at when nobody names any."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo, named
from actgrad.layers.check.numerical_derivative import Break

#: A dense middle, and thinner outside: where breaks are looked for. No end is a number on which
#: anyone puts a break.
OFFSET = 0.00390625 / np.pi
GRID = np.sort(
    np.concatenate(
        [np.linspace(-32, 32, 1281), np.geomspace(33, 1e6, 320), -np.geomspace(33, 1e6, 320)]
    )
    + OFFSET
)
#: Shapes in which every layer is asked for its answer.
SHAPES = ((), (0,), (6,), (4, 6), (2, 2, 2, 4))


class Sample(NamedTuple):
    """An array, and the Python that makes it."""

    text: str
    array: Array


@cache
def ordinary(shape: tuple[int, ...], dtype: str = "float64", start: int = 1) -> Sample:
    """Ordinary numbers of both signs, all different and none of them 0, read-only."""
    text = f"3 * np.cos(np.arange({start}, {start + math.prod(shape)}))"
    text = text if len(shape) == 1 else f"({text}).reshape({shape})"
    if dtype != "float64":
        text = f"({text}).astype('{dtype}')" if len(shape) == 1 else f"{text}.astype('{dtype}')"
    array = eval(text, {"np": np})
    array.flags.writeable = False
    return Sample(text, array)


def moderate(shape: tuple[int, ...], dtype: str = "float64", start: int = 1) -> Array:
    """The array alone."""
    return ordinary(shape, dtype, start).array


def literal(array: Array) -> Sample:
    """An array written out."""
    numbers = re.sub(r"\b(nan|inf)\b", r"np.\1", str(array.astype(np.float64).tolist()))
    dtype = "" if array.dtype == np.float64 else f", '{array.dtype}'"
    return Sample(f"np.array({numbers}{dtype})", array)


def designed(breaks: list[Break], dtype: str) -> Array:
    """Zeros, tiny and subnormal numbers, breaks and their neighbours, saturation, huge numbers."""
    kind, about = named(dtype), finfo(dtype)
    tiny = [float(about.smallest_subnormal), float(about.tiny), float(about.eps), 1e-6, 1e-3, 0.01]
    sizes = [*tiny, 0.1, 0.5, 1.0, 10.0, 12.0, 17.5, 20.0, 30.0, 38.0, 50.0, 90.0, 100.0]
    large = [200.0, 500.0, 710.0, 746.0, 1e3, 1e4, 1e5, 1e6]
    large.append(float(about.max) ** 0.5 * 16)  # its square is too large
    positive = np.array([one for one in sizes + large if one <= float(about.max)])
    middle = np.linspace(-9, 9, 61) + OFFSET
    kinks = np.array([one.x for one in breaks[:20]])
    beside = np.concatenate([kinks + s * d for s in (-1, 1) for d in (1e-7, 1e-3, 0.05)])
    points = np.concatenate([positive, -positive, middle, kinks, beside, [0.0, -0.0]])
    with np.errstate(all="ignore"):
        near = kinks.astype(kind)
        next_to = [np.nextafter(near, kind.type(s * np.inf)) for s in (-1, 1)]
        rounded = [points.astype(kind), *next_to]
    # Sorted by what they are, so that −0 stays beside 0.
    wide = np.concatenate([one.astype(np.float64) for one in rounded])
    apart = np.unique(wide.view(np.int64)).view(np.float64)
    return np.sort(apart[np.isfinite(apart)]).astype(kind)


#: What many a layer was never asked.
SPECIAL = (np.inf, -np.inf, np.nan)
