"""The exceptions of the public API.

ActgradError
├── UnreadableError
├── UnknownLayerError
├── ParameterError
├── ExpressionError
├── BackwardBeforeForwardError
├── ShapeError
├── DtypeError
├── LayerImportError
├── LayerRaisedError
├── CheckFailedError (an AssertionError too)
├── PolicyError
└── SampleError
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class ActgradError(Exception):
    """An argument is refused; `hint` says what to give instead, where that helps."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as a call with its `args`, which some of the constructors refuse.
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class UnreadableError(ActgradError):
    """An array that cannot be read: there is no such file, it is broken or it is cut short."""


class UnknownLayerError(ActgradError):
    """No layer in the catalogue has that `name`, or several have it."""

    def __init__(self, name: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.name = name


class ParameterError(ActgradError):
    """The layer does not have that parameter, or its value is outside its domain."""


class ExpressionError(ActgradError):
    """A typed expression cannot be read; `column` is the place, from 1, that the message names."""

    def __init__(self, text: str, index: int, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{text}: column {index + 1}: {problem}", hint)
        self.column = index + 1


class BackwardBeforeForwardError(ActgradError):
    """backward was called on a layer that has kept nothing yet."""


class ShapeError(ActgradError):
    """The shape of an array does not fit."""


class DtypeError(ActgradError):
    """No layer computes in the dtype of an array."""


class LayerImportError(ActgradError):
    """There is no such file, module or name, or it is no layer."""


class LayerRaisedError(ActgradError):
    """The layer raised an exception, or did not return an array."""


class CheckFailedError(ActgradError, AssertionError):
    """A checked layer has errors; `report` is the `actgrad.Report` that lists them."""

    def __init__(self, report: Any) -> None:
        lines = [report.summary]
        for finding in report.errors:
            lines.append(f"  {finding.name}: {finding.message}")
            lines += [f"  likely cause: {finding.cause}"] if finding.cause else []
            lines += [f"  change: {finding.remedy}"] if finding.remedy else []
            lines += [f"    {line}" for line in (report.opening, *finding.example)]
        super().__init__("\n".join(lines))
        self.report = report


class PolicyError(ActgradError):
    """A policy that every result would keep, or none.

    Its message is the name of the policy's `field`, and the `problem` with its value.
    """

    def __init__(self, field: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{field} {problem}", hint)
        self.field, self.problem = field, problem


class SampleError(ActgradError):
    """Such a sample cannot be drawn."""
