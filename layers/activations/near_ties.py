"""Results beside a tie of a narrow dtype: there the error of a kernel's float64 may decide.

A tie is the middle of two neighbours of the dtype. Next to 0, silu(x) is x/2 + x²/4. If x is an odd
subnormal number, x/2 is a tie, and float64 has no room for x²/4. The formula decides such results.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from actgrad.layers.arrays import Array, finfo, scratch
from actgrad.layers.by_formula import rounded_formula
from actgrad.layers.casting import nearest_numbers
from actgrad.layers.layer import Layer

if TYPE_CHECKING:
    from actgrad.layers.exact import Rounded

#: A result is beside a tie if it is so many float64 numbers away at most. Where all float32 results
#: are looked at, by chance some lie there, and only those at a tie count.
NEAR = 2
#: Nearer to 0, a sigmoid is a line to float64: 1/2 + x/4 with x³/48 lost.
STRAIGHT = 3 * 2.0**-17
#: A formula's results that are kept for the next blocks.
MOST = 1 << 16
NONE = np.empty(0, np.intp)


class NearTies:
    """Finds the results of a layer in a narrow dtype that lie beside ties, and mends them.

    In float32 it looks next to x = 0 alone, if that is asked: this takes half the time.
    """

    def __init__(self, layer: Layer, dtype: np.dtype[Any], beside_0: bool) -> None:
        self.layer, self.dtype = layer, dtype
        about = finfo(dtype)
        #: This shift leaves the bits of a float64 that the dtype drops; at a tie the first is set.
        self.shift = 12 + int(about.nmant)
        is_single = dtype.itemsize == 4
        self.beside_0 = is_single and beside_0
        self.near = 0 if is_single and not self.beside_0 else NEAR
        self.edge = (1 << 63) - (self.near << self.shift)
        self.tiny, self.quantum = float(about.smallest_normal), float(about.smallest_subnormal)
        self.known: dict[float, tuple[float, float]] = {}

    @cached_property
    def rounded(self) -> Rounded:
        """The formula, whose results are correctly rounded."""
        return rounded_formula(self.layer)

    def places(self, x: Array, spare: Array) -> Array | None:
        """Where results may lie beside ties; None where only the results tell. `spare` is lost."""
        if not self.beside_0:
            return None
        size = np.abs(x, out=spare)
        if np.minimum.reduce(size) >= STRAIGHT:
            return NONE
        near = np.flatnonzero(size < STRAIGHT)
        return np.asarray(near[x[near] != 0])

    def mend(self, x: Array, places: Array | None, out: Array, slope: Array | None) -> None:
        """Move each result that would be rounded to the wrong neighbour to the other side."""
        if places is None:
            self._mend(x, out, slope)
        elif places.size:
            values = out[places]
            slopes = None if slope is None else slope[places]
            self._mend(x[places], values, slopes)
            out[places] = values
            if slope is not None:
                slope[places] = slopes

    def _mend(self, x: Array, out: Array, slope: Array | None) -> None:
        for find in (self._beside, self._small_beside):
            if (places := find(out)).size:
                self._move(x, out, 0, places)
        if slope is not None and (places := self._beside(slope)).size:
            self._move(x, slope, 1, places)

    def _beside(self, values: Array) -> Array:
        """Where normal numbers of the dtype are beside a tie."""
        (spare,) = scratch(1, values.size)
        rest = np.left_shift(values.view(np.int64), self.shift, out=spare.view(np.int64))
        if np.minimum.reduce(rest) > -self.edge and (
            not self.near or np.maximum.reduce(rest) < self.edge
        ):
            return NONE
        return np.flatnonzero((rest >= self.edge) | (rest <= -self.edge))

    def _small_beside(self, values: Array) -> Array:
        """Where subnormal numbers of the dtype are beside a tie."""
        (spare,) = scratch(1, values.size)
        size = np.abs(values, out=spare)
        if np.minimum.reduce(size) >= self.tiny:
            return NONE
        small = np.flatnonzero((size < self.tiny) & (size > 0))
        steps = size[small] / self.quantum
        return small[np.abs(steps % 1 - 0.5) <= steps * (self.near * 2.0**-52)]

    def _move(self, x: Array, computed: Array, which: int, places: Array) -> None:
        right = self._right(x[places])[which]
        values = computed[places]
        rounded = nearest_numbers(values, self.dtype)
        tie = (rounded + right) / 2
        # A kernel that differs more follows a convention of its own.
        close = np.abs(values - tie) <= np.abs(tie) * 2.0**-40
        wrong = (rounded != right) & np.isfinite(tie) & close
        computed[places] = np.where(wrong, np.nextafter(tie, right), values)

    def _right(self, x: Array) -> Array:
        """The values and slopes at x, each rounded to the dtype once."""
        if len(self.known) > MOST:
            self.known = {}
        new = np.array([number for number in np.unique(x).tolist() if number not in self.known])
        if new.size:
            outcome = self.rounded.forward(new, self.dtype)
            slope = self.rounded.backward(new, outcome.slope, np.ones(new.size), self.dtype)
            results = zip(outcome.value.tolist(), slope.tolist(), strict=True)
            self.known.update(zip(new.tolist(), results, strict=True))
        return np.array([self.known[number] for number in x.tolist()]).T
