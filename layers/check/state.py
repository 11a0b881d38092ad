"""The state of a layer: returned arrays that later calls change, and results that change."""

from __future__ import annotations

from collections.abc import Iterator

from actgrad.layers.check.points import ordinary_sample
from actgrad.layers.check.script import Script
from actgrad.layers.check.trial import Behaviour, Trial

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
#: A layer whose result changes from call to call.
DIFFERENT_RESULTS = (
    Behaviour(
        "different-answers",
        "a second forward of the same x gives another result",
        Script("x = {x}; was = layer.forward(x.copy()).copy()", "layer.forward(x.copy())", "was"),
    ),
    Behaviour(
        "different-answers",
        "a second backward of the same dout gives another result",
        Script(
            "x = {x}; dout = {dout}; layer.forward(x); was = layer.backward(dout.copy()).copy()",
            "layer.backward(dout.copy())",
            "was",
        ),
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


def stale_state(trial: Trial) -> Iterator[Behaviour]:
    """Only the last forward of the layer itself may have an effect on the results."""
    yield _OTHER_OBJECT
    for shape in (trial.x.array.shape, (10,), (2, 12)):
        earlier = ordinary_sample(shape, trial.dtype, 11)
        if not trial.subject.accepts(earlier.array):
            continue
        for calls, expression, expected in _AFTER_EARLIER:
            statement = f"x = {{x}}; dout = {{dout}}; e = {earlier.text}; {calls}"
            yield Behaviour(
                "stale-state",
                f"an earlier forward of shape {shape} changes the result",
                Script(statement, expression, expected, may_raise=True),
                32,
            )
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
