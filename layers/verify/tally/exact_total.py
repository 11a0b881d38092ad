"""The exact total of errors: the same for every order and every cut of them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from actgrad.layers.arrays import Array

#: A significand of 53 bits is added in two parts; a sum of 2²⁶ such parts is exact in float64.
LOW_BITS = 26
#: The exponents of float64, and the least power of two that a significand is counted in.
EXPONENTS, LEAST = 1 << 11, -1074


class ExactTotal:
    """The exact total of float64 numbers ≥ 0: the sum of their significands by exponent."""

    def __init__(self) -> None:
        #: The sums of the high and the low parts of the significands.
        self._sums = np.zeros((2, EXPONENTS), np.uint64)

    def add(self, numbers: Array) -> None:
        """Add finite numbers ≥ 0, at most 2²⁶."""
        bits = numbers.view(np.int64)
        exponents = bits >> 52
        significands = (bits & ((1 << 52) - 1)) | (np.minimum(exponents, 1) << 52)
        for sums, parts in zip(
            self._sums,
            (significands >> LOW_BITS, significands & ((1 << LOW_BITS) - 1)),
            strict=True,
        ):
            sums += np.bincount(exponents, parts, EXPONENTS).astype(np.uint64)

    def merge(self, other: ExactTotal) -> None:
        """Add the total of other numbers."""
        self._sums += other._sums

    def mean(self, count: int) -> float:
        """The total divided by `count`, rounded once; 0 without numbers."""
        total = Fraction()
        for exponent in np.flatnonzero(self._sums.any(axis=0)).tolist():
            high, low = map(int, self._sums[:, exponent])
            unit = Fraction(2) ** (max(exponent, 1) - 1 + LEAST)
            total += ((high << LOW_BITS) + low) * unit
        return float(total / count) if count else 0.0
