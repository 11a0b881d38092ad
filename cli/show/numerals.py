"""Numbers as they stand in a table's cell: short, and with their decimal points in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Significant digits shown; json, csv and npy give all of them.
DIGITS = 6


def numeral(value: Any) -> str:
    """A number in at most DIGITS digits: `0`, `-0.5`, `1e-300`, `nan`; or `True`, `False`."""
    if isinstance(value, np.bool_):
        return str(value)
    # float16 has fewer digits than are shown: what it prints itself is the shortest that tells it.
    text = format(float(str(value)) if value.dtype.itemsize == 2 else float(value), f".{DIGITS}g")
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def aligned(texts: Sequence[str]) -> list[str]:
    """The texts, padded to one width so that their units' digits stand in one column."""
    parts = [split(text) for text in texts]
    left = max((len(units) for units, _ in parts), default=0)
    right = max((len(rest) for _, rest in parts), default=0)
    return [units.rjust(left) + rest.ljust(right) for units, rest in parts]


def split(text: str) -> tuple[str, str]:
    """A numeral up to the digit of the units, and what follows it."""
    for mark in ".e":
        at = text.find(mark)
        if at > 0 and text[at - 1].isdigit():
            return text[:at], text[at:]
    return text, ""
