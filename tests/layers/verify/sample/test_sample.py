"""A sample has every binade and critical point, whatever its size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from actgrad.layers import Chain, SampleError, layer
from actgrad.layers.arrays import FLOATING, Array, named
from actgrad.layers.casting import EIGHT_BIT
from actgrad.layers.exact.ulp import FloatFormat, ordered
from actgrad.layers.verify.sample import draw_sample, every_number
from actgrad.layers.verify.sample.critical_points import critical_points, monotonic_branches
from actgrad.layers.verify.verification import verify

every_dtype = pytest.mark.parametrize("name", [name for name in FLOATING if name not in EIGHT_BIT])


def dtype_of(name: str) -> np.dtype[np.generic]:
    if name == "bfloat16":
        pytest.importorskip("ml_dtypes")
    return named(name)


@every_dtype
def test_it_has_every_binade_of_both_signs_and_the_special_numbers(name: str) -> None:
    dtype = dtype_of(name)
    float_format = FloatFormat.of(dtype)
    x = draw_sample(layer("gelu"), dtype, 20_000)
    assert x.dtype == dtype
    assert x.size == 20_000
    bits = x.view(float_format.bits)
    assert len(np.unique(bits)) == x.size
    binades = np.unique(bits >> (float_format.precision - 1)).size
    # The binades of ±inf count too; the only nan is in the positive one.
    assert binades == 2 * (float_format.most - float_format.least + 3)
    sizes = np.abs(x[~np.isnan(x)]).astype(np.float64)
    special = {
        0.0,
        float_format.quantum,
        float_format.tiny - float_format.quantum,
        float_format.tiny,
        1.0,
        np.inf,
    }
    assert special <= set(sizes.tolist())
    assert np.isnan(x).sum() == 1
    assert (np.signbit(x) & (x == 0)).sum() == 1
    assert (np.diff(x[:-1].astype(np.float64)) >= 0).all()


@pytest.mark.parametrize(
    ("spec", "points"),
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
def test_it_has_the_neighbours_of_critical_points(spec: str, points: list[float]) -> None:
    float_format = FloatFormat.of(np.dtype(np.float32))
    numbers = set(
        ordered(draw_sample(layer(spec), float_format.dtype, 4000), float_format).tolist()
    )
    for point in ordered(np.float32(points), float_format).tolist():
        assert {point + step for step in range(-3, 4)} <= numbers


def sigmoid(x: Array) -> Array:
    return np.float32(1) / (np.float32(1) + np.exp(-x))


def rarely_flushed(spec: str, x: Array) -> Array:
    """The right results, of which one subnormal one in thirty is 0, as PyTorch's are."""
    out = layer(spec).forward(x)
    is_flushed = (np.abs(out) < np.finfo(np.float32).tiny) & (x.view(np.uint32) % 30 == 7)
    return np.where(is_flushed, np.copysign(np.float32(0), out), out)


@pytest.mark.parametrize(
    ("spec", "kernel", "span"),
    [
        ("softplus", lambda x: rarely_flushed("softplus", x), (-104, -86)),
        ("log_sigmoid", lambda x: rarely_flushed("log_sigmoid", x), (86, 104)),
        ("sigmoid", sigmoid, (-90, -86)),
        ("silu", lambda x: x * sigmoid(x), (-100, -80)),
        ("tanh", lambda x: 2 * sigmoid(2 * x) - 1, (1e-6, 1e-3)),
        ("elu", lambda x: np.where(x > 0, x, np.exp(x) - 1), (-1e-6, -1e-9)),
    ],
)
def test_a_sample_finds_what_a_sweep_finds(
    spec: str, kernel: Callable[[Array], Array], span: tuple[float, float]
) -> None:
    sample, results = draw_sample(layer(spec), named("float32"), 10_000), []
    for x in (
        np.linspace(*span, 5000, dtype="f4"),
        sample[(sample > span[0]) & (sample < span[1])],
    ):
        with np.errstate(all="ignore"):
            out = kernel(x).astype(np.float32)
        tally = verify(spec, x, out=out).tallies["out"]
        results.append(({kind for kind, count in tally.failures.items() if count}, tally.max))
    (kinds, worst), (sampled_kinds, sampled_worst) = results
    assert kinds
    assert kinds <= sampled_kinds
    assert sampled_worst >= worst / 2


def test_a_bfloat16_sample_has_every_number_where_the_layer_bends() -> None:
    dtype = dtype_of("bfloat16")
    sampled = set(draw_sample(layer("gelu"), dtype, 10_000).view(np.uint16).tolist())
    x = every_number(dtype)
    with np.errstate(invalid="ignore"):  # signalling nans
        sizes = np.abs(x.astype(np.float64))
    bends = (sizes > 2**-2) & (sizes < 12)
    assert set(x[bends].view(np.uint16).tolist()) <= sampled


@pytest.mark.parametrize(
    ("spec", "low", "high"),
    # PyTorch's softplus is x where beta·x > 20.
    [("softplus:beta=0.001", 14e3, 29e3), ("hardtanh:min_val=-3e4,max_val=5", -44e3, -21e3)],
)
def test_the_bands_of_parameters_are_sampled(spec: str, low: float, high: float) -> None:
    x = draw_sample(layer(spec), named("float32"), 10_000).astype(float)
    plain = draw_sample(layer("relu"), named("float32"), 10_000).astype(float)
    counts = [np.count_nonzero((low < each) & (each < high)) for each in (x, plain)]
    assert counts[0] > 1.5 * counts[1]


def test_the_middle_is_dense() -> None:
    x = draw_sample(layer("silu"), named("float32"), 100_000)
    middle = np.sort(x[np.abs(x) < 8])
    assert np.diff(middle).max() < 0.01


def test_equal_seeds_give_equal_samples() -> None:
    first, again, other = (
        draw_sample(layer("mish"), named("float32"), 5000, seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


@pytest.mark.parametrize("count", [1, 2, 5, 30, 300])
def test_a_small_sample_has_the_size_asked_for(count: int) -> None:
    for name in ("float16", "float64"):
        assert draw_sample(layer("gelu"), named(name), count).size == count
    assert draw_sample(None, named("float32"), count).size == count


def test_a_sample_has_no_more_numbers_than_its_dtype() -> None:
    x = draw_sample(layer("relu"), named("float16"), 100_000)
    assert x.size == 65536 - 2046 + 1
    assert every_number(named("float16")).size == 65536
    with pytest.raises(SampleError, match="too many"):
        every_number(named("float32"))
    with pytest.raises(SampleError, match="is empty"):
        draw_sample(None, named("float32"), 0)


def test_a_sample_for_lines_has_no_nan_and_is_not_sorted() -> None:
    x = draw_sample(layer("softmax"), named("float32"), 3000)
    assert np.isfinite(x).all()
    assert (np.diff(x) < 0).any()


def test_a_chain_has_critical_points_and_branches_of_its_own() -> None:
    float_format = FloatFormat.of(np.dtype(np.float32))
    chain = Chain([layer("softplus"), layer("hardtanh:min_val=0.5,max_val=2")])
    assert np.abs(critical_points(chain, float_format) - np.log(np.exp(2) - 1)).min() < 1e-6
    starts, directions = monotonic_branches(Chain([layer("gelu")]), float_format)
    # Below −38.67 the slope is 0 in float64, so that out must not fall there.
    assert starts == pytest.approx([-38.67477, -0.7517915])
    assert directions.tolist() == [1, -1, 1]
