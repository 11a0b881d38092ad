"""Layers whose kernel is their formula: balls and intervals round every result correctly."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.layer import Elementwise, Kept, Layer
from actgrad.layers.parameter import Number

if TYPE_CHECKING:
    from actgrad.layers.exact import Rounded

FLOAT64 = np.dtype(np.float64)


def rounded_formula(layer: Layer) -> Rounded:
    """The layer's formula, read so that every value and slope is correctly rounded."""
    # Imported here, because it imports mpmath, which most layers with a kernel do not need.
    from actgrad.layers.exact import Rounded

    return Rounded(layer.traced())


class ByFormula(Elementwise):
    """A layer that states a formula and no kernel.

    Value and gradient are correctly rounded in every dtype, and nan where there is none.
    """

    has_kernel = False
    notes_x = True
    keeps = {
        "slope": Kept(float, "∂out/∂x"),
        "_rest": Kept(float, "what the slope lacks"),
        "_radius": Kept(float, "a bound on its error"),
        "_x": Kept(float, "x"),
    }

    def __init__(self, **values: Number) -> None:
        super().__init__(**values)
        self.undefined: dict[str, float] = {}

    @cached_property
    def rounded(self) -> Rounded:
        """The formula, read so that every value and slope is correctly rounded."""
        return rounded_formula(self)

    def begin_forward(self) -> None:
        self.undefined = {}

    def forward_kernel(self, dtype: np.dtype[Any]) -> Callable[..., None]:
        return partial(self.forward_block, dtype=dtype)

    def backward_kernel(self, dtype: np.dtype[Any]) -> Callable[..., None]:
        return partial(self.backward_block, dtype=dtype)

    def forward_block(
        self, x: Array, out: Array, *saved: Array, dtype: np.dtype[Any] = FLOAT64
    ) -> None:
        outcome = self.rounded.forward(x, dtype)
        out[...] = outcome.value
        for kept, part in zip(saved, (*outcome.slope, x), strict=True):
            kept[...] = part
        for name, where in (("out", outcome.no_value), ("dx", outcome.no_slope)):
            if name not in self.undefined and where.any():
                self.undefined[name] = float(x[where.argmax()])

    def backward_block(
        self, dout: Array, dx: Array, *saved: Array, dtype: np.dtype[Any] = FLOAT64
    ) -> None:
        from actgrad.layers.arithmetic import balls

        *slope, x = saved
        dx[...] = self.rounded.backward(x, balls.Ball(*slope), dout, dtype)
