"""A layer's manners: what it does to its caller's arrays, and what it remembers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.points import SHAPES, moderate
from actgrad.layers.report import Finding, Where
from actgrad.layers.subject import LayerRaisedError, Specimen, Subject


class Case(NamedTuple):
    """A subject, and an input on which its conduct is watched."""

    subject: Subject
    x: Array
    #: Another input of the same shape.
    other: Array
    #: Whether out has an element for each of x's, made of it alone.
    elementwise: bool

    @property
    def dtype(self) -> str:
        """The input's dtype."""
        return self.x.dtype.name

    def finding(self, name: str, message: str, one: str, two: str) -> Finding:
        """A finding about this case."""
        return Finding(name, message, (one, f"# {two}"), self.dtype)

    def dout(self, seed: int = 7) -> Array:
        """A gradient from upstream, of out's shape."""
        return moderate(self.subject.forward(self.x).shape, self.x.dtype, seed)

    def after_forward(self, x: Array) -> tuple[Specimen, Array]:
        """A fresh layer that has been through forward, and its out."""
        specimen = self.subject.fresh()
        return specimen, specimen.forward(x)


def same(one: Array, other: Array, dtype: str = "float64") -> bool:
    """Whether two answers are the same, up to that dtype's roundings in another order."""
    if one.shape != other.shape:
        return False
    a, b = one.astype(np.float64), other.astype(np.float64)
    scale = np.abs(a[np.isfinite(a)]).max(initial=0.0)
    slack = 32 * float(np.finfo(dtype).eps) * scale
    return bool(np.all((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= slack)))


def identical(one: Array, other: Array) -> bool:
    """Whether they are the same, nan being nan."""
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=True)


def shown(array: Array, at: Array | None = None) -> str:
    """The first few elements, as a person would type them."""
    flat = array.ravel() if at is None else array.ravel()[at.ravel()]
    return "[" + ", ".join(f"{float(one):.6g}" for one in flat[:3]) + "]"


def writing_into_x(case: Case) -> Iterator[Finding]:
    """x belongs to the caller."""
    x = case.x.copy()
    specimen, out = case.after_forward(x)
    dout = np.ones_like(out)
    place = "forward"
    if identical(x, case.x):
        specimen.backward(dout)
        place = "backward"
    if not identical(x, case.x):
        changed = ~((x == case.x) | (np.isnan(x) & np.isnan(case.x)))
        also = ", and forward returns it" if np.shares_memory(out, x) else ""
        yield case.finding(
            "writes-into-x",
            f"{place} writes into the caller's x{also}",
            f"x = np.array({shown(case.x, changed)}); layer.forward(x)"
            + ("; layer.backward(dout)" if place == "backward" else ""),
            f"x is now {shown(x, changed)}",
        )
    elif np.shares_memory(out, x):
        yield case.finding(
            "returns-its-input",
            "forward returns the caller's own x, or a view of it",
            "out = layer.forward(x); out[...] = 0",
            "x is now 0 too",
        )


def writing_into_dout(case: Case) -> Iterator[Finding]:
    """dout belongs to the caller, who may need it for another branch."""
    specimen, _ = case.after_forward(case.x.copy())
    before = case.dout()
    dout = before.copy()
    dx = specimen.backward(dout)
    if not identical(dout, before):
        changed = dout != before
        also = ", and returns it" if np.shares_memory(dx, dout) else ""
        x = shown(case.x, changed) if changed.shape == case.x.shape else "…"
        yield case.finding(
            "writes-into-dout",
            f"backward writes into the caller's dout{also}",
            f"dout = np.array({shown(before, changed)}); layer.forward(np.array({x}));"
            " layer.backward(dout)",
            f"dout is now {shown(dout, changed)}",
        )
    elif np.shares_memory(dx, dout):
        yield case.finding(
            "returns-its-input",
            "backward returns the caller's own dout, or a view of it",
            "dx = layer.backward(dout); dx[...] = 0",
            "dout is now 0 too",
        )


def returning_its_state(case: Case) -> Iterator[Finding]:
    """What was handed out stays as it is."""
    specimen, out = case.after_forward(case.x.copy())
    first = out.copy()
    dx = specimen.backward(case.dout())
    after_backward = out.copy()
    gradient = dx.copy()
    specimen.forward(case.other.copy())
    specimen.backward(case.dout(8))
    for name, was, now, call in (
        ("out", first, after_backward, "backward(dout)"),
        ("out", first, out, "forward(other)"),
        ("dx", gradient, dx, "backward(other)"),
    ):
        if not identical(was, now):
            yield case.finding(
                "returns-its-state",
                f"a later {call.partition('(')[0]} changes the {name} that was returned before",
                f"{name} = layer.{'forward(x)' if name == 'out' else 'backward(dout)'};"
                f" layer.{call}",
                f"{name} was {shown(was)}, and is now {shown(now)}",
            )
            return


def different_answers(case: Case) -> Iterator[Finding]:
    """The same question has one answer: from another layer, and again from the same."""
    dout = case.dout()
    first = case.subject.run(case.x, dout)
    again = case.subject.run(case.x, dout)
    specimen, _ = case.after_forward(case.x.copy())
    specimen.backward(dout.copy())
    try:
        twice = specimen.backward(dout.copy()).copy()
    except LayerRaisedError:  # a layer may forget what it needs no more
        twice = first.dx
    for name, was, now in (
        ("forward", first.out, again.out),
        ("backward", first.dx, again.dx),
        ("a second backward", first.dx, twice),
    ):
        if not identical(was, now):
            yield case.finding(
                "different-answers",
                f"{name} answers differently when asked again",
                f"layer.forward(x); layer.backward(dout)  # {shown(was)}",
                f"and again: {shown(now)}",
            )
            return


def stale_state(case: Case) -> Iterator[Finding]:
    """Only the last forward counts."""
    dout = case.dout()
    fresh = case.subject.run(case.x, dout)
    shapes = [case.x.shape, (10,), (2, 12)]
    for shape in shapes:
        earlier = moderate(shape, case.x.dtype, 11) if shape != case.x.shape else case.other
        specimen = case.subject.fresh()
        try:
            specimen.backward(np.ones_like(specimen.forward(earlier.copy())))
            specimen.forward(earlier.copy())
        except LayerRaisedError:
            continue
        try:
            out = specimen.forward(case.x.copy()).copy()
            dx = specimen.backward(dout.copy())
            told = f"{shown(dx)} instead of {shown(fresh.dx)}"
        except LayerRaisedError as error:
            out = dx = np.array(np.nan)
            told = str(error)
        if not (same(out, fresh.out, case.dtype) and same(dx, fresh.dx, case.dtype)):
            yield case.finding(
                "stale-state",
                f"an earlier forward of shape {shape} changes the answer",
                "layer.forward(earlier); layer.forward(x); layer.backward(dout)",
                told,
            )
            return


def not_linear(case: Case) -> Iterator[Finding]:
    """dx = Jᵀ·dout for some J that does not depend on dout."""
    u = case.dout()
    rng = np.random.default_rng(3)
    v = (rng.uniform(-1, 1, u.shape) * 10.0 ** rng.integers(-3, 3, u.shape)).astype(u.dtype)

    def backward(dout: Array) -> Array:
        return case.subject.run(case.x, dout).dx.astype(np.float64)

    at_u, at_v = backward(u), backward(v)
    eps = float(np.finfo(case.x.dtype).eps)
    # What is subnormal has an error of its own, which a and b multiply.
    floor = 2.0**13 * float(np.finfo(case.x.dtype).smallest_subnormal)
    for a, b in ((0.0, 0.0), (-1.0, 0.0), (16.0, 0.0), (0.0, 64.0), (2.0, -3.0)):
        with np.errstate(all="ignore"):
            whole = backward((a * u + b * v).astype(u.dtype))
            parts = a * at_u + b * at_v
            size = np.abs(a * at_u) + np.abs(b * at_v)
            if not case.elementwise:
                size = size + size[np.isfinite(size)].max(initial=0.0)
            wrong = ~(np.abs(whole - parts) <= 64 * eps * size + floor) & np.isfinite(parts + whole)
        if wrong.any():
            i = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            yield case.finding(
                "not-linear",
                f"backward({a:g}·u + {b:g}·v) is not {a:g}·backward(u) + {b:g}·backward(v)",
                f"layer.backward({a:g} * u + {b:g} * v)  # {float(whole[i]):.6g}",
                f"{float(parts[i]):.6g} would be linear",
            )
            return


def misshapen(subject: Subject, x: Array) -> Iterator[Finding]:
    """An out of another shape, of which backward can then make nothing."""
    out = subject.forward(x)
    if out.shape == x.shape or out.size != x.size:
        return
    try:
        subject.run(x)
    except LayerRaisedError as error:
        yield Finding(
            "wrong-shape",
            f"forward gives shape {out.shape} for x of shape {x.shape}",
            (f"layer.forward(np.ones({x.shape})).shape", f"# {out.shape}; then: {error}"),
            x.dtype.name,
        )


def wrong_shape(case: Case) -> Iterator[Finding]:
    """out has x's shape in an element-wise layer; dx always has."""
    for shape in SHAPES:
        x = moderate(shape, case.x.dtype)
        try:
            run = case.subject.run(x)
        except LayerRaisedError:
            continue
        wanted = [("backward", run.dx)]
        if case.elementwise:
            wanted.insert(0, ("forward", run.out))
        for name, array in wanted:
            if array.shape != shape:
                yield case.finding(
                    "wrong-shape",
                    f"{name} gives shape {array.shape} for x of shape {shape}",
                    f"x = np.ones({shape}); out = layer.forward(x);"
                    " layer.backward(np.ones_like(out))",
                    f"{name} gives shape {array.shape}",
                )
                return


def wrong_dtype(case: Case) -> Iterator[Finding]:
    """float32 in, float32 out."""
    run = case.subject.run(case.x)
    for name, array in (("forward", run.out), ("backward", run.dx)):
        if array.dtype != case.x.dtype:
            yield case.finding(
                "wrong-dtype",
                f"{name} gives {array.dtype} for {case.dtype}",
                f"x = np.ones(3, np.{case.dtype}); out = layer.forward(x)"
                + ("" if name == "forward" else "; dx = layer.backward(np.ones_like(x))"),
                f"{name} gives {array.dtype}",
            )
            return


def depending_on_layout(case: Case) -> Iterator[Finding]:
    """Strides are nobody's business."""
    x, dout = case.x, case.dout()
    expected = case.subject.run(x, dout)
    for name, place in LAYOUTS.items():
        specimen = case.subject.fresh()
        out = specimen.forward(place(x)).copy()
        dx = specimen.backward(place(dout)).copy()
        for method, got, wanted in (("forward", out, expected.out), ("backward", dx, expected.dx)):
            if not same(got, wanted, case.dtype):
                yield case.finding(
                    "depends-on-layout",
                    f"{method} answers differently for a {name} array",
                    "layer.forward(x[::2]); layer.forward(x[::2].copy())",
                    f"{shown(got)} for a {name} array, {shown(wanted)} for a plain one",
                )
                return


def strided(array: Array) -> Array:
    """Every second element of a larger array."""
    if not array.ndim:
        return array.copy()
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def backwards(array: Array) -> Array:
    """The same numbers, lying in memory last to first."""
    return np.flip(np.flip(array).copy())


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran-ordered": lambda array: np.asfortranarray(array.copy()),
    "strided": strided,
    "reversed": backwards,
}


def numpy_warnings(subject: Subject, x: Array) -> Iterator[Finding]:
    """A warning where nothing is wrong teaches people to ignore warnings; x is a row of inputs."""
    if not _warned(subject, x):
        return
    for one in sorted(x, key=lambda one: float(np.abs(one).max())):
        said = _warned(subject, one)
        if not said:
            continue
        run = subject.run(one)
        if np.isfinite(run.out).all() and np.isfinite(run.dx).all():
            at = float(one.flat[np.abs(one).argmax()])
            where = Where(at, float(run.out.flat[0]), float(run.out.flat[0]), 0.0)
            yield Finding(
                "numpy-warning",
                f"{said} at x = {at:.6g}, where out is {where.got:.6g}",
                (f"layer.forward(np.array([{at:.6g}], np.{x.dtype}))", f"# {said}"),
                x.dtype.name,
                where,
            )
            return


def _warned(subject: Subject, x: Array) -> str | None:
    """What NumPy says of a forward and a backward."""
    specimen = subject.fresh()
    with (
        warnings.catch_warnings(record=True) as caught,
        np.errstate(divide="warn", over="warn", invalid="warn", under="ignore"),
    ):
        warnings.simplefilter("always")
        out = specimen.forward(x.copy())
        specimen.backward(np.ones_like(out))
    said = [one for one in caught if issubclass(one.category, RuntimeWarning)]
    return f"RuntimeWarning: {said[0].message}" if said else None


#: What is watched, in the order it is told.
MANNERS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    writing_into_x,
    writing_into_dout,
    returning_its_state,
    different_answers,
    stale_state,
    not_linear,
    wrong_shape,
    wrong_dtype,
    depending_on_layout,
)
