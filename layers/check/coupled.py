"""A layer that couples elements: its Jacobian, its directions, its formula line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.example import Script
from actgrad.layers.check.gradient import ROUNDINGS, SAFETY, Truth, wider
from actgrad.layers.check.judgement import Verdict
from actgrad.layers.check.numerical_derivative import REACH, THOROUGH, Estimate, differentiate
from actgrad.layers.check.points import Sample, ordinary
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.subject import Subject
from actgrad.layers.layer import Layer

#: Roundings allowed where every element is made of many.
ROUNDINGS_COUPLED = 64.0
#: The formula is read on lines of so many elements.
LINE = 8


def jacobian(subject: Subject, x: Array) -> Array:
    """∂out/∂x as backward tells it: a row for each element of out."""
    out = subject.forward(x)
    rows = []
    for i in range(out.size):
        dout = np.zeros_like(out)
        dout.flat[i] = 1
        rows.append(subject.run(x, dout).dx.ravel())
    return np.array(rows).reshape(out.size, x.size)


def numerical_column(subject: Subject, x: Array, j: int, reach: float, side: int = 0) -> Estimate:
    """∂out/∂xⱼ, numerically."""
    unit = np.zeros_like(x)
    unit.flat[j] = 1

    def along(t: Array) -> Array:
        return subject.forward(x + t * unit).ravel()

    levels = THOROUGH if side else 10
    with np.errstate(all="ignore"):
        return differentiate(along, np.array(reach), side, levels, abs(x.flat[j]), subject.eps)


def judge_jacobian(subject: Subject, sample: Sample) -> Finding | None:
    """The full Jacobian of a coupled layer."""
    x = sample.array.astype(np.float64)
    told = jacobian(subject, x)
    scale = np.abs(told[np.isfinite(told)]).max(initial=0.0)
    slack = ROUNDINGS * subject.eps * scale * x.size
    for j in range(x.size):
        over, nearest, doubt = np.full(len(told), np.inf), told[:, j], np.zeros(len(told))
        for reach in (REACH, 0.1 * REACH, 0.01 * REACH):
            sides = [numerical_column(subject, x, j, reach)]
            if reach < REACH:
                sides += [numerical_column(subject, x, j, reach, side) for side in (-1, 1)]
            values = np.array([one.value for one in sides])
            doubt = SAFETY * np.array([one.error for one in sides]).max(0) + slack
            truth = Truth(values.min(0), values.max(0), doubt)
            with np.errstate(all="ignore"):
                excess = truth.excess(told[:, j]) - doubt
            over = np.fmin(over, np.where(np.isnan(excess), 0, excess))
            nearest = truth.nearest(told[:, j])
            if not (over > 0).any():
                break
        if (over > 0).any():
            i = int(over.argmax())
            where = Where(*map(float, (x.flat[j], told[i, j], nearest[i], doubt[i])))
            unit = f"dout = np.zeros_like(out); dout.flat[{i}] = 1"
            script = Script(
                f"x = {sample.text}; out = layer.forward(x); {unit}",
                f"layer.backward(dout).flat[{j}]",
                "None",
            )
            return Finding(
                "wrong-gradient",
                f"∂out[{i}]/∂x[{j}] of {x.shape} (flat) is {where.got:.9g}, "
                f"numerically {where.expected:.9g} ± {where.tolerance:.1g}",
                script.shown(where.got, where.expected),
                "float64",
                where,
            )
    return None


def judge_directions(subject: Subject, sample: Sample, count: int = 8) -> Finding | None:
    """A large coupled layer, along random directions."""
    x = sample.array.astype(np.float64)
    out = subject.forward(x)
    u = ordinary(out.shape, start=7)
    dx = subject.run(x, u.array).dx
    for k in range(count):
        way = ordinary(x.shape, start=100 * (k + 1))
        v = way.array
        told = float((dx * v).sum())
        slack = ROUNDINGS * subject.eps * float(np.abs(dx * v).sum())

        def along(t: Array, v: Array = v) -> Array:
            return np.asarray((u.array * subject.forward(x + t * v)).sum())

        looks = []
        for reach in (REACH, 0.05 * REACH, 0.002 * REACH):
            with np.errstate(all="ignore"):
                slope = differentiate(along, np.array(reach), 0, 10, 0.0, subject.eps)
            tolerance = SAFETY * float(slope.error) + slack
            excess = abs(told - float(slope.value)) - tolerance
            looks.append((excess if np.isfinite(excess) else 0.0, float(slope.value), tolerance))
        excess, value, tolerance = min(looks)
        if excess > 0:
            script = Script(
                f"x = {sample.text}; v = {way.text}; layer.forward(x)",
                f"(layer.backward({u.text}) * v).sum()",
                "None",
            )
            return Finding(
                "wrong-gradient",
                f"along a direction v, dx gives {told:.9g}, numerically {value:.9g}",
                script.shown(told, value),
                "float64",
                Where(np.nan, told, value, tolerance),
            )
    return None


def judge_coupled(subject: Subject, samples: list[Sample]) -> Verdict:
    """A layer that couples elements, in one dtype: against its formula, if it is known, and against
    what it says itself in a wider one."""
    findings: list[Finding] = []
    ulp: tuple[float, float] | None = None
    for sample in samples:
        findings += _against_wider(subject, sample)
        layer, ndim = subject.reference, sample.array.ndim
        axes = layer.axes(ndim) if layer is not None and ndim else set()
        if layer is not None and len(axes) == 1:
            said, far = _against_formula(subject, layer, axes.pop(), sample)
            findings += said
            ulp = far if ulp is None else (max(ulp[0], far[0]), max(ulp[1], far[1]))
    dtype = samples[0].array.dtype.name
    points = sum(sample.array.size for sample in samples)
    return Verdict(dtype, points, findings, 0, ulp)


def _against_wider(subject: Subject, sample: Sample) -> Iterator[Finding]:
    x = sample.array
    dout = ordinary(subject.forward(x).shape, x.dtype.name, 7)
    run, wide = subject.run(x, dout.array), wider(subject, x, dout.array)
    if wide is None:
        return
    eps, limit = float(finfo(x.dtype).eps), float(finfo(x.dtype).max)
    for method, got, truth in (("forward", run.out, wide.out), ("backward", run.dx, wide.dx)):
        truth = truth.astype(np.float64)
        ordinary_ones = np.isfinite(truth) & (np.abs(truth) < limit)
        bad = ordinary_ones & ~np.isfinite(got)
        scale = np.abs(truth[ordinary_ones]).max(initial=float(np.abs(dout.array).max(initial=0.0)))
        # Each of x's roundings moves every element.
        slack = ROUNDINGS_COUPLED * eps * scale * (1 + float(np.abs(x).max(initial=0.0)))
        off = (np.abs(got.astype(np.float64) - truth) > slack) & ordinary_ones
        if bad.any():
            yield _told("not-finite", method, sample, dout, int(bad.argmax()), got, truth)
        elif off.any() and x.dtype != np.float64:
            fault = "wrong-gradient" if method == "backward" else "wrong-value"
            yield _told(fault, method, sample, dout, int(off.argmax()), got, truth)


def _against_formula(
    subject: Subject, layer: Layer, axis: int, sample: Sample
) -> tuple[list[Finding], tuple[float, float]]:
    """What the formula says of each line; the errors are in ULP of the sum of the terms' sizes."""
    x = sample.array
    if x.shape[axis] > LINE or not x.size:
        return [], (0.0, 0.0)
    dout = ordinary(subject.forward(x).shape, x.dtype.name, 7)
    run = subject.run(x, dout.array)
    if run.out.shape != layer.out_shape(x.shape):
        told = _told(
            "wrong-value", "forward", sample, dout, 0, run.out, np.full(run.out.shape, np.nan)
        )
        return [told], (0.0, 0.0)
    value, gradient, terms = _exact_lines(layer, axis, x, dout.array)
    finite = bool(np.isfinite(x).all())
    eps, about = float(finfo(x.dtype).eps), finfo(x.dtype)
    findings = []
    ulp = []
    for method, got, truth, size in (
        ("forward", run.out, value, np.abs(value)),
        ("backward", run.dx, gradient, terms),
    ):
        got = got.astype(np.float64)
        with np.errstate(all="ignore"):
            off = np.abs(got - truth)
            known = np.isfinite(truth) & (np.abs(truth) < float(about.max))
            bad = known & ~np.isfinite(got)
            # A rounding of any element of the line moves all of it.
            line = size.max(axis=axis, keepdims=True) if finite else size
            if finite and method == "backward":
                # Where it saturates, the terms of a small gradient are still as large as dout.
                line = np.maximum(line, np.abs(dout.array.astype(np.float64)).max(initial=0.0))
            most = np.abs(x.astype(np.float64)).max(initial=0.0) if finite else 1.0
            wrong = (
                known
                & np.isfinite(got)
                & (off > ROUNDINGS_COUPLED * eps * (line + eps) * (1 + most))
            )
            lost = known & ~wrong & (np.abs(truth) >= float(about.tiny))
            lost &= off > eps**0.5 * np.maximum(np.abs(truth), size)
            unit = np.maximum(
                eps / 2 * np.maximum(size, np.abs(truth)), float(about.smallest_subnormal)
            )
        ulp.append(float((off / unit)[known & np.isfinite(got)].max(initial=0.0)))
        name = "wrong-gradient" if method == "backward" else "wrong-value"
        for fault, where in (("not-finite", bad), (name, wrong), ("lost-gradient", lost)):
            if where.any() and (fault != "lost-gradient" or (method == "backward" and finite)):
                i = int(np.where(where, np.nan_to_num(off, nan=np.inf), -1).argmax())
                findings.append(_told(fault, method, sample, dout, i, got, truth))
                break
    return findings, (ulp[0], ulp[1])


def _exact_lines(layer: Layer, axis: int, x: Array, dout: Array) -> tuple[Array, Array, Array]:
    """The formula's value, its gradient for dout, and Σ |∂outⱼ/∂xᵢ·doutⱼ|, for each line."""
    from actgrad.layers.exact import exact

    lines, douts = (np.moveaxis(one.astype(np.float64), axis, -1) for one in (x, dout))
    value = np.empty(douts.shape)
    gradient, terms = np.empty(lines.shape), np.empty(lines.shape)
    formula = layer.traced(lines.shape[-1])
    for at in np.ndindex(lines.shape[:-1]):
        line = lines[at].tolist()
        rows: list[Any] = []
        for j in range(douts.shape[-1]):
            values, row = exact(formula, line, [float(k == j) for k in range(douts.shape[-1])])
            rows.append([slope * float(douts[at][j]) for slope in row])
        value[at] = [float(one) for one in values]
        gradient[at] = [float(sum(column)) for column in zip(*rows, strict=True)]
        terms[at] = [float(sum(map(abs, column))) for column in zip(*rows, strict=True)]
    return tuple(np.moveaxis(one, -1, axis) for one in (value, gradient, terms))  # type: ignore[return-value]


def _told(
    fault: str, method: str, sample: Sample, dout: Sample, i: int, got: Array, truth: Array
) -> Finding:
    x = sample.array
    at = float(x.flat[min(i, x.size - 1)])
    where = Where(at, float(got.flat[i]), float(truth.flat[i]), 0.0)
    call = "out" if method == "forward" else f"layer.backward({dout.text})"
    script = Script(f"x = {sample.text}; out = layer.forward(x)", f"{call}.flat[{i}]", "None")
    return Finding(
        fault,
        f"{method} of shape {x.shape} in {x.dtype} gives {where.got:.9g} at element {i}, "
        f"where {where.expected:.9g} is right",
        script.shown(where.got, where.expected),
        x.dtype.name,
        where,
    )
