"""The exact results of a layer: enclosed by balls, bounded in tails, or computed exactly.

The layer's own kernel decides only the sign of a 0: where the result is exactly 0, and where it is
too small for exact arithmetic to find its sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from mpmath import mpf

from actgrad.layers.arithmetic import balls
from actgrad.layers.arrays import Array
from actgrad.layers.exact import (
    BITS,
    LEAST,
    NOWHERE,
    ZERO,
    FloatFormat,
    Truths,
    bounds,
    exact,
    exact_rows,
    truth_of,
    truths,
)
from actgrad.layers.formula import BALLS, Formula, Sweep
from actgrad.layers.layer import Layer

#: The results of a layer that can be verified.
RESULTS = ("out", "dx")
#: Elements enclosed by balls at a time: their arrays stay in the L2 cache.
BATCH = 1 << 12
#: A tail is bounded over half a binade at a time: the float64 numbers that differ in the last 51
#: bits alone.
STRETCH_BITS = 51
#: The precisions in bits at which a tail is bounded; the second resolves every float64.
TAIL_PRECISIONS = (64, 2600)
#: In ULP. A result in a tail that is smaller than this counts as 0, with an error of 0.
NEGLIGIBLE = 2.0**-30
#: In ULP. No error of exact arithmetic is larger.
EXACT = 2.0**-50
#: Where the kernel's result is smaller than this, a tail is looked for.
FAINT = 2.0**-500
#: The smallest float64: it stands for a result in a tail that is not 0.
FAINTEST = 2.0**-1074

#: By element, whether a truth is too uncertain to compare the result with it.
Undecided: TypeAlias = Callable[[Array, Truths], Array]


class KernelRun(NamedTuple):
    """A block's x and dout, and what the layer's kernel gives for them; float64, lines as rows."""

    x: Array
    dout: Array
    out: Array
    dx: Array

    def at(self, which: Any) -> KernelRun:
        """The elements or lines that an index picks."""
        return KernelRun(*(array[which] for array in self))


class TailBound(NamedTuple):
    """The bound of a result on a stretch of x, for dout = 1."""

    #: An upper bound of |result| in quanta of the dtype; inf if there is none.
    ulp: float
    #: The sign of the result: 1, −1, or 0 if it is not known.
    side: int


class Reference:
    """The exact results of a layer in one dtype; x and dout are float64, 1-d or lines as rows."""

    def __init__(self, layer: Layer, float_format: FloatFormat) -> None:
        self.layer = layer.along(-1)
        self.float_format = float_format
        self._traced: dict[int, Formula] = {}
        self._tail_bounds: dict[int, list[TailBound]] = {}

    def run(self, x: Array, dout: Array) -> KernelRun:
        """Run the layer's kernel forward and backward in float64."""
        with np.errstate(all="ignore"):
            out = self.layer.forward(x)
            return KernelRun(x, dout, out, self.layer.backward(dout))

    def truths(
        self, x: Array, dout: Array, results: Mapping[str, Array], undecided: Undecided
    ) -> tuple[dict[str, Truths], int]:
        """The exact values of each of the results, and the count of elements computed exactly.

        Balls enclose all truths. Where `undecided` is True for them, the truths are bounded as
        tails. Where it is True for these bounds too, they are computed exactly. Where an input is
        nan, and where a result is a convention, the result of the layer's own kernel is the truth.
        """
        run = self.run(x, dout)
        decided = nan_inputs(x, dout)
        if x.ndim == 1:
            decided |= self.layer.by_convention(x, run.out)
        known = self._enclosed(run, results, decided)
        unproven = np.zeros(len(x), bool)
        for name, got in results.items():
            unproven |= undecided(got.ravel(), known[name]).reshape(len(x), -1).any(axis=1)
        if x.ndim == 1:
            unproven |= ~(np.isfinite(x) & np.isfinite(dout))
        indices = np.flatnonzero(unproven & ~decided)
        if x.ndim == 1 and indices.size:
            indices = self._bounded(run, results, known, indices, undecided)
        if not indices.size:
            return known, 0
        for name, better in self.exact(run.at(indices)).items():
            if name in results:
                update(known[name], len(x), indices, better)
        return known, indices.size * (x.shape[1] if x.ndim == 2 else 1)

    def _enclosed(
        self, run: KernelRun, results: Mapping[str, Array], decided: Array
    ) -> dict[str, Truths]:
        """Every truth as balls enclose it; the kernel's result where it is `decided` by that."""
        known = dict(zip(RESULTS, self._enclosures(run, "dx" in results), strict=False))
        indices = np.flatnonzero(decided)
        if indices.size:
            for name, enclosed in known.items():
                values = getattr(run, name)[indices].ravel()
                exponent = np.where(values == 0, ZERO, 0)
                kernels = Truths(values, exponent, np.zeros(values.size))
                update(enclosed, len(run.x), indices, kernels)
        return known

    def _enclosures(self, run: KernelRun, backward: bool) -> list[Truths]:
        """The truths of out and, with `backward`, of dx, as balls enclose them."""
        formula = self._formula(run.x.shape[1] if run.x.ndim == 2 else 0)
        batches = []
        for start in range(0, len(run.x), BATCH):
            batch = run.at(slice(start, start + BATCH))
            x, dout = (list(np.atleast_2d(np.ascontiguousarray(a.T))) for a in batch[:2])
            enclosed = zip(enclosures(formula, x, dout if backward else ()), batch[2:], strict=True)
            batches.append(
                [
                    truths(by_lines(b), signs.ravel(), self.float_format)
                    for b, signs in enclosed
                    if b
                ]
            )
        return [
            Truths(*map(np.concatenate, zip(*parts, strict=True)))
            for parts in zip(*batches, strict=True)
        ]

    def _bounded(
        self,
        run: KernelRun,
        results: Mapping[str, Array],
        known: dict[str, Truths],
        indices: Array,
        undecided: Undecided,
    ) -> Array:
        """Fill in the truths of tails; return the indices that are still undecided."""
        faint = np.zeros(indices.size, bool)
        for name in results:
            faint |= np.abs(getattr(run, name)[indices]) < FAINT
        faint &= np.isfinite(run.x[indices]) & np.isfinite(run.dout[indices])
        tail = indices[faint]
        if not tail.size:
            return indices
        bounded = self.tails(run.at(tail))
        still = np.zeros(tail.size, bool)
        for name, got in results.items():
            has_bound = np.isfinite(bounded[name].radius)
            update(known[name], len(run.x), tail[has_bound], taken(bounded[name], has_bound))
            still |= undecided(got[tail], taken(known[name], tail))
        return np.concatenate([indices[~faint], tail[still]])

    def tails(self, run: KernelRun) -> dict[str, Truths]:
        """The truths where out and dx are both negligible; elsewhere their radius is inf.

        Half a binade of x is bounded at a time: in a tail, all its results are that small.
        """
        stretches, where = np.unique(run.x.view(np.int64) >> STRETCH_BITS, return_inverse=True)
        first, last = stretches << STRETCH_BITS, ((stretches + 1) << STRETCH_BITS) - 1
        ends = np.stack([first, last]).view(np.float64)
        for stretch, *pair in zip(stretches.tolist(), *ends.tolist(), strict=True):
            if stretch not in self._tail_bounds:
                self._tail_bounds[stretch] = self._tail_bound(*sorted(pair))
        limits = np.array([self._tail_bounds[stretch] for stretch in stretches.tolist()])[where]
        tails = {}
        for i, (name, factor) in enumerate((("out", np.ones(1)), ("dx", run.dout))):
            signs = getattr(run, name)
            ulp, side = limits[:, i].T
            with np.errstate(all="ignore"):
                radius = ulp * np.abs(factor) * balls.UP
            size = np.where((side == 0) | (signs == 0), 0, FAINTEST)
            value = np.copysign(size, np.where(side == 0, signs, side * factor))
            radius = np.where(radius < NEGLIGIBLE, radius, np.inf)
            zeros = np.zeros(run.x.size)
            tails[name] = Truths(value, np.full(zeros.size, NOWHERE), zeros, radius, zeros > 0)
        return tails

    def _tail_bound(self, low: float, high: float) -> list[TailBound]:
        for precision in TAIL_PRECISIONS:
            pairs = bounds(self._formula(0), low, high, precision)
            tail_bounds = [tail_bound(*pair, self.float_format) for pair in pairs]
            if all(bound.ulp < NEGLIGIBLE for bound in tail_bounds):
                break
        return tail_bounds

    def exact(self, run: KernelRun) -> dict[str, Truths]:
        """Both results in exact arithmetic; each distinct pair of x and dout is computed once.

        A 0 has the sign of the kernel's result. Where an input is infinite and the kernel gives
        nan, there is no limit, and the truth is nan.
        """
        x, dout = run.x, run.dout
        if x.ndim == 2:
            lines = [self._line(*line) for line in zip(x.tolist(), dout.tolist(), strict=True)]
            finite = np.isfinite(x).all(1) & np.isfinite(dout).all(1)
            rows = [np.concatenate(columns) for columns in zip(*lines, strict=True)]
        else:
            finite = np.isfinite(x) & np.isfinite(dout)
            pairs = np.empty(x.size, np.complex128)
            pairs.real, pairs.imag = x, dout
            distinct, where = np.unique(pairs, return_inverse=True)
            both = exact_rows(self._formula(0), self.float_format, distinct.tolist())
            rows = np.split(np.array(both)[where], 2, axis=1)
        exact_truths = {}
        for name, row in zip(RESULTS, rows, strict=True):
            kernel = getattr(run, name)
            infinite = np.repeat(~finite, kernel[0].size)
            exact_truths[name] = with_kernel(row, kernel.ravel(), infinite)
        return exact_truths

    def exact_at(self, x: float, dout: float) -> tuple[mpf, mpf]:
        """The exact out and dx at one x, to 2^−BITS of their size."""
        value, gradient = exact(self._formula(0), x, dout, BITS)
        return value, gradient

    def _line(self, x: list[float], dout: list[float]) -> tuple[Array, Array]:
        """The truths of out and dx of a line: a row of value, exponent and offset an element."""
        results = exact(self._formula(len(x)), x, dout, BITS)
        out, dx = ([truth_of(value, self.float_format) for value in result] for result in results)
        return np.array(out), np.array(dx)

    def _formula(self, length: int) -> Formula:
        """The formula of a line of that length, or, for 0, of a single number."""
        if length not in self._traced:
            self._traced[length] = self.layer.traced(length or None)
        return self._traced[length]


def enclosures(
    formula: Formula, x: Sequence[Array], dout: Sequence[Array]
) -> tuple[list[balls.Ball], list[balls.Ball]]:
    """Balls of the formula's outputs and, if dout is given, of the gradients by its inputs.

    x and dout have an array of float64 for each input and output. Nothing is claimed where x is nan
    or infinite.
    """
    known = {node: balls.Ball(values) for node, values in zip(formula.inputs, x, strict=True)}
    upstream = [balls.ONE if (row == 1).all() else balls.Ball(row) for row in dout]
    with np.errstate(all="ignore"):
        sweep = Sweep(formula, BALLS, known, upstream)
    outputs = [sweep.value(node) for node in formula.outputs]
    return outputs, [sweep.gradient(node) for node in formula.inputs] if dout else []


def tail_bound(low: mpf, high: mpf, float_format: FloatFormat) -> TailBound:
    """The bound of a result that is between `low` and `high`."""
    most, side = max(abs(low), abs(high)), int(low > 0) - int(high < 0)
    if not side and not most <= LEAST:
        return TailBound(math.inf, 0)
    return TailBound(max(float(most / float_format.quantum), 2.0**-900), side)


def with_kernel(rows: Array, kernel: Array, infinite: Array) -> Truths:
    """Exact values, with the kernel's sign for a 0, and its nan for an infinite input."""
    value, exponent, offset = rows.T
    value = np.where(exponent == ZERO, np.copysign(value, kernel), value)
    value[infinite & np.isnan(kernel)] = np.nan
    return Truths(value, exponent.astype(np.int64), offset, np.full(value.size, EXACT))


def by_lines(columns: list[balls.Ball]) -> balls.Ball:
    """The balls of each column of a block as the elements of one ball, line by line."""
    size = max(np.size(part) for column in columns for part in column)
    return balls.Ball(
        *(
            np.stack([np.broadcast_to(part, size) for part in parts], axis=1).ravel()
            for parts in zip(*columns, strict=True)
        )
    )


def nan_inputs(x: Array, dout: Array) -> Array:
    """Which elements have a nan as x or dout; of blocks of lines, which lines have one."""
    if x.ndim == 1:
        return np.asarray(np.isnan(x) | np.isnan(dout))
    return np.asarray(np.isnan(x).any(axis=1) | np.isnan(dout).any(axis=1))


def taken(truths: Truths, which: Any) -> Truths:
    """The truths that an index picks."""
    return Truths(*(np.broadcast_to(column, truths.value.shape)[which] for column in truths))


def update(truths: Truths, lines: int, indices: Array, better: Truths) -> None:
    """Replace the truths of some of the elements, or of the lines, in place."""
    for old, new in zip(truths, better, strict=True):
        values = np.broadcast_to(new, better.value.shape)
        old.reshape(lines, -1)[indices] = values.reshape(indices.size, old.size // lines)
