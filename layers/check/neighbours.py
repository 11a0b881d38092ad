"""Whether every element is answered for itself alone, or along with its neighbours."""

from __future__ import annotations

from typing import NamedTuple

from actgrad.layers.check.conduct import SMALL, accepts, largest
from actgrad.layers.check.example import Script, found
from actgrad.layers.check.points import Sample, ordinary
from actgrad.layers.check.report import Finding
from actgrad.layers.check.subject import Subject

#: Half of the elements, in no pattern that an axis could share.
KEPT = "kept = np.sin(np.arange(x.size) ** 2) > 0"
CHANGED = f"x = {{x}}; {KEPT}; y = np.where(kept.reshape(x.shape), x, {{change}})"


class Way(NamedTuple):
    """How an answer may move with its neighbours."""

    what: str
    message: str
    script: Script


WAYS = (
    Way(
        "forward",
        "forward answers an element differently when only its neighbours in x change",
        Script(CHANGED, "layer.forward(y).ravel()[kept]", "run(x).out.ravel()[kept]"),
    ),
    Way(
        "backward",
        "backward answers an element differently when only its neighbours in x change",
        Script(
            f"{CHANGED}; out = layer.forward(y)",
            "layer.backward(np.ones_like(out)).ravel()[kept]",
            "run(x).dx.ravel()[kept]",
        ),
    ),
    Way(
        "dout",
        "backward answers an element differently when only its neighbours in dout change",
        Script(
            f"x = {{x}}; {KEPT}; out = layer.forward(x.copy());"
            " dout = np.where(kept.reshape(out.shape), 1.0, 3.0)",
            "layer.backward(dout).ravel()[kept]",
            "run(x).dx.ravel()[kept]",
        ),
    ),
)


def neighbours(subject: Subject, sample: Sample) -> tuple[bool, list[Finding]]:
    """Whether the layer couples elements, and what is wrong with that.

    Forward tells what the layer is; a backward that couples the elements of an element-wise forward
    is wrong, and so is a forward that couples them where backward does not.
    """
    if not 1 < sample.array.size <= 4096:
        sample = ordinary((24,))
    reference = subject.reference
    coupled = reference is not None and not reference.is_elementwise
    if coupled or subject.forward(sample.array).size != sample.array.size:
        return True, []
    told = {way: _couples(subject, sample, way) for way in WAYS}
    couples = [way for way in WAYS if told[way]]
    if not couples or ({"forward", "dout"} <= {way.what for way in couples} and reference is None):
        return bool(couples), []
    first, small = couples[0], ordinary(SMALL)
    shrunk = _couples(subject, small, first) if accepts(subject, small.array) else None
    return False, [one for one in (shrunk or told[first],) if one]


def _couples(subject: Subject, sample: Sample, way: Way) -> Finding | None:
    """What tells that an answer moves with its neighbours."""
    for change in ("-x", "1000 * x"):
        told = found(
            subject,
            "depends-on-neighbours",
            way.message,
            "float64",
            way.script.filled(x=sample.text, change=change),
            lambda right: 32 * subject.eps * largest(right),
        )
        if told is not None:
            return told
    return None
