"""The shapes of x that a layer is examined with: those that it states, that fit its parameters, and
ordinary ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import getclosurevars
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.points import ordinary_sample
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import LayerRaisedError

Shape: TypeAlias = tuple[int, ...]

#: A batch of rows, a row, a sequence, and images.
ORDINARY_SHAPES: tuple[Shape, ...] = ((4, 6), (24,), (2, 3, 4), (3, 2, 4, 2))
#: Images and sequences that are large enough for windows: NCHW, NHWC, NCL.
LARGER_SHAPES: tuple[Shape, ...] = (
    *((2, 3, 8, 8), (2, 8, 8, 3), (2, 4, 8, 8), (2, 4, 12)),
    *((2, 3, 6, 6), (2, 6, 6, 3), (1, 2, 15, 15), (1, 15, 15, 2), (2, 1, 28, 28), (2, 3, 32, 32)),
)
#: A batch where the layer states the shape of one x, or leaves the size of an axis open.
BATCH = 2
#: A parameter with a longer axis says nothing of x.
LONGEST_AXIS = 4096
#: So deep, parameters are looked for in containers and in layers that the layer is made of.
NESTED = 4
#: Sizes above this are no number of features, where a layer keeps them as plain integers.
MOST_FEATURES = 64


class InputShapes:
    """The shapes that are tried on a layer, in order, and the reasons why it refused them."""

    def __init__(self, subject: Subject, *asked: Shape) -> None:
        """The `asked` shapes are tried, or if there are none, those that seem to fit."""
        layer = subject.make()
        stated = [*_stated(layer)]
        sizes = parameter_sizes(layer)
        fitting = [*_of_targets(layer), *_fitting(sizes), *_of_arrays(layer)]
        #: Whether the layer or the caller states the shape of x.
        self.is_stated = bool(asked or stated)
        #: Whether only some sizes of an axis fit the layer.
        self.has_sizes = self.is_stated or bool(fitting)
        tried: list[Shape] = [*asked] or stated
        if not tried:
            counts = [value for value in vars_of(layer).values() if type(value) is int]
            counts = [count for count in counts if 1 < count <= MOST_FEATURES]
            tried = [*fitting, *ORDINARY_SHAPES, *LARGER_SHAPES, *_fitting(counts)]
        self.tried = tuple(dict.fromkeys(tried))
        self._asked = bool(asked)
        self.refusals: list[LayerRaisedError] = []
        #: The first shape that forward takes, and with which backward cannot compute.
        self.only_forward: Shape | None = None

    def first_accepted(self, subject: Subject) -> Shape | None:
        """The first shape for which backward gives x's shape; else the first that the layer takes.

        None if it takes none.
        """
        taken: list[Shape] = []
        for shape in self.tried:
            x = ordinary_sample(shape).array
            try:
                run = subject.run(x)
            except LayerRaisedError as error:
                self.refusals.append(error)
                if isinstance(error.__cause__, ValueError) and self.only_forward is None:
                    self.only_forward = shape if _takes_forward(subject, x) else None
                continue
            if run.dx.shape == shape and run.out.size:
                return shape
            taken.append(shape)
        return taken[0] if taken else None

    def refusal(self) -> LayerRaisedError:
        """The error that says which shapes were tried, and what the layer says to the first; of the
        shapes that were asked for, what it says to the last."""
        first = self.refusals[0]
        if len(self.tried) == 1 or self._asked:
            return self.refusals[len(self.tried) - 1]
        shapes = ", ".join(map(str, self.tried[:8]))
        more = f" and {len(self.tried) - 8} more" if len(self.tried) > 8 else ""
        first.hint = (
            f"it takes no x of shape {shapes}{more}: give the layer an attribute input_shape,"
            " or the shape of x"
        )
        return first


def _takes_forward(subject: Subject, x: Array) -> bool:
    try:
        return subject.forward(x).size > 0
    except LayerRaisedError:
        return False


def vars_of(layer: Any) -> dict[str, Any]:
    """The attributes of a layer and of its class, without those that Python adds."""
    attributes: dict[str, Any] = {}
    for cls in reversed(type(layer).__mro__):
        attributes |= {k: v for k, v in vars(cls).items() if not k.startswith("__")}
    return attributes | getattr(layer, "__dict__", {})


def parameter_arrays(layer: Any) -> list[Array]:
    """The arrays of numbers that a new layer keeps, also in containers, in layers that it is made
    of, and in the variables around its functions."""
    kept = _arrays(vars_of(layer), NESTED)
    return [array for array in kept if array.dtype.kind in "iuf" and array.size]


def _arrays(value: Any, depth: int) -> Iterator[Array]:
    if isinstance(value, np.ndarray | np.floating):
        yield np.asarray(value)
    elif depth:
        for each in _parts(value):
            yield from _arrays(each, depth - 1)


def _parts(value: Any) -> Iterable[Any]:
    """The values in a container, around a function, or of an object."""
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, FunctionType):
        try:
            around = getclosurevars(value)
        except ValueError:  # a variable that has no value yet
            return ()
        arrays = [each for each in around.globals.values() if isinstance(each, np.ndarray)]
        return [*around.nonlocals.values(), *arrays]
    if isinstance(value, type | ModuleType):
        return ()
    return getattr(value, "__dict__", {}).values()


def parameter_sizes(layer: Any) -> list[int]:
    """The lengths of the axes of its parameters, those of matrices first."""
    arrays = sorted(parameter_arrays(layer), key=lambda array: -array.ndim)
    sizes = [size for array in arrays for size in array.shape if 1 < size <= LONGEST_AXIS]
    return list(dict.fromkeys(sizes))


def _stated(layer: Any) -> Iterator[Shape]:
    """The layer's own `input_shape`, as the shape of x, and as that of one x of a batch."""
    shape = getattr(layer, "input_shape", None)
    if isinstance(shape, int):
        shape = (shape,)
    if not isinstance(shape, list | tuple):
        return
    if all(size is None or isinstance(size, int) for size in shape):
        sizes = tuple(BATCH if size is None else size for size in shape)
        yield from (sizes, (BATCH, *sizes))


def _of_targets(layer: Any) -> Iterator[Shape]:
    """The shapes of x for which a row of integers, such as a loss keeps, has the right classes."""
    for array in parameter_arrays(layer):
        if array.dtype.kind in "iu" and array.ndim == 1 and array.size > 1 and array.min() >= 0:
            classes = int(array.max()) + 1
            if classes <= MOST_FEATURES:
                yield from ((array.size, classes), (array.size, classes + 2))


def _of_arrays(layer: Any) -> Iterator[Shape]:
    """The shapes of x that the layer's own arrays fit: a number for each element of x, or for each
    of its channels where the other axes of the array are 1."""
    for array in parameter_arrays(layer):
        shape = array.shape
        if array.ndim < 2 or array.size > LONGEST_AXIS or array.size == 1:
            continue
        wide = tuple(BATCH * (1 + (i > 0)) if n == 1 else n for i, n in enumerate(shape))
        if array.ndim > 2 and shape[0] > 1:
            yield (BATCH, *wide)
        yield wide


def _fitting(sizes: list[int]) -> Iterator[Shape]:
    """The shapes of x that have one of the sizes as their last axis, or as their second."""
    for size in sizes:
        rows = 3 if size != 3 else 5
        yield from ((rows, size), (size,), (2, 5, size), (2, size, 5))
        if size <= MOST_FEATURES:
            yield from ((2, size, 8, 8), (2, 8, 8, size))
        if size % 4 == 0:
            yield (3, 2, 2, size // 4)
