"""The results of an element-wise layer at a row of numbers, and the findings at one of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.points import is_round
from actgrad.layers.check.report import LARGEST_ORDINARY, SMALLEST_ORDINARY, Finding, Where
from actgrad.layers.check.script import Script, equal, finding_of
from actgrad.layers.check.subject import Subject

#: A relative error that is clear.
CLEAR = 0.1
#: The expression of an example for each method, after `out = layer.forward(x)`.
EXPRESSIONS = {"forward": "out.flat[0]", "backward": "layer.backward(np.ones_like(out)).flat[0]"}


class RowResults(NamedTuple):
    """The row x in the dtype to check; out and dx for dout = 1 as float64."""

    subject: Subject
    x: Array
    out: Array
    dx: Array

    @staticmethod
    def of(subject: Subject, x: Array) -> RowResults:
        """The results at x; LayerRaisedError where the layer raises an exception."""
        return RowResults(subject, x, *(result.astype(np.float64) for result in subject.run(x)))

    @property
    def wide(self) -> Array:
        """The row x as float64."""
        return self.x.astype(np.float64)

    def chosen(self, indices: Array) -> RowResults:
        """The results at some of the numbers."""
        return RowResults(self.subject, *(row[indices] for row in self[1:]))

    def finding(
        self, name: str, message: str, method: str, i: int, expected: float, tolerance: float = 0.0
    ) -> Finding:
        """The finding at the i-th number; its message as `finding_of` takes it."""
        result = self.out if method == "forward" else self.dx
        where = Where(*map(float, (self.x[i], result[i], expected, tolerance)))
        statement = self._statement(i, method, where)
        return finding_of(
            name, message, (statement, EXPRESSIONS[method]), where, self.x.dtype.name, method
        )

    def _statement(self, i: int, method: str, where: Where) -> str:
        """The example's x: the i-th number alone, or as many copies of it if one is no fault."""
        row, kind = self.subject.row, self.x.dtype
        kind = kind if self.subject.widest == "float64" else np.dtype(self.subject.widest)
        size = "" if row == (-1,) else f".reshape({row})"
        dtype = "" if kind == np.float64 else f", '{kind}'"
        value = repr(where.x).replace("nan", "np.nan").replace("inf", "np.inf")
        for array in (f"np.array([{value}]{dtype})", f"np.full({self.x.size}, {value}{dtype})"):
            statement = f"x = {array}{size}; out = layer.forward(x)"
            ran = Script(statement, EXPRESSIONS[method], "None").run(self.subject)
            if ran is not None and equal(np.float64(ran[0]), np.float64(where.got), 0.0):
                break
        return statement


def most_telling(x: Array, wrong: Array, relative: Array) -> int:
    """The index of the wrong x that teaches most: a round number near 1, if the fault is clear.

    `relative` are the relative errors of the results. One of CLEAR is clear, and so is a part CLEAR
    of the largest.
    """
    chosen = most_ordinary(x, wrong)
    relative = np.where(chosen, np.nan_to_num(relative, nan=0.0), -1.0)
    chosen &= relative >= min(CLEAR, CLEAR * float(relative.max()))
    with np.errstate(divide="ignore"):
        far = np.minimum(np.abs(np.log2(np.abs(x.astype(np.float64)))), 2000)
    far = np.where(x == 0, 1.5, far) + 0.25 * (x < 0)
    far += np.where(is_round(x), 0, 10)
    return int(np.where(chosen, far, np.inf).argmin())


def most_ordinary(x: Array, chosen: Array) -> Array:
    """The chosen among the x that networks meet; all of the chosen if none is among those."""
    ordinary = chosen & (np.abs(x) <= LARGEST_ORDINARY)
    ordinary &= (np.abs(x) >= SMALLEST_ORDINARY) | (x == 0)
    return ordinary if ordinary.any() else chosen
