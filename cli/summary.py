"""A whole array in one line, for those of which a table shows only the ends."""

from __future__ import annotations

import numpy as np

from actgrad.cli.numeral import numeral
from actgrad.layers.arrays import Array


def summary(array: Array) -> str:
    """Range and mean, without the nans, and how many of those; of a mask, the share masked."""
    if array.dtype.kind == "b":
        return f"{np.mean(array):.1%} masked"
    nans = int(np.count_nonzero(np.isnan(array)))
    if nans == array.size:
        return "nan throughout"
    with np.errstate(all="ignore"):
        low, high = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
        mean = np.nanmean(array, dtype=np.float64) if nans else np.mean(array, dtype=np.float64)
    text = f"{numeral(low)} … {numeral(high)}, mean {numeral(mean)}"
    return f"{text}, {nans} nan" if nans else text
