"""The likely cause of a wrong gradient of a layer that couples elements, from its Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.causes import MULTIPLY, Cause, ignored_parameter, ratio_cause
from actgrad.layers.check.evidence import agree, numeric_attributes, with_attribute
from actgrad.layers.check.jacobian import jacobian
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import ActgradError

#: The step of the differences, whose error is of the order of its fourth power.
STEP = 2.0**-8
#: A larger Jacobian takes too long.
LARGEST_SIZE = 64


class Jacobians(NamedTuple):
    """∂out/∂x as backward gives it, and the right one: a row for each element of out."""

    given: Array
    right: Array


def coupled_cause(subject: Subject, x: Array) -> Cause | None:
    """The likely cause of a wrong gradient at x, of any shape that the layer takes."""
    x = x.astype(np.float64)
    if x.size > LARGEST_SIZE:
        return None
    try:
        with np.errstate(all="ignore"):
            return _cause_without_dout(subject, x) or _cause_of_jacobian(subject, x)
    except ActgradError:  # the layer takes none of the other inputs
        return None


def right_jacobian(subject: Subject, x: Array) -> Array:
    """∂out/∂x from differences of forward: a row for each element of out."""
    columns = []
    for j in range(x.size):
        values = []
        for k in (-2, -1, 1, 2):
            moved = x.copy()
            moved.flat[j] += k * STEP
            values.append(subject.forward(moved).astype(np.float64).ravel())
        far_below, below, above, far_above = values
        columns.append((8 * (above - below) - (far_above - far_below)) / (12 * STEP))
    return np.array(columns).T


def _is_diagonal(matrix: Array) -> bool:
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    return square and bool((matrix == np.diag(np.diag(matrix))).all())


def _sorted(matrix: Array) -> Array:
    return np.sort(matrix.ravel())


class JacobianHypothesis(NamedTuple):
    """A possible mistake: whether the Jacobians are as if it was made, and its cause."""

    reproduces: Callable[[Jacobians, Callable[[Array, Array], bool]], bool]
    cause: Cause


EACH_TERM = "dx[i] is the sum of dout[j] * ∂out[j]/∂x[i] over all j"
HYPOTHESES = (
    JacobianHypothesis(
        lambda j, same: same(j.given, -j.right),
        Cause("the sign of the gradient is wrong", "change the sign of dx"),
    ),
    JacobianHypothesis(
        lambda j, same: _is_diagonal(j.given) and same(np.diag(j.given), np.diag(j.right)),
        Cause("backward has only the diagonal of the Jacobian", EACH_TERM),
    ),
    JacobianHypothesis(
        lambda j, same: not j.given.any(), Cause("backward gives 0 everywhere", EACH_TERM)
    ),
    JacobianHypothesis(
        lambda j, same: _is_diagonal(j.given) and same(np.diag(j.given), np.ones(len(j.given))),
        Cause("backward returns dout itself: the derivative is missing", EACH_TERM),
    ),
    JacobianHypothesis(
        lambda j, same: _is_diagonal(j.given) and not _is_diagonal(j.right),
        Cause(
            "dx[i] depends on dout[i] only, and other elements of out depend on x[i], too: what "
            "they share (a sum, a mean, a variance) is treated as a constant",
            EACH_TERM,
        ),
    ),
    JacobianHypothesis(
        lambda j, same: j.right.shape[0] == j.right.shape[1] and same(j.given, j.right.T),
        Cause("the Jacobian is transposed", "use the transpose of the matrix in backward"),
    ),
    JacobianHypothesis(
        lambda j, same: same(_sorted(j.given), _sorted(j.right)),
        Cause(
            "the numbers of the Jacobian are right and in the wrong places",
            "check the order of axes in the reshapes and transposes of backward",
        ),
    ),
    JacobianHypothesis(
        lambda j, same: same(j.given.sum(axis=0), j.right.sum(axis=0)),
        Cause(
            "the gradient is right for a dout of ones and wrong for others",
            "each dout[j] must meet its own row of the Jacobian",
        ),
    ),
)


def _cause_without_dout(subject: Subject, x: Array) -> Cause | None:
    """The cause that dx, or a term of it, does not have the factor dout."""
    out = subject.forward(x)
    at_0, at_1, at_2 = (subject.run(x, np.full_like(out, k)).dx for k in (0, 1, 2))
    if not at_0.any():
        if agree(at_2, 4 * at_1, subject.eps).all() and at_1.any():
            return Cause("backward multiplies by dout twice", MULTIPLY)
        return None
    if agree(at_1, at_0, subject.eps).all():
        return Cause("backward ignores dout", MULTIPLY)
    if agree(at_2 - at_0, 2 * (at_1 - at_0), subject.eps).all():
        return Cause(
            "a term of dx lacks the factor dout: for dout = 0, dx is not 0",
            "multiply each term by dout, or by a sum over dout",
        )
    return None


def _cause_of_jacobian(subject: Subject, x: Array) -> Cause | None:
    jacobians = Jacobians(jacobian(subject, x), right_jacobian(subject, x))
    given, right = jacobians
    if given.shape != right.shape:
        return None

    def same(a: Array, b: Array) -> bool:
        return bool(agree(a, b, subject.eps).all())

    if not np.isfinite(jacobians).all() or same(given, right):
        return None
    for hypothesis in HYPOTHESES[:2]:
        if hypothesis.reproduces(jacobians, same):
            return hypothesis.cause
    sizes = tuple(dict.fromkeys((*x.shape[::-1], x.size)))
    named = ratio_cause(given, right, subject, sizes)
    if named is not None:
        return named
    for cause in (*_fed_out(subject, x, right), *_ignored_parameters(subject, x, given)):
        return cause
    return next((each.cause for each in HYPOTHESES[2:] if each.reproduces(jacobians, same)), None)


def _fed_out(subject: Subject, x: Array, right: Array) -> Iterator[Cause]:
    out = subject.forward(x)
    if out.shape == x.shape and agree(jacobian(subject, out), right, subject.eps).all():
        yield Cause(
            "the derivative in backward is right if it is fed out; as called, it is fed x",
            "keep out in forward, and compute the derivative from it",
        )


def _ignored_parameters(subject: Subject, x: Array, given: Array) -> Iterator[Cause]:
    for name, value in numeric_attributes(subject).items():
        for neutral in (1, 0):
            other = with_attribute(subject, name, value * 0 + neutral)
            try:
                right = right_jacobian(other, x)
            except ActgradError:
                continue
            if right.shape == given.shape and agree(given, right, subject.eps).all():
                yield ignored_parameter(name, value, neutral)
