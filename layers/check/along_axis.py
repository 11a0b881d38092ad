"""A layer along an axis against its formula, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.points import Sample, ordinary_sample
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.script import finding_of
from actgrad.layers.check.subject import Subject
from actgrad.layers.layer import Layer

#: The rounding errors allowed where every element depends on many.
ROUNDINGS_COUPLED = 64.0
#: The formula is evaluated on lines of no more elements than this, and on no more lines.
LONGEST_LINE, MOST_LINES = 8, 6


class _Comparison(NamedTuple):
    """Where a result is off: nan or inf, wrong, or less than half of its digits right."""

    not_finite: Array
    wrong: Array
    lost: Array
    off: Array
    ulp: float


def against_formula(
    subject: Subject, layer: Layer, axis: int, sample: Sample
) -> tuple[list[Finding], tuple[float, float] | None]:
    """The findings, and the largest errors of out and dx in ULP of the sum of their terms' sizes.

    Lines of more than LONGEST_LINE elements are not compared; their errors are None.
    """
    x = sample.array
    if x.shape[axis] > LONGEST_LINE or not x.size:
        return [], None
    dout = upstream_sample(subject, x)
    run = subject.run(x, dout.array)
    if run.out.shape != layer.out_shape(x.shape):
        truth = np.full(run.out.shape, np.nan)
        finding = coupled_finding("wrong-value", "forward", sample, dout, 0, run.out, truth)
        return [finding], None
    value, gradient, terms = _exact_lines(layer, axis, x, dout.array)
    forward = _compare(axis, x, run.out, value, np.abs(value), 0.0)
    # A saturated gradient is the small difference of terms as large as dout.
    floor = np.abs(dout.array.astype(np.float64)).max(initial=0.0)
    backward = _compare(axis, x, run.dx, gradient, terms, floor)
    faults: list[Finding] = []
    for method, result, truth, comparison in (
        ("forward", run.out, value, forward),
        ("backward", run.dx, gradient, backward),
    ):
        for fault, here in _faults(method, comparison, bool(np.isfinite(x).all())):
            if here.any():
                off = np.nan_to_num(comparison.off, nan=np.inf)
                i = int(np.where(here, off, -1).argmax())
                wide = result.astype(np.float64)
                faults.append(coupled_finding(fault, method, sample, dout, i, wide, truth))
                break
    return faults, (forward.ulp, backward.ulp)


def _faults(method: str, comparison: _Comparison, finite: bool) -> Iterator[tuple[str, Array]]:
    """The faults in order of importance, and where they are."""
    yield "not-finite", comparison.not_finite
    yield "wrong-gradient" if method == "backward" else "wrong-value", comparison.wrong
    if method == "backward" and finite:
        yield "lost-gradient", comparison.lost


def _compare(
    axis: int, x: Array, result: Array, truth: Array, size: Array, floor: float
) -> _Comparison:
    """The result beside the truth; `size` is the sum of the sizes of its terms, at least floor."""
    about = finfo(x.dtype)
    eps = float(about.eps)
    result = result.astype(np.float64)
    with np.errstate(all="ignore"):
        off = np.abs(result - truth)
        known = np.isfinite(truth) & (np.abs(truth) < float(about.max))
        line, most = size, 1.0
        if np.isfinite(x).all():
            # A rounding error of any element of the line moves all of it.
            line = np.maximum(size.max(axis=axis, keepdims=True), floor)
            most = float(np.abs(x.astype(np.float64)).max(initial=0.0))
        slack = ROUNDINGS_COUPLED * eps * (line + eps) * (1 + most)
        wrong = known & np.isfinite(result) & (off > slack)
        lost = known & ~wrong & (np.abs(truth) >= float(about.tiny))
        lost &= off > eps**0.5 * np.maximum(np.abs(truth), size)
        unit = eps / 2 * np.maximum(size, np.abs(truth))
        unit = np.maximum(unit, float(about.smallest_subnormal))
        ulp = float((off / unit)[known & np.isfinite(result)].max(initial=0.0))
    return _Comparison(known & ~np.isfinite(result), wrong, lost, off, ulp)


def _exact_lines(layer: Layer, axis: int, x: Array, dout: Array) -> tuple[Array, Array, Array]:
    """The formula's value, its gradient for dout, and Σ |∂outⱼ/∂xᵢ·doutⱼ|, for some of the lines.

    They are nan for the others.
    """
    lines, douts = (np.moveaxis(array.astype(np.float64), axis, -1) for array in (x, dout))
    value = np.full(douts.shape, np.nan)
    gradient, terms = np.full(lines.shape, np.nan), np.full(lines.shape, np.nan)
    places = [*np.ndindex(lines.shape[:-1])]
    for at in places[:: -(-len(places) // MOST_LINES)]:
        values, jacobian = _exact_jacobian(layer, lines[at].tobytes(), douts.shape[-1])
        rows = [
            [slope * factor for slope in row]
            for row, factor in zip(jacobian, douts[at].tolist(), strict=True)
        ]
        value[at] = [float(element) for element in values]
        gradient[at] = [float(sum(column)) for column in zip(*rows, strict=True)]
        terms[at] = [float(sum(map(abs, column))) for column in zip(*rows, strict=True)]
    value, gradient, terms = (np.moveaxis(part, -1, axis) for part in (value, gradient, terms))
    return value, gradient, terms


@lru_cache(maxsize=512)
def _exact_jacobian(layer: Layer, line: bytes, count: int) -> tuple[Any, list[Any]]:
    """The formula's values for a line of float64, and the rows of its Jacobian, one for each out.

    The same lines are asked for in each dtype.
    """
    from actgrad.layers.exact import exact

    x = np.frombuffer(line).tolist()
    formula = layer.traced(len(x))
    results = [exact(formula, x, [float(k == j) for k in range(count)]) for j in range(count)]
    return results[0][0], [row for _, row in results]


def upstream_sample(subject: Subject, x: Array) -> Sample:
    """A dout of out's shape and x's dtype."""
    return ordinary_sample(subject.forward(x).shape, x.dtype.name, 7)


def coupled_finding(
    fault: str, method: str, sample: Sample, dout: Sample, i: int, result: Array, truth: Array
) -> Finding:
    """The finding at the i-th element, in flat order, of the method's result."""
    x = sample.array
    at = float(x.flat[min(i, x.size - 1)])
    where = Where(at, float(result.flat[i]), float(truth.flat[i]), 0.0)
    call = "out" if method == "forward" else f"layer.backward({dout.text})"
    code = f"x = {sample.text}; out = layer.forward(x)", f"{call}.flat[{i}]"
    message = (
        f"{{method}} of shape {x.shape} in {{dtype}} gives {{got}} at element {i}, "
        "expected {expected}"
    )
    return finding_of(fault, message, code, where, x.dtype.name, method)
