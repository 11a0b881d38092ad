"""The element of an array, or the line of them, at which a formula is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from actgrad.layers import ActgradError, Layer
from actgrad.layers.arrays import Array

#: More numbers than this in a line are no drawing.
MOST = 16


class PointError(ActgradError):
    """There is no such element."""


class Point(NamedTuple):
    """The numbers at one place of x, those of dout in the same place, and the place's name."""

    x: list[float]
    dout: list[float]
    #: Such as "x[0, 1] of (2, 2)"; empty if x has nothing else.
    place: str
    #: Whether x has more, and nobody said which to take.
    is_default: bool


def point(chain: Layer, x: Array, dout: Array, at: str | None) -> Point:
    """One number of x, or a line of them along the axis on which one of the layers works.

    Raises:
        PointError: `at` is no index of x, x is empty, dout has another shape than out, or the line
            is too long to be drawn.
    """
    if not x.size:
        raise PointError("--x is empty", "give it a number")
    axis = line_axis(chain, x)
    shape = x.shape if axis is None else (*x.shape[:axis], *x.shape[axis + 1 :])
    index: list[int | slice] = list(indices(at, shape))
    place = ", ".join(map(str, index))
    if axis is not None:
        index.insert(axis, slice(None))
        place = ", ".join(":" if isinstance(i, slice) else str(i) for i in index)
        if x.shape[axis] > MOST:
            raise PointError(
                f"x has {x.shape[axis]} numbers along its axis {axis}",
                f"{MOST} are as many as are drawn",
            )
    numbers = np.atleast_1d(x[tuple(index)]).tolist()
    size = len(chain.traced(None if axis is None else len(numbers)).outputs)
    expected = list(x.shape)
    if axis is not None:
        expected[axis] = size
    if dout.ndim == 0:
        gradients = [float(dout)] * size
    elif dout.shape == tuple(expected):
        gradients = np.atleast_1d(dout[tuple(index)]).tolist()
    else:
        raise PointError(f"--dout has shape {dout.shape}, but out has {tuple(expected)}")
    many = bool(np.prod(shape) > 1)
    named = f"x[{place}] of {x.shape}" if many else ""
    return Point(numbers, gradients, named, many and at is None)


def line_axis(chain: Layer, x: Array) -> int | None:
    """The axis along which a layer takes x line by line; None if all are elementwise.

    Raises:
        PointError: two layers work along different axes.
        ShapeError: x has no such axis.
    """
    axes = chain.axes(x.ndim)
    if len(axes) > 1:
        raise PointError("the layers work along different axes, which is no one graph")
    return axes.pop() if axes else None


def indices(at: str | None, shape: Sequence[int]) -> tuple[int, ...]:
    """`0,1` as indices of an array of that shape; the first, if there is none.

    Raises:
        PointError: it is no index of such an array.
    """
    if at is None:
        return (0,) * len(shape)
    words = [word for word in re.split(r"[,\s]+", at.strip(" ()[]")) if word]
    try:
        found = tuple(int(word) for word in words)
    except ValueError:
        raise PointError(f"--at is {at!r}, which is no index", "write --at 0,1") from None
    if len(found) != len(shape):
        raise PointError(
            f"--at {at} has {len(found)} indices, but there are {len(shape)} axes to choose on",
            f"x has {tuple(shape)} elements" if shape else "x is a single number",
        )
    for axis, (i, size) in enumerate(zip(found, shape, strict=True)):
        if not -size <= i < size:
            raise PointError(f"--at {at} is outside x: axis {axis} has {size} elements")
    return tuple(i % size for i, size in zip(found, shape, strict=True))
