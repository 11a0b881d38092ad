"""Arithmetic with more than float64 holds: double-double numbers, balls and intervals.

`balls`, `ball_functions` and `intervals` are used as modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.arithmetic.double_double import (
    DEEP,
    DoubleDouble,
    deepen,
    double_double,
    rounded,
    scaled,
    single,
    two_product,
    two_sum,
)
from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.arithmetic.intervals import (
        FARTHEST,
        PERIODIC,
        UNIT,
        WHOLE,
        Interval,
        Intervals,
        Limits,
        degenerate,
        hull,
        is_unbounded,
        magnitude,
    )


__getattr__ = lazy_attributes(__name__, __file__)
