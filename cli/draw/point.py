"""The element of x at which a graph is drawn, or the line of elements along an axis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from actgrad.layers import ActgradError, Layer
from actgrad.layers.arrays import Array

#: A line of more elements than this is not drawn.
LONGEST_LINE = 16


class PointError(ActgradError):
    """x has no such element, or it has no single graph there."""


class Point(NamedTuple):
    """The elements of x at one place, the elements of dout in the same place, and its name."""

    x: list[float]
    dout: list[float]
    #: Whether `x` is a line along an axis, not a single element.
    is_line: bool
    #: Such as "x[0, 1] of (2, 2)"; empty if x has nothing else.
    place: str
    #: Whether x has other elements and the first was taken because `at` is None.
    is_default: bool


def point_of(chain: Layer, x: Array, dout: Array, at: str | None) -> Point:
    """One element of x, or the line of them along the axis on which one of the layers works.

    `at` is an index such as "0,1", without the axis of the line; None is the first element. `dout`
    has out's shape or is a single number.

    Raises:
        PointError: `at` is no index of x, x is empty, dout has another shape than out, or the line
            is too long to be drawn.
    """
    if not x.size:
        raise PointError("--x is empty", "give it a number")
    axis = line_axis(chain, x)
    if axis is not None and x.shape[axis] > LONGEST_LINE:
        raise PointError(
            f"x has {x.shape[axis]} elements along axis {axis}", f"at most {LONGEST_LINE} are drawn"
        )
    index: list[int | slice] = list(indices(at, x.shape, axis))
    if axis is not None:
        index.insert(axis, slice(None))
    elements = np.atleast_1d(x[tuple(index)]).tolist()
    out_shape = list(x.shape)
    count = len(chain.traced(None if axis is None else len(elements)).outputs)
    if axis is not None:
        out_shape[axis] = count
    if dout.ndim == 0:
        gradients = [float(dout)] * count
    elif dout.shape == tuple(out_shape):
        gradients = np.atleast_1d(dout[tuple(index)]).tolist()
    else:
        raise PointError(f"--dout has shape {dout.shape}, but out has {tuple(out_shape)}")
    has_others = len(elements) < x.size
    place = ", ".join(":" if isinstance(i, slice) else str(i) for i in index)
    name = f"x[{place}] of {x.shape}" if has_others else ""
    return Point(elements, gradients, axis is not None, name, has_others and at is None)


def line_axis(chain: Layer, x: Array) -> int | None:
    """The axis along which a layer of the chain works, or None if all are element-wise.

    Raises:
        PointError: two layers work along different axes.
        ShapeError: x has no such axis.
    """
    axes = chain.axes(x.ndim)
    if len(axes) > 1:
        raise PointError(
            f"the layers work along the axes {', '.join(map(str, sorted(axes)))}",
            "a graph can be drawn along a single axis only",
        )
    return axes.pop() if axes else None


def indices(at: str | None, shape: Sequence[int], axis: int | None = None) -> tuple[int, ...]:
    """`0,1` as indices, one for each axis of the shape but `axis`; None is the first element.

    Raises:
        PointError: it is no index of such an array.
    """
    sizes = {k: size for k, size in enumerate(shape) if k != axis}
    if at is None:
        return (0,) * len(sizes)
    words = [word for word in re.split(r"[,\s]+", at.strip(" ()[]")) if word]
    try:
        index = tuple(map(int, words))
    except ValueError:
        raise PointError(f"--at is {at!r}, which is no index", "write --at 0,1") from None
    if len(index) != len(sizes):
        raise wrong_count(at, len(index), shape, axis)
    for (k, size), i in zip(sizes.items(), index, strict=True):
        if not -size <= i < size:
            raise PointError(f"--at {at} is outside x: axis {k} has {size} elements")
    return tuple(i % size for i, size in zip(index, sizes.values(), strict=True))


def wrong_count(at: str, given: int, shape: Sequence[int], axis: int | None) -> PointError:
    """The error for an index that has too many or too few numbers for x."""
    needed = len(shape) - (axis is not None)
    if not needed:
        whole = "a single number" if axis is None else "a single line, which is drawn whole"
        return PointError(f"--at {at}: x is {whole}", "leave --at out")
    example = ",".join(["0"] * needed)
    line = "" if axis is None else f"; the line along axis {axis} is drawn whole"
    return PointError(
        f"--at {at} has {counted(given)}, but x of shape {tuple(shape)} needs {counted(needed)}",
        f"write --at {example}{line}",
    )


def counted(count: int) -> str:
    """`1 index`, `2 indices`."""
    return "1 index" if count == 1 else f"{count} indices"
