"""Values and gradients in one dtype: right, wrong, not finite, or lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.example import Script, at_point, found
from actgrad.layers.check.gradient import (
    ElementwiseSubject,
    Truth,
    breaks_at,
    moved,
    roundings,
    wider,
)
from actgrad.layers.check.numerical_derivative import QUICK, RESOLVED, THOROUGH, noise
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.subject import LayerRaisedError, Run, Subject
from actgrad.layers.layer import Layer

#: More points than this are not looked up in the formula.
EXACTLY = 400
#: More than this are looked at quickly, and thoroughly only where something seems wrong.
MANY = 4096


class Verdict(NamedTuple):
    """What one dtype gave."""

    dtype: str
    points: int
    findings: list[Finding]
    #: Points at which the numerical derivative tells nothing.
    unjudged: int = 0
    #: The largest error of out and of dx in ULP, where the formula is known.
    ulp: tuple[float, float] | None = None


class Exact(NamedTuple):
    """The formula's own values and gradients at points, and the errors of others in ULP."""

    value: Array
    gradient: Array
    ulp: tuple[float, float]


def judge(elementwise: ElementwiseSubject, x: Array, dense: Array) -> Verdict:
    """An element-wise layer at the finite points x, of the dtype to be judged.

    `dense` are more points, in float64, for which only the numerical derivative is asked.
    """
    subject, dtype = elementwise.subject, x.dtype
    out, dx = (one.astype(np.float64) for one in subject.run(x))
    wide = x.astype(np.float64)
    findings: list[Finding] = []
    left = 0
    levels = THOROUGH if x.size <= MANY else QUICK
    if dtype == subject.widest:
        truth, guilty = elementwise.suspects(wide, dx, levels)
        more = subject.run(dense).dx
        dense_truth, dense_guilty = elementwise.suspects(dense, more, QUICK)
        findings += [*_wrong(subject, x, dx, truth, guilty)] or _wrong(
            subject, dense, more, dense_truth, dense_guilty
        )
        left = unjudged(dense, dense_truth)
    else:
        truth = _narrow_truth(elementwise, wide, dtype, levels)
    # What computes in a narrower dtype than it is given has its roundings.
    kind = dtype if finfo(dtype).eps > subject.eps else np.dtype(subject.widest)
    bend = elementwise.bend(wide, kind)
    exact = None
    if subject.reference is not None:
        chosen = np.unique(np.linspace(0, x.size - 1, min(x.size, EXACTLY)).astype(int))
        exact = exact_at(subject.reference, wide[chosen], out[chosen], dx[chosen], dtype)
        findings += _wrong_value(elementwise, x[chosen], out[chosen], exact)
        findings += not_finite(
            subject, x[chosen], (out[chosen], dx[chosen]), [exact.value], [exact.gradient]
        )
        told = ~breaks_at(elementwise.breaks, wide[chosen])
        known = exact.gradient[told]
        truth = Truth(*(column.copy() for column in truth))
        truth.low[chosen[told]] = truth.high[chosen[told]] = known
        truth.doubt[chosen[told]] = np.where(np.isfinite(known), 0.0, np.inf)
    slack = roundings(truth.low, wide, bend, kind)
    with np.errstate(all="ignore"):
        over = truth.excess(dx) - truth.doubt
    if dtype != subject.widest or exact is not None:
        findings += _wrong(subject, x, dx, truth, over > slack)
    if exact is None:
        findings += _not_finite(elementwise, x, (out, dx), truth)
    findings += _lost(
        subject, x, dx, truth, (over <= slack) | ~np.isfinite(over), slack, moved(wide, bend, kind)
    )
    left += unjudged(wide, truth)
    points = x.size + dense.size
    return Verdict(dtype.name, points, findings, left, exact.ulp if exact else None)


def unjudged(x: Array, truth: Truth) -> int:
    """At how many points the derivative is not known, of those at which it is asked for."""
    return int(((truth.doubt == np.inf) & (np.abs(x) <= RESOLVED)).sum())


def narrowed(elementwise: ElementwiseSubject) -> Iterator[Finding]:
    """A forward whose float64 has the noise of a narrower dtype."""
    x = np.linspace(-4, 4, 101) + 0.001
    noises = noise(elementwise.value, x)
    level = float(np.nanmedian(noises)) if np.isfinite(noises).any() else 0.0
    if level > 1e-10 and elementwise.subject.widest == "float64":
        for at in x[np.argsort(-np.nan_to_num(noises))][:8]:
            told = found(
                elementwise.subject,
                "wrong-dtype",
                f"in float64 forward has a relative noise of {level:.1g}, as of a narrower dtype",
                "float64",
                Script(
                    f"x = {at:.3f} + np.arange(1000) * 1e-9",
                    "np.ptp(np.diff(layer.forward(x)))",
                    "np.float64(0)",
                ),
                slack=1e-12,
            )
            if told is not None:
                yield told
                return


def _narrow_truth(
    elementwise: ElementwiseSubject, x: Array, dtype: np.dtype[Any], levels: int
) -> Truth:
    """For a narrower dtype: what the layer says in float64, unless that is convicted itself."""
    told = elementwise.subject.run(x).dx
    truth, guilty = elementwise.suspects(x, told, levels, dtype)
    own = (truth.low == truth.high) & ~guilty & np.isfinite(told)
    low, high = (np.where(own, told, one) for one in truth[:2])
    return Truth(low, high, truth.doubt)


def exact_at(reference: Layer, x: Array, out: Array, dx: Array, dtype: np.dtype[Any]) -> Exact:
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

    about = finfo(dtype)
    _, _, exponent, bits = abs(truth)._mpf_
    return mpf(2) ** (max(int(exponent + bits) - 1, int(about.minexp)) - int(about.nmant))


def _pointed(
    name: str, message: str, subject: Subject, x: Array, i: int, method: str, where: Where
) -> Finding:
    """A finding at the i-th of the points x."""
    example = at_point(subject, x, i, method, where.expected)
    return Finding(name, message, example, x.dtype.name, where)


def _wrong(subject: Subject, x: Array, dx: Array, truth: Truth, guilty: Array) -> Iterator[Finding]:
    guilty = guilty & np.isfinite(dx)
    if not guilty.any():
        return
    nearest = truth.nearest(dx)
    excess = np.where(guilty, truth.excess(dx), -1)
    i = int(np.nan_to_num(excess / (np.abs(nearest) + 1e-3), nan=-1).argmax())
    where = Where(*map(float, (x[i], dx[i], nearest[i], truth.doubt[i])))
    message = (
        f"at x = {where.x:.9g} in {x.dtype} backward gives {where.got:.9g}, the derivative is "
        f"{where.expected:.9g} ± {where.tolerance:.1g}"
    )
    yield _pointed("wrong-gradient", message, subject, x, i, "backward", where)


def _wrong_value(
    elementwise: ElementwiseSubject, x: Array, out: Array, exact: Exact
) -> Iterator[Finding]:
    wide = x.astype(np.float64)
    slope = np.where(np.isfinite(exact.gradient), np.abs(exact.gradient), 0)
    slack = roundings(exact.value, wide, slope, x.dtype)
    limit = float(finfo(x.dtype).max)
    with np.errstate(all="ignore"):
        off = np.abs(out - exact.value)
        # The roundings at a jump decide the side.
        wrong = (off > slack) & np.isfinite(out) & (np.abs(exact.value) < limit)
    wrong &= ~breaks_at([one for one in elementwise.breaks if one.jump], wide)
    if wrong.any():
        i = int(np.where(wrong, off / (slack + np.abs(exact.value)), -1).argmax())
        where = Where(*map(float, (x[i], out[i], exact.value[i], slack[i])))
        message = (
            f"at x = {where.x:.9g} in {x.dtype} forward gives {where.got:.9g}, the formula "
            f"{where.expected:.9g}"
        )
        yield _pointed("wrong-value", message, elementwise.subject, x, i, "forward", where)


def _not_finite(
    elementwise: ElementwiseSubject, x: Array, got: tuple[Array, Array], truth: Truth
) -> Iterator[Finding]:
    """What is nan or inf, though the layer itself says otherwise in a wider dtype, or the values
    around it do."""
    if np.isfinite(got).all():
        return
    subject = elementwise.subject
    known = np.isfinite(truth.doubt) & elementwise.smooth(x.astype(np.float64), truth)
    near = np.where(known, truth.nearest(np.zeros(x.shape)), np.nan)
    values, slopes = [np.full(x.shape, np.nan)], [near]
    for run in (wider(subject, x), settled(subject, x)):
        if run is not None:
            values.append(run.out.astype(np.float64))
            slopes.append(run.dx.astype(np.float64))
    yield from not_finite(subject, x, got, values, slopes)


def not_finite(
    subject: Subject,
    x: Array,
    got: tuple[Array, Array],
    values: Sequence[Array],
    slopes: Sequence[Array],
) -> Iterator[Finding]:
    """The smallest x at which out or dx is nan or inf, though one of the arrays says otherwise."""
    limit = float(finfo(x.dtype).max)
    for method, answer, known in zip(("forward", "backward"), got, (values, slopes), strict=True):
        finite = [np.isfinite(one) & (np.abs(one) < limit) for one in known]
        wrong = ~np.isfinite(answer) & np.any(finite, axis=0)
        if not wrong.any():
            continue
        i = nearest_to_0(x, wrong)
        expected = next(float(one[i]) for one, ok in zip(known, finite, strict=True) if ok[i])
        where = Where(float(x[i]), float(answer[i]), expected, 0.0)
        message = (
            f"at x = {where.x:.6g} in {x.dtype} {method} gives {where.got}, the true value is "
            f"{expected:.6g}"
        )
        yield _pointed("not-finite", message, subject, x, i, method, where)
        return


def settled(subject: Subject, x: Array) -> Run:
    """What out and dx are at ±inf and on the way there, where the layer's own answers tell.

    They do if they come nearer and nearer to one number and then stay there over 2^160, as x·exp(x)
    to 0 and tanh to 1. Else it is nan.
    """
    most = MOST[subject.widest]
    powers = np.concatenate([np.arange(8, 60, 3), np.arange(60, 1024, 20)])
    sizes = 1.37 * 2.0 ** powers[powers < most - 1]
    limits = Run(*(np.full(x.shape, np.nan) for _ in range(2)))
    for sign in (-1, 1):
        run = subject.run(sign * sizes)
        for answers, limit in zip(run, limits, strict=True):
            finite = int(np.argmin([*np.isfinite(answers), False]))
            off = np.abs(answers[:finite] - answers[finite - 1])
            if finite > TAIL and not off[-TAIL:].any() and (np.diff(off) <= 0).all():
                beyond = (sign * x.astype(np.float64)) >= sizes[finite - TAIL]
                limit[beyond] = answers[finite - 1]
    return limits


#: The power of two up to which a dtype is asked for its tail, and how long that is.
MOST = {"float64": 1024, "float32": 128, "float16": 16, "bfloat16": 128}
TAIL = 9


def at_special_points(
    elementwise: ElementwiseSubject, dtype: np.dtype[Any]
) -> tuple[list[Finding], list[str]]:
    """±inf, where a limit is known, and nan, of which it is only noted what becomes of it."""
    subject = elementwise.subject
    findings: list[Finding] = []
    notes = []
    for x in (np.array([-np.inf, np.inf]), np.array([np.nan])):
        x = x.astype(dtype)
        try:
            out, dx = (one.astype(np.float64) for one in subject.run(x))
        except LayerRaisedError as error:
            notes.append(f"it raises an exception on {float(x[-1])}: {error}")
            continue
        if np.isnan(x).any():
            # Where out is nan as well, the loss tells, whatever dx is by convention.
            if np.isfinite(out).all():
                told = f"{float(out[0]):.6g}, and dx {float(dx[0]):.6g}"
                notes.append(f"forward hides nan: nan in x makes out {told}")
        elif subject.reference is not None:
            known = exact_at(subject.reference, x.astype(np.float64), out, dx, dtype)
            findings += not_finite(subject, x, (out, dx), [known.value], [known.gradient])
            if not findings:
                findings += _wrong_value(elementwise, x, out, known)
        else:
            limits = settled(subject, x)
            findings += not_finite(subject, x, (out, dx), [limits.out], [limits.dx])
    return findings, notes


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
    about = finfo(x.dtype)
    half = float(about.eps) ** 0.5
    expected, doubt = truth.low, truth.doubt
    if x.dtype == np.float64 and (doubt > 0).any():
        # No numerical derivative knows the last digits; what computes with more of them may.
        with np.errstate(all="ignore"):
            unsure = np.flatnonzero(np.abs(dx - expected) + doubt > half / 2 * np.abs(expected))
        wide = wider(subject, x[unsure])
        expected, doubt = expected.copy(), np.zeros(x.shape)
        if wide is None:
            doubt[unsure] = np.inf
        else:
            expected[unsure] = wide.dx
    size = np.abs(expected)
    lost = (truth.low == truth.high) & (np.abs(dx - expected) > half * size + doubt + conditioned)
    lost &= rounded & np.isfinite(dx) & (np.abs(dx - expected) <= slack)
    lost &= (size >= float(about.tiny)) & np.isfinite(size)
    if not lost.any():
        return
    first, gone = nearest_to_0(x, lost), lost & (dx == 0)
    i = nearest_to_0(x, gone) if gone.any() else first
    where = Where(*map(float, (x[i], dx[i], expected[i], truth.doubt[i])))
    text = f"from x = {float(x[first]):.6g} on in {x.dtype} less than half of the digits are right"
    if gone.any():
        text += f", and at {where.x:.6g} the gradient is 0 instead of {where.expected:.3g}"
    yield _pointed("lost-gradient", text, subject, x, i, "backward", where)


def nearest_to_0(x: Array, chosen: Array) -> int:
    """The smallest of the chosen points."""
    return int(min(np.flatnonzero(chosen), key=lambda i: abs(x[i])))
