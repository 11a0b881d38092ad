"""The result of an examination: findings, notes, and the verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import isclose, isnan
from typing import Literal, NamedTuple, TypeAlias

from actgrad.layers.arrays import Array
from actgrad.layers.check.conventions import same_at_kink
from actgrad.layers.check.discontinuities import Discontinuity
from actgrad.layers.displayed import Displayed

#: The name of every fault, by which it can be ignored, and its meaning.
FAULTS = {
    "wrong-gradient": "backward is not the derivative of forward",
    "wrong-value": "forward differs from the formula, or from its value in a wider dtype",
    "not-linear": "backward is not linear in dout",
    "writes-into-x": "the layer changes the caller's x in place",
    "writes-into-dout": "the layer changes the caller's dout in place",
    "returns-its-input": "out or dx shares its memory with the caller's array",
    "returns-its-state": "a later call changes an array that was returned earlier",
    "stale-state": "values kept from an earlier forward change the result",
    "different-answers": "the same input gives different results",
    "depends-on-neighbours": "an element's result depends on other elements",
    "depends-on-layout": "the result depends on the memory layout of the array",
    "wrong-shape": "out or dx has the wrong shape",
    "wrong-dtype": "out or dx has another dtype than x, or the precision of a narrower one",
    "not-finite": "nan or inf where the true value is finite",
    "numpy-warning": "NumPy warns although the result is finite",
    "lost-gradient": "the gradient has lost digits that its dtype can hold",
}
#: The faults that are warnings wherever they occur.
WARNINGS = {"numpy-warning", "lost-gradient"}
#: The dtypes in which a fault is a warning unless the caller asks for them.
NARROW = {"float16", "bfloat16"}
#: Beyond this |x| a fault is a warning. The largest activations that are published, those of large
#: language models, are of the order of 10⁴; a few exceed 65504, the largest number of float16.
LARGEST_ORDINARY = 1e6
#: The same for numbers nearer to 0, which in float32 are subnormal.
SMALLEST_ORDINARY = 1e-37

Severity: TypeAlias = Literal["error", "warning"]


class Where(NamedTuple):
    """The worst element of a finding: its x, the result, what was expected, and the tolerance."""

    x: float
    got: float
    expected: float
    tolerance: float


class Finding(NamedTuple):
    """One fault, its worst element, and an example of two lines that shows it."""

    name: str
    message: str
    example: tuple[str, str]
    dtype: str
    where: Where | None = None
    #: An error makes the verdict bad, a warning only if the verdict is strict.
    severity: Severity = "error"
    #: The likely cause, a guess that reproduces the layer's numbers; empty if there is none.
    cause: str = ""
    #: What to change.
    remedy: str = ""
    #: The dtypes in which it occurs.
    dtypes: tuple[str, ...] = ()


class GradientCurve(NamedTuple):
    """For each x: backward's result for dout = 1, the numerical derivative, and the tolerance."""

    x: Array
    backward: Array
    derivative: Array
    tolerance: Array


class KinkGradient(NamedTuple):
    """A kink or a jump, and the gradient that the layer gives there."""

    at: Discontinuity
    gradient: float

    def __str__(self) -> str:
        at, value = self.at, f"{self.gradient:.6g}"
        if at.jump:
            return f"jumps by {at.jump:.6g} at x = {at.x:.6g}: its gradient there is not checked"
        sides = [
            name
            for name, side in (("left", at.left), ("right", at.right))
            if abs(side - self.gradient) <= 1e-6 * max(1.0, abs(side))
        ]
        low, high = sorted((at.left, at.right))
        where = "between" if low <= self.gradient <= high else "outside"
        place = f"the {sides[0]} derivative" if sides else f"{where} the two derivatives"
        who = same_at_kink(at.x, at.left, at.right, self.gradient)
        return (
            f"kink at x = {at.x:.6g}, derivative {at.left:.6g} on the left, {at.right:.6g} on the "
            f"right: the layer's gradient is {value}, {place}{who and f', as {who}'}"
        )


@dataclass(frozen=True)
class Report(Displayed):
    """The verdict on a layer, and everything that it rests on."""

    layer: str
    #: The Python statement that makes the layer of the examples.
    setup: str
    #: "element-wise", or "coupled" if an element of out depends on several elements of x.
    coupling: str
    dtypes: tuple[str, ...]
    points: int
    #: Points whose derivative is unknown: no formula, and the numerical one is too uncertain.
    unjudged: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    kinks: tuple[KinkGradient, ...] = ()
    #: The largest errors of out and dx in ULP, by dtype, where the formula is known.
    ulp: dict[str, tuple[float, float]] = field(default_factory=dict)
    curve: GradientCurve | None = None
    #: Whether warnings count as errors.
    strict: bool = False
    #: The gradients of parameters that were compared, as Python has them after `layer.`.
    parameters: tuple[str, ...] = ()
    #: The names of findings that the caller ignores and that were made.
    ignored: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Report({self.summary})"

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the verdict bad."""
        return tuple(each for each in self.findings if self.strict or each.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not."""
        return tuple(each for each in self.findings if each not in self.errors)

    @property
    def ok(self) -> bool:
        """The verdict: whether there is no error."""
        return not self.errors

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        counts = ", ".join(
            f"{len(findings)} {word}{'s' if len(findings) > 1 else ''}"
            f" ({', '.join(each.name for each in findings)})"
            for findings, word in ((self.errors, "error"), (self.warnings, "warning"))
            if findings
        )
        unjudged = f" ({self.unjudged} not checked)" if self.unjudged else ""
        parameters = f"; {', '.join(self.parameters)}" if self.parameters else ""
        ignored = f", {', '.join(self.ignored)} ignored" if self.ignored else ""
        return (
            f"{self.layer}: {'ok' if self.ok else 'FAILED'}, {counts or 'no finding'}{ignored}; "
            f"{self.points} points{unjudged}, {', '.join(self.dtypes)}{parameters}"
        )

    @property
    def opening(self) -> str:
        """The line to run before any example: imports, and the layer."""
        short = any("bfloat16" in line for each in self.findings for line in each.example)
        return f"import numpy as np; {'import ml_dtypes; ' if short else ''}{self.setup}"

    def filtered(self, strict: bool = False, ignore: Collection[str] = ()) -> Report:
        """The report without the ignored findings; `strict` makes every warning an error."""
        kept = tuple(each for each in self.findings if each.name not in ignore)
        ignored = tuple(each.name for each in self.findings if each.name in ignore)
        return replace(self, findings=kept, strict=strict, ignored=ignored)


def with_severity(finding: Finding, asked: Collection[str], given: bool) -> Finding:
    """The finding, as a warning where no network meets it.

    That is at an infinite, too large or too small x, and in a narrow dtype; a finding that is a
    warning stays one. `asked` are the dtypes that the caller asks for; `given` says whether the
    points are the caller's, which all count.
    """
    narrow = finding.dtype in NARROW and finding.dtype not in asked
    where = finding.where
    far = not given and where is not None and _is_remote(where.x)
    warning = finding.name in WARNINGS or narrow or far
    return finding._replace(severity="warning") if warning else finding


def merge_dtypes(findings: Iterable[Finding]) -> Iterator[Finding]:
    """One finding for each name: the first in the order of severity, with all its dtypes.

    Its message names the other dtypes in which it occurs at another x.
    """
    by_name: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=_remoteness):
        by_name.setdefault(finding.name, []).append(finding)
    for first, *rest in by_name.values():
        dtypes = tuple(dict.fromkeys(each.dtype for each in (first, *rest)))
        also = {each.dtype: each.where for each in reversed(rest) if each.dtype != first.dtype}
        places = ", ".join(
            f"{dtype} at x = {where.x:.6g}"
            for dtype, where in reversed(also.items())
            if where and first.where and _are_apart(where.x, first.where.x)
        )
        message = f"{first.message}; also in {places}" if places else first.message
        yield first._replace(message=message, dtypes=dtypes)


def _are_apart(a: float, b: float) -> bool:
    """Whether two x differ by more than the rounding errors of a narrow dtype."""
    return not (isnan(a) or isnan(b)) and not isclose(a, b, rel_tol=0.01)


def _remoteness(finding: Finding) -> tuple[bool, bool]:
    """Errors come before warnings, and an ordinary x before others."""
    where = finding.where
    return finding.severity == "warning", where is not None and _is_remote(where.x)


def _is_remote(x: float) -> bool:
    """Whether no network meets that x."""
    return abs(x) > LARGEST_ORDINARY or 0 < abs(x) < SMALLEST_ORDINARY
