"""Whether out rises where the layer rises, and falls where it falls."""

from __future__ import annotations

import numpy as np

from actgrad.layers.verify.judge import FAILURE_CODES, Reference
from actgrad.layers.verify.sample import monotonic_branches
from actgrad.layers.verify.tally import Elements


class Monotonicity:
    """Compares each element with that of the next smaller x, in its block or just before the block.

    Every failure it returns is a true failure. It misses no failure in a dump that is sorted by x,
    or that is a single block. The layer works element by element.
    """

    def __init__(self, reference: Reference) -> None:
        self.starts, self.directions = monotonic_branches(reference.layer, reference.float_format)

    def failures(self, elements: Elements, before: Elements | None) -> Elements:
        """Return the elements whose out moves against the direction of their branch.

        `before` is the element just before them in the dump, if it is to be compared with them.
        """
        elements = elements if before is None else before.followed_by(elements)
        out = elements.got.astype(np.float64)
        numbers = np.flatnonzero(~np.isnan(elements.x) & ~np.isnan(out))
        order = numbers[np.argsort(elements.x[numbers], kind="stable")]
        x, out = elements.x[order], out[order]
        branch = np.searchsorted(self.starts, x, side="right")
        # Not np.sign of a difference, which is nan between equal infinities.
        step = np.where(out[1:] == out[:-1], 0, np.where(out[1:] > out[:-1], 1, -1))
        wrong = step * self.directions[branch[1:]] < 0
        wrong &= (branch[1:] == branch[:-1]) & (x[1:] > x[:-1])
        failed = elements.at(order[1:][wrong])
        code = np.full(failed.failure.size, FAILURE_CODES["decreasing"], np.uint8)
        return failed._replace(failure=code)
