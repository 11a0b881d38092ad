"""The examination of a layer that works element by element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from actgrad.layers.arrays import FLOATING, Array, named
from actgrad.layers.check.accuracy import (
    Accuracies,
    Accuracy,
    check_elementwise,
    narrow_arithmetic,
)
from actgrad.layers.check.gradient import ElementwiseSubject
from actgrad.layers.check.numpy_warnings import numpy_warnings
from actgrad.layers.check.points import (
    GRID,
    MOST_DISCONTINUITIES,
    OFFSET,
    designed_points,
    distinct,
    evenly_spaced,
    points_within,
)
from actgrad.layers.check.report import (
    LARGEST_ORDINARY,
    Finding,
    GradientCurve,
    KinkGradient,
)
from actgrad.layers.check.special_values import at_special_values
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import LayerRaisedError

#: The grid on which sudden changes of a gradient are looked for, and how many are checked.
FINE, SUDDEN = np.linspace(-128, 128, 2**16) + OFFSET, 24
#: The |x| up to which a layer is checked that raises an exception at larger ones.
LIMITS = (1e100, 1.1e6, 700.0, 88.0, 20.0, 11.0)
#: The points of a curve.
CURVE_POINTS = 121


def examine_elementwise(subject: Subject, dtypes: Sequence[str], x: Array | None) -> Accuracies:
    """The accuracy in each dtype from the widest on, up to a wrong gradient.

    x is the caller's array, of any shape; without it, the designed points are checked. Where the
    layer raises an exception at the largest of them, only smaller ones are, with a note.

    Raises:
        LayerRaisedError: it raises an exception at x, or at small designed points.
    """
    try:
        return _examined(subject, dtypes, x)
    except LayerRaisedError as error:
        limit = None if x is not None else _largest_taken(subject)
        if limit is None:
            raise
        points = designed_points([], "float64")
        accuracies = _examined(subject, dtypes, points[np.abs(points) <= limit], limit)
        note = f"not checked beyond |x| = {limit:g}: {error}"
        return accuracies._replace(notes=[*accuracies.notes, note])


def _largest_taken(subject: Subject) -> float | None:
    """The largest of some |x| for which forward and backward raise no exception; None if none."""
    for limit in LIMITS:
        if subject.accepts(np.linspace(-limit, limit, 999)):
            return limit
    return None


def _examined(
    subject: Subject, dtypes: Sequence[str], x: Array | None, limit: float = np.inf
) -> Accuracies:
    row = None if x is None else np.unique(x[np.isfinite(x)])
    wide = None if row is None else row.astype(np.float64)
    elementwise = ElementwiseSubject(subject, wide, limit)
    accuracies: list[Accuracy] = []
    findings: list[Finding] = []
    notes: list[str] = []
    if row is None and "float64" in dtypes:
        findings += narrow_arithmetic(elementwise)
    for dtype in sorted(dtypes, key=FLOATING.index, reverse=True):
        if row is None:
            points = designed_points(elementwise.discontinuities, dtype)
            within = points_within(lambda at: subject.run(at).out.ravel(), points)
            points = np.sort(np.concatenate([points, within]))
        else:
            points = distinct(row.astype(dtype))
            points = points[np.isfinite(points)]
        dense = np.empty(0)
        if row is None and dtype == subject.widest:
            dense = np.concatenate([GRID, _sudden_changes(subject)])
        accuracies.append(check_elementwise(elementwise, points.astype(dtype), dense))
        if row is None:
            special_findings, special_notes = at_special_values(elementwise, named(dtype))
            findings += special_findings
            notes += special_notes
        moderate = points[np.abs(points.astype(np.float64)) <= LARGEST_ORDINARY]
        findings += numpy_warnings(subject, moderate[:512, None].astype(dtype))
        if any(finding.name == "wrong-gradient" for finding in accuracies[-1].findings):
            break
    return Accuracies(
        "element-wise",
        accuracies,
        findings,
        notes,
        _kinks(elementwise),
        _curve(elementwise, row),
    )


def _sudden_changes(subject: Subject) -> Array:
    """The points of a fine grid where backward's result changes most from one point to the next.

    A gradient that is wrong in a narrow band only begins and ends there.
    """
    dx = subject.run(FINE).dx.astype(np.float64).ravel()
    before, here, after = dx[:-2], dx[1:-1], dx[2:]
    change = np.nan_to_num(np.abs(before - 2 * here + after), posinf=0.0)
    size = np.abs(before) + np.abs(here) + np.abs(after) + 1e-6 * np.sort(np.abs(dx))[dx.size // 2]
    largest = [np.argsort(order)[-SUDDEN:] for order in (change, np.nan_to_num(change / size))]
    return np.asarray(FINE[1:-1][distinct(np.concatenate(largest))])


def _curve(elementwise: ElementwiseSubject, row: Array | None) -> GradientCurve:
    low, high = (-6.0, 6.0) if row is None or row.size < 2 else (row[0], row[-1])
    x = evenly_spaced(float(low), float(high), CURVE_POINTS)
    expected = elementwise.expected(x, elementwise.derivative(x), x.dtype)
    dx = elementwise.subject.run(x).dx.reshape(x.shape)
    return GradientCurve(x, dx, expected.nearest(dx), expected.error + 1e-12)


def _kinks(elementwise: ElementwiseSubject) -> tuple[KinkGradient, ...]:
    at = elementwise.positions[:MOST_DISCONTINUITIES]
    if not at.size:
        return ()
    dx = elementwise.subject.run(at).dx.ravel()
    return tuple(map(KinkGradient, elementwise.discontinuities, dx.tolist()))
