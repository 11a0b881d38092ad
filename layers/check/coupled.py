"""A layer that couples elements: its Jacobian, directional derivatives, and wider dtypes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.accuracy import Accuracy
from actgrad.layers.check.along_axis import (
    ROUNDINGS_COUPLED,
    against_formula,
    coupled_finding,
    upstream_sample,
)
from actgrad.layers.check.gradient import ROUNDINGS, SAFETY, ExpectedGradient
from actgrad.layers.check.numerical_derivative import REACH, THOROUGH, Estimate, differentiate
from actgrad.layers.check.points import Sample, ordinary_sample
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.script import finding_of
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import largest_size


def jacobian(subject: Subject, x: Array) -> Array:
    """∂out/∂x as backward gives it: a row for each element of out, a column for each of x."""
    out = subject.forward(x)
    rows = []
    for i in range(out.size):
        dout = np.zeros_like(out)
        dout.flat[i] = 1
        rows.append(subject.run(x, dout).dx.astype(np.float64).ravel())
    return np.array(rows).reshape(out.size, x.size)


def _numerical_column(subject: Subject, x: Array, j: int, reach: float, side: int = 0) -> Estimate:
    """∂out/∂xⱼ from values."""

    def out(value: Array) -> Array:
        moved = x.copy()
        moved.flat[j] = value
        return subject.forward(moved).ravel()

    levels = THOROUGH if side else 10
    with np.errstate(all="ignore"):
        return differentiate(out, x.flat[j], np.array(reach), side, levels, subject.eps)


def _column_excess(
    subject: Subject, x: Array, j: int, column: Array, slack: float
) -> tuple[Array, Array, Array]:
    """How far a column of the Jacobian is off beyond the tolerance, what is right, the tolerance.

    Shorter steps are tried until no element is off.
    """
    excess = np.full(len(column), np.inf)
    for reach in (REACH, 0.1 * REACH, 0.01 * REACH):
        sides = [_numerical_column(subject, x, j, reach)]
        if reach < REACH:
            sides += [_numerical_column(subject, x, j, reach, side) for side in (-1, 1)]
        values = np.array([estimate.value for estimate in sides])
        tolerance = SAFETY * np.array([estimate.error for estimate in sides]).max(0) + slack
        expected = ExpectedGradient(values.min(0), values.max(0), tolerance)
        with np.errstate(all="ignore"):
            over = expected.distance(column) - tolerance
        excess = np.fmin(excess, np.where(np.isnan(over), 0, over))
        if not (excess > 0).any():
            break
    return excess, expected.nearest(column), tolerance


def check_jacobian(subject: Subject, sample: Sample) -> Finding | None:
    """The finding in the first column where the Jacobian is not the numerical derivative."""
    x = sample.array.astype(np.float64)
    actual = jacobian(subject, x)
    slack = ROUNDINGS * subject.eps * largest_size(actual) * x.size
    for j in range(x.size):
        excess, nearest, tolerance = _column_excess(subject, x, j, actual[:, j], slack)
        if (excess > 0).any():
            i = int(excess.argmax())
            where = Where(*map(float, (x.flat[j], actual[i, j], nearest[i], tolerance[i])))
            unit = f"dout = np.zeros_like(out); dout.flat[{i}] = 1"
            statement = f"x = {sample.text}; out = layer.forward(x); {unit}"
            message = (
                f"∂out[{i}]/∂x[{j}] of {x.shape} (flat) is {{got}}, "
                "numerically {expected} ± {tolerance:.1g}"
            )
            code = statement, f"layer.backward(dout).flat[{j}]"
            return finding_of("wrong-gradient", message, code, where)
    return None


def check_directions(subject: Subject, sample: Sample, count: int = 8) -> Finding | None:
    """The finding in the first of `count` directions v where Σ dx·v is not the derivative.

    It is for layers whose whole Jacobian would take too long.
    """
    x = sample.array.astype(np.float64)
    u = ordinary_sample(subject.forward(x).shape, start=7)
    dx = subject.run(x, u.array).dx
    for k in range(count):
        direction = ordinary_sample(x.shape, start=100 * (k + 1))
        v = direction.array
        actual = float((dx * v).sum())
        slack = ROUNDINGS * subject.eps * float(np.abs(dx * v).sum())

        def along(t: Array, v: Array = v) -> Array:
            return np.asarray((u.array * subject.forward(x + t * v)).sum())

        attempts = []
        for reach in (REACH, 0.05 * REACH, 0.002 * REACH):
            with np.errstate(all="ignore"):
                slope = differentiate(along, np.array(0.0), np.array(reach), 0, 10, subject.eps)
            tolerance = SAFETY * float(slope.error) + slack
            excess = abs(actual - float(slope.value)) - tolerance
            attempts.append((excess if np.isfinite(excess) else 0.0, float(slope.value), tolerance))
        excess, value, tolerance = min(attempts)
        if excess > 0:
            statement = f"x = {sample.text}; v = {direction.text}; layer.forward(x)"
            code = statement, f"(layer.backward({u.text}) * v).sum()"
            message = "in the direction v, dx gives {got}, numerically {expected}"
            where = Where(np.nan, actual, value, tolerance)
            return finding_of("wrong-gradient", message, code, where)
    return None


def check_coupled(subject: Subject, samples: list[Sample]) -> Accuracy:
    """The accuracy on samples of one dtype: against the layer's own results in a wider dtype, and
    against the formula where it is known."""
    findings: list[Finding] = []
    ulp: tuple[float, float] | None = None
    for sample in samples:
        findings += _against_wider(subject, sample)
        layer, ndim = subject.reference, sample.array.ndim
        axes = layer.axes(ndim) if layer is not None and ndim else set()
        if layer is not None and len(axes) == 1:
            formula_findings, errors = against_formula(subject, layer, axes.pop(), sample)
            findings += formula_findings
            ulp = errors if ulp is None else (max(ulp[0], errors[0]), max(ulp[1], errors[1]))
    dtype = samples[0].array.dtype.name
    points = sum(sample.array.size for sample in samples)
    return Accuracy(dtype, points, findings, 0, ulp)


def _against_wider(subject: Subject, sample: Sample) -> Iterator[Finding]:
    """The findings where out or dx differs from the layer's own result in a wider dtype."""
    x = sample.array
    dout = upstream_sample(subject, x)
    run, wide = subject.run(x, dout.array), subject.run_wider(x, dout.array)
    if wide is None:
        return
    eps, limit = float(finfo(x.dtype).eps), float(finfo(x.dtype).max)
    for method, result, truth in (("forward", run.out, wide.out), ("backward", run.dx, wide.dx)):
        truth = truth.astype(np.float64)
        finite = np.isfinite(truth) & (np.abs(truth) < limit)
        bad = finite & ~np.isfinite(result)
        scale = np.abs(truth[finite]).max(initial=float(np.abs(dout.array).max(initial=0.0)))
        # Each rounding error of x moves every element.
        slack = ROUNDINGS_COUPLED * eps * scale * (1 + float(np.abs(x).max(initial=0.0)))
        off = (np.abs(result.astype(np.float64) - truth) > slack) & finite
        if bad.any():
            i = int(bad.argmax())
            yield coupled_finding("not-finite", method, sample, dout, i, result, truth)
        elif off.any() and x.dtype != np.float64:
            fault = "wrong-gradient" if method == "backward" else "wrong-value"
            i = int(off.argmax())
            yield coupled_finding(fault, method, sample, dout, i, result, truth)
