"""Losses, whose forward takes a target beside x, as layers of x alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.array_layer import kinds_of_results, with_wrapper
from actgrad.layers.check.input_shapes import Shape
from actgrad.layers.check.points import ordinary_sample
from actgrad.layers.check.subject import Subject


class LossLayer:
    """A layer whose forward takes a target t beside x, such as a loss, with a t that fits x.

    The target is one of `TARGETS`: the number of a class for each row of x, one-hot rows, or
    numbers of x's shape.
    """

    def __init__(self, wrapped: Any, target: str, is_last: bool = False) -> None:
        """With `is_last`, dout multiplies a dx that the layer computes without it."""
        self.wrapped, self.target, self.is_last = wrapped, target, is_last
        self.input_shape = getattr(wrapped, "input_shape", None)

    def forward(self, x: Array) -> Any:
        """The layer's out for x and the target."""
        return self.wrapped.forward(x, TARGETS[self.target](x))

    def backward(self, dout: Array) -> Any:
        """The layer's dx."""
        dx = self.wrapped.backward(dout)
        return dx * dout if self.is_last else dx


def _classes(x: Array) -> Array:
    """The likely class of each row of the first sample of x's shape, whatever x is.

    A log(y + 1e-7), as losses have it, is then no other function than log(y).
    """
    return np.asarray(ordinary_sample(x.shape).array.argmax(axis=-1))


#: The targets that a loss may take, for an x.
TARGETS: dict[str, Callable[[Array], Array]] = {
    "classes": _classes,
    "one-hot rows": lambda x: np.eye(x.shape[-1], dtype=x.dtype)[_classes(x)],
    "numbers": lambda x: ordinary_sample(x.shape, x.dtype.name, 7).array,
}


def with_target(subject: Subject, shapes: Iterable[Shape]) -> tuple[Subject, list[str]]:
    """The layer with a target, and notes, if its forward needs one; else the layer itself."""
    try:
        parameters = inspect.signature(subject.make().forward).parameters.values()
    except (TypeError, ValueError):
        return subject, []
    needed = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    for target in TARGETS if len(needed) == 2 else ():
        loss = _loss(subject, target)
        taken = next((shape for shape in shapes if kinds_of_results(loss, shape)), None)
        if taken is None:
            continue
        notes = [f"{needed[1].name} of forward is {target}"]
        if _ignores_dout(loss, ordinary_sample(taken).array):
            loss = _loss(subject, target, is_last=True)
            notes.append("backward ignores dout: it is checked as the last layer, for dout = 1")
        return loss, notes
    return subject, []


def _loss(subject: Subject, target: str, is_last: bool = False) -> Subject:
    arguments = f"{target!r}{', is_last=True' * is_last}"
    wrapper = f"from actgrad.layers.check import LossLayer; layer = LossLayer(layer, {arguments})"
    return subject._replace(
        make=lambda: LossLayer(subject.make(), target, is_last),
        setup=with_wrapper(subject.setup, wrapper),
    )


def _ignores_dout(loss: Subject, x: Array) -> bool:
    """Whether a loss of one number has one dx, whatever dout is."""
    out, dx = loss.run(x)
    return (
        out.size == 1
        and bool(dx.any())
        and np.array_equal(dx, loss.run(x, 2 * np.ones_like(out)).dx)
    )
