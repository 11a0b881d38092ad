"""The points at which a layer is evaluated when the caller gives none."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo, named
from actgrad.layers.check.discontinuities import Discontinuity

#: An irrational shift, which keeps the points off the round numbers where layers have their kinks.
OFFSET = 0.00390625 / np.pi
#: The grid on which kinks and jumps are searched for: dense in the middle, thin outside.
GRID = np.sort(
    np.concatenate(
        [np.linspace(-32, 32, 1281), np.geomspace(33, 1e6, 320), -np.geomspace(33, 1e6, 320)]
    )
    + OFFSET
)
#: The shapes of x with which every layer is called.
SHAPES = ((), (0,), (1,), (6,), (1, 6), (6, 1), (4, 6), (2, 2, 2, 4))
#: Numbers of both signs that a reader can follow.
ROUND = (1.0, -0.5, -2.0, 3.0, 2.0, 0.5, -1.0, -3.0)
#: How many kinks and jumps get points of their own.
MOST_DISCONTINUITIES = 20


class Sample(NamedTuple):
    """An array, and the Python expression that makes it."""

    text: str
    array: Array


@cache
def ordinary_sample(shape: tuple[int, ...], dtype: str = "float64", start: int = 1) -> Sample:
    """A read-only array of numbers of both signs within ±3, all different and none of them 0.

    The numbers of a row of four are round.
    """
    if shape == (len(ROUND) // 2,):
        row = literal_sample(np.roll(ROUND, 1 - start)[: shape[0]].astype(dtype))
        row.array.flags.writeable = False
        return row
    text = f"3 * np.cos(np.arange({start}, {start + math.prod(shape)}))"
    text = text if len(shape) == 1 else f"({text}).reshape({shape})"
    if dtype != "float64":
        text = f"({text}).astype('{dtype}')" if len(shape) == 1 else f"{text}.astype('{dtype}')"
    array = eval(text, {"np": np})
    array.flags.writeable = False
    return Sample(text, array)


def distinct(values: Array) -> Array:
    """The distinct numbers, sorted; `np.unique` would import numpy.ma, which takes 10 ms."""
    ordered = np.sort(values, axis=None)
    return np.asarray(ordered[np.append(True, ordered[1:] != ordered[:-1])[: ordered.size]])


def evenly_spaced(low: float, high: float, count: int) -> Array:
    """Numbers from low to high; they are finite even if the distance of the two overflows."""
    largest = float(np.finfo(np.float64).max)
    low, high = max(low, -largest), min(high, largest)
    return np.asarray(2 * np.linspace(low / 2, high / 2, count))


def is_round(x: Array) -> Array:
    """Which numbers are easy to follow: halves up to 10."""
    return np.asarray((2 * x == np.round(2 * x)) & (np.abs(x) <= 10))


def literal_sample(array: Array) -> Sample:
    """The array with every number of it written out in its expression."""
    numbers = re.sub(r"\b(nan|inf)\b", r"np.\1", str(array.astype(np.float64).tolist()))
    dtype = "" if array.dtype == np.float64 else f", '{array.dtype}'"
    return Sample(f"np.array({numbers}{dtype})", array)


def points_within(f: Callable[[Array], Array], points: Array) -> Array:
    """Points spread over the interval in which f is defined, if few of `points` lie in it.

    f gives nan outside. The points are dense next to its ends; there is none if f is defined at
    half of the points, or beyond the outermost.
    """
    wide = points.astype(np.float64)
    defined = np.flatnonzero(~np.isnan(f(wide)))
    if not 0 < 2 * defined.size < wide.size or defined[0] == 0 or defined[-1] == wide.size - 1:
        return points[:0]
    ends = []
    for inside, outside in ((defined[0], defined[0] - 1), (defined[-1], defined[-1] + 1)):
        here, beyond = float(wide[inside]), float(wide[outside])
        for _ in range(60):
            middle = (here + beyond) / 2
            if np.isnan(f(np.array([middle]))[0]):
                beyond = middle
            else:
                here = middle
        ends.append(here)
    low, high = ends
    steps = (high - low) * np.concatenate(
        [np.geomspace(1e-6, 0.01, 40), np.linspace(0.01, 0.5, 60)]
    )
    return distinct(np.concatenate([low + steps, high - steps]).astype(points.dtype))


def designed_points(discontinuities: list[Discontinuity], dtype: str) -> Array:
    """The points at which layers most often go wrong, sorted, all finite, in that dtype.

    They are both zeros, subnormal and tiny numbers, kinks and jumps with their neighbours, numbers
    at which functions saturate, and huge ones.
    """
    kind, about = named(dtype), finfo(dtype)
    tiny = [float(about.smallest_subnormal), float(about.tiny), float(about.eps), 1e-6, 1e-3, 0.01]
    sizes = [*tiny, 0.1, 0.5, 1.0, 2.0, 3.0, 10.0, 12.0, 17.5, 20.0, 30.0, 38.0, 50.0, 90.0, 100.0]
    large = [200.0, 500.0, 710.0, 746.0, 1e3, 1e4, 1e5, 1e6]
    large.append(float(about.max) ** 0.5 * 16)  # its square overflows
    positive = np.array([size for size in sizes + large if size <= float(about.max)])
    middle = np.linspace(-9, 9, 61) + OFFSET
    kinks = np.array([at.x for at in discontinuities[:MOST_DISCONTINUITIES]])
    beside = np.concatenate([kinks + s * d for s in (-1, 1) for d in (1e-7, 1e-3, 0.05)])
    points = np.concatenate([positive, -positive, middle, kinks, beside, [0.0, -0.0]])
    with np.errstate(all="ignore"):
        near = kinks.astype(kind)
        next_to = [np.nextafter(near, kind.type(s * np.inf)) for s in (-1, 1)]
        rounded = [points.astype(kind), *next_to]
    # The bits are compared, not the values, so that −0 stays beside 0.
    wide = np.concatenate([part.astype(np.float64) for part in rounded])
    points = distinct(wide.view(np.int64)).view(np.float64)
    return np.sort(points[np.isfinite(points)]).astype(kind)
