"""The examination of a layer: the order of the questions, and the report."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from actgrad.layers.activations import layer as catalogue_layer
from actgrad.layers.arrays import Array, floating, named
from actgrad.layers.check.accuracy import Accuracies, Accuracy
from actgrad.layers.check.coupled import check_coupled, check_directions, check_jacobian
from actgrad.layers.check.elementwise import examine_elementwise
from actgrad.layers.check.explained import explained
from actgrad.layers.check.in_place import ALIASING, IN_PLACE
from actgrad.layers.check.linearity import linearity
from actgrad.layers.check.load import load_subject
from actgrad.layers.check.neighbours import array_size, coupling
from actgrad.layers.check.numpy_warnings import numpy_warnings
from actgrad.layers.check.parameters import kept_by_backward
from actgrad.layers.check.points import (
    SHAPES,
    Sample,
    literal_sample,
    ordinary_sample,
)
from actgrad.layers.check.report import (
    Finding,
    Report,
    merge_dtypes,
    with_severity,
)
from actgrad.layers.check.shape_dtype_layout import (
    LAYOUT,
    misshapen_out,
    result_dtype,
    result_shape,
)
from actgrad.layers.check.special_lines import special_lines
from actgrad.layers.check.state import DIFFERENT_RESULTS, RETURNED_STATE, stale_state
from actgrad.layers.check.subject import Subject, copy_maker
from actgrad.layers.check.trial import Trial
from actgrad.layers.errors import CheckFailedError, LayerRaisedError

#: The dtypes in which a layer is checked, unless the caller names one.
DTYPES = ("float64", "float32", "float16")
#: The shapes that are tried for a row of numbers.
ROWS = ((-1,), (-1, 1), (1, -1), (-1, 1, 1), (1, 1, 1, -1))
#: The shapes that are tried for the array on which the behaviour is watched.
SAMPLE_SHAPES = ((4, 6), (24,), (2, 2, 6), (2, 2, 2, 4))
#: The largest x whose whole Jacobian is checked.
LARGEST_JACOBIAN = 64
#: The behaviour is watched on the first rows of x, about this many elements.
LARGEST_SAMPLE = 512


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
    forward(x) and backward(x, dout), or a text as the command line takes it. Without x it is
    examined at the points where layers most often go wrong, in float64, float32 and float16 or in
    `dtype`. `formula` is the catalogue layer, or the expression, that it should be. With `strict`,
    warnings are errors. Findings named in `ignore` are left out.

    Raises:
        CheckFailedError: the verdict is bad; its `report` says why. It is an AssertionError.
        LayerRaisedError: the layer raises an exception.
        ActgradError: there is no such layer, or it cannot be made.
    """
    report = examine(load_subject(layer), x, dtype, formula).filtered(strict, ignore)
    if not report.ok:
        raise CheckFailedError(report)
    return report


def examine(
    subject: Subject,
    x: ArrayLike | None = None,
    dtype: str | None = None,
    formula: str | None = None,
) -> Report:
    """The report on a layer, whatever the verdict; arguments and errors as in `check_layer`."""
    if formula is not None:
        subject = subject._replace(reference=catalogue_layer(formula))
    points = None if x is None else floating(x, "x")
    if dtype is not None:
        points = None if points is None else points.astype(named(dtype))
        named(dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Examination(subject, points, dtype).report()


class Examination:
    """One layer, the points and dtypes at which it is examined, and what was observed."""

    def __init__(self, subject: Subject, x: Array | None, dtype: str | None) -> None:
        self.subject = subject
        self.x = x
        self.notes: list[str] = []
        self.subject = _with_fixed_randomness(self._in_accepted_shape())
        #: The dtypes that the caller asks for.
        self.asked = (x.dtype.name,) if x is not None else (dtype,) if dtype else ()
        self.dtypes = [name for name in self.asked or DTYPES if self._accepts_dtype(name)]
        if x is None:
            self.notes += self._refused_shapes()
        self.findings: list[Finding] = []
        self.coupled = False
        sample = self.sample()
        finding = misshapen_out(self.subject, sample)
        if finding is None:
            self.coupled, finding = coupling(self.subject, sample)
        self._add(finding)
        kept = kept_by_backward(self.subject, sample.array) if finding is None else []
        self.notes += [f"not checked: {name}, which backward keeps" for name in kept]

    def report(self) -> Report:
        """Ask all questions: first the behaviour, then the accuracy in each dtype."""
        reproducible = not self._has("wrong-shape") and self._watch_behaviour()
        accuracies = Accuracies("coupled" if self.coupled else "element-wise", [], [], [])
        if reproducible and not self._has("depends-on-neighbours"):
            if self.coupled:
                accuracies = accuracies._replace(each=[*self._coupled()])
            else:
                accuracies = examine_elementwise(self.subject, self.dtypes, self.x)
        self.findings += accuracies.findings
        for accuracy in accuracies.each:
            self.findings += accuracy.findings
        # A wrong gradient has no digits to lose.
        if self._has("wrong-gradient"):
            self.findings = [each for each in self.findings if each.name != "lost-gradient"]
        return Report(
            self.subject.name,
            self.subject.setup,
            accuracies.coupling,
            tuple(self.dtypes),
            sum(accuracy.points for accuracy in accuracies.each),
            sum(accuracy.unjudged for accuracy in accuracies.each),
            tuple(
                explained(
                    merge_dtypes(map(self._with_severity, self.findings)),
                    self.subject,
                    self.sample(),
                    self.coupled,
                )
            ),
            tuple(dict.fromkeys([*self.notes, *accuracies.notes])),
            accuracies.kinks,
            {each.dtype: each.ulp for each in accuracies.each if each.ulp is not None},
            accuracies.curve,
        )

    def sample(self, dtype: str = "float64") -> Sample:
        """The array on which the behaviour is watched: the first rows of x, or ordinary numbers."""
        if self.x is None:
            samples = (ordinary_sample(shape) for shape in SAMPLE_SHAPES)
            accepted = (each for each in samples if self.subject.accepts(each.array))
            shape = next((each.array.shape for each in accepted), SAMPLE_SHAPES[0])
            return ordinary_sample(shape, dtype)
        large = self.x.size > LARGEST_SAMPLE
        rows = max(1, LARGEST_SAMPLE * len(self.x) // self.x.size) if large else None
        return literal_sample((self.x if rows is None else self.x[:rows]).astype(dtype))

    def _with_severity(self, finding: Finding) -> Finding:
        return with_severity(finding, self.asked, self.x is not None)

    def _has(self, name: str) -> bool:
        return any(finding.name == name for finding in self.findings)

    def _add(self, finding: Finding | None) -> None:
        self.findings += [finding] if finding else []

    def _watch_behaviour(self) -> bool:
        """Add the findings on the behaviour; whether the results can be compared with others."""
        for dtype in self.dtypes:
            trial = Trial.of(self.subject, self.sample(dtype), not self.coupled)
            self.findings += behaviour_findings(trial)
            if self._has("different-answers"):
                return False
        return not self._has("wrong-shape")

    def _coupled(self) -> Iterator[Accuracy]:
        """The accuracy in each dtype, after the Jacobian in float64."""
        for sample in self._samples("float64"):
            small = sample.array.size <= LARGEST_JACOBIAN
            self._add((check_jacobian if small else check_directions)(self.subject, sample))
        for dtype in self.dtypes:
            samples = self._samples(dtype)
            if self.x is None:
                samples += [
                    Sample(f"50 * {text}", (50 * array.astype(np.float64)).astype(dtype))
                    for text, array in samples
                ]
            for sample in samples:
                self.findings += numpy_warnings(self.subject, sample.array[None])
            yield check_coupled(self.subject, samples)
            if self.x is None:
                findings, notes = special_lines(self.subject, dtype)
                self.findings += findings
                self.notes += notes

    def _samples(self, dtype: str) -> list[Sample]:
        """The caller's x, or the samples that the layer accepts."""
        if self.x is not None:
            return [literal_sample(self.x.astype(dtype))]
        samples = [ordinary_sample(shape, dtype) for shape in ((6,), (4, 6), (2, 2, 2, 4), (8, 40))]
        return [sample for sample in samples if self.subject.accepts(sample.array)]

    def _in_accepted_shape(self) -> Subject:
        """The layer with the shape and the widest dtype in which it takes a row of numbers."""
        refusals: list[LayerRaisedError] = []
        for widest in DTYPES[:2]:
            for row in ROWS:
                subject = self.subject._replace(row=row, widest=widest)
                try:
                    subject.run(ordinary_sample((6,)).array)
                except LayerRaisedError as error:
                    refusals.append(error)
                    continue
                if widest != "float64":
                    self.notes.append(f"not checked in float64: {refusals[0]}")
                return subject
        if self.x is None:
            raise refusals[0]
        return self.subject

    def _accepts_dtype(self, dtype: str) -> bool:
        """Whether the layer computes in that dtype; if not, a note says why."""
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

    def _refused_shapes(self) -> Iterator[str]:
        for shape in SHAPES:
            if not self.subject._replace(row=(-1,)).accepts(ordinary_sample(shape).array):
                yield f"it raises an exception on x of shape {shape}"


def behaviour_findings(trial: Trial) -> Iterator[Finding]:
    """The findings on a layer's behaviour, each name once; the rest is left out after
    different-answers."""
    names: set[str] = set()
    returned = (*IN_PLACE, *ALIASING, *RETURNED_STATE)
    trials = [(trial, each, "") for each in (*returned, *DIFFERENT_RESULTS, *LAYOUT)]
    # A layer may return x itself where no sign differs: ReLU of positive numbers.
    if trial.dtype == trial.subject.widest:
        trials += [
            (trial._replace(transform=transform), each, f", if all of x is {sign}")
            for sign, transform in {"positive": "np.abs({})", "negative": "-np.abs({})"}.items()
            for each in returned
        ]
    for case, behaviour, condition in trials:
        written = behaviour.finding == "returns-its-input" and names & {
            each.finding for each in IN_PLACE
        }
        if written or behaviour.finding in names:
            continue
        finding = case.finding(behaviour._replace(message=behaviour.message + condition))
        if finding is not None:
            names.add(finding.name)
            yield finding
            if finding.name == "different-answers":
                return
    for behaviours in (stale_state, linearity, result_shape, result_dtype, array_size):
        if behaviours == array_size and "wrong-shape" in names:
            return
        finding = trial.first_finding(behaviours(trial))
        if finding is not None:
            names.add(finding.name)
            yield finding


def _with_fixed_randomness(subject: Subject) -> Subject:
    """The layer, made once and then copied if its random initial values change its results."""
    x = ordinary_sample((6,)).array
    try:
        first, second = subject.run(x), subject.run(x)
    except LayerRaisedError:
        return subject
    same = all(np.array_equal(a, b, True) for a, b in zip(first, second, strict=True))
    return subject if same else subject._replace(make=copy_maker(subject.make()))
