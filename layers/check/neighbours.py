"""Whether an element's result depends on its neighbours, and whether it may."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.input_shapes import Shape
from actgrad.layers.check.points import Sample, ordinary_sample
from actgrad.layers.check.report import Finding
from actgrad.layers.check.script import Script, equal
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import SMALL, Behaviour, Trial, largest_size, rounding_errors
from actgrad.layers.errors import LayerRaisedError

#: A size longer than the blocks that layers commonly process, and no multiple of any.
LONG = 70001
#: The rounding errors that do not make results differ.
ROUNDINGS = 32
#: Larger arrays are not compared with themselves in another order.
LARGEST_COMPARED = 4096
#: The shapes in which a layer may couple elements that it does not couple in a matrix.
DEEPER_SHAPES: tuple[Shape, ...] = ((2, 3, 4), (2, 3, 4, 4))
#: A larger part of the values is a jump.
JUMP = 1e-3
#: A quarter of the elements, in a pattern that no axis shares.
KEPT = "kept = np.sin(np.arange(x.size) ** 2) > 0.8"
CHANGED = f"x = {{x}}; {KEPT}; y = np.where(kept.reshape(x.shape), x, {{change}})"
#: What is done to x, and what most of its elements are changed to. Sums, extremes and signs change.
CHANGES = (
    ("{}", "-x"),
    ("{}", "1000 * x"),
    ("{}", "1000 * np.abs(x)"),
    ("{}", "-1000 * np.abs(x)"),
    ("np.abs({})", "-x"),
    ("-np.abs({})", "-x"),
)


def _behaviour(method: str, array: str, statement: str, expression: str, result: str) -> Behaviour:
    message = f"{method} changes an element's result when only its neighbours in {array} change"
    kept = ".ravel()[kept]"
    script = Script(statement, f"{expression}{kept}", f"run(x).{result}{kept}")
    return Behaviour("depends-on-neighbours", message, script)


FORWARD = _behaviour("forward", "x", CHANGED, "layer.forward(y)", "out")
BACKWARD = _behaviour(
    "backward", "x", f"{CHANGED}; out = layer.forward(y)", "layer.backward(np.ones_like(out))", "dx"
)
UPSTREAM = _behaviour(
    "backward",
    "dout",
    f"x = {{x}}; {KEPT}; out = layer.forward(x.copy());"
    " dout = np.where(kept.reshape(out.shape), 1.0, 3.0 * np.sign({change}))",
    "layer.backward(dout)",
    "dx",
)


def coupling(subject: Subject, sample: Sample) -> tuple[bool, Finding | None]:
    """Whether the layer is no element-wise one, and the finding if backward contradicts forward.

    Forward decides what the layer is. A backward that couples the elements of an element-wise
    forward is wrong, and so is a forward that couples them where the formula does not.
    """
    if subject.has_coupled_reference:
        return True, None
    if not 1 < sample.array.size <= LARGEST_COMPARED:
        sample = ordinary_sample((24,))
    elementwise = is_elementwise(subject, sample)
    if not elementwise and subject.reference is None:
        return True, branching(subject, sample)
    behaviours = (BACKWARD, UPSTREAM) if elementwise else (FORWARD, BACKWARD, UPSTREAM)
    small = ordinary_sample(SMALL)
    for behaviour in behaviours:
        finding = _finding(subject, sample, behaviour)
        if finding is not None:
            accepted = subject.accepts(small.array)
            return False, (_finding(subject, small, behaviour) if accepted else None) or finding
    return False, None


def is_elementwise(subject: Subject, sample: Sample) -> bool:
    """Whether forward is one function of a number at every place of arrays of every size.

    It is observed on the sample, on its numbers in another order and in a longer row, and where
    most of them are changed.
    """
    x = sample.array

    def same(result: Array, expected: Array) -> bool:
        return equal(result, expected, ROUNDINGS * subject.eps * largest_size(expected))

    try:
        out = subject.forward(x)
        if out.shape != x.shape:
            return False
        order = np.random.default_rng(0).permutation(x.size)
        moved = subject.forward(x.ravel()[order].reshape(x.shape))
        # A random mask of few numbers may be all ones.
        row = np.resize(x, 2 * max(x.size, 32) + 3)
        long = subject.forward(row)
        # A row made a matrix of one row, as by np.atleast_2d, is asked for its shape later.
        long = long[0] if long.shape == (1, *row.shape) else long
        if not same(moved.ravel(), out.ravel()[order]) or not same(long, np.resize(out, row.size)):
            return False
        return not _asks_neighbours(subject, x)
    except LayerRaisedError:
        return False


def coupling_shape(subject: Subject, shape: Shape) -> Shape:
    """The shape, or one of more axes if the layer couples elements only there.

    A normalization of each channel has a line of one number in a matrix: it looks element-wise.
    """
    if subject.reference is None and is_elementwise(subject, ordinary_sample(shape)):
        for deeper in DEEPER_SHAPES:
            x = ordinary_sample(deeper).array
            is_taken = subject.accepts(x) and subject.forward(x).shape == deeper
            if is_taken and _asks_neighbours(subject, x):
                return deeper
    return shape


def _asks_neighbours(subject: Subject, x: Array) -> bool:
    """Whether the results for some elements change when only their neighbours do."""
    kept = np.sin(np.arange(x.size) ** 2).reshape(x.shape) > 0.8
    for base, changed in _changes(x):
        moved = np.where(kept, base, changed)
        # A layer may raise an exception at large numbers.
        if largest_size(moved) > 10 and not subject.accepts(moved):
            continue
        expected = subject.forward(base)[kept]
        slack = ROUNDINGS * subject.eps * largest_size(expected)
        if not equal(subject.forward(moved)[kept], expected, slack):
            return True
    return False


def branching(subject: Subject, sample: Sample) -> Finding | None:
    """The finding if elements jump all at once when numbers far away in the array change.

    A layer that couples elements may jump: the largest element, or the row of the largest norm,
    passes another one. Then one element or one row jumps at a time, or it matters in which row an
    element is. Several rows and columns jump, and any order of the elements is alike, where a
    branch such as `if x.mean() > 0` asks for the whole array.
    """
    shape = sample.array.shape
    if len(shape) < 2 or min(shape) < 2 or not _commutes(subject, sample.array):
        return None
    kept, far = tuple(slice(n // 2) for n in shape), tuple(slice(n // 2, n) for n in shape)
    for (base, change), (x, changed) in zip(CHANGES, _changes(sample.array), strict=True):
        moved = x.copy()
        moved[far] = changed[far]
        jumping = _jumping(subject, x, moved, kept)
        if any(np.unique(indices).size < 2 for indices in np.nonzero(jumping)):
            continue
        here, there = (_index_text(part) for part in (kept, far))
        return Script(
            f"x = {base.format(sample.text)}; y = x.copy(); y[{there}] = ({change})[{there}]",
            f"layer.forward(y)[{here}]",
            f"run(x).out[{here}]",
        ).finding(
            subject,
            "depends-on-neighbours",
            "forward changes many elements at once when numbers of other rows and columns change:"
            " a branch asks for the whole array",
            "float64",
            rounding_errors(ROUNDINGS, subject.eps),
        )
    return None


def _index_text(part: tuple[slice, ...]) -> str:
    return ", ".join(f"{each.start or ''}:{each.stop}" for each in part)


def _commutes(subject: Subject, x: Array) -> bool:
    """Whether another order of the elements of x is the same order of those of out."""
    order = np.random.default_rng(0).permutation(x.size)
    out, moved = subject.forward(x), subject.forward(x.ravel()[order].reshape(x.shape))
    slack = ROUNDINGS * subject.eps * largest_size(out)
    return out.shape == x.shape and equal(moved.ravel(), out.ravel()[order], slack)


def _jumping(subject: Subject, x: Array, moved: Array, kept: tuple[slice, ...]) -> Array:
    """Which of the kept elements of out jump at the same number on the way from x to moved."""
    first = subject.forward(x)
    none = np.zeros(x[kept].shape, bool)
    if first.shape != x.shape or not np.isfinite(first).all():
        return none
    size = largest_size(first)
    slack = ROUNDINGS * subject.eps * size

    def results(t: float) -> Array:
        return np.asarray(subject.forward(x + t * (moved - x))[kept])

    low, high = 0.0, 1.0
    before, after = first[kept], results(1.0)
    if equal(after, before, slack):
        return none
    for _ in range(52):
        middle = results((low + high) / 2)
        if equal(middle, first[kept], slack):
            low, before = (low + high) / 2, middle
        else:
            high, after = (low + high) / 2, middle
    return np.asarray(np.abs(after - before) > JUMP * size)


def _changes(x: Array) -> Iterator[tuple[Array, Array]]:
    """For each of CHANGES, what becomes of x, and what its elements are changed to."""
    for base, change in CHANGES:
        array = eval(base.format("x"), {"np": np, "x": x})
        yield array, eval(change, {"np": np, "x": array})


def _finding(subject: Subject, sample: Sample, behaviour: Behaviour) -> Finding | None:
    """The first finding among the changes of an element's neighbours."""
    for base, change in CHANGES:
        finding = behaviour.script.filled(x=base.format(sample.text), change=change).finding(
            subject,
            behaviour.finding,
            behaviour.message,
            "float64",
            rounding_errors(ROUNDINGS, subject.eps),
        )
        if finding is not None:
            return finding
    return None


def array_size(trial: Trial) -> Iterator[Behaviour]:
    """An element's result must not depend on the shape and the length of the array around it."""
    arrays = [
        (
            sample,
            sample.text,
            f"of shape {sample.array.shape} and in a longer row",
            "run(np.resize(x, 2 * x.size)).{}[: x.size].reshape(x.shape)",
        )
        for sample in (ordinary_sample(shape, trial.dtype) for shape in trial.asked_shapes)
    ]
    if trial.dtype == trial.subject.widest:
        row = ordinary_sample((24,), trial.dtype)
        expected = f"np.resize(run(x[:24]).{{}}, {LONG})"
        text = f"np.resize({row.text}, {LONG})"
        arrays.append((row, text, f"of {LONG} elements and in a short one", expected))
    for sample, text, place, expected in arrays if trial.elementwise else ():
        if not trial.subject.accepts(sample.array):
            continue
        for method, result, expression in (
            ("forward", "out", "out"),
            ("backward", "dx", "layer.backward(np.ones_like(out))"),
        ):
            statement = f"x = {text}; out = layer.forward(x.copy())"
            yield Behaviour(
                "depends-on-neighbours",
                f"{method} gives an element another result in an array {place}",
                Script(statement, expression, expected.format(result)),
                ROUNDINGS,
                severity=trial.severity_at(sample.array.shape),
            )
