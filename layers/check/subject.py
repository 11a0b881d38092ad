"""A layer under examination: made anew for every question, and kept from what belongs to others."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.errors import ActgradError
from actgrad.layers.layer import Layer

#: Where frames are nobody's fault but ours.
HERE = str(Path(__file__).parents[1])


class LayerRaisedError(ActgradError):
    """The layer raised an exception, or gave back no array."""


class Run(NamedTuple):
    """What one forward and one backward of a fresh layer gave."""

    out: Array
    dx: Array


class Subject(NamedTuple):
    """A layer to examine: how to make it, and the catalogue layer whose formula is its truth."""

    name: str
    make: Callable[[], Any]
    #: The Python that makes it, as `layer`.
    setup: str = "layer = ..."
    reference: Layer | None = None
    #: The shape in which it takes a row of numbers, and the widest dtype that it takes.
    row: tuple[int, ...] = (-1,)
    widest: str = "float64"

    def fresh(self) -> Specimen:
        """A new layer, that knows of no array yet."""
        return Specimen(self.name, self.make())

    def forward(self, x: Array) -> Array:
        """A fresh layer's out, x being kept from it."""
        with np.errstate(all="ignore"):
            return self._back(self.fresh().forward(self._laid(x)).copy(), x)

    def run(self, x: Array, dout: Array | None = None) -> Run:
        """A fresh layer's out and dx, the arrays being kept from it; dout is ones by default."""
        specimen = self.fresh()
        with np.errstate(all="ignore"):
            out = specimen.forward(self._laid(x)).copy()
            given = np.ones_like(out) if dout is None else self._laid(dout)
            return Run(self._back(out, x), self._back(specimen.backward(given).copy(), x))

    @property
    def eps(self) -> float:
        """The rounding of its widest dtype."""
        return float(finfo(self.widest).eps)

    def _laid(self, array: Array) -> Array:
        """A copy as the layer takes it: a row in its shape, float64 in its widest dtype."""
        if array.ndim == 1 and self.row != (-1,):
            array = array.reshape(self.row)
        narrow = array.dtype.name == "float64" != self.widest
        return array.astype(self.widest) if narrow else array.copy(order="K")

    def _back(self, answer: Array, x: Array) -> Array:
        if x.ndim == 1 and self.row != (-1,) and answer.size == x.size:
            answer = answer.reshape(x.shape)
        return answer.astype(np.float64) if x.dtype.name == "float64" != self.widest else answer


class Specimen:
    """One layer, whose exceptions come with the file and the line."""

    def __init__(self, name: str, layer: Any) -> None:
        self.name = name
        self.layer = layer

    def forward(self, x: Array) -> Array:
        """forward(x) as an array, which may share its memory with x.

        Raises:
            LayerRaisedError: the layer did, or gave no array of numbers.
        """
        return self._call("forward", x)

    def backward(self, dout: Array) -> Array:
        """backward(dout) likewise."""
        return self._call("backward", dout)

    def _call(self, method: str, array: Array) -> Array:
        shape, dtype = array.shape, array.dtype
        try:
            result = getattr(self.layer, method)(array)
        except Exception as error:
            raise raised(error, f"{self.name}: {method} of shape {shape}, {dtype}") from error
        try:
            found = np.asarray(result)
        except ValueError as error:
            raise LayerRaisedError(f"{self.name}: {method} gave no array: {error}") from None
        if found.dtype.kind not in "biufV":
            kind = type(result).__name__
            raise LayerRaisedError(f"{self.name}: {method} gave {kind}, which is no array")
        return found


def raised(error: BaseException, doing: str) -> LayerRaisedError:
    """The error that says what went wrong, in which file, at which line."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((HERE, "<frozen"))
    ]
    where = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}: "
    text = " ".join(str(error).split())
    return LayerRaisedError(f"{doing}: {where}{type(error).__name__}: {text}".rstrip(": "))


def copies(layer: Any) -> Callable[[], Any]:
    """A maker of copies of a layer as it was made: what it drew at random then stays the same."""
    return lambda: deepcopy(layer)
