"""The formula's own values and gradients, and the errors of a layer's in ULP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.gradient import ElementwiseSubject, at_discontinuity, rounding_tolerance
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.script import finding_at
from actgrad.layers.layer import Layer


class ExactValues(NamedTuple):
    """The formula's values and gradients at points, and the largest errors of others in ULP."""

    value: Array
    gradient: Array
    ulp: tuple[float, float]


def exact_values(
    reference: Layer, x: Array, out: Array, dx: Array, dtype: np.dtype[Any]
) -> ExactValues:
    """The reference's formula at each x, and how far out and dx, of that dtype, are from it.

    All arrays are rows of float64.
    """
    from mpmath import isnan, mpf

    from actgrad.layers.exact import FloatFormat, exact, spacing

    formula, float_format = reference.traced(), FloatFormat.of(dtype)
    pairs = [exact(formula, point) for point in x.tolist()]
    values, gradients = zip(*pairs, strict=True) if pairs else ((), ())

    def ulp(results: Array, truths: Sequence[Any]) -> float:
        errors = [
            float(abs(mpf(result) - truth) / spacing(truth, float_format))
            for result, truth in zip(results.tolist(), truths, strict=True)
            if np.isfinite(result) and not isnan(truth)
        ]
        return max(errors, default=0.0)

    return ExactValues(
        np.array([float(value) for value in values]),
        np.array([float(gradient) for gradient in gradients]),
        (ulp(out, values), ulp(dx, gradients)),
    )


def wrong_values(
    elementwise: ElementwiseSubject, x: Array, out: Array, exact: ExactValues
) -> Iterator[Finding]:
    """The finding at the x, a row of the dtype to check, where out differs most from the formula.

    `out` is a row of float64. Values at a jump are not compared: there rounding decides the side.
    """
    wide = x.astype(np.float64)
    slope = np.where(np.isfinite(exact.gradient), np.abs(exact.gradient), 0)
    slack = rounding_tolerance(exact.value, wide, slope, x.dtype)
    limit = float(finfo(x.dtype).max)
    with np.errstate(all="ignore"):
        off = np.abs(out - exact.value)
        wrong = (off > slack) & np.isfinite(out) & (np.abs(exact.value) < limit)
    wrong &= ~at_discontinuity([at for at in elementwise.discontinuities if at.jump], wide)
    if wrong.any():
        i = int(np.where(wrong, off / (slack + np.abs(exact.value)), -1).argmax())
        where = Where(*map(float, (x[i], out[i], exact.value[i], slack[i])))
        message = (
            f"at x = {where.x:.9g} in {x.dtype} forward gives {where.got:.9g}, the formula "
            f"{where.expected:.9g}"
        )
        yield finding_at("wrong-value", message, elementwise.subject, x, i, "forward", where)
