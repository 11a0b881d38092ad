"""The examination of a layer that is not element-wise: one that couples elements, treats places
differently, or gives another shape."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.accuracy import Accuracies
from actgrad.layers.check.coupled_accuracy import check_coupled
from actgrad.layers.check.input_shapes import (
    LARGER_SHAPES,
    ORDINARY_SHAPES,
    InputShapes,
    Shape,
    parameter_sizes,
)
from actgrad.layers.check.jacobian import LARGEST_JACOBIAN, check_gradient
from actgrad.layers.check.numpy_warnings import numpy_warnings
from actgrad.layers.check.points import Sample, literal_sample, ordinary_sample
from actgrad.layers.check.report import Finding
from actgrad.layers.check.special_lines import special_lines, zero_lines
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import largest_size

#: What a constant in a loss may change, as a part of the largest gradient.
CONSTANT = 1e-4
#: Where the numbers of another sample of the same shape start.
OTHER = 101


def examine_coupled(
    subject: Subject, dtypes: Sequence[str], x: Array | None, shapes: Sequence[Shape]
) -> Accuracies:
    """The accuracy in each dtype, after the Jacobian in float64.

    x is the caller's array; without it, samples of the shapes are checked. A fault that only
    another number of axes than that of the first shape shows is a warning: nobody may have meant
    the layer for it.
    """
    findings: list[Finding] = [*zero_lines(subject, shapes[0])] if x is None else []
    notes: list[str] = []
    accuracies = []
    for sample in _gradient_samples(x, shapes):
        finding = check_gradient(subject, sample)
        if finding is not None:
            same = x is not None or sample.array.ndim == len(shapes[0])
            by_constant = _is_by_constant(subject, sample, finding)
            warning = by_constant or not same
            findings.append(finding._replace(severity="warning") if warning else finding)
            if not by_constant:
                break
    for dtype in dtypes:
        samples = _samples(subject, x, shapes, dtype)
        if x is None:
            samples += [
                Sample(f"50 * {text}", (50 * array.astype(np.float64)).astype(dtype))
                for text, array in samples
            ]
        for sample in samples:
            findings += numpy_warnings(subject, sample.array[None], sample.text)
        accuracies.append(check_coupled(subject, samples))
        if x is None:
            line_findings, line_notes = special_lines(subject, dtype)
            findings += line_findings
            notes += line_notes
    return Accuracies("coupled", accuracies, findings, notes)


def _is_by_constant(subject: Subject, sample: Sample, finding: Finding) -> bool:
    """Whether the gradient of a loss is off by as little as a constant in forward makes it: the
    1e-7 of log(y + 1e-7), which backward leaves out."""
    run, where = subject.run(sample.array.astype(np.float64)), finding.where
    if run.out.size > 1 or where is None:
        return False
    return abs(where.got - where.expected) <= CONSTANT * largest_size(run.dx)


def coupled_shapes(subject: Subject, first: Shape, tried: InputShapes) -> tuple[Shape, ...]:
    """The shapes at which the layer is examined: the first, and one for each number of axes.

    If only some sizes fit the layer, the other is a larger batch.
    """
    others = [each for each in (*ORDINARY_SHAPES, (6,), (8, 40), *LARGER_SHAPES) if each != first]
    if tried.has_sizes:
        is_batch = len(first) > 1 and first[0] not in parameter_sizes(subject.make())
        others = [(first[0] + 1, *first[1:])] if is_batch else []
    accepted: dict[int, Shape] = {}
    for shape in others:
        x = ordinary_sample(shape).array
        if len(shape) not in accepted and subject.accepts(x) and subject.run(x).dx.shape == shape:
            accepted[len(shape)] = shape
    return (first, *accepted.values())


def _gradient_samples(x: Array | None, shapes: Sequence[Shape]) -> Iterator[Sample]:
    """The samples whose Jacobian is compared: the caller's x, or several of the first shape, and
    one of each other."""
    if x is not None:
        yield literal_sample(x.astype(np.float64))
        return
    text, array = ordinary_sample(shapes[0])
    yield Sample(text, array)
    # A layer may branch by the signs of all elements.
    other, size = ordinary_sample(shapes[0], start=OTHER)
    yield Sample(f"np.abs({other})", np.abs(size))
    yield Sample(f"-np.abs({other})", -np.abs(size))
    yield Sample(f"3 * {text}", 3 * array)
    for shape in shapes[1:]:
        yield ordinary_sample(shape)


def _samples(
    subject: Subject, x: Array | None, shapes: Sequence[Shape], dtype: str
) -> list[Sample]:
    """The caller's x, or a sample of each shape, in that dtype.

    Only a layer of which the formula is known is sure to take any number of axes.
    """
    if x is not None:
        return [literal_sample(x.astype(dtype))]
    small = [
        shape
        for shape in shapes
        if math.prod(shape) <= 8 * LARGEST_JACOBIAN
        and (subject.has_coupled_reference or len(shape) == len(shapes[0]))
    ]
    return [ordinary_sample(shape, dtype) for shape in small or shapes[:1]]
