"""The examination of a layer: the order of the questions, and the report."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from actgrad.layers.activations import layer as catalogue_layer
from actgrad.layers.arrays import Array, named
from actgrad.layers.check.accuracy import Accuracies
from actgrad.layers.check.array_layer import over_arrays
from actgrad.layers.check.coupled import coupled_shapes, examine_coupled
from actgrad.layers.check.elementwise import examine_elementwise
from actgrad.layers.check.explained import explained
from actgrad.layers.check.given_points import GivenPoints
from actgrad.layers.check.in_place import ALIASING, IN_PLACE
from actgrad.layers.check.input_shapes import InputShapes, Shape, parameter_arrays
from actgrad.layers.check.linearity import linearity
from actgrad.layers.check.load import load_subject
from actgrad.layers.check.loss_layer import with_target
from actgrad.layers.check.neighbours import array_size, coupling, coupling_shape
from actgrad.layers.check.parameter_gradients import CheckedParameters, check_parameter_gradients
from actgrad.layers.check.points import (
    SHAPES,
    Sample,
    literal_sample,
    ordinary_sample,
)
from actgrad.layers.check.randomness import (
    kept_randomness,
    with_fixed_randomness,
    with_own_state,
)
from actgrad.layers.check.report import (
    Finding,
    Report,
    merge_dtypes,
    with_severity,
)
from actgrad.layers.check.shape_dtype_layout import (
    LAYOUT,
    backward_raises,
    result_dtype,
    result_shape,
)
from actgrad.layers.check.state import (
    DIFFERENT_DX,
    DIFFERENT_OUT,
    RETURNED_STATE,
    STATE_NOTE,
    KeptState,
    kept_state,
    leaking_state,
    stale_state,
)
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import Trial
from actgrad.layers.errors import CheckFailedError, LayerRaisedError

#: The dtypes in which a layer is checked, unless the caller names one.
DTYPES = ("float64", "float32", "float16")
#: The shapes that are tried for a row of numbers.
ROWS = ((-1,), (-1, 1), (1, -1), (-1, 1, 1), (1, 1, 1, -1))
#: The gradients of parameters that cannot be compared are tried with so many other shapes of x.
OTHER_SHAPES = 3
#: The behaviour is watched on the first rows of x, about this many elements.
LARGEST_SAMPLE = 512


def check_layer(
    layer: Any,
    x: ArrayLike | None = None,
    *,
    dtype: str | None = None,
    formula: str | None = None,
    shape: Shape | None = None,
    strict: bool = False,
    ignore: Collection[str] = (),
) -> Report:
    """Examine a layer, and return the report if the verdict is good.

    `layer` is a class or an object with forward(x) and backward(dout), a pair of functions
    forward(x) and backward(x, dout), or a text as the command line takes it. Without x it is
    examined at the points where layers most often go wrong, in float64, float32 and float16 or in
    `dtype`. `formula` is the catalogue layer, or the expression, that it should be. `shape` is that
    of an x that the layer takes; without it and x, the layer's own `input_shape`, the sizes of its
    parameters and common shapes are tried. With `strict`, warnings are errors. Findings named in
    `ignore` are left out.

    Raises:
        CheckFailedError: the verdict is bad; its `report` says why. It is an AssertionError.
        LayerRaisedError: the layer raises an exception.
        ShapeError: x has no elements.
        ActgradError: there is no such layer, it cannot be made, or no number of x is finite.
    """
    report = examine(load_subject(layer), x, dtype, formula, shape).filtered(strict, ignore)
    if not report.ok:
        raise CheckFailedError(report)
    return report


def examine(
    subject: Subject,
    x: ArrayLike | None = None,
    dtype: str | None = None,
    formula: str | None = None,
    shape: Shape | None = None,
) -> Report:
    """The report on a layer, whatever the verdict; arguments and errors as in `check_layer`."""
    if formula is not None:
        subject = subject._replace(reference=catalogue_layer(formula))
    given = None if x is None else GivenPoints(x, dtype)
    if dtype is not None:
        named(dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"), kept_randomness():
        warnings.simplefilter("ignore")
        subject, shared = with_own_state(subject)
        asked = given.shapes if given else [] if shape is None else [shape]
        shapes = InputShapes(subject, *asked)
        subject, notes = with_target(subject, shapes.tried)
        subject, note = over_arrays(subject, shapes.tried)
        notes += [note] if note else []
        try:
            return Examination(subject, given, dtype, shapes, notes).report()
        except LayerRaisedError:
            finding = backward_raises(subject, shapes)
            if finding is None:
                raise
            findings = explained([finding], subject, ordinary_sample(()), False)
            return Report(subject.name, subject.setup, "coupled", ("float64",), 0, 0, (*findings,))
        finally:
            shared.set_back()


class Examination:
    """One layer, the points and dtypes at which it is examined, and what was observed."""

    def __init__(
        self,
        subject: Subject,
        given: GivenPoints | None,
        dtype: str | None,
        shapes: InputShapes,
        notes: list[str],
    ) -> None:
        self.notes = notes
        self.shapes = shapes
        self.subject, self.shape = self._in_accepted_shape(subject)
        #: The caller's x, and the part of it that the behaviour is watched on.
        self.given, self.x = given, None if given is None else given.part(self.shape)
        if given is None and not shapes.is_stated:
            self.shape = coupling_shape(self.subject, self.shape)
        self.subject = with_fixed_randomness(self.subject, self.sample().array)
        #: The dtypes that the caller asks for.
        self.asked = (self.x.dtype.name,) if self.x is not None else (dtype,) if dtype else ()
        self.dtypes = [name for name in self.asked or DTYPES if self._accepts_dtype(name)]
        self.findings: list[Finding] = []
        #: The state that the layer keeps between calls, once it is asked for.
        self.state: KeptState | None = None
        self.coupled, finding = coupling(self.subject, self.sample())
        if self.coupled:
            self.subject = self.subject._replace(row=(-1,))
        self._add(finding)
        if self.x is None:
            self._note_shapes()
        elif given is not None:
            self.notes += given.notes(self.x, self.coupled)

    def report(self) -> Report:
        """Ask all questions: first the behaviour, then the accuracy in each dtype."""
        reproducible = not self._is_misshapen() and self._watch_behaviour()
        parameters = CheckedParameters()
        if reproducible:
            parameters = check_parameter_gradients(self.subject, self._samples())
            self.findings += parameters.findings
            self.notes += parameters.notes
        accuracies = Accuracies("coupled" if self.coupled else "element-wise", [], [], [])
        if reproducible and not self._has("depends-on-neighbours"):
            if self.coupled:
                shapes = coupled_shapes(self.subject, self.shape, self.shapes)
                accuracies = examine_coupled(self.subject, self.dtypes, self.x, shapes)
            else:
                row = None if self.given is None else self.given.row()
                accuracies = examine_elementwise(self.subject, self.dtypes, row)
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
            parameters=parameters.names,
        )

    def sample(self, dtype: str = "float64") -> Sample:
        """The array on which the behaviour is watched: the first rows of x, or ordinary numbers
        where there is no x, or where a row of it is long."""
        if self.x is None:
            return ordinary_sample(self.shape, dtype)
        x = self.x
        if x.size > LARGEST_SAMPLE:
            x = x[: max(1, LARGEST_SAMPLE * len(x) // x.size)]
        # An example with thousands of numbers is slow, and nobody reads it.
        long = x.size > 2 * LARGEST_SAMPLE
        return ordinary_sample(x.shape, dtype) if long else literal_sample(x.astype(dtype))

    def _samples(self) -> Iterator[Sample]:
        """The arrays on which the gradients of parameters are compared: one that the layer takes
        of two axes, that of the behaviour, and a few of other shapes."""
        if self.x is not None or self.shapes.is_stated or len(self.shape) <= 2:
            yield self.sample()
        if self.x is None and not self.shapes.is_stated:
            others = [shape for shape in self.shapes.tried if shape != self.shape]
            own = [self.shape] * (len(self.shape) > 2)
            shapes = sorted([*own, *others], key=lambda shape: len(shape) != 2)
            taken = (s for s in map(ordinary_sample, shapes) if self.subject.accepts(s.array))
            yield from islice(taken, OTHER_SHAPES)

    def _with_severity(self, finding: Finding) -> Finding:
        return with_severity(finding, self.asked, self.x is not None)

    def _has(self, name: str) -> bool:
        return any(finding.name == name for finding in self.findings)

    def _is_misshapen(self) -> bool:
        """Whether out or dx has the wrong shape for an x that the layer is meant for."""
        return any(
            each.name == "wrong-shape" and each.severity == "error" for each in self.findings
        )

    def _add(self, finding: Finding | None) -> None:
        self.findings += [finding] if finding else []

    def _watch_behaviour(self) -> bool:
        """Add the findings on the behaviour; whether the results can be compared with others."""
        for dtype in self.dtypes:
            trial = Trial.of(self.subject, self.sample(dtype), not self.coupled)
            stated = self.shapes.is_stated and (self.coupled or self.x is None)
            trial = trial._replace(stated=stated)
            self.findings += behaviour_findings(trial, self._by_state)
            if self._has("different-answers"):
                return False
        return not self._is_misshapen()

    def _by_state(self, finding: Finding) -> Finding | None:
        """What a finding becomes where a state changes forward: None if backward fits it then.

        A note says that the layer keeps such a state.
        """
        if finding.name not in {"different-answers", "stale-state"}:
            return finding
        if self.state is None:
            self.state = kept_state(self.subject, self.sample())
            by_design = self.state.changes_forward and not self.state.finding
            self.notes += [STATE_NOTE] if by_design else []
        return self.state.finding if self.state.changes_forward else finding

    def _in_accepted_shape(self, subject: Subject) -> tuple[Subject, Shape]:
        """The layer in the widest dtype that it takes, with the shape of a row of numbers, and the
        shape of x with which it is examined.

        Raises:
            LayerRaisedError: it takes no shape that is tried.
        """
        for widest in DTYPES[:2]:
            narrowed = subject._replace(widest=widest)
            shape = self.shapes.first_accepted(narrowed)
            if shape is None:
                continue
            if widest != "float64":
                self.notes.append(f"not checked in float64: {self.shapes.refusals[0]}")
            rows = (narrowed._replace(row=row) for row in ROWS)
            return next(filter(_takes_rows, rows), narrowed), shape
        raise self.shapes.refusal()

    def _accepts_dtype(self, dtype: str) -> bool:
        """Whether the layer computes in that dtype; if not, a note says why."""
        if dtype == "float64" != self.subject.widest:
            return False
        try:
            run = self.subject.run(self.sample(dtype).array)
        except LayerRaisedError as error:
            if dtype == "float64" or self.x is not None:
                raise
            self.notes.append(f"not checked in {dtype}: {error}")
            return False
        kept = {each.dtype.name for each in self._parameters() if each.dtype.kind == "f"}
        wider = {run.out.dtype.name, run.dx.dtype.name} & kept - {dtype}
        if not wider or dtype in (self.subject.widest, *self.asked):
            return True
        self.notes.append(f"not checked in {dtype}: its parameters are {', '.join(wider)}")
        return False

    def _parameters(self) -> list[Array]:
        """The arrays of a new layer, and those that its first forward makes, whatever x is."""
        made = []
        for start in (1, 11):
            layer = self.subject.make()
            x = ordinary_sample(self.shape, start=start).array
            with suppress(LayerRaisedError):
                self.subject.call(layer, "forward", x.astype(self.subject.widest))
            made.append(parameter_arrays(layer))
        first, second = made
        both = zip(first, second, strict=False)
        lazy = [a for a, b in both if a.ndim and np.array_equal(a, b)]
        return [*parameter_arrays(self.subject.make()), *lazy]

    def _note_shapes(self) -> None:
        """Say with which shape a layer is examined, or which shapes an element-wise one refuses."""
        if self.coupled:
            self.notes.append(f"checked with x of shape {self.shape}")
            return
        for shape in SHAPES:
            if not self.subject._replace(row=(-1,)).accepts(ordinary_sample(shape).array):
                self.notes.append(f"it raises an exception on x of shape {shape}")


def behaviour_findings(
    trial: Trial, by_state: Callable[[Finding], Finding | None]
) -> Iterator[Finding]:
    """The findings on a layer's behaviour, each name once; the rest is left out after
    different-answers.

    `by_state` says what a finding is worth if the layer keeps a state; None is nothing.
    """
    names: set[str] = set()
    returned = (*IN_PLACE, *ALIASING, *RETURNED_STATE)
    trials = [(trial, each, "") for each in (*returned, DIFFERENT_OUT, DIFFERENT_DX, *LAYOUT)]
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
        shown = case.finding(behaviour._replace(message=behaviour.message + condition))
        finding = shown and by_state(shown)
        if finding is None:
            continue
        names.add(finding.name)
        # An identity, a reshape and a gradient that passes unchanged commonly hand on an array.
        # An element-wise layer that does so for some numbers only is a trap.
        handed_on = finding.name == "returns-its-input" and not (trial.elementwise and condition)
        yield finding._replace(severity="warning") if handed_on else finding
        if finding.name == "different-answers":
            return
    others = (leaking_state, stale_state, linearity, result_shape, result_dtype, array_size)
    for behaviours in others:
        if (behaviours == array_size and "wrong-shape" in names) or (
            behaviours == stale_state and "stale-state" in names
        ):
            continue
        shown = trial.first_finding(behaviours(trial))
        # What leaks into another object is no state that a layer keeps by design.
        finding = shown if behaviours == leaking_state else shown and by_state(shown)
        if finding is not None:
            names.add(finding.name)
            yield finding


def _takes_rows(subject: Subject) -> bool:
    """Whether the layer takes rows of any length, and gives as many numbers."""
    try:
        return all(
            subject.run(row).out.size == row.size
            for row in (ordinary_sample((6,)).array, ordinary_sample((35,)).array)
        )
    except LayerRaisedError:
        return False
