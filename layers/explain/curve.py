"""The curve of a layer that works element by element: its value or its slope over a range of x."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.explain.kinks import TOLERANCE, find_kinks, one_sided_step
from actgrad.layers.explain.second_order import second_derivative
from actgrad.layers.layer import Layer

#: The least half-width of a default range, and its ratio to the |x| of the outermost kink.
HALF_WIDTH, ROOM = 5.0, 1.25
#: The end of the farthest range: its width must not overflow.
FARTHEST = 8e307


class Break(NamedTuple):
    """A point where a curve jumps: its limit from the left, its value and the other limit."""

    x: float
    left: float
    here: float
    right: float


class Curve(NamedTuple):
    """The derivative of some order of a layer at each x, in rising order; 0 is out itself."""

    layer: str
    order: int
    x: Array
    y: Array
    breaks: Sequence[Break]

    def pieces(self) -> Iterator[tuple[Array, Array]]:
        """The x and y of each piece without a break; the limits at its breaks are its ends."""
        x, y = self.x, self.y
        starts = [None, *self.breaks]
        for start, end in zip(starts, [*self.breaks, None], strict=True):
            inside = np.isfinite(y)
            inside &= True if start is None else x > start.x
            inside &= True if end is None else x < end.x
            head = [] if start is None else [(start.x, start.right)]
            tail = [] if end is None else [(end.x, end.left)]
            ends = [np.array(points).reshape(-1, 2).T for points in (head, tail)]
            yield tuple(  # type: ignore[misc]
                np.concatenate([ends[0][axis], values[inside], ends[1][axis]])
                for axis, values in enumerate((x, y))
            )


def output(layer: Layer, x: Array) -> Array:
    """Out at x."""
    return layer.forward(x)


def slope(layer: Layer, x: Array) -> Array:
    """∂out/∂x at x."""
    layer.forward(x)
    return layer.backward(np.ones_like(x))


def curvature(layer: Layer, x: Array) -> Array:
    """∂²out/∂x² at x, and 0 at a kink."""
    return second_derivative(layer, x, np.ones_like(x))


#: What a curve of each order shows.
ORDERS: Mapping[int, Callable[[Layer, Array], Array]] = {0: output, 1: slope, 2: curvature}


def curves(
    layers: Sequence[Layer],
    orders: Sequence[int],
    ends: tuple[float, float] | None = None,
    count: int = 601,
) -> list[Curve]:
    """The curves of the layers, for each order in turn, over one range of at least `count` x.

    Without `ends`, the range shows every kink, and ends where no layer has a value. An infinite
    end is that of this range. The kinks are among the x.

    Raises:
        ShapeError: a layer works along an axis, so out is no function of one number.
    """
    for layer in layers:
        if not layer.is_elementwise:
            raise layer.refused("it has no curve")
    kinks = {layer: [kink.x for kink in find_kinks(layer)] for layer in layers}
    places = sorted({x for each in kinks.values() for x in each})
    low, high = with_values(layers, *default_ends(places), count)
    if ends:
        low, high = finite_ends(ends, low, high)
    inside = [x for x in places if low < x < high]
    x = np.union1d(np.linspace(low, high, count), inside)
    return [
        Curve(str(layer), order, x, ORDERS[order](layer, x), list(find_breaks(layer, order, at)))
        for order in orders
        for layer in layers
        for at in [[place for place in kinks[layer] if low < place < high]]
    ]


def default_ends(kinks: Sequence[float]) -> tuple[float, float]:
    """A range around 0 with room beside the outermost kinks."""
    half = max([HALF_WIDTH, *(ROOM * abs(x) for x in kinks)])
    return -half, half


def finite_ends(ends: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """The ends, with those of the range from `low` to `high` in place of infinite ones."""
    first, last = (min(max(end, -FARTHEST), FARTHEST) for end in ends)
    if np.isinf(ends[0]):
        first = min(low, last - (high - low))
    if np.isinf(ends[1]):
        last = max(high, first + (high - low))
    return first, last


def with_values(
    layers: Sequence[Layer], low: float, high: float, count: int
) -> tuple[float, float]:
    """The ends, moved to where some layer has a value."""
    x = np.linspace(low, high, count)
    with np.errstate(all="ignore"):
        inside = np.flatnonzero([~np.isnan(layer.forward(x)) for layer in layers]) % count
    if not inside.size:
        return low, high
    return float(x[max(inside.min() - 1, 0)]), float(x[min(inside.max() + 1, count - 1)])


def find_breaks(layer: Layer, order: int, kinks: Sequence[float]) -> Iterator[Break]:
    """The jumps of the derivative of that order, which are among the layer's kinks."""
    for x in kinks:
        step = one_sided_step(x)
        at = x + step * np.array([-1, -1 / 8, 0, 1 / 8, 1])
        left, below, here, above, right = ORDERS[order](layer, at).tolist()
        # What shrinks with the step is steep, and no jump.
        change, near = abs(right - left), abs(above - below)
        if change > TOLERANCE * max(1, abs(left), abs(right)) and near > change / 4:
            yield Break(x, left, here, right)
