"""Lines that hold ±inf or −0, and lines of zeros, as a layer that couples elements gets them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actgrad.layers.check.conventions import NAN_ELSEWHERE
from actgrad.layers.check.coupled_accuracy import check_coupled
from actgrad.layers.check.input_shapes import Shape
from actgrad.layers.check.points import literal_sample, ordinary_sample
from actgrad.layers.check.report import Finding, Severity
from actgrad.layers.check.script import Script
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import LayerRaisedError


def special_lines(subject: Subject, dtype: str) -> tuple[list[Finding], list[str]]:
    """The findings and the notes on lines that hold an infinite number, or −0, for a layer that
    couples elements."""
    findings: list[Finding] = []
    notes = [*_masked_lines(subject)]
    for special in (np.inf, -np.inf, -0.0) if subject.has_coupled_reference else ():
        line = [1.0, special, -2.0, 0.5]
        sample = literal_sample(np.array([line, line]).astype(dtype))
        if not subject.accepts(sample.array):
            continue
        if special == np.inf and np.isnan(subject.forward(sample.array)).any():
            notes.append(f"out is nan for a line that holds +inf; {NAN_ELSEWHERE}, too")
            continue
        for finding in check_coupled(subject, [sample]).findings:
            severity: Severity = "error" if np.isfinite(special) else "warning"
            findings.append(finding._replace(severity=severity))
    return findings, notes


def zero_lines(subject: Subject, shape: Shape) -> Iterator[Finding]:
    """The warning if out or dx is nan for a line of zeros, which a rectifier often gives.

    Single zeros must leave the results finite: a quotient of two elements has no value at 0/0.
    """
    text = ordinary_sample(shape).text
    results = {"out": "out", "dx": "layer.backward(np.ones_like(out))"}

    def finding(zeros: str, name: str, code: str) -> Finding | None:
        return Script(f"x = {text}; x[{zeros} = 0; out = layer.forward(x)", code, "0").finding(
            subject,
            "not-finite",
            f"{name} is nan for a line of zeros: 0/0, as in a mean or a norm without eps",
            "float64",
        )

    for place in ("0", ":, 0") if len(shape) > 1 else ():
        if any(
            finding(f"{place}].flat[{start}::2]", name, f"(~np.isfinite({result})).sum()")
            for start in (0, 1)
            for name, result in results.items()
        ):
            continue
        for name, result in results.items():
            whole = finding(f"{place}]", name, f"np.isnan({result}).sum()")
            if whole is not None:
                # Many layers are meant for lines that are not 0.
                yield whole._replace(severity="warning")
                return


def _masked_lines(subject: Subject) -> Iterator[str]:
    """The note on lines of −inf only, if each line of another out sums to 1 as with softmax."""
    x = ordinary_sample((2, 4)).array
    try:
        out, masked = subject.forward(x), subject.forward(np.full(x.shape, -np.inf))
    except LayerRaisedError:
        return
    is_softmax = out.shape == x.shape and any(np.allclose(out.sum(axis), 1) for axis in (0, 1))
    if is_softmax and np.isfinite(masked).all():
        yield f"out is {masked.flat[0]:g} for a line of -inf only; {NAN_ELSEWHERE}"
