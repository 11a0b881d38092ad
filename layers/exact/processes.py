"""Exact values of many numbers, on every core."""

from __future__ import annotations

import multiprocessing
import signal
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeAlias

from actgrad.layers.exact.ulp import FloatFormat, truth_of
from actgrad.layers.exact.values import Effort, exact
from actgrad.layers.formula import Formula

#: With fewer numbers than MANY, starting processes costs more than it saves; CHUNK go to one at a
#: time.
MANY, CHUNK = 2000, 250
#: The bits of exact values: their error is less than 2^−50 ULP of float64.
BITS = 106
#: Value and gradient, each as `ulp.Truths` has it: value, exponent and offset.
Row: TypeAlias = tuple[float, int, float, float, int, float]

#: The formula and the format that a forked process works on.
_task: tuple[Formula, FloatFormat] | None = None


def exact_rows(formula: Formula, float_format: FloatFormat, pairs: Sequence[complex]) -> list[Row]:
    """The exact value and gradient for each x + i·dout; sorted pairs take the least time."""
    if len(pairs) < MANY or "fork" not in multiprocessing.get_all_start_methods():
        return _here(formula, float_format, pairs)
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    global _task
    _task = formula, float_format
    # Python warns of forks where threads run; these are the idle threads of the linear algebra.
    with (
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),
        ProcessPoolExecutor(
            mp_context=multiprocessing.get_context("fork"),
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),
        ) as pool,
    ):
        return [row for rows in pool.map(_there, chunks) for row in rows]


def _there(pairs: Sequence[complex]) -> list[Row]:
    assert _task is not None
    return _here(*_task, pairs)


def _here(formula: Formula, float_format: FloatFormat, pairs: Sequence[complex]) -> list[Row]:
    effort, rows = Effort(), []
    for pair in pairs:
        value, gradient = exact(formula, pair.real, pair.imag, BITS, effort)
        rows.append((*truth_of(value, float_format), *truth_of(gradient, float_format)))
    return rows
