"""Exact values of many numbers in several processes, one for each core."""

from __future__ import annotations

import multiprocessing
import signal
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from actgrad.layers.exact.ulp import FloatFormat
from actgrad.layers.exact.values import Row, exact_rows
from actgrad.layers.formula import Formula

#: The numbers that a process takes at a time; fewer than `values.MANY`.
CHUNK = 250

#: The formula and the format that a forked process works on.
_task: tuple[Formula, FloatFormat] | None = None


def rows_in_processes(
    formula: Formula, float_format: FloatFormat, pairs: Sequence[complex]
) -> list[Row]:
    """The same as `exact_rows`, on every core where the system can fork processes."""
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    if "fork" not in multiprocessing.get_all_start_methods():
        return [row for chunk in chunks for row in exact_rows(formula, float_format, chunk)]
    global _task
    _task = formula, float_format
    # Python and JAX warn of forks where threads run; the threads of the linear algebra and of JAX
    # are idle, and the forked processes need neither.
    with (
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),
        warnings.catch_warnings(action="ignore", category=RuntimeWarning),
        ProcessPoolExecutor(
            mp_context=multiprocessing.get_context("fork"),
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),
        ) as pool,
    ):
        return [row for rows in pool.map(_rows, chunks) for row in rows]


def _rows(pairs: Sequence[complex]) -> list[Row]:
    assert _task is not None
    return exact_rows(*_task, pairs)
