"""Lines that hold ±inf or −0, as a layer along an axis gets them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actgrad.layers.check.conventions import NAN_ELSEWHERE
from actgrad.layers.check.coupled_accuracy import check_coupled
from actgrad.layers.check.points import literal_sample, ordinary_sample
from actgrad.layers.check.report import Finding, Severity
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
