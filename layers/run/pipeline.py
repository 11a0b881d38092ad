"""A chain of element-wise layers, run over a piece block by block, in buffers that are reused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, TypeAlias, cast

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.casting import round_into
from actgrad.layers.joined import joined_kernel
from actgrad.layers.layer import Elementwise, Layer

#: Bytes of one buffer, a multiple of BLOCK elements. Those that a pass of NumPy reads and writes
#: fit in an L2 cache of 2 MiB. In smaller ones, threads wait for the interpreter's lock more often.
BUFFER = 1 << 18
#: A call that computes a part of a block: a function and its arguments.
Step: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


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
        #: The arrays of the last block, and its steps.
        self._last: tuple[Array, Array | None, Mapping[str, Array]] | None = None
        self._steps: list[Step] = []

    def run(self, x: Array, dout: Array | None, into: Mapping[str, Array]) -> None:
        """Fill the 1-d arrays `into`, by their names in `Layer.trace`, from 1-d x and dout.

        Blocks of `length` elements in the same arrays are run with the least work in Python.
        """
        if x.size <= self.length:
            self._block(x, dout, into)
            return
        for start in range(0, x.size, self.length):
            part = slice(start, start + self.length)
            wanted = {name: array[part] for name, array in into.items()}
            self._block(x[part], None if dout is None else dout[part], wanted)

    def _block(self, x: Array, dout: Array | None, into: Mapping[str, Array]) -> None:
        last = self._last
        if last is None or x is not last[0] or dout is not last[1] or into is not last[2]:
            self._last, self._steps = (x, dout, into), list(self._steps_of(x, dout, into))
        for function, arguments in self._steps:
            function(*arguments)

    def _steps_of(
        self, x: Array, dout: Array | None, wanted: Mapping[str, Array]
    ) -> Iterator[Step]:
        if self.second is not None and dout is not None and "d2x" in wanted:
            yield from self.second.forward(x, wanted)
            yield from self.second.backward(dout, wanted)
        for stage in self.stages:
            yield from stage.forward(x, wanted)
            x = stage.out
        if dout is None:
            return
        for stage in reversed(self.stages):
            yield from stage.backward(dout, wanted)
            dout = stage.dx

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The copies of the chain's layers that run."""
        second = () if self.second is None else (self.second.layer,)
        return (*(stage.layer for stage in self.stages), *second)

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
        self.layer.begin_forward()
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
        self.joined = joined_kernel(self.layer, self.kernel, self.dtype, length)

    def forward(self, x: Array, wanted: Mapping[str, Array]) -> Iterator[Step]:
        """The steps that compute the layer's `out` at a block; it is valid until the next call."""
        size = x.size
        self.out = wanted.get(self.out_name, self._out[:size])
        self._saved = {
            name: wanted.get(self.prefix + name, kept[:size]) for name, kept in self._kept.items()
        }
        own = [kept for name, kept in self._saved.items() if name != "out"]
        if self.joined and self.joined.takes(own[-1], x, self.out):
            yield self.joined.forward, (x, self.out, own[-1])
            return
        computed = self.out if self.working == self.dtype else self._wide[1][:size]
        yield from self._widening(x)
        yield self.kernel, (self._widened(x), computed, *own)
        if "out" in self._saved:
            self._saved["out"] = computed
        if computed is not self.out:
            yield round_into, (computed, self.out)

    def backward(self, dout: Array, wanted: Mapping[str, Array]) -> Iterator[Step]:
        """The steps that compute the layer's `dx`, from dout and what the last forward kept."""
        self.dx = wanted.get(self.dx_name, self._dx[: dout.size])
        saved = [*self._saved.values()]
        if self.joined and self.joined.takes(saved[-1], dout, self.dx):
            yield self.joined.backward, (dout, saved[-1], self.dx)
            return
        # A cache has more room for fewer buffers.
        wide = self._wide[0 if self.layer.in_place else 2]
        computed = self.dx if self.working == self.dtype else wide[: dout.size]
        yield from self._widening(dout)
        yield self.backward_kernel, (self._widened(dout), computed, *saved)
        if computed is not self.dx:
            yield round_into, (computed, self.dx)

    def _widening(self, values: Array) -> Iterator[Step]:
        if values.dtype != self.working:
            yield np.copyto, (self._widened(values), values)

    def _widened(self, values: Array) -> Array:
        return values if values.dtype == self.working else self._wide[0][: values.size]
