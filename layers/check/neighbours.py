"""Whether an element's result depends on its neighbours, and whether it may."""

from __future__ import annotations

from collections.abc import Iterator

from actgrad.layers.check.points import SHAPES, Sample, ordinary_sample
from actgrad.layers.check.report import Finding
from actgrad.layers.check.script import Script
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import SMALL, Behaviour, Trial, rounding_errors

#: A size longer than the blocks that layers commonly process, and no multiple of any.
LONG = 70001
#: Half of the elements, in a pattern that no axis shares.
KEPT = "kept = np.sin(np.arange(x.size) ** 2) > 0"
CHANGED = f"x = {{x}}; {KEPT}; y = np.where(kept.reshape(x.shape), x, {{change}})"
#: The changes of an element's neighbours that are tried.
CHANGES = ("-x", "1000 * x")


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
    " dout = np.where(kept.reshape(out.shape), 1.0, 3.0)",
    "layer.backward(dout)",
    "dx",
)


def coupling(subject: Subject, sample: Sample) -> tuple[bool, Finding | None]:
    """Whether the layer couples elements, and the finding if only one direction does.

    Forward decides what the layer is. A backward that couples the elements of an element-wise
    forward is wrong, and so is a forward that couples elements where backward does not.
    """
    if not 1 < sample.array.size <= 4096:
        sample = ordinary_sample((24,))
    if subject.has_coupled_reference or subject.forward(sample.array).size != sample.array.size:
        return True, None
    findings = {
        behaviour: finding
        for behaviour in (FORWARD, BACKWARD, UPSTREAM)
        if (finding := _finding(subject, sample, behaviour))
    }
    if not findings or ({FORWARD, UPSTREAM} <= findings.keys() and subject.reference is None):
        return bool(findings), None
    first, finding = next(iter(findings.items()))
    small = ordinary_sample(SMALL)
    shrunk = _finding(subject, small, first) if subject.accepts(small.array) else None
    return False, shrunk or finding


def _finding(subject: Subject, sample: Sample, behaviour: Behaviour) -> Finding | None:
    """The first finding among the changes of an element's neighbours."""
    for change in CHANGES:
        finding = behaviour.script.filled(x=sample.text, change=change).finding(
            subject,
            behaviour.finding,
            behaviour.message,
            "float64",
            rounding_errors(32, subject.eps),
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
        for sample in (ordinary_sample(shape, trial.dtype) for shape in ((1,), *SHAPES))
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
                32,
            )
