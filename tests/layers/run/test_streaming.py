"""Streaming gives the bits of the whole array for all pieces, threads and memory orders."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from actgrad.layers import Chain, Relu, ShapeError, layer
from actgrad.layers.arrays import Array, Order
from actgrad.layers.explain import WithSecondOrder
from actgrad.layers.run import pipeline, regions, streaming
from actgrad.layers.run.met import Met
from actgrad.layers.run.regions import run_by_regions
from actgrad.layers.run.sources import MemoryArray
from actgrad.layers.run.streaming import can_run_in_parts, can_stream, stream
from actgrad.layers.run.threads import OrderedThreads

CHAINS: Sequence[Sequence[str]] = [
    ["relu"],
    ["sigmoid"],
    ["gelu"],
    ["prelu"],
    ["softmax"],
    ["glu"],
    ["sigmoid", "leaky_relu", "tanh"],
    ["relu", "log_softmax"],
]
RNG = np.random.default_rng(0)


def chain_of(specs: Sequence[str]) -> Chain:
    return Chain([layer(spec) for spec in specs])


def given(chain: Chain, dtype: str, order: Order) -> tuple[Array, Array]:
    x = np.asarray((RNG.standard_normal((30, 40, 50)) * 3).astype(dtype), order=order)
    dout = RNG.standard_normal(chain.out_shape(x.shape)).astype(np.float64)
    return x, np.asarray(dout, order=order)


class Pipe:
    """An array that must be read, or written, from start to end."""

    ordered, in_file = True, False

    def __init__(self, array: Array) -> None:
        source = MemoryArray(array)
        self.shape, self.dtype, self.order = source.shape, source.dtype, source.order
        self._array, self._next = source, 0

    def _move(self, start: int, size: int) -> None:
        assert start == self._next
        self._next += size

    def read(self, start: int, buffer: Array) -> Array:
        self._move(start, buffer.size)
        buffer[...] = self._array.read(start, buffer)
        return buffer

    def array_for(self, start: int, buffer: Array) -> Array:
        return buffer

    def write(self, start: int, values: Array) -> None:
        self._move(start, values.size)
        self._array.write(start, values)


class File(MemoryArray):
    """An array of which any part is read into a buffer, and written from one."""

    in_file = True

    def read(self, start: int, buffer: Array) -> Array:
        buffer[...] = super().read(start, buffer)
        return buffer

    def array_for(self, start: int, buffer: Array) -> Array:
        return buffer

    def write(self, start: int, values: Array) -> None:
        np.copyto(super().read(start, values), values)


@pytest.mark.measured(20)
@pytest.mark.parametrize("specs", CHAINS, ids="+".join)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", "int16"])
@pytest.mark.parametrize("threads", [1, 3])
def test_streaming_gives_the_bits_of_the_whole_array(
    specs: Sequence[str], dtype: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "PIECE", 1 << 15)
    monkeypatch.setattr(pipeline, "BUFFER", 1 << 17)
    chain = chain_of(specs)
    for order in ("C", "F"):
        x, dout = given(chain, dtype, order)
        want = chain.trace(x, dout)
        if not can_stream(chain, MemoryArray(x), MemoryArray(dout)):
            continue
        for kind in (MemoryArray, Pipe, File):
            into = {
                name: np.empty(array.shape, array.dtype, order)
                for name, array in want.items()
                if array.ndim and name != "x"
            }
            sinks = [(name, kind(array)) for name, array in into.items()]
            got = stream(chain, kind(x), kind(dout), sinks, threads=threads)
            for name, array in {**into, **got}.items():
                assert array.tobytes() == want[name].tobytes(), (name, order, kind)


@pytest.mark.parametrize("specs", [["sigmoid"], ["softmax:axis=0"], ["glu:axis=1", "relu"]])
def test_regions_give_the_bits_of_the_whole_array(
    specs: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regions, "LARGEST_SLICE", 300)
    chain = chain_of(specs)
    x, dout = given(chain, "float32", "C")
    dout = np.asfortranarray(dout)
    assert not can_stream(chain, MemoryArray(x), MemoryArray(dout))
    assert can_run_in_parts(chain, MemoryArray(x), MemoryArray(dout))
    want = chain.trace(x, dout)
    into = {name: np.empty_like(array) for name, array in want.items()}
    shares: list[float] = []
    run_by_regions(chain, x, dout, into, progress=shares.append)
    for name, array in into.items():
        assert array.tobytes() == want[name].tobytes(), name
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("second", [[], ["softmax"]])
@pytest.mark.parametrize("by_regions", [False, True])
def test_a_chain_states_the_first_x_that_any_piece_met(
    second: list[str], by_regions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regions, "LARGEST_SLICE", 300)
    monkeypatch.setattr(streaming, "PIECE", 300)
    chain = chain_of(["sqrt(x)", *second])
    x = np.ones((100, 10))
    x[50:, 3], x[70:, 5], x[40, 2] = -np.arange(50.0, 100), 0, 0
    out = np.empty_like(x)
    if by_regions:
        run_by_regions(chain, x, None, {"out": out}, threads=3)
    else:
        stream(chain, MemoryArray(x), None, [("out", MemoryArray(out))], threads=3)
    assert chain.layers[0].undefined == {"out": -50.0, "dx": 0.0}
    assert np.isnan(out).any()


def test_what_the_layers_of_other_processes_met_is_merged() -> None:
    chain = chain_of(["sqrt(x)"])
    here, there = Met(chain), Met(chain)
    for met, start, x in ((here, 600, -2.0), (there, 300, -1.0), (there, 900, -3.0)):
        own = copy(chain)
        own.forward([1.0, x])
        met.add(start, own.layers)
    here.merge(pickle.loads(pickle.dumps(there)))
    here.state()
    assert chain.layers[0].undefined == {"out": -1.0}


def test_a_derivative_states_the_kinks_that_any_piece_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "LARGEST_SLICE", 300)
    chain = WithSecondOrder(layer("|x| + max(x, 1)"))
    x = np.ones((100, 10))
    x[50:, 3] = 0
    run_by_regions(chain, x, np.ones_like(x), {"d2x": np.empty_like(x)}, threads=3)
    assert sorted(chain.second_order.kinks_met) == [0.0, 1.0]


def test_layers_along_two_axes_cannot_run_in_parts() -> None:
    both = chain_of(["softmax:axis=0", "softmax:axis=1"])
    x = np.ones((3, 4))
    assert not can_run_in_parts(both, MemoryArray(x))
    with pytest.raises(ValueError, match="from start to end"):
        stream(both, MemoryArray(x), None, [])
    with pytest.raises(ValueError, match="more than a region"):
        run_by_regions(both, x, None, {})


def test_dout_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"dout has shape \(4,\), but relu's out has \(3,\)"):
        stream(chain_of(["relu"]), MemoryArray(np.ones(3)), MemoryArray(np.ones(4)), [])


def test_arrays_are_cast_before_the_run() -> None:
    x = np.array([1 / 3, -1.0, 2.0])
    out = np.empty(3, np.float32)
    stream(
        chain_of(["relu"]),
        MemoryArray(x),
        None,
        [("out", MemoryArray(out))],
        dtype=np.dtype(np.float32),
    )
    assert out.tolist() == [np.float32(1 / 3), 0, 2]


def test_the_first_exception_stops_the_threads_that_wait_for_their_turn() -> None:
    threads: OrderedThreads[int] = OrderedThreads(range(10))
    failing = threading.Event()

    def fail() -> None:
        with threads.taking():
            pass
        failing.set()
        raise KeyError("first")

    def wait() -> None:
        failing.wait()
        with threads.turn(5):
            raise AssertionError("piece 5 never gets its turn")

    with pytest.raises(KeyError, match="first"):
        threads.run([fail, wait])
    with threads.taking() as taken:
        assert taken is None


def test_a_file_that_shrinks_during_the_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regions, "LARGEST_SLICE", 300)
    file = tmp_path / "x.npy"
    np.save(file, RNG.standard_normal((300, 40)))
    x = np.load(file, mmap_mode="r")

    class Cutting(Relu):
        def forward(self, x: ArrayLike, out: Array | None = None) -> Array:
            os.truncate(file, 128)
            return super().forward(x, out)

    with pytest.raises(ShapeError, match="x's file shrank from 96128 bytes to 128"):
        run_by_regions(Chain([Cutting()]), x, None, {"out": np.empty(x.shape)}, threads=1)
