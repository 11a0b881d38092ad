"""What each finding gets besides its facts: the likely cause, and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from actgrad.layers.check.causes import elementwise_cause
from actgrad.layers.check.jacobian_causes import coupled_cause
from actgrad.layers.check.points import Sample
from actgrad.layers.check.report import Finding
from actgrad.layers.check.subject import Subject

#: The findings whose cause is looked for in backward.
OF_BACKWARD = {"wrong-gradient", "not-linear"}
#: What to change, by the name of the finding, where the cause does not say it.
REMEDIES = {
    "wrong-gradient": "derive forward again at this x, and compare each term with backward",
    "wrong-value": "compare each term of forward with the formula at this x",
    "not-linear": "dx must be dout times something that does not depend on dout",
    "writes-into-x": "work on a copy: out = x.copy()",
    "writes-into-dout": "work on a copy: dx = dout.copy()",
    "returns-its-input": "return a copy; PyTorch's Identity hands x on, which is no error",
    "returns-its-state": "return a copy, or allocate a new array in each call",
    "stale-state": "set everything that backward uses in each forward",
    "different-answers": "use a seed for random numbers, and change no state in backward",
    "depends-on-neighbours": "compute each element from its own x and dout only",
    "depends-on-layout": "index by axes; do not rely on the order in memory",
    "wrong-shape": "out has the shape that the layer promises, dx that of x",
    "wrong-dtype": "compute in x.dtype: float(np.sqrt(2)) for np.sqrt(2), or astype(x.dtype)",
    "not-finite": "use a form that does not overflow, or treat this x apart",
    "numpy-warning": "clip the argument before exp, or use np.where with an argument that is safe",
    "lost-gradient": "avoid 1 - y for y near 1: compute the small number itself, from exp(-|x|)",
}


def explained(
    findings: Iterable[Finding], subject: Subject, sample: Sample, coupled: bool
) -> Iterator[Finding]:
    """The findings with their likely causes and what to change.

    `sample` is an array that the layer takes; `coupled` says whether it couples elements.
    """
    for finding in findings:
        cause = None
        if finding.name == "depends-on-neighbours" or (coupled and finding.name in OF_BACKWARD):
            cause = coupled_cause(subject, sample.array)
        elif finding.name in OF_BACKWARD:
            at = [finding.where.x] if finding.where else []
            row = np.array([*sample.array.ravel(), *at], np.float64)
            cause = elementwise_cause(subject, row, finding.name)
        sentence, remedy = cause or ("", REMEDIES.get(finding.name, ""))
        yield finding._replace(cause=sentence, remedy=remedy)
