"""A layer under examination: made afresh for every question, with private copies of the arrays."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, finfo
from actgrad.layers.errors import ActgradError, LayerRaisedError
from actgrad.layers.frameworks import as_array
from actgrad.layers.layer import Layer

#: The folder of actgrad's own code: an error message never points into it.
PACKAGE = str(Path(__file__).parents[1])
#: The kinds of dtypes whose arrays hold real numbers; bfloat16 is of kind V.
NUMBERS = "biufV"


class Run(NamedTuple):
    """The results of one forward and one backward of a fresh layer."""

    out: Array
    dx: Array


class Subject(NamedTuple):
    """A layer to examine: how to make it, and the catalogue layer whose formula it should have."""

    name: str
    make: Callable[[], Any]
    #: The Python statement that makes it, under the name `layer`.
    setup: str = "layer = ..."
    reference: Layer | None = None
    #: The shape in which it takes a row of numbers, and the widest dtype that it takes.
    row: tuple[int, ...] = (-1,)
    widest: str = "float64"

    def forward(self, x: Array) -> Array:
        """The out of a fresh layer, which gets a copy of x."""
        with np.errstate(all="ignore"):
            return self._restored(self.call(self.make(), "forward", self._arranged(x)).copy(), x)

    def run(self, x: Array, dout: Array | None = None) -> Run:
        """The out and dx of a fresh layer, which gets copies of x and dout; dout is 1 by default.

        Raises:
            LayerRaisedError: forward or backward raised an exception, or returned no array.
        """
        return Run(*(self._restored(result, x) for result in self.results(x, dout)))

    def results(self, x: Array, dout: Array | None = None) -> Run:
        """`run` with the results in the layer's own shape and dtype.

        Raises:
            LayerRaisedError: as in `run`.
        """
        layer = self.make()
        with np.errstate(all="ignore"):
            out = self.call(layer, "forward", self._arranged(x)).copy()
            upstream = np.ones_like(out) if dout is None else self._arranged(dout)
            return Run(out, self.call(layer, "backward", upstream).copy())

    def run_wider(self, x: Array, dout: Array | None = None) -> Run | None:
        """The layer's own results in a dtype with more digits than x's; None if it has none."""
        dtype = np.dtype(np.longdouble if x.dtype == np.float64 else np.float64)
        if self.widest != "float64" or finfo(dtype).eps >= finfo(x.dtype).eps:
            return None
        try:
            run = self.run(x.astype(dtype), None if dout is None else dout.astype(dtype))
        except ActgradError:
            return None
        return run if run.out.dtype == run.dx.dtype == dtype else None

    def call(self, layer: Any, method: str, array: Array) -> Array:
        """The method's result as an array, which may share its memory with the argument.

        Raises:
            LayerRaisedError: it raised an exception, or returned no array of numbers. The message
                has the file and the line.
        """
        shape, dtype = array.shape, array.dtype
        try:
            result = getattr(layer, method)(array)
        except (Exception, SystemExit) as error:
            raise layer_error(error, f"{self.name}: {method} of shape {shape}, {dtype}") from error
        try:
            returned = as_array(result)
        except (ValueError, TypeError) as error:
            raise LayerRaisedError(f"{self.name}: {method} gave no array: {error}") from None
        if returned.dtype.kind not in NUMBERS:
            kind = type(result).__name__
            raise LayerRaisedError(f"{self.name}: {method} gave {kind}, which is no array")
        return returned

    def accepts(self, x: Array) -> bool:
        """Whether forward and backward return arrays for x."""
        try:
            self.run(x)
        except LayerRaisedError:
            return False
        return True

    @property
    def has_coupled_reference(self) -> bool:
        """Whether the reference couples elements."""
        return self.reference is not None and not self.reference.is_elementwise

    @property
    def eps(self) -> float:
        """The machine epsilon of its widest dtype."""
        return float(finfo(self.widest).eps)

    def _arranged(self, array: Array) -> Array:
        """A copy that the layer takes: a row in its shape, float64 in its widest dtype."""
        if array.ndim == 1 and self.row != (-1,):
            array = array.reshape(self.row)
        narrow = self.widest != "float64" and array.dtype == np.float64
        return array.astype(self.widest) if narrow else array.copy(order="K")

    def _restored(self, result: Array, x: Array) -> Array:
        """The layer's result in x's own shape and dtype, where `_arranged` changed them.

        Truth values and unsigned numbers become float64, for they have no differences.
        """
        if x.ndim == 1 and self.row != (-1,) and result.size == x.size:
            result = result.reshape(x.shape)
        widened = self.widest != "float64" and x.dtype == np.float64
        return result.astype(np.float64) if widened or result.dtype.kind in "bu" else result


def layer_error(error: BaseException, action: str) -> LayerRaisedError:
    """The error that says which action failed, in which file, at which line."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((PACKAGE, "<frozen"))
    ]
    # The line of the layer, rather than that of a package which it calls.
    frames = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}: "
    text = " ".join(str(error).split())
    return LayerRaisedError(f"{action}: {place}{type(error).__name__}: {text}".rstrip(": "))


def copy_maker(layer: Any) -> Callable[[], Any]:
    """A function that returns copies of a layer, with the random numbers it was made with."""
    return lambda: deepcopy(layer)
