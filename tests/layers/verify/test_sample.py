"""What a sample must hold, whatever its size."""

from __future__ import annotations

import numpy as np
import pytest

from actgrad.layers import Chain, layer
from actgrad.layers.arrays import FLOATING, named
from actgrad.layers.exact.ulp import FloatFormat, ordered
from actgrad.layers.verify.edges import edges, turns
from actgrad.layers.verify.sample import SampleError, drawn, every_number

every_dtype = pytest.mark.parametrize("name", FLOATING)


def dtype_of(name: str) -> np.dtype[np.generic]:
    if name == "bfloat16":
        pytest.importorskip("ml_dtypes")
    return named(name)


@every_dtype
def test_it_holds_every_binade_of_both_signs_and_what_is_special(name: str) -> None:
    dtype = dtype_of(name)
    kind = FloatFormat.of(dtype)
    x = drawn(layer("gelu"), dtype, 20_000)
    assert x.dtype == dtype
    assert x.size == 20_000
    bits = x.view(kind.bits)
    assert len(np.unique(bits)) == x.size
    binades = np.unique(bits >> (kind.precision - 1)).size
    # Of those that hold the infinities and nan, the one below 0 has no nan.
    assert binades == 2 * (kind.most - kind.least + 3)
    sizes = np.abs(x[~np.isnan(x)]).astype(np.float64)
    special = {0.0, kind.quantum, kind.tiny - kind.quantum, kind.tiny, 1.0, np.inf}
    assert special <= set(sizes.tolist())
    assert np.isnan(x).sum() == 1
    assert (np.signbit(x) & (x == 0)).sum() == 1
    assert (np.diff(x[:-1].astype(np.float64)) >= 0).all()


@pytest.mark.parametrize(
    ("spec", "places"),
    [
        ("gelu", [-0.7517915, -13.146246, -14.356068, 0.0]),
        ("sigmoid", [17.32868, -87.33654, -103.97208]),
        ("hardswish", [-3.0, -1.5, 0.0, 3.0]),
        ("threshold:threshold=1,value=3", [1.0]),
        ("softshrink:lambd=0.7", [-0.7, 0.7]),
        ("exponential", [88.72284, -87.33654]),
        ("mish", [-1.1924312]),
        ("relu6", [0.0, 6.0]),
    ],
)
def test_the_neighbours_of_what_tells_are_in_it(spec: str, places: list[float]) -> None:
    kind = FloatFormat.of(np.dtype(np.float32))
    held = set(ordered(drawn(layer(spec), kind.dtype, 4000), kind).tolist())
    for place in ordered(np.float32(places), kind).tolist():
        assert {place + step for step in range(-3, 4)} <= held


def test_the_middle_is_dense() -> None:
    x = drawn(layer("silu"), named("float32"), 100_000)
    middle = np.sort(x[np.abs(x) < 8])
    assert np.diff(middle).max() < 0.01


def test_a_seed_decides_it() -> None:
    first, again, other = (drawn(layer("mish"), named("float32"), 5000, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


@pytest.mark.parametrize("count", [1, 2, 5, 30, 300])
def test_a_small_one_has_the_size_asked_for(count: int) -> None:
    for name in ("float16", "float64"):
        assert drawn(layer("gelu"), named(name), count).size == count
    assert drawn(None, named("float32"), count).size == count


def test_a_dtype_has_no_more_numbers_than_it_has() -> None:
    x = drawn(layer("relu"), named("float16"), 100_000)
    assert x.size == 65536 - 2046 + 1
    assert every_number(named("float16")).size == 65536
    with pytest.raises(SampleError, match="too many"):
        every_number(named("float32"))
    with pytest.raises(SampleError, match="none"):
        drawn(None, named("float32"), 0)


def test_lines_are_not_spoilt_by_nan() -> None:
    x = drawn(layer("softmax"), named("float32"), 3000)
    assert np.isfinite(x).all()
    assert (np.diff(x) < 0).any()


def test_a_chain_has_edges_and_branches_of_its_own() -> None:
    kind = FloatFormat.of(np.dtype(np.float32))
    chain = Chain([layer("softplus"), layer("hardtanh:min_val=0.5,max_val=2")])
    assert np.abs(edges(chain, kind) - np.log(np.exp(2) - 1)).min() < 1e-6
    starts, rises = turns(Chain([layer("gelu")]), kind)
    # Far out the slope is 0, to float64: what falls there is told as well.
    assert starts == pytest.approx([-38.67477, -0.7517915])
    assert rises.tolist() == [1, -1, 1]
