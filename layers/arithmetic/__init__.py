"""Arithmetic with more than float64 holds: double-double numbers, balls and intervals."""

from actgrad.layers.arithmetic.double_double import (
    DEEP,
    deepen,
    double_double,
    rounded,
    scaled,
    two_product,
    two_sum,
)

__all__ = [
    "DEEP",
    "deepen",
    "double_double",
    "rounded",
    "scaled",
    "two_product",
    "two_sum",
]
