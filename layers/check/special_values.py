"""Results that are nan or inf, and the results at x = ±inf and nan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.exact_values import exact_values, wrong_values
from actgrad.layers.check.gradient import (
    ElementwiseSubject,
    ExpectedGradient,
    at_discontinuity,
    rounding_tolerance,
)
from actgrad.layers.check.numpy_warnings import warns
from actgrad.layers.check.report import Finding
from actgrad.layers.check.row_results import RowResults
from actgrad.layers.check.script import Script
from actgrad.layers.check.subject import Run, Subject
from actgrad.layers.errors import LayerRaisedError

#: The exponent of each dtype's largest power of two, up to which limits at ±inf are sought.
LARGEST_EXPONENT = {"float64": 1024, "float32": 128, "float16": 16, "bfloat16": 128}
#: How many copies of a special value are compared: a kernel may treat its last elements apart.
COPIES = 37
#: So many numbers are examined for a hidden overflow.
MOST_OVERFLOWS = 8
#: A limit is reached where the last results, this many, are all equal.
TAIL = 9


def not_finite(
    results: RowResults, values: Sequence[Array], slopes: Sequence[Array]
) -> Iterator[Finding]:
    """At the smallest x where out or dx is nan or inf, although a known result is finite.

    Each of `values` (for out) and `slopes` (for dx) is a row of known results, nan where nothing is
    known.
    """
    limit = float(finfo(results.x.dtype).max)
    message = "at x = {x:.6g} in {dtype} {method} gives {got}, the true value is {expected}"
    for method, result, known in (
        ("forward", results.out, values),
        ("backward", results.dx, slopes),
    ):
        finite = [np.isfinite(row) & (np.abs(row) < limit) for row in known]
        wrong = ~np.isfinite(result) & np.any(finite, axis=0)
        if wrong.any():
            i = index_nearest_to_0(results.x, wrong)
            expected = next(row[i] for row, ok in zip(known, finite, strict=True) if ok[i])
            yield results.finding("not-finite", message, method, i, expected)
            return


def not_finite_without_formula(
    elementwise: ElementwiseSubject, results: RowResults, expected: ExpectedGradient
) -> Iterator[Finding]:
    """`not_finite`, where the layer's own results in a wider dtype, or nearby, are known."""
    if np.isfinite([results.out, results.dx]).all():
        return
    subject, x = results.subject, results.x
    known = np.isfinite(expected.error) & elementwise.smooth(results.wide, expected)
    near = np.where(known, expected.nearest(np.zeros(x.shape)), np.nan)
    values, slopes = [np.full(x.shape, np.nan)], [near]
    for run in (subject.run_wider(x), limits_at_infinity(subject, x)):
        if run is not None:
            values.append(run.out.astype(np.float64))
            slopes.append(run.dx.astype(np.float64))
    yield from not_finite(results, values, slopes)


def hidden_overflow(elementwise: ElementwiseSubject, results: RowResults) -> Iterator[Finding]:
    """At the most ordinary x where out is finite and wrong, since something inside overflows.

    It is held against the layer's own out in a wider dtype. NumPy's warning shows the overflow.
    """
    x, out, subject = results.x, results.out, results.subject
    wider = subject.run_wider(x) if warns(subject, x) else None
    if wider is None:
        return
    value, slope = (result.astype(np.float64) for result in wider)
    with np.errstate(all="ignore"):
        off = np.abs(out - value)
        slack = rounding_tolerance(value, results.wide, slope, x.dtype)
        wrong = (off > np.abs(value) / 2) & (off > slack) & np.isfinite(out) & np.isfinite(value)
    wrong &= ~at_discontinuity(elementwise.discontinuities, results.wide)
    for i in sorted(np.flatnonzero(wrong).tolist(), key=lambda i: abs(results.wide[i]))[
        :MOST_OVERFLOWS
    ]:
        if warns(subject, x[[i]]):
            message = (
                f"at x = {{x:.6g}} in {{dtype}} forward gives {{got}}, in {wider.out.dtype}"
                " {expected}: something inside overflows"
            )
            yield results.finding("wrong-value", message, "forward", i, value[i], slack[i])
            return


def limits_at_infinity(subject: Subject, x: Array) -> Run:
    """The limits of out and dx at ±inf, for every x beyond which they are reached; else nan.

    The layer's own results show the limit if they approach one number monotonically and then stay
    there over 2^160, as x·exp(x) stays at 0 and tanh at 1. A layer that raises an exception at such
    numbers shows none.
    """
    exponents = np.concatenate([np.arange(8, 60, 3), np.arange(60, 1024, 20)])
    sizes = 1.37 * 2.0 ** exponents[exponents < LARGEST_EXPONENT[subject.widest] - 1]
    limits = Run(*(np.full(x.shape, np.nan) for _ in range(2)))
    for sign in (-1, 1):
        if not subject.accepts(sign * sizes):
            continue
        run = subject.run(sign * sizes)
        for results, limit in zip(run, limits, strict=True):
            finite = int(np.argmin([*np.isfinite(results), False]))
            off = np.abs(results[:finite] - results[finite - 1])
            if finite > TAIL and not off[-TAIL:].any() and (np.diff(off) <= 0).all():
                beyond = (sign * x.astype(np.float64)) >= sizes[finite - TAIL]
                limit[beyond] = results[finite - 1]
    return limits


def at_special_values(
    elementwise: ElementwiseSubject, dtype: np.dtype[Any]
) -> tuple[list[Finding], list[str]]:
    """The findings at ±inf and nan, and notes on exceptions and on a hidden nan.

    At ±inf the results are compared with the limits that are known.
    """
    subject = elementwise.subject
    findings: list[Finding] = []
    notes = []
    for x in (np.array([-np.inf, np.inf]), np.array([np.nan])):
        x = x.astype(dtype)
        try:
            results = RowResults.of(subject, x)
        except LayerRaisedError as error:
            notes.append(f"it raises an exception on {float(x[-1])}: {error}")
            continue
        findings += _inconsistent(subject, x)
        if np.isnan(x).any():
            # If out is nan as well, so is the loss: then dx may be anything.
            if np.isfinite(results.out).all():
                out, dx = results.out[0], results.dx[0]
                notes.append(f"forward hides nan: nan in x makes out {out:.6g}, and dx {dx:.6g}")
        elif subject.reference is not None:
            exact = exact_values(subject.reference, results, [])
            findings += not_finite(results, [exact.value], [exact.gradient])
            if not findings:
                findings += wrong_values(elementwise, results, exact)
        else:
            limits = limits_at_infinity(subject, x)
            findings += not_finite(results, [limits.out], [limits.dx])
    return findings, notes


def _inconsistent(subject: Subject, x: Array) -> Iterator[Finding]:
    """The findings at each x, not finite, where the result depends on the position in the array,
    or the gradient is not linear in dout.

    Both are faults of the code at any x. What the results are at such an x is another question.
    """
    shape = "" if subject.row == (-1,) else f".reshape({subject.row})"
    for value in x.tolist():
        text = str(value).replace("nan", "np.nan").replace("inf", "np.inf")
        row = f"x = np.full({COPIES}, {text}, '{x.dtype}'){shape}; out = layer.forward(x)"
        dx = "layer.backward(np.ones_like(out))"
        for method, result in (("forward", "out"), ("backward", dx)):
            finding = Script(f"{row}; y = {result}", "y", "np.full_like(y, y.flat[0])").finding(
                subject,
                "depends-on-neighbours",
                f"at x = {value} the result of {method} depends on the position in the array",
                x.dtype.name,
            )
            yield from [finding] if finding else []
        finding = Script(
            f"{row}; once = {dx}.copy()", "layer.backward(2 * np.ones_like(out))", "2 * once"
        ).finding(
            subject,
            "not-linear",
            f"at x = {value} dx for dout = 2 is not twice dx for dout = 1",
            x.dtype.name,
        )
        yield from [finding] if finding else []


def index_nearest_to_0(x: Array, chosen: Array) -> int:
    """The index of the smallest |x| among the chosen."""
    return int(min(np.flatnonzero(chosen), key=lambda i: abs(x[i])))
