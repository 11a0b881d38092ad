"""The shape and the dtype of out and dx, and their independence of the memory layout of x."""

from __future__ import annotations

from collections.abc import Iterator

from actgrad.layers.check.input_shapes import InputShapes, parameter_sizes
from actgrad.layers.check.points import ordinary_sample
from actgrad.layers.check.report import Finding
from actgrad.layers.check.script import Script
from actgrad.layers.check.subject import Subject
from actgrad.layers.check.trial import Behaviour, Trial

LAYOUT = tuple(
    Behaviour(
        "depends-on-layout",
        f"{method} gives another result for a {layout} array",
        Script(f"x = {arranged.format('{x}')}{calls}", expression, expected),
        32,
    )
    for layout, arranged in {
        # np.asfortranarray makes a 0-d array 1-d, and so does np.repeat without the new axis.
        "Fortran-ordered": "np.array({}, order='F')",
        "strided": "np.repeat({}[..., None], 2, -1)[..., 0]",
        "reversed": "np.flip(np.flip({}).copy())",
    }.items()
    for method, calls, expression, expected in (
        ("forward", "", "layer.forward(x)", "run({x}, {dout}).out"),
        (
            "backward",
            f"; dout = {arranged.format('{dout}')}; layer.forward(x)",
            "layer.backward(dout)",
            "run({x}, {dout}).dx",
        ),
    )
)


def result_shape(trial: Trial) -> Iterator[Behaviour]:
    """Out must have x's shape in an element-wise layer, and dx in every layer.

    The backward of an element-wise layer takes every row and matrix that its forward takes.
    Another layer is asked for the shape of the trial, and for a batch of one. A fault at a shape
    other than a stated one is a warning.
    """
    shape = trial.x.array.shape
    # A batch of one is broadcast to a parameter that has a row for each row of x.
    is_batch = len(shape) > 1 and shape[0] not in parameter_sizes(trial.subject.make())
    batches = [shape, (1, *shape[1:])] if is_batch else [shape]
    if not trial.elementwise and len(shape) == 2:
        yield from _row_made_a_matrix(trial)
    asked = (*([shape] if trial.stated else []), *trial.asked_shapes)
    for size in asked if trial.elementwise else batches:
        x = ordinary_sample(size, trial.dtype)
        calls = f"x = {x.text}; out = layer.forward(x)"
        backward = "np.shape(layer.backward(np.ones_like(out)))"
        if trial.subject.accepts(x.array):
            for method in ("forward", "backward")[not trial.elementwise :]:
                yield Behaviour(
                    "wrong-shape",
                    f"{method} gives another shape than x's, {size}",
                    Script(calls, "np.shape(out)" if method == "forward" else backward, "x.shape"),
                    severity=trial.severity_at(size),
                )
        elif trial.elementwise and x.array.ndim and x.array.size:
            yield Behaviour(
                "wrong-shape",
                f"backward raises an exception for x of shape {size}, which forward takes",
                Script(calls, backward, "x.shape", may_raise=True),
                severity="warning" if trial.stated and size != shape else "error",
            )


def _row_made_a_matrix(trial: Trial) -> Iterator[Behaviour]:
    """The fault of a layer that takes a row as a matrix of one row, and so gives back its gradient.

    A layer meant for matrices alone may give a row any other shape.
    """
    row = ordinary_sample(trial.x.array.shape[1:], trial.dtype)
    if not trial.subject.accepts(row.array):
        return
    run = trial.subject.run(row.array)
    if run.out.shape[:1] == (1,) and run.dx.shape == (1, *row.array.shape):
        yield Behaviour(
            "wrong-shape",
            f"for a row backward gives another shape than x's, {row.array.shape}",
            Script(
                f"x = {row.text}; out = layer.forward(x)",
                "np.shape(layer.backward(np.ones_like(out)))",
                "x.shape",
            ),
            severity="warning" if trial.stated else "error",
        )


def result_dtype(trial: Trial) -> Iterator[Behaviour]:
    """Out and dx must have x's dtype; a number of Python, such as a loss, has none.

    float32 and float64 for each other are a warning: the numbers may be right in them.
    """
    run = trial.subject.results(trial.x.array, trial.dout(42).array)
    of_x, of_out = "x.dtype.name", "x.dtype.name if type(out) is not float else 'float64'"
    for method, result, given, expected in (
        ("forward", "out", run.out.dtype, of_out),
        ("backward", "layer.backward({dout})", run.dx.dtype, of_x),
    ):
        yield Behaviour(
            "wrong-dtype",
            f"{method} gives {given} for x of {trial.dtype}",
            Script(
                "x = {x}; out = layer.forward(x)",
                f"np.asarray({result}).dtype.name",
                expected,
            ),
            severity="warning" if given.name in {"float32", "float64"} else "error",
        )


def backward_raises(subject: Subject, shapes: InputShapes) -> Finding | None:
    """The finding, if the layer takes no x because backward does not take what forward gives."""
    shape = shapes.only_forward
    if shape is None:
        return None
    return Script(
        f"x = {ordinary_sample(shape).text}; out = layer.forward(x)",
        "np.shape(layer.backward(np.ones_like(out)))",
        "x.shape",
        may_raise=True,
    ).finding(
        subject,
        "wrong-shape",
        f"backward raises an exception for x of shape {shape}, which forward takes",
        "float64",
    )
