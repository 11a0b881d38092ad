"""The state of a layer: returned arrays that later calls change, and results that change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.jacobian import check_directions
from actgrad.layers.check.points import Sample, ordinary_sample
from actgrad.layers.check.randomness import REPEATS, continued
from actgrad.layers.check.report import Finding
from actgrad.layers.check.script import Script
from actgrad.layers.check.shared_state import SharedState
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import Behaviour, Trial
from actgrad.layers.errors import LayerRaisedError

#: What a note says of a layer whose results change by design.
STATE_NOTE = (
    "an earlier forward changes the result: the layer keeps a state, such as statistics, a counter"
    " or a generator of random numbers; backward fits each forward"
)

_LATER = {"backward": "layer.backward({v})", "forward": "layer.forward({other})"}
#: A layer that returns an array which it also keeps, and writes into it later.
RETURNED_STATE = tuple(
    Behaviour(
        "returns-its-state",
        f"a later {later} changes the {array} that was returned before",
        Script(f"{call}; was = {array}.copy(); {change}", array, "was"),
    )
    for array, call, changes in (
        (
            "out",
            "x = {x}; out = layer.forward(x)",
            {**_LATER, "backward": "layer.backward({dout})"},
        ),
        ("dx", "x = {x}; layer.forward(x); dx = layer.backward({dout})", _LATER),
    )
    for later, change in changes.items()
)
#: A forward whose result changes from call to call, by chance or by a state.
DIFFERENT_OUT = Behaviour(
    "different-answers",
    "a second forward of the same x gives another result",
    Script("x = {x}; was = layer.forward(x.copy()).copy()", "layer.forward(x.copy())", "was"),
)
DIFFERENT_DX = Behaviour(
    "different-answers",
    "a second backward of the same dout gives another result",
    Script(
        "x = {x}; dout = {dout}; layer.forward(x); was = layer.backward(dout.copy()).copy()",
        "layer.backward(dout.copy())",
        "was",
    ),
)
#: The calls with an earlier input e, the expression to evaluate after them, and what is expected.
_AFTER_EARLIER = (
    ("layer.forward(e)", "layer.forward(x)", "run({x}, {dout}).out"),
    ("layer.forward(e); layer.forward(x)", "layer.backward(dout)", "run({x}, {dout}).dx"),
    (
        "layer.backward(np.ones_like(layer.forward(e))); layer.forward(x)",
        "layer.backward(dout)",
        "run({x}, {dout}).dx",
    ),
)


#: An array whose numbers change between two calls: a result must not be kept by the object.
_SAME_OBJECT = (
    Behaviour(
        "stale-state",
        "forward gives the former result for an x whose numbers changed in place",
        Script(
            "x = {x}; layer.backward(np.ones_like(layer.forward(x))); x[...] = {other}",
            "layer.forward(x)",
            "run(x).out",
        ),
        32,
    ),
    Behaviour(
        "stale-state",
        "backward gives the former result for an x whose numbers changed in place",
        Script(
            "x = {x}; dout = {dout}; layer.forward(x); layer.backward(dout); x[...] = {other};"
            " layer.forward(x)",
            "layer.backward({dout})",
            "run(x, {dout}).dx",
        ),
        32,
    ),
    Behaviour(
        "stale-state",
        "backward gives the former result for a dout whose numbers changed in place",
        Script(
            "x = {x}; dout = {dout}; layer.forward(x); layer.backward(dout); dout[...] = {v}",
            "layer.backward(dout)",
            "run({x}, {v}).dx",
        ),
        32,
    ),
)
#: Two objects of one class, and what the second must not change in the first.
_OTHER_OBJECT = Behaviour(
    "stale-state",
    "a forward of another object of the same class changes the result of backward",
    Script(
        "from copy import deepcopy; other = deepcopy(layer); x = {x}; layer.forward(x.copy());"
        " other.forward({other})",
        "layer.backward({dout})",
        "run(x, {dout}).dx",
        may_raise=True,
    ),
    32,
)


def _of_new_object(result: str, statement: str, expression: str, expected: str) -> Behaviour:
    """A second object, made anew, must not change a result of the first: they may share a default
    argument such as `store=[]`, of which a copy would have a copy."""
    return Behaviour(
        "stale-state",
        f"a forward of another object of the same class changes the result of {result}",
        Script(f"other = type(layer)(); x = {{x}}; {statement}", expression, expected, True),
        32,
    )


_OTHER_FORWARD = Behaviour(
    "stale-state",
    "a forward of another object of the same class changes the result of forward",
    Script(
        "from copy import deepcopy; other = deepcopy(layer); x = {x}; other.forward({other})",
        "layer.forward(x.copy())",
        "run(x).out",
    ),
    32,
)
_NEW_OBJECT = (
    _of_new_object("forward", "other.forward({other})", "layer.forward(x.copy())", "run(x).out"),
    _of_new_object(
        "backward",
        "layer.forward(x.copy()); other.forward({other})",
        "layer.backward({dout})",
        "run(x, {dout}).dx",
    ),
)


class KeptState(NamedTuple):
    """Whether earlier calls change the result of forward, and the finding if backward does not fit
    the changed forward.

    Without a finding, the state is kept by design: running statistics, a counter, a generator of
    random numbers.
    """

    changes_forward: bool
    finding: Finding | None = None


def kept_state(subject: Subject, sample: Sample) -> KeptState:
    """The state that the layer keeps between calls, observed on the sample as float64."""
    earlier = ordinary_sample(sample.array.shape, start=11)
    # As long as they are kept, no other array has their ids, by which a layer may keep results.
    given: list[Array] = []

    def forward(layer: Any) -> Array:
        given.append(earlier.array.copy())
        return subject.call(layer, "forward", given[-1])

    def both(layer: Any) -> None:
        given.append(np.ones_like(forward(layer)))
        subject.call(layer, "backward", given[-1])

    def repeatedly(layer: Any, count: int) -> None:
        for _ in range(count):
            forward(layer)

    x = sample.array.astype(np.float64)
    try:
        out = subject.forward(x)
        if not np.array_equal(subject.forward(x), out, True):
            return KeptState(False)
        drawn = SharedState.of(subject.make()).drawn_by(lambda: subject.forward(x))
        earlier_calls: list[Callable[[Any], object]] = [
            both,
            *(partial(repeatedly, count=count) for count in range(1, REPEATS)),
        ]
        changes = bool(drawn) or any(
            not np.array_equal(continued(subject, calls).forward(x), out, True)
            for calls in earlier_calls
        )
        # A gradient that is wrong in a new layer, too, is no fault of the state.
        is_wrong = check_directions(subject, sample) is not None
        for calls, text in ((forward, "{}"), (both, "layer.backward(np.ones_like({}))")):
            finding = None if is_wrong else check_directions(continued(subject, calls), sample)
            if finding is not None:
                before = text.format(f"layer.forward({earlier.text})")
                return KeptState(changes, _stale(finding, before))
    except (LayerRaisedError, TypeError):  # a layer that cannot be copied is a TypeError
        return KeptState(False)
    return KeptState(changes)


def _stale(finding: Finding, before: str) -> Finding:
    """The finding of a wrong gradient after earlier calls, as one of a stale state."""
    statement, expression = finding.example
    return finding._replace(
        name="stale-state",
        message=f"after another forward, dx is not the derivative of the last: {finding.message}",
        example=(f"{before}; {statement}", expression),
    )


def leaking_state(trial: Trial) -> Iterator[Behaviour]:
    """No object may change the results of another one through what they share.

    Random numbers from a common generator are no fault.
    """
    layer, x = trial.subject.make(), trial.x.array
    shared = SharedState.of(layer)
    first = trial.subject.call(layer, "forward", x.copy()).copy()
    if shared.is_changed:
        later = (trial.subject.call(layer, "forward", x.copy()) for _ in range(REPEATS))
        if all(np.array_equal(first, again, True) for again in later):
            yield from (_OTHER_FORWARD, *_NEW_OBJECT)


def stale_state(trial: Trial) -> Iterator[Behaviour]:
    """Only the last forward of the layer itself may have an effect on the results."""
    yield _OTHER_OBJECT
    for shape in trial.earlier_shapes:
        earlier = ordinary_sample(shape, trial.dtype, 11)
        if not trial.subject.accepts(earlier.array):
            continue
        for calls, expression, expected in _AFTER_EARLIER:
            statement = f"x = {{x}}; dout = {{dout}}; e = {earlier.text}; {calls}"
            same = trial.elementwise or shape == trial.x.array.shape
            # A forward may refuse a batch of another size than the first; then backward is not run.
            may_raise = same or expression == "layer.backward(dout)"
            yield Behaviour(
                "stale-state",
                f"an earlier forward of shape {shape} changes the result",
                Script(statement, expression, expected, may_raise),
                32,
            )
    yield from _SAME_OBJECT
    # A cache of results may tell arrays apart by their shape, first and last element, and sum.
    if trial.elementwise:
        yield Behaviour(
            "stale-state",
            "an earlier forward of the same numbers in another order changes the result",
            Script(
                "x = {x}; layer.backward(np.ones_like(layer.forward(x.copy())));"
                " y = x.copy(); y.flat[1:-1] = x.flat[-2:0:-1]",
                "layer.backward(np.ones_like(layer.forward(y))).flat[1:-1]",
                "run(x).dx.flat[-2:0:-1]",
            ),
            32,
        )
