"""Two lines of Python that show a fault. What is printed is what was run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.subject import Subject

#: An array of more elements than these is shown by its worst one.
FEW = 4


#: How much is no difference: a number, or what the right answer makes of it.
Slack: TypeAlias = float | Callable[[Array], Any]
#: An expression, and what is said besides where it is true.
Also: TypeAlias = tuple[str, str]
NOTHING: Also = ("False", "")


class Script(NamedTuple):
    """What to run, and what to look at then: a statement and an expression of Python.

    `right` is an expression for what that should be. Beside what the first line made, it knows the
    function `run(x, dout)` of `Subject`.
    """

    first: str
    second: str
    right: str
    #: Whether an exception raised by the second line is a wrong answer, too.
    may_raise: bool = False

    def filled(self, **texts: str) -> Script:
        """The script with `{x}` and the like replaced."""
        first, second, right = (one.format(**texts) for one in self[:3])
        return Script(first, second, right, self.may_raise)

    def run(self, subject: Subject) -> tuple[Any, Any, dict[str, Any]] | None:
        """What the second line gives, what is right, and all names; None if it cannot be run."""
        names: dict[str, Any] = {"np": np, "layer": subject.make(), "run": subject.run}
        try:
            exec(self.first, names)
        except Exception:
            return None
        try:
            got = eval(self.second, names)
        except Exception as error:
            if not self.may_raise:
                return None
            got = error
        got = got.copy() if isinstance(got, np.ndarray) else got
        try:
            return got, eval(self.right, names), names
        except ValueError:  # what gives the wrong shape cannot be laid beside another
            return None

    def shown(self, got: Any, right: Any) -> tuple[str, str]:
        """The two lines, with what came of them as a comment."""
        second = self.second
        if isinstance(got, np.ndarray) and isinstance(right, np.ndarray):
            if got.shape != right.shape:
                second, got, right = f"{second}.shape", got.shape, right.shape
            elif got.size > FEW:
                i = worst(got, right)
                second, got, right = f"{second}.flat[{i}]", got.flat[i], right.flat[i]
        return self.first, f"{second}  # {', not '.join(spelled(got, right))}"


def worst(got: Array, right: Array) -> int:
    """Where the two differ most, nan and inf first."""
    with np.errstate(all="ignore"):
        off = np.abs(got.astype(np.float64) - right.astype(np.float64)).ravel()
    alike = (got == right) | ((got != got) & (right != right))
    return int(np.where(alike.ravel(), -1, np.where(np.isnan(off), np.inf, off)).argmax())


def where(got: Any, right: Any, x: Any) -> Where | None:
    """The worst element of an answer, if numbers differ."""
    if not all(isinstance(one, np.ndarray | np.generic) for one in (got, right)):
        return None
    got, right = np.asarray(got), np.asarray(right)
    if got.shape != right.shape or not got.size:
        return None
    i = worst(got, right)
    at = float(x.flat[i]) if isinstance(x, np.ndarray) and x.size == got.size else np.nan
    return Where(at, float(got.flat[i]), float(right.flat[i]), 0.0)


def spelled(*values: Any) -> list[str]:
    """Values as a person reads them, with as many digits as tell them apart."""
    for digits in (6, 9, 17):
        texts = [_spelled(one, digits) for one in values]
        if len({*texts}) > 1:
            break
    return texts


def _spelled(value: Any, digits: int) -> str:
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {' '.join(str(value).split())}"
    if isinstance(value, np.ndarray) and value.ndim:
        return "[" + ", ".join(_spelled(one, digits) for one in value.ravel()) + "]"
    if isinstance(value, np.ndarray | np.floating | float) or hasattr(value, "__float__"):
        return f"{float(value):.{digits}g}"
    return str(value)


def at_point(subject: Subject, x: Array, i: int, method: str, expected: float) -> tuple[str, str]:
    """The example for the i-th element of an x in a row: that element alone, if it shows there.

    Otherwise it takes as many of them as there were.
    """
    size = "" if subject.row == (-1,) else f".reshape({subject.row})"
    kind = x.dtype if subject.widest == "float64" else subject.widest
    dtype = "" if kind == np.float64 else f", '{kind}'"
    value = repr(float(x[i])).replace("nan", "np.nan").replace("inf", "np.inf")
    got = _answer(subject, x, i, method)
    for count in (1, x.size):
        made = f"np.array([{value}]{dtype})" if count == 1 else f"np.full({count}, {value}{dtype})"
        call = f"x = {made}{size}; out = layer.forward(x)"
        second = "out" if method == "forward" else "layer.backward(np.ones_like(out))"
        script = Script(call, f"{second}.flat[0]", "None")
        came = script.run(subject)
        if came is not None and alike(np.float64(came[0]), np.float64(got), 0.0):
            break
    return script.shown(got, expected)


def _answer(subject: Subject, x: Array, i: int, method: str) -> float:
    run = subject.run(x)
    return float((run.out if method == "forward" else run.dx).flat[i])


def found(
    subject: Subject,
    name: str,
    message: str,
    dtype: str,
    script: Script,
    slack: Slack = 0.0,
    also: Also = NOTHING,
) -> Finding | None:
    """The finding, if the script shows it: a difference of more than `slack`, or another shape.

    Where the expression also[0] is true, the message goes on with also[1].
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        ran = script.run(subject)
        if ran is None:
            return None
        got, right, names = ran
        if alike(got, right, slack(right) if callable(slack) else slack):
            return None
        # Who writes into x has changed what it was.
        x = right if script.second == "x" else names.get("x")
        if eval(also[0], names):
            message += also[1]
        return Finding(name, message, script.shown(got, right), dtype, where(got, right, x))


def alike(got: Any, right: Any, slack: Any) -> bool:
    """Whether it is the same, nan being nan."""
    if not isinstance(got, np.ndarray | np.generic) or isinstance(right, tuple | np.dtype):
        return bool(got is right or (not isinstance(got, Exception) and got == right))
    a, b = np.asarray(got), np.asarray(right)
    if a.shape != b.shape:
        return False
    a, b = a.astype(np.float64), b.astype(np.float64)
    return bool(np.all((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= slack)))
