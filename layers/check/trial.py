"""One behaviour of a layer, watched on one input."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.input_shapes import parameter_arrays
from actgrad.layers.check.points import SHAPES, Sample, ordinary_sample
from actgrad.layers.check.report import Finding, Severity
from actgrad.layers.check.script import NO_ADDITION, Addition, Script, Tolerance
from actgrad.layers.check.subject import Subject

#: The shape of an input so small that its example is easy to read.
SMALL = (4,)


class Behaviour(NamedTuple):
    """A fault that a layer's behaviour may have, and the script that shows it.

    The script is written over the placeholders `{x}`, `{dout}`, `{v}` and `{other}` of `Trial`.
    """

    finding: str
    message: str
    script: Script
    #: How many rounding errors of the largest expected number are no difference.
    roundings: float = 0
    #: A tolerance, if it is not a number of rounding errors.
    tolerance: Tolerance | None = None
    addition: Addition = NO_ADDITION
    severity: Severity = "error"


class Trial(NamedTuple):
    """A subject, and the input on which its behaviour is watched."""

    subject: Subject
    x: Sample
    #: Whether each element of out depends on one element of x.
    elementwise: bool
    out_shape: tuple[int, ...]
    #: What is done to x before it is used: an expression over the placeholder `{}`.
    transform: str = "{}"
    #: Whether the layer or the caller states the shape of x.
    stated: bool = False

    @staticmethod
    def of(subject: Subject, x: Sample, elementwise: bool) -> Trial:
        """The trial of that input."""
        return Trial(subject, x, elementwise, subject.forward(x.array).shape)

    @property
    def dtype(self) -> str:
        """The dtype of x."""
        return _name(self.x.array.dtype)

    @property
    def asked_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes with which an element-wise layer is called.

        A parameter of shape (1,) makes a row of a scalar, so that no layer with one gets a scalar.
        """
        return SHAPES[1:] if parameter_arrays(self.subject.make()) else SHAPES

    @property
    def earlier_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of another x that the layer may have got before."""
        shape = self.x.array.shape
        if self.elementwise:
            return shape, (10,), (2, 12)
        return (shape, (shape[0] + 1, *shape[1:])) if len(shape) > 1 else (shape,)

    @property
    def eps(self) -> float:
        """The machine epsilon of x's dtype."""
        return float(finfo(self.dtype).eps)

    def severity_at(self, shape: tuple[int, ...]) -> Severity:
        """How bad a fault is for x of that shape: a warning if another shape is stated.

        The stated shape stands for other batches too, of which out has the size.
        """
        own = self.x.array.shape
        if not self.stated or shape == own:
            return "error"
        out = self.subject.forward(ordinary_sample(shape, self.dtype).array)
        is_batch = shape[1:] == own[1:] and out.shape[:1] == shape[:1] != ()
        return "error" if is_batch else "warning"

    def dout(self, start: int) -> Sample:
        """A gradient from upstream, of out's shape; another one for each start.

        Those of 42 and 77 have both signs where a small x is positive and where it is negative.
        """
        return ordinary_sample(self.out_shape, self.dtype, start)

    def finding(self, behaviour: Behaviour) -> Finding | None:
        """The finding, if the script shows the fault; its example is small where that suffices."""
        name, message, script, roundings, tolerance, addition, severity = behaviour
        if tolerance is None:
            tolerance = rounding_errors(roundings, self.eps)
        filled = script.filled(
            x=self.transform.format(self.x.text),
            dout=self.dout(42).text,
            v=self.dout(77).text,
            other=ordinary_sample(self.x.array.shape, self.dtype, 21).text,
        )
        finding = filled.finding(self.subject, name, message, self.dtype, tolerance, addition)
        finding = finding and finding._replace(severity=severity)
        small = ordinary_sample(SMALL, self.dtype).array
        if finding is None or self.x.array.shape == SMALL or not self.subject.accepts(small):
            return finding
        return self.small().finding(behaviour) or finding

    def first_finding(self, behaviours: Iterable[Behaviour]) -> Finding | None:
        """The first finding of the behaviours; those after it are not tried."""
        return next(filter(None, map(self.finding, behaviours)), None)

    def small(self) -> Trial:
        """The same trial of a small input."""
        small = Trial.of(self.subject, ordinary_sample(SMALL, self.dtype), self.elementwise)
        return small._replace(transform=self.transform)


@cache
def _name(dtype: np.dtype[Any]) -> str:
    """The name of a dtype, which NumPy composes anew each time."""
    return dtype.name


def largest_size(array: Array) -> float:
    """The largest |value| among the finite elements of an array, 0 if there are none."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def rounding_errors(count: float, eps: float) -> Tolerance:
    """The tolerance of that many rounding errors of the largest expected number."""
    return lambda expected: count * eps * largest_size(expected) if count else 0.0
