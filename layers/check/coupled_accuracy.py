"""The accuracy of a layer that couples elements: against a wider dtype, and against its formula."""

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
from actgrad.layers.check.points import Sample
from actgrad.layers.check.report import Finding
from actgrad.layers.check.subject import Run, Subject


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
            if errors is not None:
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
    moved = _moved_by_rounding(subject, x, dout.array, wide)
    for method, result, truth in (("forward", run.out, wide.out), ("backward", run.dx, wide.dx)):
        truth = truth.astype(np.float64)
        finite = np.isfinite(truth) & (np.abs(truth) < limit)
        bad = finite & ~np.isfinite(result)
        scale = np.abs(truth[finite]).max(initial=float(np.abs(dout.array).max(initial=0.0)))
        # Each rounding error of x moves every element.
        slack = ROUNDINGS_COUPLED * eps * scale * (1 + float(np.abs(x).max(initial=0.0)))
        slack = slack + ROUNDINGS_COUPLED * moved[method]
        off = (np.abs(result.astype(np.float64) - truth) > slack) & finite
        if bad.any():
            i = int(bad.argmax())
            yield coupled_finding("not-finite", method, sample, dout, i, result, truth)
        elif off.any() and x.dtype != np.float64:
            fault = "wrong-gradient" if method == "backward" else "wrong-value"
            i = int(off.argmax())
            yield coupled_finding(fault, method, sample, dout, i, result, truth)


def _moved_by_rounding(subject: Subject, x: Array, dout: Array, wide: Run) -> dict[str, Array]:
    """How far out and dx move, in a wider dtype, when each x moves by a rounding error of its own.

    They move far where terms cancel: in a variance of numbers that are nearly equal.
    """
    out, dx = np.zeros(wide.out.shape), np.zeros(wide.dx.shape)
    for seed in range(3):
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], x.shape)
        near = x.astype(np.float64) * (1 + signs * float(finfo(x.dtype).eps))
        run = subject.run(near, dout.astype(np.float64))
        out = np.fmax(out, np.abs(run.out.astype(np.float64) - wide.out))
        dx = np.fmax(dx, np.abs(run.dx.astype(np.float64) - wide.dx))
    return {"forward": out, "backward": dx}
