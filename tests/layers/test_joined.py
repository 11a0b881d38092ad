"""The compiled kernels give the bits of NumPy's kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actgrad.layers import joined, layer
from actgrad.layers.activations.near_ties import STRAIGHT
from actgrad.layers.activations.normal import ROOT, SHALLOW
from actgrad.layers.chain import Chain
from actgrad.layers.run.pipeline import Pipeline

pytestmark = pytest.mark.skipif(
    joined.passes is None, reason="the installation had no compiler for joined.c"
)
#: Where a kernel changes its way: near 0, at the root of GELU's slope, and where exp overflows.
TURNS = (0.0, STRAIGHT, 2.0**-15, ROOT, SHALLOW, 88.0, 709.78, 1e-45, 1.2e-38, 3.4e38)


def numbers(count: int, seed: int) -> Any:
    """float32 numbers of all bit patterns, of usual size, and around TURNS."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 1 << 32, count, np.uint32).view(np.float32)
    usual = (random.standard_normal(count) * 3).astype(np.float32)
    near = np.float32(random.choice(TURNS, count)).view(np.int32) + random.integers(
        -40, 40, count, np.int32
    )
    signed = near.view(np.float32) * random.choice([-1, 1], count).astype(np.float32)
    special = random.choice([0.0, -0.0, np.nan, np.inf, -np.inf], count).astype(np.float32)
    return random.permuted(np.array([bits, usual, signed, special]), axis=0)[0]


def run(layers: Any, x: Any, dout: Any, names: tuple[str, ...] = ("out", "dx")) -> list[bytes]:
    arrays = {name: np.empty_like(x, float if "slope" in name else x.dtype) for name in names}
    with np.errstate(all="ignore"):
        Pipeline(layers, x.dtype).run(x, dout, arrays)
    # One nan is like another.
    return [np.where(array == array, array, np.nan).tobytes() for array in arrays.values()]


@pytest.mark.parametrize("name", ["sigmoid", "gelu"])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000, 20_003])
def test_the_bits_are_those_of_numpy(name: str, size: int, monkeypatch: Any) -> None:
    x, dout = numbers(size, 1), numbers(size, 2)
    compiled = run(layer(name), x, dout)
    monkeypatch.setattr(joined, "passes", None)
    assert run(layer(name), x, dout) == compiled


@pytest.mark.parametrize("name", ["sigmoid", "gelu"])
def test_ties_next_to_0_are_decided_as_by_numpy(name: str, monkeypatch: Any) -> None:
    steps = np.arange(-4000, 4000, dtype=np.float32)
    x = np.concatenate([steps * np.float32(2.0**-k) for k in (24, 25, 27, 148, 149)])
    compiled = run(layer(name), x, np.ones_like(x))
    monkeypatch.setattr(joined, "passes", None)
    assert run(layer(name), x, np.ones_like(x)) == compiled


def test_a_kept_slope_and_a_chain_have_the_same_bits(monkeypatch: Any) -> None:
    x, dout = numbers(5000, 3), numbers(5000, 4)
    layers = Chain([layer("gelu"), layer("sigmoid"), layer("relu")])
    names = ("out", "dx", "1.slope", "1.out", "2.dx")
    compiled = run(layers, x, dout, names)
    monkeypatch.setattr(joined, "passes", None)
    assert run(layers, x, dout, names) == compiled


@pytest.mark.parametrize("order", [">f4", "<f4"])
def test_strides_and_byte_orders_are_left_to_numpy(order: str) -> None:
    x, dout = (numbers(4000, seed).astype(order)[::2] for seed in (5, 6))
    for name in ("sigmoid", "gelu"):
        assert run(layer(name), x, dout) == run(layer(name), x.astype("=f4"), dout.astype("=f4"))


def test_another_dtype_or_length_is_refused() -> None:
    x, wide = np.zeros(3, np.float32), np.zeros(3)
    for arguments in ((wide, wide, x), (x, wide[:2], x), (x, wide, wide), (x, wide)):
        with pytest.raises((ValueError, TypeError)):
            joined.passes.multiply(*arguments)
