"""The slope ∂out/∂x of every element of a layer's run, from x or, where that suffices, from out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np

from actgrad.layers.activations import Relu
from actgrad.layers.arrays import Array
from actgrad.layers.diagnose.statistics import RunBlock
from actgrad.layers.errors import ActgradError, ShapeError
from actgrad.layers.explain import steps, textbook_form
from actgrad.layers.formula import Formula, Sweep, arrays
from actgrad.layers.layer import Elementwise, Layer
from actgrad.layers.run import Pipeline

#: From a piece of x or out, and of dout, the piece of the run.
SlopeRunner: TypeAlias = Callable[[Array, Array | None], RunBlock]
#: The x by which a layer shows whether it couples elements.
PROBES = np.linspace(-3, 4, 64)


def slope_runner(layer: Layer, given: str, dtype: np.dtype[Any]) -> Callable[[], SlopeRunner]:
    """What makes a runner for one thread; `given` is "x" or "out".

    Raises:
        ShapeError: the layer couples elements, so that out has no slope of its own element.
        ActgradError: out does not determine the slope.
    """
    if not layer.is_elementwise and (layer.runs_in_parts or couples_elements(layer)):
        how = "works along an axis" if layer.runs_in_parts else "couples elements"
        raise ShapeError(
            f"{layer.name} {how}, so an element of x has no slope of its own",
            "diagnose reads layers that work element by element",
        )
    if given == "x" or is_own_slope(layer):
        if layer.runs_in_parts:
            return lambda: RunFromX(layer, dtype, given == "x")
        return lambda: RunByMethods(layer, dtype, given == "x")
    formula = slope_of_out(layer) if layer.is_elementwise else None
    if formula is None:
        raise ActgradError(
            f"the out of {layer} does not determine its slope", "give its x, the pre-activations"
        )
    return lambda: RunFromOut(formula)


class RunFromX:
    """Runs a chain over x. Where out has the slope of x itself, out may stand for x."""

    def __init__(self, chain: Layer, dtype: np.dtype[Any], is_x: bool) -> None:
        self._pipeline, self._is_x = Pipeline(chain, dtype), is_x
        self._mask = sole_mask(chain)
        self._levels = None if self._mask is None else mask_slopes(chain, dtype)
        single = chain.layers[0]
        is_relu = is_x and self._mask is not None and isinstance(single, Relu)
        self._relu = cast(Relu, single) if is_relu else None
        self._buffers: list[Array] = []

    def __call__(self, given: Array, dout: Array | None) -> RunBlock:
        size = given.size
        if not self._buffers or self._buffers[0].size < size:
            self._buffers = [np.empty(size, given.dtype) for _ in range(3)]
            self._ones, self._bools = np.ones(size, given.dtype), np.empty(size, bool)
        out: Array | None
        out, slope, dx = (buffer[:size] for buffer in self._buffers)
        into = {"out": out} if self._is_x else {}
        if self._relu is not None:
            out, slope = None, self._bools[:size]
            self._relu.fill_mask(given, slope)
        elif self._mask is None:
            self._pipeline.run(given, self._ones[:size], into | {"dx": slope})
        else:
            slope = self._bools[:size]
            self._pipeline.run(given, None, into | {self._mask: slope})
        block = RunBlock(given, out if self._is_x else given, slope, self._levels)
        if dout is None:
            return block
        self._pipeline.run(given, dout, {"dx": dx})
        return block._replace(dout=dout, dx=dx)


class RunByMethods:
    """Runs anyone's layer by its forward and backward, from x or from out in place of x."""

    def __init__(self, layer: Layer, dtype: np.dtype[Any], is_x: bool) -> None:
        self._layer, self._dtype, self._is_x = layer, dtype, is_x

    def __call__(self, given: Array, dout: Array | None) -> RunBlock:
        out, slope = self._run(given, np.ones_like(given))
        block = RunBlock(given, out if self._is_x else given, slope, None)
        if dout is None:
            return block
        return block._replace(dout=dout, dx=self._run(given, dout)[1])

    def _run(self, x: Array, dout: Array) -> list[Array]:
        """The layer's out and dx, in the dtype of the run."""
        results = self._layer.forward(x), self._layer.backward(dout)
        return [result.astype(self._dtype, copy=False) for result in results]


class RunFromOut:
    """Computes the slope as a formula of out."""

    def __init__(self, formula: Formula) -> None:
        self._formula = formula

    def __call__(self, given: Array, dout: Array | None) -> RunBlock:
        wide = given.astype(np.float64)
        x, y = self._formula.inputs
        sweep = Sweep(self._formula, arrays(wide.dtype), {x: wide, y: wide}, [1.0])
        slope = sweep.value(self._formula.outputs[0]).astype(given.dtype)
        dx = None if dout is None else dout * slope
        return RunBlock(given, given, slope, None, dout, dx)


def sole_mask(layer: Layer) -> str | None:
    """The name of the mask that determines the slope, if the layer keeps nothing else."""
    kept = {name: kept.dtype for _, single in layer.named() for name, kept in single.keeps.items()}
    return next(iter(kept)) if len(layer.layers) == 1 and list(kept.values()) == [bool] else None


def mask_slopes(layer: Layer, dtype: np.dtype[Any]) -> tuple[float, float]:
    """The slopes of such a layer where its mask is False and where it is True."""
    single = cast(Elementwise, layer.layers[0])
    ones = np.ones(2, single.working(dtype))
    slopes = np.empty_like(ones)
    single.backward_block(ones, slopes, np.array([False, True]))
    of_false, of_true = slopes.astype(dtype).tolist()
    return float(of_false), float(of_true)


def couples_elements(layer: Layer) -> bool:
    """Whether out or dx at some x are others without half of the x, in another order and shape."""
    half = PROBES[::-1][: PROBES.size // 2]
    runs = [
        (layer.forward(x), layer.backward(np.ones_like(x))) for x in (PROBES.reshape(8, 8), half)
    ]
    return not all(
        whole.size == PROBES.size
        and part.size == half.size
        and np.allclose(whole.ravel()[::-1][: half.size], part.ravel(), equal_nan=True)
        for whole, part in zip(*runs, strict=True)
    )


def is_own_slope(layer: Layer) -> bool:
    """Whether the slope at out, taken as an x, is the slope at x: true of relu and relu6."""
    x = np.linspace(-12, 12, 4097)
    out = layer.forward(x)
    slope = layer.backward(np.ones_like(x))
    layer.forward(out)
    return np.array_equal(slope, layer.backward(np.ones_like(x)))


def slope_of_out(layer: Layer) -> Formula | None:
    """The slope as a formula of two inputs x and y = out that does not use x, or None."""
    form = textbook_form(steps(layer))
    return form.formula if form.terms == ("y",) else None
