"""The package's own exceptions: each says what is wrong and, where it can, what would be right."""

from __future__ import annotations


class ActgradError(Exception):
    """Anything actgrad refuses; `hint` says what would be right, where that helps."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UnknownLayerError(ActgradError):
    """No layer in the catalogue has that name."""


class ParameterError(ActgradError):
    """A parameter the layer does not have, or a value outside its domain."""


class BackwardBeforeForwardError(ActgradError):
    """backward was called on a layer that has kept nothing yet."""


class ShapeError(ActgradError):
    """An array whose shape does not fit."""


class DtypeError(ActgradError):
    """An array of a dtype that no layer computes in."""
