"""Exact arithmetic on many numbers, on every core."""

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

#: From so many numbers on, starting processes pays; each is handed so many at a time.
MANY, CHUNK = 2000, 250
#: The bits of exact values: what they leave open is less than 2^−50 ULP of float64.
BITS = 106
#: Value and gradient, each as `ulp.Truths` has it: value, exponent and offset.
Row: TypeAlias = tuple[float, int, float, float, int, float]

#: What a process that was forked works on.
_task: tuple[Formula, FloatFormat] | None = None


def worked_out(formula: Formula, kind: FloatFormat, pairs: Sequence[complex]) -> list[Row]:
    """The exact value and gradient for each x + i·dout, in order of x lest it take longer."""
    if len(pairs) < MANY or "fork" not in multiprocessing.get_all_start_methods():
        return _here(formula, kind, pairs)
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    global _task
    _task = formula, kind
    # Python warns of forking where threads run: those of the linear algebra, which have no part.
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


def _here(formula: Formula, kind: FloatFormat, pairs: Sequence[complex]) -> list[Row]:
    effort, rows = Effort(), []
    for pair in pairs:
        value, gradient = exact(formula, pair.real, pair.imag, BITS, effort)
        rows.append((*truth_of(value, kind), *truth_of(gradient, kind)))
    return rows
