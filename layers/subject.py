"""A layer under examination: made anew for every question, and kept from what belongs to others."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.errors import ActgradError
from actgrad.layers.layer import Layer

#: Where frames are nobody's fault but ours.
HERE = str(Path(__file__).parent)


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
    reference: Layer | None = None

    def fresh(self) -> Specimen:
        """A new layer, that knows of no array yet."""
        return Specimen(self.name, self.make())

    def forward(self, x: Array) -> Array:
        """A fresh layer's out, x being kept from it."""
        with np.errstate(all="ignore"):
            return self.fresh().forward(x.copy(order="K")).copy()

    def run(self, x: Array, dout: Array | None = None) -> Run:
        """A fresh layer's out and dx, the arrays being kept from it; dout is ones by default."""
        specimen = self.fresh()
        with np.errstate(all="ignore"):
            out = specimen.forward(x.copy(order="K")).copy()
            given = np.ones_like(out) if dout is None else dout.copy(order="K")
            return Run(out, specimen.backward(given).copy())


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
    """A maker of copies of a layer that was made already."""
    return lambda: deepcopy(layer)
