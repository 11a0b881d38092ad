"""Values and gradients in one dtype: right, wrong, not finite, or lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.gradient import Elementwise, Truth, breaks_at, moved, roundings, wider
from actgrad.layers.layer import Layer
from actgrad.layers.numeric import QUICK, THOROUGH, noise
from actgrad.layers.points import moderate
from actgrad.layers.report import Finding, Where
from actgrad.layers.subject import Subject

#: More points than this are not looked up in the formula.
EXACTLY = 400


class Verdict(NamedTuple):
    """What one dtype gave."""

    dtype: str
    points: int
    findings: list[Finding]
    #: The largest error of out and of dx in ULP, where the formula is known.
    ulp: tuple[float, float] | None = None


class Exact(NamedTuple):
    """The formula's own values and gradients at points, and the errors of others in ULP."""

    value: Array
    gradient: Array
    ulp: tuple[float, float]


def judge(elementwise: Elementwise, x: Array, dense: Array, far: Array) -> Verdict:
    """An element-wise layer at the points x, of the dtype to be judged.

    `dense` are more points, in float64, for which only the numerical derivative is asked; at those
    of `far` a nan is told, not condemned.
    """
    subject, dtype = elementwise.subject, x.dtype
    out, dx = (one.astype(np.float64).reshape(x.shape) for one in subject.run(x))
    wide = x.astype(np.float64)
    findings: list[Finding] = []
    if dtype == np.float64:
        levels = THOROUGH if x.size <= 4096 else QUICK
        truth, guilty = elementwise.suspects(wide, dx, levels)
        more = subject.run(dense).dx.reshape(dense.shape)
        dense_truth, dense_guilty = elementwise.suspects(dense, more, QUICK)
        findings += _wrong(x, dx, truth, guilty) or _wrong(dense, more, dense_truth, dense_guilty)
    else:
        truth = _narrow_truth(elementwise, wide, dtype)
    bend = elementwise.bend(wide)
    slack = roundings(truth.low, wide, bend, dtype)
    exact = None
    if subject.reference is not None and not hasattr(subject.reference, "axis"):
        chosen = np.unique(np.linspace(0, x.size - 1, min(x.size, EXACTLY)).astype(int))
        exact = exactly(subject.reference, wide[chosen], out[chosen], dx[chosen], dtype)
        findings += _wrong_value(elementwise, x[chosen], out[chosen], exact)
        told = chosen[~breaks_at(elementwise.breaks, wide[chosen])]
        known = exact.gradient[np.isin(chosen, told)]
        truth = Truth(*(column.copy() for column in truth))
        truth.low[told] = truth.high[told] = known
        truth.doubt[told] = np.where(np.isfinite(known), 0.0, np.inf)
    over = truth.excess(dx) - truth.doubt
    if dtype != np.float64 or exact is not None:
        findings += _wrong(x, dx, truth, over > slack)
    findings += _not_finite(subject, x, out, dx, truth, exact)
    findings += _lost(
        subject, x, dx, truth, (over <= slack) | ~np.isfinite(over), slack, moved(wide, bend, dtype)
    )
    findings += _far_out(subject, far)
    return Verdict(dtype.name, x.size + dense.size, findings, exact.ulp if exact else None)


def narrowed(elementwise: Elementwise) -> Iterator[Finding]:
    """A forward whose float64 has the noise of a narrower dtype."""
    x = np.linspace(-4, 4, 101) + 0.001
    found = noise(elementwise.value, x)
    level = float(np.nanmedian(found)) if np.isfinite(found).any() else 0.0
    if level > 1e-10:
        yield Finding(
            "wrong-dtype",
            f"in float64 forward has a relative noise of {level:.1g}, as of a narrower dtype",
            (
                "layer.forward(x + 1e-8) - layer.forward(x)",
                f"# moves in steps of about {level:.1g}",
            ),
            "float64",
        )


def _narrow_truth(elementwise: Elementwise, x: Array, dtype: np.dtype[Any]) -> Truth:
    """For a narrower dtype: what the layer says in float64, where the derivative agrees."""
    truth = elementwise.truth(x, elementwise.derivative(x), dtype)
    told = elementwise.subject.run(x).dx.reshape(x.shape)
    agrees = (truth.low == truth.high) & (truth.excess(told) <= truth.doubt)
    return Truth(np.where(agrees, told, truth.low), np.where(agrees, told, truth.high), truth.doubt)


def exactly(reference: Layer, x: Array, out: Array, dx: Array, dtype: np.dtype[Any]) -> Exact:
    """The formula at each x, and how far out and dx are from it."""
    from mpmath import isnan, mpf

    from actgrad.layers.exact import exact
    from actgrad.layers.formula import trace

    formula = trace(reference.formula)
    pairs = [exact(formula, one) for one in x.tolist()]
    values, gradients = zip(*pairs, strict=True) if pairs else ((), ())

    def ulp(got: Array, truths: Sequence[Any]) -> float:
        errors = [
            float(abs(mpf(one) - truth) / spacing(truth, dtype))
            for one, truth in zip(got.tolist(), truths, strict=True)
            if np.isfinite(one) and not isnan(truth)
        ]
        return max(errors, default=0.0)

    return Exact(
        np.array([float(one) for one in values]),
        np.array([float(one) for one in gradients]),
        (ulp(out, values), ulp(dx, gradients)),
    )


def spacing(truth: Any, dtype: np.dtype[Any]) -> Any:
    """The ULP of a dtype at a number of any precision."""
    from mpmath import mpf

    about = np.finfo(dtype)
    _, _, exponent, bits = abs(truth)._mpf_
    return mpf(2) ** (max(int(exponent + bits) - 1, int(about.minexp)) - int(about.nmant))


def _wrong(x: Array, dx: Array, truth: Truth, guilty: Array) -> list[Finding]:
    guilty = guilty & np.isfinite(dx)
    if not guilty.any():
        return []
    excess = np.where(guilty, truth.excess(dx), -1)
    relative = excess / (np.abs(truth.nearest(dx)) + 1e-3)
    i = int(relative.argmax())
    where = Where(float(x[i]), float(dx[i]), float(truth.nearest(dx)[i]), float(truth.doubt[i]))
    return [
        Finding(
            "wrong-gradient",
            f"at x = {where.x:.9g} in {x.dtype} backward gives {where.got:.9g}, the derivative is "
            f"{where.expected:.9g} ± {where.tolerance:.1g}",
            (
                f"layer.forward(np.array([{where.x!r}], np.{x.dtype}));"
                f" layer.backward(np.ones(1, np.{x.dtype}))",
                f"# {where.got!r}, but the derivative is {where.expected!r}",
            ),
            x.dtype.name,
            where,
        )
    ]


def _wrong_value(elementwise: Elementwise, x: Array, out: Array, exact: Exact) -> Iterator[Finding]:
    wide = x.astype(np.float64)
    slope = np.where(np.isfinite(exact.gradient), np.abs(exact.gradient), 0)
    slack = roundings(exact.value, wide, slope, x.dtype)
    limit = float(np.finfo(x.dtype).max)
    with np.errstate(all="ignore"):
        off = np.abs(out - exact.value)
        # The roundings at a jump decide the side.
        wrong = (off > slack) & np.isfinite(out) & (np.abs(exact.value) < limit)
    wrong &= ~breaks_at([one for one in elementwise.breaks if one.jump], wide)
    if wrong.any():
        i = int(np.where(wrong, off / (slack + np.abs(exact.value)), -1).argmax())
        where = Where(float(x[i]), float(out[i]), float(exact.value[i]), float(slack[i]))
        yield Finding(
            "wrong-value",
            f"at x = {where.x:.9g} in {x.dtype} forward gives {where.got:.9g}, the formula "
            f"{where.expected:.9g}",
            (
                f"layer.forward(np.array([{where.x!r}], np.{x.dtype}))",
                f"# {where.got!r}, but the formula gives {where.expected!r}",
            ),
            x.dtype.name,
            where,
        )


def _not_finite(
    subject: Subject, x: Array, out: Array, dx: Array, truth: Truth, exact: Exact | None
) -> Iterator[Finding]:
    """What is nan or inf, though the layer itself says otherwise in a wider dtype, or the formula
    does, or the values around it."""
    bad = ~(np.isfinite(out) & np.isfinite(dx))
    if not bad.any():
        return
    limit = float(np.finfo(x.dtype).max)
    nan = np.full(x.shape, np.nan)
    wide = wider(subject, x)
    values, slopes = [nan], [np.where(np.isfinite(truth.doubt), truth.nearest(0 * x), np.nan)]
    if wide is not None:
        values.append(wide.out.reshape(x.shape).astype(np.float64))
        slopes.append(wide.dx.reshape(x.shape).astype(np.float64))
    if exact is not None and exact.value.shape == x.shape:
        values, slopes = [exact.value], [exact.gradient]
    for name, got, known in (("forward", out, values), ("backward", dx, slopes)):
        finite = [np.isfinite(one) & (np.abs(one) < limit) for one in known]
        wrong = ~np.isfinite(got) & np.any(finite, axis=0)
        if not wrong.any():
            continue
        i = min(np.flatnonzero(wrong), key=lambda i: abs(x[i]))
        expected = next(float(one[i]) for one, ok in zip(known, finite, strict=True) if ok[i])
        where = Where(float(x[i]), float(got[i]), expected, 0.0)
        yield Finding(
            "not-finite",
            f"at x = {where.x:.6g} in {x.dtype} {name} gives {where.got}, the true value is "
            f"{expected:.6g}",
            (
                f"layer.forward(np.array([{where.x!r}], np.{x.dtype}))"
                + ("" if name == "forward" else f"; layer.backward(np.ones(1, np.{x.dtype}))"),
                f"# {where.got}, where {expected:.6g} is right",
            ),
            x.dtype.name,
            where,
        )
        return


def _lost(
    subject: Subject,
    x: Array,
    dx: Array,
    truth: Truth,
    rounded: Array,
    slack: Array,
    conditioned: Array,
) -> Iterator[Finding]:
    """What is off by roundings only, and yet has lost half of its digits or all."""
    about = np.finfo(x.dtype)
    half = float(about.eps) ** 0.5
    size = np.abs(truth.low)
    single = truth.low == truth.high
    lost = single & (truth.excess(dx) > half * size + truth.doubt + conditioned)
    expected = truth.low
    wide = wider(subject, x) if x.dtype == np.float64 and (truth.doubt > 0).any() else None
    if wide is not None:
        told = wide.dx.reshape(x.shape)
        unknown = single & (truth.doubt > 0)
        lost |= unknown & np.asarray(
            np.abs(dx - told) > half * np.abs(told) + conditioned, dtype=bool
        )
        expected = np.where(unknown, told.astype(np.float64), expected)
        size = np.abs(expected)
    lost &= rounded & np.isfinite(dx) & (np.abs(dx - expected) <= slack)
    lost &= (size >= float(about.tiny)) & np.isfinite(size)
    if not lost.any():
        return
    i = min(np.flatnonzero(lost), key=lambda i: abs(x[i]))
    gone = lost & (dx == 0)
    where = Where(float(x[i]), float(dx[i]), float(expected[i]), float(truth.doubt[i]))
    text = f"from x = {where.x:.6g} on in {x.dtype} less than half of the digits are right"
    if gone.any():
        i = min(np.flatnonzero(gone), key=lambda i: abs(x[i]))
        where = Where(float(x[i]), float(dx[i]), float(expected[i]), float(truth.doubt[i]))
        text += f", and at {where.x:.6g} the gradient is 0 instead of {where.expected:.3g}"
    yield Finding(
        "lost-gradient",
        text,
        (
            f"layer.forward(np.array([{where.x!r}], np.{x.dtype}));"
            f" layer.backward(np.ones(1, np.{x.dtype}))",
            f"# {where.got!r}, where {where.expected:.6g} is right",
        ),
        x.dtype.name,
        where,
    )


def _far_out(subject: Subject, x: Array) -> Iterator[Finding]:
    """nan where the layer's own answers tend to a limit."""
    if not x.size:
        return
    side = np.sign(x.astype(np.float64))
    near = (side * 100.0).astype(x.dtype)
    runs = [subject.run(one) for one in (x, near, near * 2, near * 4)]
    for name, columns in (
        ("forward", [run.out for run in runs]),
        ("backward", [run.dx for run in runs]),
    ):
        far, *tail = (one.astype(np.float64).reshape(x.shape) for one in columns)
        settled = (tail[0] == tail[1]) & (tail[1] == tail[2]) & np.isfinite(tail[0])
        for i in np.flatnonzero(np.isnan(far) & settled):
            where = Where(float(x[i]), float(far[i]), float(tail[0][i]), 0.0)
            yield Finding(
                "nan-far-out",
                f"at x = {where.x:.6g} in {x.dtype} {name} gives nan, where the limit is "
                f"{where.expected:.6g}",
                (f"layer.forward(np.array([{where.x:.6g}], np.{x.dtype}))", "# nan on the way"),
                x.dtype.name,
                where,
            )
            return


def judge_coupled(subject: Subject, arrays: list[Array]) -> Verdict:
    """A layer that couples elements, in one dtype: against what it says itself in a wider one."""
    findings: list[Finding] = []
    points = 0
    for x in arrays:
        points += x.size
        dout = moderate(subject.forward(x).shape, x.dtype, 7)
        run, wide = subject.run(x, dout), wider(subject, x, dout)
        if wide is None:
            continue
        eps, limit = float(np.finfo(x.dtype).eps), float(np.finfo(x.dtype).max)
        for name, got, truth in (("forward", run.out, wide.out), ("backward", run.dx, wide.dx)):
            truth = truth.astype(np.float64)
            ordinary = np.isfinite(truth) & (np.abs(truth) < limit)
            bad = ordinary & ~np.isfinite(got)
            scale = np.abs(truth[ordinary]).max(initial=float(np.abs(dout).max(initial=0.0)))
            # Each of x's roundings moves every element.
            slack = ROUNDINGS_COUPLED * eps * scale * (1 + float(np.abs(x).max(initial=0.0)))
            off = np.abs(got.astype(np.float64) - truth) > slack
            if bad.any():
                i = int(bad.argmax())
                findings.append(
                    _coupled("not-finite", name, x, i, float(got.flat[i]), float(truth.flat[i]))
                )
            elif (off & ordinary).any() and x.dtype != np.float64:
                i = int((off & ordinary).argmax())
                fault = "wrong-gradient" if name == "backward" else "wrong-value"
                findings.append(
                    _coupled(fault, name, x, i, float(got.flat[i]), float(truth.flat[i]))
                )
    return Verdict(arrays[0].dtype.name, points, findings)


#: Roundings allowed where every element is made of many.
ROUNDINGS_COUPLED = 64.0


def _coupled(fault: str, name: str, x: Array, i: int, got: float, expected: float) -> Finding:
    where = Where(float(x.flat[min(i, x.size - 1)]), got, expected, 0.0)
    return Finding(
        fault,
        f"{name} of shape {x.shape} in {x.dtype} gives {got:.6g} at element {i}, "
        f"which is {expected:.6g} in a wider dtype",
        (f"layer.{name}(x)  # shape {x.shape}, {x.dtype}", f"# element {i}: {got!r}"),
        x.dtype.name,
        where,
    )
