"""Warnings of NumPy for results that are finite: they teach users to ignore warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.points import literal_sample
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.script import SHOWN_WHOLE, Script
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import largest_size
from actgrad.layers.errors import LayerRaisedError

#: NumPy's default settings for floating-point errors.
DEFAULT_ERRSTATE: Any = {"divide": "warn", "over": "warn", "invalid": "warn", "under": "ignore"}


def numpy_warnings(subject: Subject, inputs: Array, text: str = "") -> Iterator[Finding]:
    """At most one finding: the warning for the smallest of the inputs, which are inputs[0], ….

    An input is left out if out or dx is not finite. `text` is the expression of a single input;
    without it, the example has its numbers.
    """
    if not warns(subject, inputs):
        return
    for x in sorted(inputs, key=largest_size):
        if not warns(subject, x):
            continue
        run = subject.run(x)
        if not (np.isfinite(run.out).all() and np.isfinite(run.dx).all()):
            continue
        row = "" if x.ndim > 1 or subject.row == (-1,) else f".reshape({subject.row})"
        strict = 'import warnings; warnings.simplefilter("error")'
        for expression, expected in (
            ("layer.forward(x)", run.out),
            ("layer.backward(np.ones_like(layer.forward(x)))", run.dx),
        ):
            statement = f"{strict}; x = {text or literal_sample(x).text}{row}"
            script = Script(statement, expression, "None", may_raise=True)
            with warnings.catch_warnings(), np.errstate(**DEFAULT_ERRSTATE):
                ran = script.run(subject)
            if ran is not None and isinstance(ran[0], RuntimeWarning):
                i = int(np.abs(x).argmax())
                value = float(expected.flat[min(i, expected.size - 1)])
                yield Finding(
                    "numpy-warning",
                    f"{ran[0]}, although the result is finite",
                    script.example(ran[0], expected if expected.size <= SHOWN_WHOLE else "finite"),
                    x.dtype.name,
                    Where(float(x.flat[i]), value, value, 0.0),
                )
                return


def warns(subject: Subject, x: Array) -> bool:
    """Whether forward or backward issues a RuntimeWarning for x."""
    with warnings.catch_warnings(), np.errstate(**DEFAULT_ERRSTATE):
        warnings.simplefilter("error", RuntimeWarning)
        layer = subject.make()
        try:
            out = subject.call(layer, "forward", x.copy())
            subject.call(layer, "backward", np.ones_like(out))
        except LayerRaisedError as error:
            return isinstance(error.__cause__, RuntimeWarning)
    return False
