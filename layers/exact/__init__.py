"""Exact values of formulas, and distances from them in ULP."""

from actgrad.layers.exact.rounding import Outcome, Rounded
from actgrad.layers.exact.ulp import (
    NOWHERE,
    ZERO,
    FloatFormat,
    Truths,
    distances,
    errors,
    in_bits,
    in_ulp,
    is_nearest,
    largest_place,
    nearest,
    ordered,
    spacing,
    truth_of,
    truths,
    units,
    unordered,
)
from actgrad.layers.exact.values import BITS, LEAST, bounds, exact, exact_rows
