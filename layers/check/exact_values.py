"""The formula's own values and gradients, and the errors of a layer's in ULP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.discontinuities import Discontinuity
from actgrad.layers.check.gradient import ElementwiseSubject, at_discontinuity, rounding_tolerance
from actgrad.layers.check.report import Finding
from actgrad.layers.check.row_results import RowResults, most_telling
from actgrad.layers.layer import Layer


class ExactValues(NamedTuple):
    """The formula's values and gradients at points, and the largest errors of others in ULP."""

    value: Array
    gradient: Array
    ulp: tuple[float, float]


def exact_values(
    reference: Layer, results: RowResults, discontinuities: list[Discontinuity]
) -> ExactValues:
    """The reference's formula at each x, and how far out and dx are from it.

    At kinks and jumps, where the gradient is a convention, dx is not compared.
    """
    from mpmath import isnan, mpf

    from actgrad.layers.exact import FloatFormat, exact, spacing

    formula, float_format = reference.traced(), FloatFormat.of(results.x.dtype)
    pairs = [exact(formula, point) for point in results.wide.tolist()]
    values, gradients = zip(*pairs, strict=True) if pairs else ((), ())

    def ulp(row: Array, truths: Sequence[Any]) -> float:
        errors = [
            float(abs(mpf(result) - truth) / spacing(truth, float_format))
            for result, truth in zip(row.tolist(), truths, strict=True)
            if np.isfinite(result) and not isnan(truth)
        ]
        return max(errors, default=0.0)

    conventional = at_discontinuity(discontinuities, results.wide)
    return ExactValues(
        np.array([float(value) for value in values]),
        np.array([float(gradient) for gradient in gradients]),
        (ulp(results.out, values), ulp(np.where(conventional, np.nan, results.dx), gradients)),
    )


def wrong_values(
    elementwise: ElementwiseSubject, results: RowResults, exact: ExactValues
) -> Iterator[Finding]:
    """The finding at the most telling x where out differs from the formula.

    Values at a jump are not compared: there rounding decides the side.
    """
    x, out, wide = results.x, results.out, results.wide
    slope = np.where(np.isfinite(exact.gradient), np.abs(exact.gradient), 0)
    slack = rounding_tolerance(exact.value, wide, slope, x.dtype)
    limit = float(finfo(x.dtype).max)
    with np.errstate(all="ignore"):
        off = np.abs(out - exact.value)
        wrong = (off > slack) & np.isfinite(out) & (np.abs(exact.value) < limit)
    wrong &= ~at_discontinuity([at for at in elementwise.discontinuities if at.jump], wide)
    if wrong.any():
        i = most_telling(wide, wrong, off / (slack + np.abs(exact.value)))
        message = "at x = {x:.9g} in {dtype} forward gives {got}, the formula {expected}"
        yield results.finding("wrong-value", message, "forward", i, exact.value[i], slack[i])
