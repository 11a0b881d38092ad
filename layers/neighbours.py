"""Whether every element is answered for itself alone, or along with its neighbours."""

from __future__ import annotations

import math

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
    stays = _some(x.shape)
    other = np.where(stays, x, moderate(x.shape, seed=31))
    extreme = np.where(stays, x, 1e3 * x)
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
    half = np.where(_some(dout.shape), dout, 3 - 2 * dout)
    one, other = subject.run(x, dout).dx, subject.run(x, half).dx
    return _unmoved(one, other)


def _unmoved(one: Array, other: Array) -> bool:
    """Whether the elements whose own input stayed did so too."""
    if one.size != other.size:
        return False
    stayed = _some((one.size,))
    return same(one.ravel()[stayed], other.ravel()[stayed])


def _some(shape: tuple[int, ...]) -> Array:
    """Half of the elements, in no pattern that an axis could share."""
    order: Array = np.random.default_rng(8).permutation(math.prod(shape))
    return np.asarray(order.reshape(shape) % 2 == 0)


def _finding(what: str, of: str, before: Run, after: Run) -> Finding:
    values = (before.out, after.out) if what == "forward" else (before.dx, after.dx)
    i = int(np.flatnonzero(_some((values[0].size,)) & (values[0] != values[1]).ravel())[:1].sum())
    first, second = (float(one.flat[i]) for one in values)
    return Finding(
        "depends-on-neighbours",
        f"{what} answers an element differently when only its neighbours in {of} change",
        (
            f"layer.{what} twice, all of {of} but element {i} and some others changed",
            f"# element {i}: {first:.6g}, then {second:.6g}",
        ),
        "float64",
    )
