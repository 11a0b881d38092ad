"""Whether every element is answered for itself alone, or along with its neighbours."""

from __future__ import annotations

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.conduct import same
from actgrad.layers.points import moderate
from actgrad.layers.report import Finding
from actgrad.layers.subject import Run, Subject


def neighbours(subject: Subject, sample: Array) -> tuple[bool, list[Finding]]:
    """Whether the layer couples elements, and what is wrong with that.

    Forward tells what the layer is; a backward that couples the elements of an element-wise forward
    is wrong, and so is a forward that couples them where backward does not.
    """
    x = sample.astype(np.float64)
    x = x if 1 < x.size <= 4096 else moderate((24,))
    other = np.where(np.arange(x.size).reshape(x.shape) % 2 == 0, x, moderate(x.shape, seed=31))
    extreme = np.where(np.arange(x.size).reshape(x.shape) % 2 == 0, x, 1e3 * x)
    before = subject.run(x)
    if before.out.size != x.size:
        return True, []
    dout = moderate(before.out.shape, seed=41)
    runs = [subject.run(one) for one in (other, extreme)]
    forward = all(_unmoved(before.out, run.out) for run in runs)
    by_x = all(_unmoved(before.dx, run.dx) for run in runs)
    by_dout = _free_of_dout(subject, x, dout)
    if forward and by_x and by_dout:
        return False, []
    elementwise = subject.reference is not None and not hasattr(subject.reference, "axis")
    if forward or by_dout or elementwise:
        what = "forward" if not forward else "backward"
        return False, [_finding(what, "x" if not forward or not by_x else "dout", before, runs[0])]
    return True, []


def _free_of_dout(subject: Subject, x: Array, dout: Array) -> bool:
    half = np.where(np.arange(dout.size).reshape(dout.shape) % 2 == 0, dout, 3 - 2 * dout)
    one, other = subject.run(x, dout).dx, subject.run(x, half).dx
    return _unmoved(one, other)


def _unmoved(one: Array, other: Array) -> bool:
    """Whether the elements whose own input stayed did so too."""
    return one.size == other.size and same(one.ravel()[::2], other.ravel()[::2])


def _finding(what: str, of: str, before: Run, after: Run) -> Finding:
    values = (before.out, after.out) if what == "forward" else (before.dx, after.dx)
    first, second = (float(one.flat[0]) for one in values)
    return Finding(
        "depends-on-neighbours",
        f"{what} answers an element differently when only its neighbours in {of} change",
        (
            f"layer.forward(x); {of}[1] += 1; layer.forward(x)",
            f"element 0 of {what}: {first:.6g}, then {second:.6g}",
        ),
        "float64",
    )
