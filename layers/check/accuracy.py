"""The gradients and values of an element-wise layer in one dtype: right, wrong, or lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.exact_values import ExactValues, exact_values, wrong_values
from actgrad.layers.check.gradient import (
    ElementwiseSubject,
    ExpectedGradient,
    argument_rounding,
    at_discontinuity,
    rounding_tolerance,
)
from actgrad.layers.check.numerical_derivative import QUICK, RESOLVED, THOROUGH, noise
from actgrad.layers.check.points import distinct
from actgrad.layers.check.report import Finding, GradientCurve, KinkGradient
from actgrad.layers.check.row_results import RowResults, most_telling
from actgrad.layers.check.script import Script
from actgrad.layers.check.special_values import (
    hidden_overflow,
    index_nearest_to_0,
    not_finite,
    not_finite_without_formula,
)

#: The formula is evaluated exactly at no more points than this.
MOST_EXACT = 400
#: A noise of more than this, relative to the values, is not that of float32.
COARSE = 1e-4
#: More points than this get a quick derivative first, and a thorough one where there is a mismatch.
MOST_THOROUGH = 4096
#: The rounding errors of the terms of a difference, in a dtype narrower than the widest.
CANCELLING = 64.0
#: A larger part of the slopes near 0 is no rounding error.
CANCELLED = 2.0**-9


class Accuracy(NamedTuple):
    """The result for one dtype."""

    dtype: str
    points: int
    findings: list[Finding]
    #: Points whose derivative is unknown.
    unjudged: int = 0
    #: The largest errors of out and of dx in ULP, where the formula is known.
    ulp: tuple[float, float] | None = None


class Accuracies(NamedTuple):
    """The results for all dtypes, and what was observed on the way."""

    #: "element-wise", or "coupled" if an element of out depends on several elements of x.
    coupling: str
    each: list[Accuracy]
    findings: list[Finding]
    notes: list[str]
    kinks: tuple[KinkGradient, ...] = ()
    curve: GradientCurve | None = None


def check_elementwise(elementwise: ElementwiseSubject, x: Array, dense: Array) -> Accuracy:
    """The accuracy of a layer at the finite points x, a row of the dtype to check.

    `dense` are more points, in float64, at which only the numerical derivative is compared.
    """
    subject, dtype = elementwise.subject, x.dtype
    results = RowResults.of(subject, x)
    wide, dx = results.wide, results.dx
    findings: list[Finding] = []
    unjudged = 0
    levels = THOROUGH if x.size <= MOST_THOROUGH else QUICK
    if dtype == subject.widest:
        expected, wrong = elementwise.mismatches(wide, dx, levels)
        dense_results = RowResults.of(subject, dense)
        dense_expected, dense_wrong = elementwise.mismatches(dense, dense_results.dx, QUICK)
        findings += [*_wrong_gradients(results, expected, wrong)] or _wrong_gradients(
            dense_results, dense_expected, dense_wrong
        )
        unjudged = _unknown(dense, dense_expected)
    else:
        expected = _from_widest(elementwise, wide, dtype, levels)
    # A layer that computes in a narrower dtype than x's has that dtype's rounding errors.
    kind = dtype if finfo(dtype).eps > elementwise.eps else elementwise.arithmetic
    curvature = elementwise.curvature(wide, kind)
    exact = None
    if subject.reference is not None:
        expected, exact, exact_findings = _from_formula(elementwise, results, expected)
        findings += exact_findings
    slack = rounding_tolerance(expected.low, wide, curvature, kind)
    if dtype != subject.widest:
        slack = np.maximum(slack, _cancellation(elementwise, wide, expected, dtype))
    with np.errstate(all="ignore"):
        excess = expected.distance(dx) - expected.error
    if dtype != subject.widest or exact is not None:
        findings += _wrong_gradients(results, expected, excess > slack)
    if exact is None:
        findings += not_finite_without_formula(elementwise, results, expected)
        findings += hidden_overflow(elementwise, results)
    within = (excess <= slack) | ~np.isfinite(excess)
    moved = argument_rounding(wide, curvature, kind)
    findings += _lost_gradients(results, expected, within, slack, moved)
    unjudged += _unknown(wide, expected)
    ulp = exact.ulp if exact else None
    return Accuracy(dtype.name, x.size + dense.size, findings, unjudged, ulp)


def _from_widest(
    elementwise: ElementwiseSubject, x: Array, dtype: np.dtype[Any], levels: int
) -> ExpectedGradient:
    """For a narrower dtype: the layer's gradient in its widest dtype, where that is right."""
    gradient = elementwise.subject.run(x).dx
    expected, wrong = elementwise.mismatches(x, gradient, levels, dtype)
    own = (expected.low == expected.high) & ~wrong & np.isfinite(gradient)
    low, high = (np.where(own, gradient, side) for side in expected[:2])
    return ExpectedGradient(low, high, expected.error)


def _cancellation(
    elementwise: ElementwiseSubject, x: Array, expected: ExpectedGradient, dtype: np.dtype[Any]
) -> Array:
    """The error of a narrower dtype where terms of a right gradient cancel; 0 where backward is
    wrong in the widest dtype, too.

    A difference of terms has their rounding errors, which a division by a small x magnifies:
    (cos(x) − sin(x)/x)/x. More than CANCELLED of the slopes near 0 is no rounding error, nor is any
    at an x that leaves no digit of such a difference.
    """
    near = np.abs(expected.low[(np.abs(x) <= 8) & np.isfinite(expected.low)])
    rounding = CANCELLING * float(finfo(dtype).eps)
    with np.errstate(all="ignore"):
        divided = np.minimum(rounding / np.abs(x), CANCELLED)
        divided = np.where(np.abs(x) >= rounding, divided, 0.0)
        slack = near.max(initial=0.0) * np.maximum(rounding, divided)
        off = expected.distance(elementwise.subject.run(x).dx)
    return np.where(off <= expected.error + slack / 64, slack, 0.0)


def _from_formula(
    elementwise: ElementwiseSubject, results: RowResults, expected: ExpectedGradient
) -> tuple[ExpectedGradient, ExactValues, list[Finding]]:
    """The expected gradient with the formula's where it is evaluated, and the findings there."""
    assert results.subject.reference is not None
    size = results.x.size
    chosen = distinct(np.linspace(0, size - 1, min(size, MOST_EXACT)).astype(int))
    compared = results.chosen(chosen)
    exact = exact_values(results.subject.reference, compared, elementwise.discontinuities)
    findings = [
        *wrong_values(elementwise, compared, exact),
        *not_finite(compared, [exact.value], [exact.gradient]),
    ]
    away = ~at_discontinuity(elementwise.discontinuities, compared.wide)
    gradient = exact.gradient[away]
    expected = ExpectedGradient(*(column.copy() for column in expected))
    expected.low[chosen[away]] = expected.high[chosen[away]] = gradient
    expected.error[chosen[away]] = np.where(np.isfinite(gradient), 0.0, np.inf)
    return expected, exact, findings


def _unknown(x: Array, expected: ExpectedGradient) -> int:
    """How many of the points with |x| ≤ RESOLVED have an unknown derivative."""
    return int(((expected.error == np.inf) & (np.abs(x) <= RESOLVED)).sum())


def narrow_arithmetic(elementwise: ElementwiseSubject) -> Iterator[Finding]:
    """The finding for a forward whose float64 results have the noise of a narrower dtype."""
    x = np.linspace(-4, 4, 101) + 0.001
    value = np.abs(elementwise.value(x))
    noises = noise(elementwise.value, x, elementwise.positions, elementwise.eps) / value
    finite = np.sort(noises[np.isfinite(noises)])
    # The median; np.median would import numpy.ma, which takes longer.
    level = float(finite[finite.size // 2]) if finite.size else 0.0
    if level > 1e-10 and elementwise.subject.widest == "float64":
        # Many kernels compute in float32, whatever dtype they are given.
        coarse = level > COARSE
        step, straight = (1e-5, 1e-6) if coarse else (1e-9, 1e-12)
        for at in x[np.argsort(-np.nan_to_num(noises))][:8]:
            changes = np.diff(elementwise.value(round(at, 3) + np.arange(1000) * step))
            if np.ptp(np.diff(changes)) < np.ptp(changes) / 2:
                continue  # It bends, as log does next to 0.
            finding = Script(
                f"x = {at:.3f} + np.arange(1000) * {step}",
                "np.ptp(np.diff(layer.forward(x)))",
                "np.float64(0)",
            ).finding(
                elementwise.subject,
                "wrong-dtype",
                f"in float64 forward has a relative noise of {level:.1g}, as of a narrower dtype",
                "float64",
                tolerance=straight,
            )
            if finding is not None:
                yield finding if coarse else finding._replace(severity="warning")
                return


def _wrong_gradients(
    results: RowResults, expected: ExpectedGradient, wrong: Array
) -> Iterator[Finding]:
    """The finding at the most telling of the wrong x."""
    dx = results.dx
    wrong = wrong & np.isfinite(dx)
    if not wrong.any():
        return
    nearest = expected.nearest(dx)
    i = most_telling(results.x, wrong, expected.distance(dx) / (np.abs(nearest) + 1e-3))
    message = (
        "at x = {x:.9g} in {dtype} backward gives {got}, the derivative is "
        "{expected} ± {tolerance:.1g}"
    )
    yield results.finding("wrong-gradient", message, "backward", i, nearest[i], expected.error[i])


def _lost_gradients(
    results: RowResults, expected: ExpectedGradient, within: Array, slack: Array, moved: Array
) -> Iterator[Finding]:
    """The finding for gradients off by rounding errors only that lost half of their digits.

    `within` says where dx is right within the rounding errors `slack`; `moved` is how far the
    rounding errors of x move it.
    """
    x, dx, about = results.x, results.dx, finfo(results.x.dtype)
    half = float(about.eps) ** 0.5
    gradient, error = expected.low, expected.error
    if x.dtype == np.float64 and (error > 0).any():
        # A numerical derivative lacks the last digits; the layer in a wider dtype may have them.
        with np.errstate(all="ignore"):
            unsure = np.flatnonzero(np.abs(dx - gradient) + error > half / 2 * np.abs(gradient))
        wide = results.subject.run_wider(x[unsure])
        gradient, error = gradient.copy(), np.zeros(x.shape)
        if wide is None:
            error[unsure] = np.inf
        else:
            gradient[unsure] = wide.dx
    size, off = np.abs(gradient), np.abs(dx - gradient)
    lost = (expected.low == expected.high) & (off > half * size + error + moved)
    lost &= within & np.isfinite(dx) & (off <= slack)
    lost &= (size >= float(about.tiny)) & np.isfinite(size)
    if not lost.any():
        return
    first, zero = index_nearest_to_0(x, lost), lost & (dx == 0)
    i = index_nearest_to_0(x, zero) if zero.any() else first
    text = f"from x = {float(x[first]):.6g} on in {x.dtype} less than half of the digits are right"
    if zero.any():
        text += ", and at {x:.6g} the gradient is 0 instead of {expected}"
    yield results.finding("lost-gradient", text, "backward", i, gradient[i], expected.error[i])
