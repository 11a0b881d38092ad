"""The Jacobian of a layer of any shape: as backward gives it, and from the values of forward.

A mismatch counts only if it remains with shorter steps, and beyond the noise of the values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actgrad.layers.arrays import Array
from actgrad.layers.check.gradient import ROUNDINGS, SAFETY, ExpectedGradient
from actgrad.layers.check.numerical_derivative import (
    REACH,
    THOROUGH,
    arithmetic_eps,
    differentiate,
    estimate,
)
from actgrad.layers.check.points import Sample, distinct, ordinary_sample
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.script import Script, finding_of
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import largest_size

#: The largest x and out whose whole Jacobian is compared.
LARGEST_JACOBIAN = 64
#: Of the mismatches in a column, so many are examined again.
REEXAMINED = 4
#: How often the steps are halved at first.
FEW = 6
#: The longest steps with which a column is differentiated then, and how often they are halved.
ATTEMPTS = ((REACH, 10), (0.1 * REACH, 10), (0.01 * REACH, 10))
#: An estimate from a few steps counts if its error is no larger part of the gradient.
PRECISE = 1e-8
#: A mismatch that is a larger part of the values than this is no effect of their noise.
GROSS = 1e-3


def check_gradient(subject: Subject, sample: Sample) -> Finding | None:
    """The finding where dx is not the derivative of forward at the sample, taken as float64.

    A dx of another size is a wrong shape.
    """
    x = sample.array.astype(np.float64)
    run = subject.run(x)
    if run.dx.size != x.size:
        return Script(
            f"x = {sample.text}; out = layer.forward(x)",
            "np.shape(layer.backward(np.ones_like(out)))",
            "x.shape",
        ).finding(
            subject, "wrong-shape", f"backward gives another shape than x's, {x.shape}", "float64"
        )
    small = max(x.size, run.out.size) <= LARGEST_JACOBIAN
    return (_check_jacobian if small else check_directions)(subject, sample)


def jacobian(subject: Subject, x: Array) -> Array:
    """∂out/∂x as backward gives it: a row for each element of out, a column for each of x."""
    out = subject.forward(x)
    rows = []
    for i in range(out.size):
        dout = np.zeros_like(out)
        dout.flat[i] = 1
        rows.append(subject.run(x, dout).dx.astype(np.float64).ravel())
    return np.array(rows).reshape(out.size, x.size)


def _column(subject: Subject, x: Array, j: int) -> Callable[[Any], Array]:
    """The flat out as a function of xⱼ."""

    def out(value: Any) -> Array:
        moved = x.copy()
        moved.flat[j] = value
        return subject.forward(moved).astype(np.float64).ravel()

    return out


def _quick_excess(
    subject: Subject, x: Array, actual: Array, slack: float
) -> tuple[Array, NDArray[np.bool_]]:
    """How far each element of the Jacobian is off beyond its tolerance, and which columns are done.

    A few steps are tried in all columns together. Where their estimate is not precise the excess is
    inf. A column is done if it is precise and no element is off.
    """
    columns = [_column(subject, x, j) for j in range(x.size)]

    def out(values: Array) -> Array:
        moved = [column(value) for column, value in zip(columns, values, strict=True)]
        return np.array(moved).reshape(x.size, len(actual)).T

    with np.errstate(all="ignore"):
        quick = differentiate(out, x.ravel(), np.array(REACH), 0, FEW, subject.eps)
        tolerance = SAFETY * quick.error + slack
        over = np.abs(actual - quick.value) - tolerance
    largest = np.array([largest_size(column) for column in actual.T])
    precise = np.all(tolerance <= PRECISE * (largest + 1), axis=0)
    excess = np.where(precise, np.where(np.isnan(over), 0, over), np.inf)
    return excess, precise & np.all(excess <= 0, axis=0)


def _column_excess(
    subject: Subject, x: Array, j: int, column: Array, excess: Array, slack: float
) -> tuple[Array, Array, Array]:
    """How far a column of the Jacobian is off beyond the tolerance, what is right, the tolerance.

    More and shorter steps than those which gave the quick excess are tried until no element is off.
    """
    out, at = _column(subject, x, j), x.flat[j]
    for reach, levels in ATTEMPTS:
        sides = (0,) if reach == REACH else (0, -1, 1)
        with np.errstate(all="ignore"):
            estimates = [
                differentiate(
                    out, at, np.array(reach), side, THOROUGH if side else levels, subject.eps
                )
                for side in sides
            ]
        values = np.array([each.value for each in estimates])
        tolerance = SAFETY * np.array([each.error for each in estimates]).max(0) + slack
        expected = ExpectedGradient(values.min(0), values.max(0), tolerance)
        with np.errstate(all="ignore"):
            over = expected.distance(column) - tolerance
        excess = np.fmin(excess, np.where(np.isnan(over), 0, over))
        if not (excess > 0).any():
            break
    return excess, expected.nearest(column), tolerance


def _is_within_noise(
    f: Callable[[Array], Array], at: float, gradient: float, slack: float, eps: float
) -> bool:
    """Whether a gradient is the derivative of f at a number, up to the noise of f's values."""
    best, error = gradient, np.inf
    with np.errstate(all="ignore"):
        for reach in (REACH, 0.1 * REACH, 0.01 * REACH):
            derivative = estimate(f, np.array([at]), np.empty(0), THOROUGH, reach, eps)
            if derivative.error[0] < error:
                best, error = float(derivative.value[0]), float(derivative.error[0])
    return not abs(gradient - best) > SAFETY * error + slack


def _by_element(out: Callable[[float], Array], i: int) -> Callable[[Array], Array]:
    """The i-th element of out as a function of a row of numbers."""
    return lambda row: np.array([out(value)[i] for value in row.tolist()])


def _check_jacobian(subject: Subject, sample: Sample) -> Finding | None:
    """The finding in the first column where the Jacobian is not the numerical derivative."""
    x = sample.array.astype(np.float64)
    actual, out = jacobian(subject, x), subject.forward(x).astype(np.float64)
    size = largest_size(out)
    # The noise of arithmetic in float32 is much the same in all elements.
    is_narrow, of_noise = arithmetic_eps(out, subject.eps) > subject.eps, 0.0
    slack = ROUNDINGS * subject.eps * largest_size(actual) * x.size
    quick, done = _quick_excess(subject, x, actual, slack)
    for j in np.flatnonzero(~done).tolist():
        # The elements of a column are estimated from nearly the same numbers.
        remembered = cache(_column(subject, x, j))
        excess, nearest, tolerance = _column_excess(subject, x, j, actual[:, j], quick[:, j], slack)
        for i in np.argsort(-excess)[: min(REEXAMINED, int((excess > 0).sum()))].tolist():
            if is_narrow and excess[i] <= of_noise:
                continue
            element = _by_element(remembered, i)
            gross = excess[i] > GROSS * size
            if not gross and _is_within_noise(element, x.flat[j], actual[i, j], slack, subject.eps):
                of_noise = max(of_noise, float(excess[i]))
                continue
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
    out = subject.forward(x)
    u, size = ordinary_sample(out.shape, start=7), float(np.abs(out).sum())
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

        def by_row(row: Array, along: Callable[[Array], Array] = along) -> Array:
            return np.array([along(t) for t in row])

        gross = excess > GROSS * size
        if gross or (excess > 0 and not _is_within_noise(by_row, 0.0, actual, slack, subject.eps)):
            statement = f"x = {sample.text}; v = {direction.text}; layer.forward(x)"
            code = statement, f"(layer.backward({u.text}) * v).sum()"
            message = "in the direction v, dx gives {got}, numerically {expected}"
            where = Where(np.nan, actual, value, tolerance)
            finding = finding_of("wrong-gradient", message, code, where)
            return _first_wrong_element(subject, sample, u, dx) or finding
    return None


def _first_wrong_element(subject: Subject, sample: Sample, u: Sample, dx: Array) -> Finding | None:
    """The finding in the first of some elements of dx that is no derivative of (out * u).sum()."""
    x = sample.array.astype(np.float64)
    for j in distinct(np.linspace(0, x.size - 1, LARGEST_JACOBIAN).astype(int)).tolist():
        out = _column(subject, x, j)

        def loss(value: Array, out: Callable[[Array], Array] = out) -> Array:
            return np.asarray((u.array.ravel() * out(value)).sum())

        with np.errstate(all="ignore"):
            reach = np.array(0.05 * REACH)
            slope = differentiate(loss, x.flat[j], reach, 0, 10, subject.eps)
        tolerance = SAFETY * float(slope.error) + GROSS * largest_size(dx)
        where = Where(*map(float, (x.flat[j], dx.flat[j], slope.value, tolerance)))
        if abs(where.got - where.expected) > tolerance:
            message = (
                f"dx[{j}] of {x.shape} (flat) is {{got}}, the derivative of (out * dout).sum() by "
                f"x[{j}] is {{expected}}"
            )
            statement = f"x = {sample.text}; dout = {u.text}; layer.forward(x)"
            code = statement, f"layer.backward(dout).flat[{j}]"
            return finding_of("wrong-gradient", message, code, where)
    return None
