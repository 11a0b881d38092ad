"""The verdict on a layer: its gradient, its values, its conduct."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from actgrad.layers.activations import layer as catalogued
from actgrad.layers.arrays import FLOATING, Array, floating, named
from actgrad.layers.check.conduct import Trial, accepts, manners, misshapen, numpy_warnings
from actgrad.layers.check.coupled import judge_coupled, judge_directions, judge_jacobian
from actgrad.layers.check.gradient import ElementwiseSubject
from actgrad.layers.check.judgement import Verdict, at_special_points, judge, narrowed
from actgrad.layers.check.load import subject as subject_of
from actgrad.layers.check.neighbours import neighbours
from actgrad.layers.check.points import GRID, SHAPES, Sample, designed, literal, moderate, ordinary
from actgrad.layers.check.report import (
    WARNINGS,
    CheckFailedError,
    Finding,
    GradientCurve,
    KinkGradient,
    Report,
)
from actgrad.layers.check.subject import LayerRaisedError, Subject, copies

#: The dtypes in which a layer is asked, unless one is named.
DTYPES = ("float64", "float32", "float16")
#: How a row of numbers is laid out for a layer that takes none.
ROWS = ((-1,), (-1, 1), (1, -1), (-1, 1, 1), (1, 1, 1, -1))
#: The shapes of an ordinary array, in which a layer's conduct is watched; not all layers take any.
SHAPED = ((4, 6), (24,), (2, 2, 6), (2, 2, 2, 4))
#: Beyond these, no network goes, and who squares a number may be told that it overflows.
LOUD_WITHIN = 1e6
#: A coupled layer's Jacobian is taken whole up to so many elements.
SMALL = 64
#: So much of a large x, in whole rows, is enough to see the conduct.
CONDUCT = 512
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
        given = given.astype(named(dtype))
    if dtype is not None:
        named(dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Examination(subject, given, dtype).report()


class Examination:
    """The questions put to one layer, and its answers."""

    def __init__(self, subject: Subject, x: Array | None, dtype: str | None) -> None:
        self.subject = subject
        self.x = x
        self.notes: list[str] = []
        self.subject = _settled_make(self._suited())
        asked = (x.dtype.name,) if x is not None else (dtype,) if dtype else DTYPES
        self.dtypes = [one for one in asked if self._takes(one)]
        if x is None:
            self.notes += self._shapes_refused()
        sample = self.sample()
        self.findings = [*misshapen(self.subject, sample)]
        self.coupled = False
        if not self.findings:
            self.coupled, self.findings = neighbours(self.subject, sample)

    def report(self) -> Report:
        """Ask everything."""
        steady = not self._found("wrong-shape") and self._conduct()
        verdicts: list[Verdict] = []
        curve: GradientCurve | None = None
        kinks: tuple[KinkGradient, ...] = ()
        if steady and not self._found("depends-on-neighbours"):
            if self.coupled:
                verdicts = [*self._coupled()]
            else:
                elementwise = ElementwiseSubject(self.subject, self._flat_x)
                verdicts = [*self._elementwise(elementwise)]
                curve, kinks = self._curve(elementwise), self._kinks(elementwise)
        for verdict in verdicts:
            self.findings += verdict.findings
        if self._found("wrong-gradient"):  # then what it has lost is no news
            self.findings = [one for one in self.findings if one.name != "lost-gradient"]
        return Report(
            self.subject.name,
            self.subject.setup,
            "coupled" if self.coupled else "element-wise",
            tuple(self.dtypes),
            sum(verdict.points for verdict in verdicts),
            sum(verdict.unjudged for verdict in verdicts),
            tuple(sorted(_first_of_each(self.findings), key=lambda one: one.name in WARNINGS)),
            tuple(dict.fromkeys(self.notes)),
            kinks,
            {one.dtype: one.ulp for one in verdicts if one.ulp is not None},
            curve,
        )

    def sample(self, dtype: str = "float64") -> Sample:
        """An ordinary array: the caller's own x, or one that we make."""
        if self.x is None:
            shapes = (shape for shape in SHAPED if accepts(self.subject, moderate(shape)))
            return ordinary(next(shapes, SHAPED[0]), dtype)
        rows = max(1, CONDUCT * len(self.x) // self.x.size) if self.x.size > CONDUCT else None
        return literal((self.x if rows is None else self.x[:rows]).astype(dtype))

    def _found(self, name: str) -> bool:
        return any(one.name == name for one in self.findings)

    def _conduct(self) -> bool:
        """Watch its manners; whether its answers are steady enough to be judged."""
        for dtype in self.dtypes:
            self.findings += manners(Trial.of(self.subject, self.sample(dtype), not self.coupled))
            if self._found("different-answers"):
                return False
        return not self._found("wrong-shape")

    def _elementwise(self, elementwise: ElementwiseSubject) -> Iterator[Verdict]:
        given = self._flat_x
        if given is None and "float64" in self.dtypes:
            self.findings += narrowed(elementwise)
        for dtype in sorted(self.dtypes, key=FLOATING.index, reverse=True):
            x = designed(elementwise.breaks, dtype) if given is None else given
            dense = GRID if given is None and dtype == self.subject.widest else np.empty(0)
            verdict = judge(elementwise, x.astype(dtype), dense)
            if given is None:
                findings, notes = at_special_points(elementwise, named(dtype))
                self.findings += findings
                self.notes += notes
            ordinary_ones = x[np.abs(x.astype(np.float64)) <= LOUD_WITHIN]
            self.findings += numpy_warnings(self.subject, ordinary_ones[:512, None].astype(dtype))
            yield verdict
            if any(one.name == "wrong-gradient" for one in verdict.findings):
                return

    def _coupled(self) -> Iterator[Verdict]:
        samples = self._samples("float64")
        for sample in samples:
            whole = sample.array.size <= SMALL
            found = (judge_jacobian if whole else judge_directions)(self.subject, sample)
            self.findings += [found] if found else []
        for dtype in self.dtypes:
            samples = self._samples(dtype)
            if self.x is None:
                samples += [
                    Sample(f"50 * {one.text}", (50 * one.array.astype(np.float64)).astype(dtype))
                    for one in samples
                ]
            for sample in samples:
                self.findings += numpy_warnings(self.subject, sample.array[None])
            reference = self.subject.reference
            if self.x is None and reference is not None and not reference.is_elementwise:
                samples += self._special_lines(dtype)
            yield judge_coupled(self.subject, samples)

    def _samples(self, dtype: str) -> list[Sample]:
        if self.x is not None:
            return [literal(self.x.astype(dtype))]
        samples = [ordinary(shape, dtype) for shape in (*SHAPES[2:], (8, 40))]
        return [one for one in samples if accepts(self.subject, one.array)]

    def _special_lines(self, dtype: str) -> Iterator[Sample]:
        """Lines with one number in them that is none, or −0."""
        for one in (np.inf, -np.inf, -0.0):
            line = np.array([1.0, one, -2.0, 0.5])
            yield literal(np.stack([line] * 2).astype(dtype))

    @cached_property
    def _flat_x(self) -> Array | None:
        return None if self.x is None else np.unique(self.x[np.isfinite(self.x)])

    def _curve(self, elementwise: ElementwiseSubject) -> GradientCurve:
        given = self._flat_x
        low, high = (-6.0, 6.0) if given is None or given.size < 2 else (given[0], given[-1])
        x = np.linspace(float(low), float(high), PLOTTED).astype(np.float64)
        found = elementwise.derivative(x)
        truth = elementwise.truth(x, found, x.dtype)
        dx = self.subject.run(x).dx.reshape(x.shape)
        return GradientCurve(x, dx, truth.nearest(dx), truth.doubt + 1e-12)

    def _kinks(self, elementwise: ElementwiseSubject) -> tuple[KinkGradient, ...]:
        at = elementwise.places[:20]
        if not at.size:
            return ()
        dx = self.subject.run(at).dx.ravel()
        return tuple(map(KinkGradient, elementwise.breaks[:20], dx.tolist()))

    def _suited(self) -> Subject:
        """The layer with the shape and the widest dtype in which it takes a row of numbers.

        Raises:
            LayerRaisedError: there is none.
        """
        refused: list[LayerRaisedError] = []
        for widest in DTYPES[:2]:
            for row in ROWS:
                suited = self.subject._replace(row=row, widest=widest)
                try:
                    suited.run(moderate((6,)))
                except LayerRaisedError as error:
                    refused.append(error)
                    continue
                if widest != "float64":
                    self.notes.append(f"not checked in float64: {refused[0]}")
                return suited
        if self.x is None:
            raise refused[0]
        return self.subject

    def _takes(self, dtype: str) -> bool:
        """Whether the layer computes in that dtype."""
        if dtype == "float64" != self.subject.widest:
            return False
        try:
            self.subject.run(self.sample(dtype).array)
        except LayerRaisedError as error:
            if dtype == "float64" or self.x is not None:
                raise
            self.notes.append(f"not checked in {dtype}: {error}")
            return False
        return True

    def _shapes_refused(self) -> Iterator[str]:
        for shape in SHAPES:
            if not accepts(self.subject._replace(row=(-1,)), moderate(shape)):
                yield f"it raises an exception on x of shape {shape}"


def _settled_make(subject: Subject) -> Subject:
    """The layer made once and copied, if what it draws at random when it is made tells."""
    x = moderate((6,))
    try:
        one, other = (subject.run(x) for _ in range(2))
    except LayerRaisedError:
        return subject
    alike = np.array_equal(one.out, other.out, True) and np.array_equal(one.dx, other.dx, True)
    return subject if alike else subject._replace(make=copies(subject.make()))


def _first_of_each(findings: list[Finding]) -> Iterator[Finding]:
    """One finding a name: that of the widest dtype, which mentions the others."""
    by_name: dict[str, list[Finding]] = {}
    for one in findings:
        by_name.setdefault(one.name, []).append(one)
    for first, *rest in by_name.values():
        also = {one.dtype: one.where for one in reversed(rest) if one.dtype != first.dtype}
        told = [
            dtype if where is None or np.isnan(where.x) else f"{dtype} at x = {where.x:.6g}"
            for dtype, where in reversed(also.items())
        ]
        yield first._replace(
            message=f"{first.message}; also in {', '.join(told)}" if told else first.message
        )
