"""Results by another convention than the layer's, which are no fault."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.explain import Kink, find_kinks
from actgrad.layers.layer import Layer
from actgrad.layers.verify.judge.policy import FAILURE_CODES

#: The one-sided slopes at a kink are known to this share.
TOLERANCE = 1e-5


class Conventions:
    """The conventions by which a kernel's result may differ from the layer's.

    At a kink or a jump, a slope between the slopes of its two sides is a subgradient, or its like.
    For a line of x that holds infinities, softmax and its relatives have no limit: some kernels
    give nan, and others numbers.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    @cached_property
    def kinks(self) -> list[Kink]:
        """The kinks and jumps of the layer whose one-sided slopes are finite."""
        return [kink for kink in find_kinks(self.layer) if np.isfinite(kink.left + kink.right)]

    def follows(self, name: str, x: Array, dout: Array, got: Array, failure: Array) -> Array:
        """Which failing elements, one-dimensional for lines too, follow another convention."""
        if x.ndim == 2:
            lines = np.isinf(x).any(axis=1) & ~np.isnan(x).any(axis=1)
            not_nan = failure == FAILURE_CODES["not-nan"]
            return np.asarray(not_nan & np.repeat(lines, failure.size // len(x)))
        follows = np.zeros(failure.size, bool)
        fails = np.flatnonzero(failure)
        if name != "dx" or not fails.size:
            return follows
        x, dout, got = (values[fails].astype(np.float64) for values in (x, dout, got))
        for kink in self.kinks:
            ends = np.sort([kink.left * dout, kink.right * dout], axis=0)
            margin = TOLERANCE * (1 + np.abs(ends).max(axis=0))
            between = (got >= ends[0] - margin) & (got <= ends[1] + margin)
            follows[fails[(x == kink.x) & between]] = True
        return follows
