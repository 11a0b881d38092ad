"""What a layer gives at some points, and what is right there: the evidence for a cause."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.gradient import ElementwiseSubject
from actgrad.layers.check.subject import Subject

#: The points that are compared, besides the caller's: within ±6, beside the usual kinks.
POINTS = np.linspace(-6, 6, 97) + 0.0123
#: How many of them must have a known derivative.
FEWEST_POINTS = 8


def tolerance(eps: float) -> float:
    """The relative error of a numerical derivative that is good enough to be compared."""
    return float(64 * eps**0.5)


def agree(a: Array, b: Array, eps: float) -> Array:
    """Where two arrays are equal up to the error of a numerical derivative."""
    scale = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    return np.asarray(np.abs(a - b) <= tolerance(eps) * (np.abs(b) + 1e-3 * scale))


def with_attribute(subject: Subject, name: str, value: Any) -> Subject:
    """The layer with an attribute that has another value from the start."""

    def make() -> Any:
        layer = subject.make()
        setattr(layer, name, value)
        return layer

    return subject._replace(make=make)


def numeric_attributes(subject: Subject) -> dict[str, Any]:
    """The parameters that a new layer keeps as numbers or arrays of numbers."""
    attributes = getattr(subject.make(), "__dict__", {})
    return {
        name: value
        for name, value in attributes.items()
        if isinstance(value, int | float | np.ndarray | np.number)
        and not isinstance(value, bool)
        and np.asarray(value).dtype.kind in "iuf"
        and np.asarray(value).size
    }


class Evidence:
    """What an element-wise layer gives at a row of numbers x, and what is right there.

    `reference` is a layer whose gradient is right; without it the numerical derivative is.
    """

    def __init__(self, subject: Subject, x: Array) -> None:
        self.subject = subject
        self.elementwise = ElementwiseSubject(subject, None)
        x = np.unique(np.concatenate([POINTS, x[np.isfinite(x) & (np.abs(x) < 50)]]))
        columns = (self.slope_at(x), subject.run(x).dx, subject.forward(x))
        known = np.isfinite(columns).all(axis=0)
        self.x = x[known]
        self.slope, self.dx, self.out = (column[known] for column in columns)
        #: A gradient from upstream that has both signs, and no size twice.
        self.dout = 1.7 * np.cos(np.arange(1.0, self.x.size + 1))

    def where(self, chosen: Array) -> Evidence:
        """The evidence at a part of the points."""
        part = object.__new__(Evidence)
        part.__dict__.update(self.__dict__)
        for name in ("x", "slope", "dx", "out", "dout"):
            part.__dict__[name] = getattr(self, name)[chosen]
        part.__dict__.pop("upstream", None)
        return part

    @cached_property
    def upstream(self) -> Array:
        """The dx for `dout`."""
        return self.subject.run(self.x, self.dout).dx.reshape(self.x.shape)

    def slope_at(self, x: Array) -> Array:
        """The true derivative at each x; nan where it is unknown."""
        reference = self.subject.reference
        if reference is not None and reference.is_elementwise:
            reference.forward(x)
            return np.asarray(reference.backward(np.ones_like(x)))
        return self.derivative_of(self.subject, x)

    def derivative_of(self, subject: Subject, x: Array) -> Array:
        """The numerical derivative of a forward at each x; nan where it is unknown."""
        elementwise = ElementwiseSubject(subject, None) if subject != self.subject else None
        value, error = (elementwise or self.elementwise).derivative(x)
        known = error <= tolerance(self.subject.eps) * (np.abs(value) + 1e-3)
        return np.asarray(np.where(known, value, np.nan))

    def dx_at(self, x: Array) -> Array:
        """What backward gives at each x for dout = 1."""
        return self.subject.run(x).dx.reshape(x.shape)

    def agree(self, a: Any, b: Any) -> bool:
        """Whether two rows are equal at all points where both are known, nine tenths at least."""
        a, b = (np.broadcast_to(np.asarray(row, float), self.x.shape) for row in (a, b))
        known = np.isfinite(a) & np.isfinite(b)
        enough = known.sum() >= max(FEWEST_POINTS, 0.9 * self.x.size)
        return bool(enough and agree(a[known], b[known], self.subject.eps).all())

    @property
    def backward_fits_forward(self) -> bool:
        """Whether backward is the derivative of a forward that is not the reference's."""
        return self.subject.reference is not None and self.agree(
            self.dx, self.derivative_of(self.subject, self.x)
        )

    @cached_property
    def is_piecewise_linear(self) -> bool:
        """Whether the derivative has only a few values, as behind a mask."""
        return len(np.unique(np.round(self.slope, 6))) <= 3
