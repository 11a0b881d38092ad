"""A chain of element-wise layers, run over a piece block by block, in buffers that are reused."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, cast

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.casting import round_into
from actgrad.layers.layer import Elementwise, Layer

#: Bytes of one buffer, a multiple of BLOCK elements. The buffers together are larger than the L2
#: cache, because threads that call NumPy less often wait less for the interpreter's lock.
BUFFER = 1 << 20


class Pipeline:
    """A copy of a chain for one thread, and the memory for its runs."""

    def __init__(self, chain: Layer, dtype: np.dtype[Any]) -> None:
        stages = [Stage(cast(Elementwise, layer), prefix, dtype) for prefix, layer in chain.named()]
        self.stages = stages
        self.length = min(BUFFER // stage.working.itemsize for stage in stages)
        for stage in stages:
            stage.allocate(self.length)
        stages[-1].out_name, stages[0].dx_name = "out", "dx"
        self.second: Stage | None = None
        if chain.second_order is not None:
            self.second = Stage(chain.second_order, "d2x.", dtype)
            self.second.allocate(self.length)
            self.second.dx_name = "d2x"

    def run(self, x: Array, dout: Array | None, into: Mapping[str, Array]) -> None:
        """Fill the 1-d arrays `into`, by their names in `Layer.trace`, from 1-d x and dout."""
        for start in range(0, x.size, self.length):
            part = slice(start, start + self.length)
            wanted = {name: array[part] for name, array in into.items()}
            self._block(x[part], None if dout is None else dout[part], wanted)

    def _block(self, x: Array, dout: Array | None, wanted: dict[str, Array]) -> None:
        if self.second is not None and dout is not None and "d2x" in wanted:
            self.second.forward(x, wanted)
            self.second.backward(dout, wanted)
        for stage in self.stages:
            x = stage.forward(x, wanted)
        if dout is None:
            return
        for stage in reversed(self.stages):
            dout = stage.backward(dout, wanted)

    @property
    def terms(self) -> dict[str, list[float]]:
        """The terms of all runs whose sums are the gradients of trained parameters."""
        return {
            stage.prefix + name: terms
            for stage in self.stages
            for name, terms in stage.layer.terms.items()
        }


class Stage:
    """One layer of a pipeline and its buffers."""

    def __init__(self, layer: Elementwise, prefix: str, dtype: np.dtype[Any]) -> None:
        self.layer, self.prefix, self.dtype = copy(layer), prefix, dtype
        self.layer.begin_backward()
        self.working = layer.working(dtype)
        self.kernel = self.layer.forward_kernel(dtype)
        self.backward_kernel = self.layer.backward_kernel(dtype)
        self.out_name, self.dx_name = f"{prefix}out", f"{prefix}dx"

    def allocate(self, length: int) -> None:
        """Allocate buffers for blocks of `length` elements."""
        self._out, self._dx = (np.empty(length, self.dtype) for _ in range(2))
        self._kept = {
            name: np.empty(length, self.layer.kept(name, self.dtype)) for name in self.layer.keeps
        }
        self._wide = [np.empty(length, self.working) for _ in range(3)]

    def forward(self, x: Array, wanted: Mapping[str, Array]) -> Array:
        """The layer's out at a block; it is valid until the next call."""
        size = x.size
        out = wanted.get(self.out_name, self._out[:size])
        self._saved = {
            name: wanted.get(self.prefix + name, kept[:size]) for name, kept in self._kept.items()
        }
        computed = out if self.working == self.dtype else self._wide[1][:size]
        own = [kept for name, kept in self._saved.items() if name != "out"]
        self.kernel(self._widened(x), computed, *own)
        if "out" in self._saved:
            self._saved["out"] = computed
        if computed is not out:
            round_into(computed, out)
        return out

    def backward(self, dout: Array, wanted: Mapping[str, Array]) -> Array:
        """The layer's dx, from dout and what the last forward kept."""
        dx = wanted.get(self.dx_name, self._dx[: dout.size])
        computed = dx if self.working == self.dtype else self._wide[2][: dout.size]
        self.backward_kernel(self._widened(dout), computed, *self._saved.values())
        if computed is not dx:
            round_into(computed, dx)
        return dx

    def _widened(self, values: Array) -> Array:
        if values.dtype == self.working:
            return values
        wide = self._wide[0][: values.size]
        np.copyto(wide, values)
        return wide
