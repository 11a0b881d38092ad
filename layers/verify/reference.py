"""What a layer's results should have been, proven: by balls, by bounds of tails, by exact numbers.

Nothing rests on a layer's kernel but the sign of a 0: of one that is exactly 0, and of what is too
near to it for `exact` to tell.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from mpmath import mpf

from actgrad.layers.arithmetic.balls import UP, Ball
from actgrad.layers.arrays import Array
from actgrad.layers.exact import (
    BITS,
    LEAST,
    NOWHERE,
    ZERO,
    FloatFormat,
    Truths,
    bounds,
    enclosures,
    exact,
    exact_rows,
    truth_of,
    truths,
)
from actgrad.layers.formula import Formula
from actgrad.layers.layer import Layer

#: Elements read on balls at a time: their arrays stay in the L2 cache.
SOME = 1 << 12
#: A tail is bounded twice in each binade: 51 bits of a float64 are left open.
OPEN = 51
#: The precisions at which that is tried: the second resolves all that float64 holds.
PRECISIONS = (64, 2600)
#: In ULP; smaller than this a result in a tail is 0 and its error nothing.
LITTLE = 2.0**-30
#: Where the kernel's result is less, a tail is looked for; if it is not 0, FAINTEST stands for it.
FAINT, FAINTEST = 2.0**-500, 2.0**-1074


class Kernel(NamedTuple):
    """What the kernel gives in float64, by the name of the result."""

    out: Array
    dx: Array


class Tail(NamedTuple):
    """What a result is on a stretch of x, for dout = 1: so small at most, and on which side of 0.

    Both may be as good as unknown: infinite, or 0 for a result that is 0 or next to it.
    """

    ulp: float
    side: int


class Reference:
    """The truth about a layer, or a chain of them, in one dtype."""

    def __init__(self, layer: Layer, kind: FloatFormat) -> None:
        self.layers = layer.layers
        self.chain = layer.along(-1)
        self.kind = kind
        self.along_axis = not layer.is_elementwise
        self._traced: dict[int, Formula] = {}
        self._tails: dict[int, list[Tail]] = {}

    def kernel(self, x: Array, dout: Array) -> Kernel:
        """Both results in float64; x may hold lines, as rows."""
        with np.errstate(all="ignore"):
            out = self.chain.forward(x)
            return Kernel(out, self.chain.backward(dout))

    def enclosed(self, x: Array, dout: Array, kernel: Kernel, back: bool) -> list[Truths]:
        """The results as balls tell them, forward and, if asked, backward."""
        formula = self._formula(x.shape[1] if x.ndim == 2 else 0)
        parts = []
        for start in range(0, len(x), SOME):
            part = slice(start, start + SOME)
            columns = [list(np.atleast_2d(np.ascontiguousarray(one[part].T))) for one in (x, dout)]
            ways = enclosures(formula, columns[0], columns[1] if back else ())
            found = zip(ways, (one[part] for one in kernel), strict=True)
            parts.append([truths(rows(way), one.ravel(), self.kind) for way, one in found if way])
        return [
            Truths(*map(np.concatenate, zip(*way, strict=True))) for way in zip(*parts, strict=True)
        ]

    def tails(self, x: Array, dout: Array, kernel: Kernel) -> list[Truths]:
        """The results, forward and backward, where they are as good as 0.

        Each stretch of x, half a binade, is bounded as one: far out all of
        them are that small, whatever large numbers they come of.
        """
        stretches, where = np.unique(x.view(np.int64) >> OPEN, return_inverse=True)
        ends = np.stack([stretches << OPEN, ((stretches + 1) << OPEN) - 1]).view(np.float64)
        for stretch, *pair in zip(stretches.tolist(), *ends.tolist(), strict=True):
            if stretch not in self._tails:
                self._tails[stretch] = self._tail(*sorted(pair))
        found = np.array([self._tails[stretch] for stretch in stretches.tolist()])[where]
        results = []
        for i, (factor, signs) in enumerate(((np.ones(1), kernel.out), (dout, kernel.dx))):
            ulp, side = found[:, i].T
            with np.errstate(all="ignore"):
                radius = ulp * np.abs(factor) * UP
            size = np.where((side == 0) | (signs == 0), 0, FAINTEST)
            value = np.copysign(size, np.where(side == 0, signs, side * factor))
            radius = np.where(radius < LITTLE, radius, np.inf)
            results.append(
                Truths(value, np.full(x.size, NOWHERE), np.zeros(x.size), radius, radius < 0)
            )
        return results

    def _tail(self, low: float, high: float) -> list[Tail]:
        for precision in PRECISIONS:
            pairs = bounds(self._formula(0), low, high, precision)
            found = [tail(*pair, self.kind) for pair in pairs]
            if all(one.ulp < LITTLE for one in found):
                break
        return found

    def exact(self, x: Array, dout: Array, kernel: Kernel) -> tuple[Truths, Truths]:
        """The exact results, forward and backward; each pair of numbers is worked out once.

        A 0 has the kernel's sign. Where the kernel finds that no limit exists, at an infinity,
        there is none.
        """
        if x.ndim == 2:
            rows = [self._line(*line) for line in zip(x.tolist(), dout.tolist(), strict=True)]
            wild = ~(np.isfinite(x).all(1) & np.isfinite(dout).all(1))
            found = [np.concatenate(way) for way in zip(*rows, strict=True)]
            wilds = [np.repeat(wild, one.shape[1]) for one in kernel]
        else:
            pairs = np.empty(x.size, np.complex128)
            pairs.real, pairs.imag = x, dout
            distinct, where = np.unique(pairs, return_inverse=True)
            both = np.array(exact_rows(self._formula(0), self.kind, distinct.tolist()))[where]
            found = [both[:, :3], both[:, 3:]]
            wilds = [~(np.isfinite(x) & np.isfinite(dout))] * 2
        ways = zip(found, (one.ravel() for one in kernel), wilds, strict=True)
        out, dx = (self._truths(*way) for way in ways)
        return out, dx

    def exact_at(self, x: float, dout: float) -> tuple[mpf, mpf]:
        """The exact results at a number."""
        value, gradient = exact(self._formula(0), x, dout, BITS)
        return value, gradient

    def _truths(self, found: Array, kernel: Array, wild: Array) -> Truths:
        value, exponent, offset = found.T
        value = np.where(exponent == ZERO, np.copysign(value, kernel), value)
        value[wild & np.isnan(kernel)] = np.nan
        return Truths(value, exponent.astype(np.int64), offset)

    def _line(self, x: list[float], dout: list[float]) -> tuple[Array, Array]:
        values, gradients = exact(self._formula(len(x)), x, dout, BITS)
        out, dx = ([truth_of(one, self.kind) for one in way] for way in (values, gradients))
        return np.array(out), np.array(dx)

    def _formula(self, length: int) -> Formula:
        """The formula of a line so long, or of a single number."""
        if length not in self._traced:
            self._traced[length] = self.chain.traced(length or None)
        return self._traced[length]


def tail(low: mpf, high: mpf, kind: FloatFormat) -> Tail:
    """What lies between the two."""
    most, side = max(abs(low), abs(high)), int(low > 0) - int(high < 0)
    if not side and not most <= LEAST:
        return Tail(math.inf, 0)
    return Tail(max(float(most / kind.quantum), 2.0**-900), side)


def rows(columns: list[Ball]) -> Ball:
    """One ball of all, line by line."""
    size = max(np.size(one) for column in columns for one in column)
    return Ball(
        *(
            np.stack([np.broadcast_to(one, size) for one in way], axis=1).ravel()
            for way in zip(*columns, strict=True)
        )
    )
