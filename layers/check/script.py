"""Two lines of Python that show a fault. The example in a report is the code that was run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.subject import Subject

#: The numbers of digits in which results are shown.
DIGITS = (6, 9, 12, 17)
#: A longer array is shown by its worst element.
SHOWN_WHOLE = 4
#: The largest difference that is no fault: a number, or a function of the expected result.
Tolerance: TypeAlias = float | Callable[[Array], Any]


class Addition(NamedTuple):
    """A text that is added to a finding's message where the expression is true."""

    condition: str
    text: str


NO_ADDITION = Addition("False", "")


class Script(NamedTuple):
    """A statement, an expression to evaluate after it, and an expression for the expected result.

    They know `np`, the `layer`, and `run(x, dout)`, which is `Subject.run`. `expected` also knows
    the names that the statement assigns.
    """

    statement: str
    expression: str
    expected: str
    #: Whether an exception raised by the expression is a wrong result, too.
    may_raise: bool = False

    def filled(self, **texts: str) -> Script:
        """The script with each `{name}` replaced by its text."""
        statement, expression, expected = (code.format(**texts) for code in self[:3])
        return Script(statement, expression, expected, self.may_raise)

    def run(self, subject: Subject) -> tuple[Any, Any, dict[str, Any]] | None:
        """The result, the expected result and all names; None if the script cannot be run."""
        names: dict[str, Any] = {"np": np, "layer": subject.make(), "run": subject.run}
        try:
            exec(compiled(self.statement, "exec"), names)
        except (Exception, SystemExit):
            return None
        try:
            result = eval(compiled(self.expression, "eval"), names)
        except (Exception, SystemExit) as error:
            if not self.may_raise:
                return None
            result = error
        result = result.copy() if isinstance(result, np.ndarray) else result
        try:
            return result, eval(compiled(self.expected, "eval"), names), names
        except ValueError:  # a result of the wrong shape cannot be compared element by element
            return None

    def example(self, result: Any, expected: Any) -> tuple[str, str]:
        """The two lines, with the result and the expected one as a comment."""
        expression = self.expression
        if isinstance(result, np.ndarray) and isinstance(expected, np.ndarray):
            if result.shape != expected.shape:
                expression = f"{expression}.shape"
                result, expected = result.shape, expected.shape
            elif result.size > SHOWN_WHOLE:
                i = worst_element(result, expected)
                expression = f"{expression}.flat[{i}]"
                result, expected = result.flat[i], expected.flat[i]
        return self.statement, f"{expression}  # {', not '.join(shortest_texts(result, expected))}"

    def finding(
        self,
        subject: Subject,
        name: str,
        message: str,
        dtype: str,
        tolerance: Tolerance = 0.0,
        addition: Addition = NO_ADDITION,
    ) -> Finding | None:
        """The finding, if the result has another shape or differs by more than the tolerance."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            ran = self.run(subject)
            if ran is None:
                return None
            result, expected, names = ran
            if equal(result, expected, tolerance(expected) if callable(tolerance) else tolerance):
                return None
            # A layer that writes into x has changed the numbers that it was given.
            x = expected if self.expression == "x" else names.get("x")
            if eval(addition.condition, names):
                message += addition.text
            example = self.example(result, expected)
            return Finding(name, message, example, dtype, _worst_case(result, expected, x))


@lru_cache(maxsize=4096)
def compiled(code: str, mode: str) -> CodeType:
    """The code of a statement or an expression, which many layers are asked."""
    return compile(code, "<string>", mode)


def worst_element(result: Array, expected: Array) -> int:
    """The flat index where the two differ most; nan and inf come first."""
    with np.errstate(all="ignore"):
        off = np.abs(result.astype(np.float64) - expected.astype(np.float64)).ravel()
    same = (result == expected) | ((result != result) & (expected != expected))
    return int(np.where(same.ravel(), -1, np.where(np.isnan(off), np.inf, off)).argmax())


def _worst_case(result: Any, expected: Any, x: Any) -> Where | None:
    """The worst element, if both are numbers of one shape."""
    if not all(isinstance(value, np.ndarray | np.generic) for value in (result, expected)):
        return None
    result, expected = np.asarray(result), np.asarray(expected)
    if result.shape != expected.shape or not result.size:
        return None
    i = worst_element(result, expected)
    at = float(x.flat[i]) if isinstance(x, np.ndarray) and x.size == result.size else np.nan
    return Where(at, float(result.flat[i]), float(expected.flat[i]), 0.0)


def shortest_texts(*values: Any) -> list[str]:
    """The values in 6 digits, or in more if they look equal in 6."""
    for digits in DIGITS:
        texts = [value_text(value, digits) for value in values]
        if len({*texts}) > 1:
            break
    return texts


def value_text(value: Any, digits: int) -> str:
    """A number, an array or an exception as an example's comment shows it."""
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {' '.join(str(value).split())}"
    if isinstance(value, np.ndarray) and value.ndim:
        return "[" + ", ".join(value_text(element, digits) for element in value.ravel()) + "]"
    if isinstance(value, np.ndarray | np.floating | float) or hasattr(value, "__float__"):
        return f"{float(value):.{digits}g}"
    return str(value)


def finding_of(
    name: str,
    message: str,
    code: tuple[str, str],
    where: Where,
    dtype: str = "float64",
    method: str = "",
) -> Finding:
    """The finding at a worst element, with a statement and an expression that show it.

    `message` is a template over `method`, `dtype` and the fields of `where`.
    """
    got, expected = shortest_texts(where.got, where.expected)
    numbers = where._asdict() | {"got": got, "expected": expected}
    text = message.format(**numbers, dtype=dtype, method=method)
    example = Script(*code, "None").example(where.got, where.expected)
    return Finding(name, text, example, dtype, where)


def equal(result: Any, expected: Any, tolerance: Any) -> bool:
    """Whether the two are equal within the tolerance; nan equals nan."""
    if not isinstance(result, np.ndarray | np.generic) or isinstance(expected, tuple | np.dtype):
        if isinstance(result, Exception):
            return result is expected
        return bool(result is expected or result == expected)
    a, b = np.asarray(result), np.asarray(expected)
    if a.shape != b.shape:
        return False
    a, b = a.astype(np.float64), b.astype(np.float64)
    return bool(np.all((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance)))
