"""The steps of a function that are longer than the scale at which its values are fitted.

Where terms have saturated, all values around x may lie on one step of a staircase: 1 + tanh(x)
is 0 from x = −19 down. The height of the step shows only where the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array

#: Numbers closer to 0 than x, as parts of x.
CLOSER = 0.5 ** np.arange(1, 9)
#: How often the distance is doubled in search of the end of a step.
DOUBLINGS = 16
#: The end of a step is located by dividing an interval into as many parts, so often.
DIVISIONS, PARTS = 8, np.arange(1, 16) / 16
#: No step is followed further than this, and four times |x|.
FARTHEST = 128.0
#: The distance from a parabola that noise may explain, as a multiple of the noise.
WITHIN = 16.0
TINY = float(np.finfo(np.float64).tiny)


class Parabola(NamedTuple):
    """For each x, the parabola through the values of f no further from x than reach.

    `coefficients` belong to the powers of (x′ − x)/reach; `degree` is the largest power that is
    used. The values are as large as `size`, and no further from the parabola than `noise`.
    """

    x: Array
    reach: Array
    coefficients: Array
    degree: Array
    size: Array
    noise: Array

    def chosen(self, which: Array) -> Parabola:
        """The parabolas at some of the x."""
        return Parabola(*(column[..., which] for column in self))

    def off(self, f: Callable[[Array], Array], distance: Array) -> tuple[Array, Array]:
        """How far f is from the parabola at a distance from x, and how far noise would move it."""
        t = distance / self.reach
        constant, slope, bend = self.coefficients
        value = f((self.x + distance).ravel()).reshape(np.shape(distance))
        relative = self.noise / np.maximum(self.size, TINY)
        noise = (1 + np.abs(t) ** self.degree) * relative * np.maximum(np.abs(value), self.size)
        return value - (constant + t * (slope + t * bend)), WITHIN * noise

    def left(self, f: Callable[[Array], Array], distance: Array) -> Array:
        """Where f is further from the parabola than noise would move it."""
        off, noise = self.off(f, distance)
        return np.asarray(np.abs(off) > noise)


def next_step(f: Callable[[Array], Array], parabola: Parabola, room: tuple[Array, Array]) -> Array:
    """The change of f from its step around each x to the next; 0 where no next one is found.

    `room` is how far f may be evaluated on the left and on the right of x. Where f leaves the
    parabola without a step, the change is no larger than the noise.
    """
    change = np.full(parabola.x.size, np.inf)
    for sign, space in zip((-1.0, 1.0), room, strict=True):
        low, high = _ends(f, parabola, sign, np.minimum(space, 4 * np.abs(parabola.x) + FARTHEST))
        ends = np.flatnonzero(high < np.inf)
        if not ends.size:
            continue
        here, low, high = parabola.chosen(ends), low[ends], high[ends]
        for _ in range(DIVISIONS):
            between = np.concatenate([low[None], low + PARTS[:, None] * (high - low), high[None]])
            left = here.left(f, sign * between[1:-1])
            first = np.where(left.any(axis=0), left.argmax(axis=0), len(PARTS)) + 1
            low, high = (np.take_along_axis(between, i[None], 0)[0] for i in (first - 1, first))
        step = np.abs(here.off(f, sign * high)[0] - here.off(f, sign * low)[0])
        change[ends] = np.fmin(change[ends], step)
    return np.where(change < np.inf, change, 0.0)


def _ends(
    f: Callable[[Array], Array], parabola: Parabola, sign: float, farthest: Array
) -> tuple[Array, Array]:
    """Two distances between which f leaves the parabola; the second is inf if it never does."""
    at, reach = np.abs(parabola.x), 0.9 * np.broadcast_to(parabola.reach, parabola.x.shape)
    # They double, and come close to 0 from both sides: most functions change there.
    doubled = reach * 2.0 ** np.arange(DOUBLINGS)[:, None]
    around_0 = at * np.concatenate([1 - CLOSER, 1 + CLOSER])[:, None]
    distances = np.sort(np.concatenate([doubled, np.maximum(around_0, reach)]), axis=0)
    distances[0] = reach
    left = parabola.left(f, sign * distances) & (distances > reach) & (distances <= farthest)
    first = left.argmax(axis=0)
    columns = np.arange(first.size)
    high = np.where(left.any(axis=0), distances[first, columns], np.inf)
    return distances[np.maximum(first - 1, 0), columns], high
