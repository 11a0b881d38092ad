"""A layer's manners: what it does to its caller's arrays, and what it remembers.

Each is a script of two lines, written over `{x}`, `{dout}`, `{v}` and `{other}`, that is run on the
layer; the one that shows a fault is its example.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.check.example import NOTHING, Also, Script, Slack, found
from actgrad.layers.check.points import SHAPES, Sample, literal, ordinary
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.subject import LayerRaisedError, Subject

#: An input so small that an example with it is read at a glance.
SMALL = (4,)
#: An input longer than the blocks that people cut theirs into, and no multiple of any.
LONG = 70001
#: Where no sign differs, a layer may take a short cut.
ONE_SIGNED = {"positive": "np.abs({})", "negative": "-np.abs({})"}


class Trial(NamedTuple):
    """A subject, and an input on which its conduct is watched."""

    subject: Subject
    x: Sample
    #: Whether out has an element for each of x's, made of it alone.
    elementwise: bool
    out_shape: tuple[int, ...]
    #: What is made of x's text.
    only: str = "{}"

    @staticmethod
    def of(subject: Subject, x: Sample, elementwise: bool) -> Trial:
        """The case of such an input."""
        return Trial(subject, x, elementwise, subject.forward(x.array).shape)

    @property
    def dtype(self) -> str:
        """The input's dtype."""
        return self.x.array.dtype.name

    def dout(self, start: int) -> Sample:
        """A gradient from upstream, of out's shape."""
        return ordinary(self.out_shape, self.dtype, start)

    def texts(self) -> dict[str, str]:
        """What the scripts are written over."""
        return {
            "x": self.only.format(self.x.text),
            "dout": self.dout(7).text,
            "v": self.dout(77).text,
            "other": ordinary(self.x.array.shape, self.dtype, 21).text,
        }

    def found(
        self, name: str, message: str, script: Script, slack: Slack = 0.0, also: Also = NOTHING
    ) -> Finding | None:
        """The finding that the script shows here, with an example of few numbers if those do."""
        told = found(
            self.subject, name, message, self.dtype, script.filled(**self.texts()), slack, also
        )
        small = ordinary(SMALL, self.dtype).array
        if told is None or self.x.array.shape == SMALL or not accepts(self.subject, small):
            return told
        return self.small().found(name, message, script, slack, also) or told

    def small(self) -> Trial:
        """The same with few numbers."""
        small = Trial.of(self.subject, ordinary(SMALL, self.dtype), self.elementwise)
        return small._replace(only=self.only)

    def roundings(self, count: float) -> Slack:
        """So many roundings of the largest number that is right."""
        eps = float(finfo(self.dtype).eps)
        return lambda right: count * eps * largest(right)


class Manner(NamedTuple):
    """What is watched, and the script that shows the fault."""

    name: str
    message: str
    script: Script
    #: How many roundings of the largest number are no difference.
    roundings: float = 0
    #: An expression; where it is true, so much is said besides.
    also: Also = NOTHING


def largest(array: Array) -> float:
    """The largest finite number of an array."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def accepts(subject: Subject, x: Array) -> bool:
    """Whether the layer answers at all."""
    try:
        subject.run(x)
    except LayerRaisedError:
        return False
    return True


X, BOTH = "x = {x}", "x = {x}; dout = {dout}"
OUT, DX = "run({x}, {dout}).out", "run({x}, {dout}).dx"
#: The caller's arrays, and what was handed out to him. In this order: who writes into an array and
#: returns it is told the worse of the two.
MANNERS = (
    Manner(
        "writes-into-x",
        "forward writes into the caller's x",
        Script(f"{X}; out = layer.forward(x)", "x", "{x}"),
        also=("np.shares_memory(out, x)", ", and returns it"),
    ),
    Manner(
        "writes-into-x",
        "backward writes into the caller's x",
        Script(f"{X}; layer.forward(x); layer.backward({{dout}})", "x", "{x}"),
    ),
    Manner(
        "writes-into-dout",
        "backward writes into the caller's dout",
        Script(f"{BOTH}; layer.forward(x); dx = layer.backward(dout)", "dout", "{dout}"),
        also=("np.shares_memory(dx, dout)", ", and returns it"),
    ),
    Manner(
        "returns-its-input",
        "forward returns the caller's own x, or a view of it",
        Script(f"{X}; out = layer.forward(x); out[...] = 0", "x", "{x}"),
    ),
    Manner(
        "returns-its-input",
        "backward returns the caller's own dout, or a view of it",
        Script(
            f"{BOTH}; layer.forward(x); dx = layer.backward(dout); dx[...] = 0", "dout", "{dout}"
        ),
    ),
    Manner(
        "returns-its-state",
        "a later backward changes the out that was returned before",
        Script(
            f"{X}; out = layer.forward(x); was = out.copy(); layer.backward({{dout}})", "out", "was"
        ),
    ),
    Manner(
        "returns-its-state",
        "a later forward changes the out that was returned before",
        Script(
            f"{X}; out = layer.forward(x); was = out.copy(); layer.forward({{other}})", "out", "was"
        ),
    ),
    Manner(
        "returns-its-state",
        "a later backward changes the dx that was returned before",
        Script(
            f"{X}; layer.forward(x); dx = layer.backward({{dout}}); was = dx.copy();"
            " layer.backward({v})",
            "dx",
            "was",
        ),
    ),
    Manner(
        "returns-its-state",
        "a later forward changes the dx that was returned before",
        Script(
            f"{X}; layer.forward(x); dx = layer.backward({{dout}}); was = dx.copy();"
            " layer.forward({other})",
            "dx",
            "was",
        ),
    ),
    Manner(
        "different-answers",
        "forward answers differently when asked again",
        Script(f"{X}; was = layer.forward(x.copy()).copy()", "layer.forward(x.copy())", "was"),
    ),
    Manner(
        "different-answers",
        "backward answers differently when asked again",
        Script(
            f"{BOTH}; layer.forward(x); was = layer.backward(dout.copy()).copy()",
            "layer.backward(dout.copy())",
            "was",
        ),
    ),
    *(
        Manner(
            "depends-on-layout",
            f"{method} answers differently for a {layout} array",
            Script(
                f"x = {laid.format('{x}')}{call}",
                second,
                right,
            ),
            32,
        )
        for layout, laid in {
            "Fortran-ordered": "np.asfortranarray({})",
            "strided": "np.repeat({}, 2, -1)[..., ::2]",
            "reversed": "np.flip(np.flip({}).copy())",
        }.items()
        for method, call, second, right in (
            ("forward", "", "layer.forward(x)", OUT),
            (
                "backward",
                f"; dout = {laid.format('{dout}')}; layer.forward(x)",
                "layer.backward(dout)",
                DX,
            ),
        )
    ),
)


def manners(case: Trial) -> Iterator[Finding]:
    """What is wrong with its conduct, each fault once."""
    told: set[str] = set()
    asked = [(case, one, "") for one in MANNERS]
    if case.dtype == case.subject.widest:
        asked += [
            (case._replace(only=only), one, f", if all of x is {sign}")
            for sign, only in ONE_SIGNED.items()
            for one in MANNERS
            if one.name.startswith(("writes", "returns"))
        ]
    for here, one, when in asked:
        owned = one.name == "returns-its-input" and any(name.startswith("writes") for name in told)
        if owned or one.name in told:
            continue
        slack = here.roundings(one.roundings)
        finding = here.found(one.name, one.message + when, one.script, slack, one.also)
        if finding is not None:
            told.add(finding.name)
            yield finding
            if finding.name == "different-answers":
                return
    for watched in (stale_state, not_linear, wrong_shape, wrong_dtype, depending_on_shape):
        yield from (one for one in [next(watched(case), None)] if one)


def stale_state(case: Trial) -> Iterator[Finding]:
    """Only the last forward counts."""
    for shape in (case.x.array.shape, (10,), (2, 12)):
        earlier = ordinary(shape, case.dtype, 11)
        if not accepts(case.subject, earlier.array):
            continue
        for calls, second, right in (
            ("layer.forward(e)", "layer.forward(x)", OUT),
            ("layer.forward(e); layer.forward(x)", "layer.backward(dout)", DX),
            (
                "layer.backward(np.ones_like(layer.forward(e))); layer.forward(x)",
                "layer.backward(dout)",
                DX,
            ),
        ):
            told = case.found(
                "stale-state",
                f"an earlier forward of shape {shape} changes the answer",
                Script(f"{BOTH}; e = {earlier.text}; {calls}", second, right, may_raise=True),
                case.roundings(32),
            )
            if told is not None:
                yield told
    if case.elementwise:  # who remembers answers may know an x by its shape, ends, and sum
        told = case.found(
            "stale-state",
            "an earlier forward of the same numbers in another order changes the answer",
            Script(
                f"{X}; layer.backward(np.ones_like(layer.forward(x.copy())));"
                " y = x.copy(); y.flat[1:-1] = x.flat[-2:0:-1]",
                "layer.backward(np.ones_like(layer.forward(y))).flat[1:-1]",
                "run(x).dx.flat[-2:0:-1]",
            ),
            case.roundings(32),
        )
        if told is not None:
            yield told


def not_linear(case: Trial) -> Iterator[Finding]:
    """dx = Jᵀ·dout for some J that does not depend on dout."""
    eps = float(finfo(case.dtype).eps)
    # What is subnormal has an error of its own, which the factors multiply.
    floor = 2.0**13 * float(finfo(case.dtype).smallest_subnormal)
    for a, b in ((0, 0), (-1, 0), (16, 0), (0, 64), (0, 2**-9), (2, -3)):

        def cancelled(right: Array, a: float = a, b: float = b) -> Any:
            # The parts may cancel; of an array of that shape, they are what x and dout make.
            one = case if right.size == case.x.array.size else case.small()
            u, v = (
                np.abs(one.subject.run(one.x.array, one.dout(start).array).dx.astype(np.float64))
                for start in (7, 77)
            )
            parts = abs(a) * u + abs(b) * v
            parts = parts if case.elementwise else parts + largest(parts)
            slack = np.nan_to_num(64 * eps * parts + floor, nan=np.inf, posinf=np.inf)
            return slack.reshape(right.shape)

        combined = f"{a} * u + {b} * v" if a and b else f"{b or a} * {'v' if b else 'u'}"
        parts = combined.replace("u", "backward(u)").replace("v", "backward(v)")
        told = case.found(
            "not-linear",
            f"backward({combined}) is not {parts}",
            Script(
                "x = {x}; u = {dout}; v = {v}; layer.forward(x.copy())",
                f"layer.backward({combined})",
                f"{a} * run(x, u).dx + {b} * run(x, v).dx",
            ),
            cancelled,
        )
        if told is not None:
            yield told


def wrong_shape(case: Trial) -> Iterator[Finding]:
    """out has x's shape in an element-wise layer; dx always has."""
    for shape in SHAPES:
        x = ordinary(shape, case.dtype)
        if not accepts(case.subject, x.array):
            continue
        for method in ("forward", "backward")[not case.elementwise :]:
            answer = "out" if method == "forward" else "layer.backward(np.ones_like(out))"
            told = found(
                case.subject,
                "wrong-shape",
                f"{method} gives another shape than that of x, {shape}",
                case.dtype,
                Script(f"x = {x.text}; out = layer.forward(x)", f"np.shape({answer})", "x.shape"),
            )
            if told is not None:
                yield told


def depending_on_shape(case: Trial) -> Iterator[Finding]:
    """What one element makes, it makes in any company: in a longer row, and among many blocks."""
    asked = [
        (
            one,
            one.text,
            f"of shape {one.array.shape} and in a longer row",
            "run(np.resize(x, 2 * x.size)).{}[: x.size].reshape(x.shape)",
        )
        for one in (ordinary(shape, case.dtype) for shape in ((1,), *SHAPES))
    ]
    if case.dtype == case.subject.widest:
        row = ordinary((24,), case.dtype)
        right = f"np.resize(run(x[:24]).{{}}, {LONG})"
        long = f"np.resize({row.text}, {LONG})"
        asked.append((row, long, f"of {LONG} elements and in a short one", right))
    for sample, text, where, right in asked if case.elementwise else ():
        if not accepts(case.subject, sample.array):
            continue
        for method, answer, call in (
            ("forward", "out", "out"),
            ("backward", "dx", "layer.backward(np.ones_like(out))"),
        ):
            told = found(
                case.subject,
                "depends-on-neighbours",
                f"{method} answers an element differently in an array {where}",
                case.dtype,
                Script(f"x = {text}; out = layer.forward(x.copy())", call, right.format(answer)),
                case.roundings(32),
            )
            if told is not None:
                yield told


def wrong_dtype(case: Trial) -> Iterator[Finding]:
    """float32 in, float32 out."""
    for method, answer in (("forward", "out"), ("backward", "layer.backward({dout})")):
        told = case.found(
            "wrong-dtype",
            f"{method} gives another dtype than x's",
            Script(
                f"{X}; out = layer.forward(x)", f"np.asarray({answer}).dtype.name", "x.dtype.name"
            ),
        )
        if told is not None:
            yield told


def misshapen(subject: Subject, x: Sample) -> Iterator[Finding]:
    """An out of another shape, of which backward can then make nothing."""
    out = subject.forward(x.array)
    if out.shape == x.array.shape or out.size != x.array.size or accepts(subject, x.array):
        return
    told = found(
        subject,
        "wrong-shape",
        f"forward gives another shape than that of x, {x.array.shape}, and then backward fails",
        x.array.dtype.name,
        Script(f"x = {x.text}; out = layer.forward(x)", "np.shape(out)", "x.shape"),
    )
    yield from [told] if told else []


def numpy_warnings(subject: Subject, rows: Array) -> Iterator[Finding]:
    """A warning where nothing is wrong teaches people to ignore warnings; each row is an input."""
    if not _warns(subject, rows):
        return
    for x in sorted(rows, key=largest):
        if not _warns(subject, x):
            continue
        run = subject.run(x)
        if np.isfinite(run.out).all() and np.isfinite(run.dx).all():
            made = literal(x).text + (
                "" if x.ndim > 1 or subject.row == (-1,) else f".reshape({subject.row})"
            )
            for second in ("layer.forward(x)", "layer.backward(np.ones_like(layer.forward(x)))"):
                loud = 'import warnings; warnings.simplefilter("error")'
                script = Script(f"{loud}; x = {made}", second, "None", may_raise=True)
                with warnings.catch_warnings(), np.errstate(**LOUD):
                    came = script.run(subject)
                if came is not None and isinstance(came[0], RuntimeWarning):
                    right = run.out if second == "layer.forward(x)" else run.dx
                    i = int(np.abs(x).argmax())
                    one = float(right.flat[min(i, right.size - 1)])
                    at = float(x.flat[i])
                    yield Finding(
                        "numpy-warning",
                        f"{came[0]}, though the answer is ordinary",
                        script.shown(came[0], right),
                        x.dtype.name,
                        Where(at, one, one, 0.0),
                    )
                    return


#: What NumPy says of its own accord.
LOUD: Any = {"divide": "warn", "over": "warn", "invalid": "warn", "under": "ignore"}


def _warns(subject: Subject, x: Array) -> bool:
    with warnings.catch_warnings(), np.errstate(**LOUD):
        warnings.simplefilter("error", RuntimeWarning)
        specimen = subject.fresh()
        try:
            specimen.backward(np.ones_like(specimen.forward(x.copy())))
        except LayerRaisedError as error:
            return isinstance(error.__cause__, RuntimeWarning)
    return False
