"""The verdict on a layer: its gradient, its values, its conduct."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from actgrad.layers.arrays import Array, floating
from actgrad.layers.catalogue import layer as catalogued
from actgrad.layers.conduct import MANNERS, Case, misshapen, numpy_warnings
from actgrad.layers.foreign import subject as subject_of
from actgrad.layers.gradient import Elementwise, judge_directions, judge_jacobian
from actgrad.layers.neighbours import neighbours
from actgrad.layers.points import GRID, SHAPES, designed, far_out, moderate
from actgrad.layers.report import WARNINGS, CheckFailedError, Curve, Finding, Kink, Report
from actgrad.layers.subject import LayerRaisedError, Subject
from actgrad.layers.verdict import Verdict, judge, judge_coupled, narrowed

#: The dtypes in which a layer is asked, unless one is named.
DTYPES = ("float64", "float32", "float16")
#: A coupled layer's Jacobian is taken whole up to so many elements.
SMALL = 64
#: So much of a large x, in whole rows, is enough to see the conduct.
CONDUCT = 4096
#: A plot's points.
PLOTTED = 121


def check_layer(
    layer: Any,
    x: ArrayLike | None = None,
    *,
    dtype: str | None = None,
    formula: str | None = None,
    strict: bool = False,
    ignore: Collection[str] = (),
) -> Report:
    """Examine a layer, and return the report if the verdict is good.

    `layer` is a class or an object with forward(x) and backward(dout), a pair of functions
    forward(x) and backward(x, dout), or a text as the command line takes it. Without x it is looked
    at where layers go wrong. `formula` names the catalogue layer that it should be. `strict` makes
    warnings count, and findings named in `ignore` do not.

    Raises:
        CheckFailedError: the verdict is bad; its `report` says why. It is an AssertionError.
        LayerRaisedError: the layer raises an exception.
        ActgradError: there is no such layer, or it cannot be made.
    """
    report = examine(subject_of(layer), x, dtype, formula).judged(strict, ignore)
    if not report.ok:
        raise CheckFailedError(report)
    return report


def examine(
    subject: Subject,
    x: ArrayLike | None = None,
    dtype: str | None = None,
    formula: str | None = None,
) -> Report:
    """The report on a layer, whatever the verdict; arguments and errors as `check_layer` has."""
    if formula is not None:
        subject = subject._replace(reference=catalogued(formula))
    given = None if x is None else floating(x, "x")
    if given is not None and dtype is not None:
        given = given.astype(dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Examination(subject, given, dtype).report()


class Examination:
    """The questions put to one layer, and its answers."""

    def __init__(self, subject: Subject, x: Array | None, dtype: str | None) -> None:
        self.subject = subject
        self.x = x
        dtypes = (x.dtype.name,) if x is not None else (dtype,) if dtype else DTYPES
        self.notes = [*self._shapes_refused()] if x is None else []
        self.findings = [*misshapen(subject, self.sample())]
        self.coupled = False
        self.dtypes = [*dtypes]
        if not self.findings:
            self.dtypes = [one for one in dtypes if self._takes(one)]
            self.coupled, self.findings = neighbours(subject, self.sample())

    def report(self) -> Report:
        """Ask everything."""
        steady = not self._found("wrong-shape") and self._conduct()
        verdicts: list[Verdict] = []
        curve: Curve | None = None
        kinks: tuple[Kink, ...] = ()
        if steady and not self._found("depends-on-neighbours"):
            if self.coupled:
                verdicts = [*self._coupled()]
            else:
                elementwise = Elementwise(self.subject, self._flat_x())
                verdicts = [*self._elementwise(elementwise)]
                curve, kinks = self._curve(elementwise), self._kinks(elementwise)
        for verdict in verdicts:
            self.findings += verdict.findings
        if self._found("wrong-gradient"):  # then what it has lost is no news
            self.findings = [one for one in self.findings if one.name != "lost-gradient"]
        return Report(
            self.subject.name,
            "coupled" if self.coupled else "element-wise",
            tuple(self.dtypes),
            sum(verdict.points for verdict in verdicts),
            tuple(sorted(_first_of_each(self.findings), key=lambda one: one.name in WARNINGS)),
            tuple(self.notes),
            kinks,
            {one.dtype: one.ulp for one in verdicts if one.ulp is not None},
            curve,
        )

    def sample(self, dtype: str = "float64") -> Array:
        """An ordinary array: the caller's own x, or one that we make."""
        if self.x is not None:
            rows = max(1, CONDUCT * len(self.x) // self.x.size) if self.x.size > CONDUCT else None
            return (self.x if rows is None else self.x[:rows]).astype(dtype)
        return moderate((4, 6), dtype)

    def _found(self, name: str) -> bool:
        return any(one.name == name for one in self.findings)

    def _conduct(self) -> bool:
        """Watch its manners; whether its answers are steady enough to be judged."""
        for dtype in self.dtypes:
            x = self.sample(dtype)
            other = moderate(x.shape, dtype, 21)
            case = Case(self.subject, x, other, not self.coupled)
            for manner in MANNERS:
                self.findings += manner(case)
                if self._found("different-answers"):
                    return False
        return not self._found("wrong-shape")

    def _elementwise(self, elementwise: Elementwise) -> Iterator[Verdict]:
        given = self._flat_x()
        if given is None and "float64" in self.dtypes:
            self.findings += narrowed(elementwise)
        for dtype in sorted(self.dtypes, key=DTYPES.index):
            x = designed(elementwise.breaks, dtype) if given is None else given
            far = far_out(dtype) if self.x is None else x[:0]
            dense = GRID if given is None and dtype == "float64" else x[:0]
            verdict = judge(elementwise, x.astype(dtype), dense, far)
            self.findings += numpy_warnings(self.subject, x[:512, None].astype(dtype))
            yield verdict
            if any(one.name == "wrong-gradient" for one in verdict.findings):
                return

    def _coupled(self) -> Iterator[Verdict]:
        arrays = self._arrays()
        for x in arrays:
            wide = x.astype(np.float64)
            found = (judge_jacobian if x.size <= SMALL else judge_directions)(self.subject, wide)
            self.findings += [found] if found else []
        for dtype in self.dtypes:
            inputs = [s * x for x in arrays for s in ((1,) if self.x is not None else (1, 50))]
            for x in inputs:
                self.findings += numpy_warnings(self.subject, x.astype(dtype)[None])
            yield judge_coupled(self.subject, [x.astype(dtype) for x in inputs])

    def _arrays(self) -> list[Array]:
        if self.x is not None:
            return [self.x]
        arrays = [moderate(shape) for shape in SHAPES[2:] if self._accepts(moderate(shape))]
        return [*arrays, moderate((8, 40))]

    def _flat_x(self) -> Array | None:
        return None if self.x is None else np.unique(self.x[np.isfinite(self.x)])

    def _curve(self, elementwise: Elementwise) -> Curve:
        given = self._flat_x()
        low, high = (-6.0, 6.0) if given is None or given.size < 2 else (given[0], given[-1])
        x = np.linspace(float(low), float(high), PLOTTED).astype(np.float64)
        found = elementwise.derivative(x)
        truth = elementwise.truth(x, found, x.dtype)
        dx = self.subject.run(x).dx.reshape(x.shape)
        return Curve(x, dx, truth.nearest(dx), truth.doubt + 1e-12)

    def _kinks(self, elementwise: Elementwise) -> tuple[Kink, ...]:
        at = elementwise.places[:20]
        if not at.size:
            return ()
        dx = self.subject.run(at).dx.ravel()
        return tuple(map(Kink, elementwise.breaks[:20], dx.tolist()))

    def _takes(self, dtype: str) -> bool:
        """Whether the layer computes in that dtype: float64 it must."""
        try:
            self.subject.run(self.sample(dtype))
        except LayerRaisedError as error:
            if dtype == "float64" or self.x is not None:
                raise
            self.notes.append(f"not checked in {dtype}: {error}")
            return False
        return True

    def _accepts(self, x: Array) -> bool:
        try:
            self.subject.run(x)
        except LayerRaisedError:
            return False
        return True

    def _shapes_refused(self) -> Iterator[str]:
        for shape in SHAPES:
            x = moderate(shape)
            if not self._accepts(x):
                yield f"it raises an exception on x of shape {shape}"


def _first_of_each(findings: list[Finding]) -> Iterator[Finding]:
    """One finding a name: that of the widest dtype, which mentions the others."""
    by_name: dict[str, list[Finding]] = {}
    for one in findings:
        by_name.setdefault(one.name, []).append(one)
    for first, *rest in by_name.values():
        also = {one.dtype: one.where for one in reversed(rest) if one.dtype != first.dtype}
        told = [
            dtype if where is None else f"{dtype} at x = {where.x:.6g}"
            for dtype, where in reversed(also.items())
        ]
        yield first._replace(
            message=f"{first.message}; also in {', '.join(told)}" if told else first.message
        )
