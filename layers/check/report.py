"""What an examination found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from actgrad.layers.arrays import Array
from actgrad.layers.check.numerical_derivative import Break
from actgrad.layers.errors import ActgradError

#: Every fault by the name that `--ignore` takes, and what it means.
FAULTS = {
    "wrong-gradient": "backward is not the derivative of forward",
    "wrong-value": "forward is not the formula",
    "not-linear": "backward is not linear in dout",
    "writes-into-x": "the caller's x is changed",
    "writes-into-dout": "the caller's dout is changed",
    "returns-its-input": "what is returned is the caller's own array",
    "returns-its-state": "a later call changes what an earlier one returned",
    "stale-state": "what is left from an earlier forward changes the answer",
    "different-answers": "the same input gives different answers",
    "depends-on-neighbours": "an element's answer depends on the others",
    "depends-on-layout": "the answer depends on how the array lies in memory",
    "wrong-shape": "out or dx has another shape than it should",
    "wrong-dtype": "out or dx has another dtype than x",
    "not-finite": "nan or inf where the true value is finite",
    "numpy-warning": "NumPy warns, though the result is ordinary",
    "lost-gradient": "digits of the gradient are gone that the dtype can hold",
}
#: Those that leave the verdict good.
WARNINGS = {"numpy-warning", "lost-gradient"}


class Where(NamedTuple):
    """One element: what was got there, and what was expected, with the error that allows."""

    x: float
    got: float
    expected: float
    tolerance: float


class Finding(NamedTuple):
    """One fault, its worst case, and an example of two lines that shows it."""

    name: str
    message: str
    example: tuple[str, str]
    dtype: str
    where: Where | None = None


class GradientCurve(NamedTuple):
    """backward for dout = 1 beside the numerical derivative and its error, at each x."""

    x: Array
    backward: Array
    derivative: Array
    tolerance: Array


class KinkGradient(NamedTuple):
    """A break, and the gradient that the layer gives there."""

    at: Break
    gradient: float

    def __str__(self) -> str:
        at, value = self.at, f"{self.gradient:.6g}"
        if at.jump:
            return f"jumps by {at.jump:.6g} at x = {at.x:.6g}: its gradient there is not judged"
        sides = [
            name
            for name, side in (("left", at.left), ("right", at.right))
            if abs(side - self.gradient) <= 1e-6 * max(1.0, abs(side))
        ]
        whose = f"the {sides[0]} derivative" if sides else "between the two derivatives"
        return (
            f"kink at x = {at.x:.6g}, {at.left:.6g} on the left, {at.right:.6g} on the right: "
            f"the layer says {value}, {whose}"
        )


@dataclass(frozen=True)
class Report:
    """The verdict on a layer."""

    layer: str
    #: The Python that makes the layer of the examples.
    setup: str
    kind: str
    dtypes: tuple[str, ...]
    points: int
    #: Those at which the numerical derivative tells nothing, and no formula is known.
    unjudged: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    kinks: tuple[KinkGradient, ...] = ()
    #: The largest error of out and dx in ULP, by dtype, where the formula is known.
    ulp: dict[str, tuple[float, float]] = field(default_factory=dict)
    curve: GradientCurve | None = None
    #: Whether warnings count as errors.
    strict: bool = False

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What makes the verdict bad."""
        return tuple(one for one in self.findings if self.strict or one.name not in WARNINGS)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What does not."""
        return tuple(one for one in self.findings if one not in self.errors)

    @property
    def ok(self) -> bool:
        """The verdict."""
        return not self.errors

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        counts = ", ".join(
            f"{len(found)} {word}{'s' if len(found) > 1 else ''}"
            f" ({', '.join(one.name for one in found)})"
            for found, word in ((self.errors, "error"), (self.warnings, "warning"))
            if found
        )
        unjudged = f" ({self.unjudged} not judged)" if self.unjudged else ""
        return (
            f"{self.layer}: {'ok' if self.ok else 'FAILED'}, {counts or 'no finding'}; "
            f"{self.points} points{unjudged}, {', '.join(self.dtypes)}"
        )

    @property
    def opening(self) -> str:
        """The line that goes before any example: imports, and the layer."""
        named = any("bfloat16" in line for one in self.findings for line in one.example)
        return f"import numpy as np; {'import ml_dtypes; ' if named else ''}{self.setup}"

    def judged(self, strict: bool = False, ignore: Collection[str] = ()) -> Report:
        """The report without the ignored findings; `strict` makes every warning an error."""
        kept = tuple(one for one in self.findings if one.name not in ignore)
        return replace(self, findings=kept, strict=strict)


class CheckFailedError(ActgradError, AssertionError):
    """The verdict on a layer is bad; `report` says why."""

    def __init__(self, report: Report) -> None:
        lines = [f"  {one.name}: {one.message}" for one in report.findings]
        super().__init__("\n".join([report.summary, *lines]))
        self.report = report
