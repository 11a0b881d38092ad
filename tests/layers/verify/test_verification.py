"""Right kernels pass, and one wrong element of a million is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dumps import SPECS, dtype_of, every_dtype, failures, right, sample, verified

from actgrad.layers import (
    Block,
    Chain,
    Layer,
    Policy,
    PolicyError,
    ShapeError,
    Verification,
    layer,
)
from actgrad.layers.arrays import Array
from actgrad.layers.exact.ulp import FloatFormat, ordered, unordered
from actgrad.layers.explain import second_derivative
from actgrad.layers.verify import verify
from actgrad.layers.verify.sample import draw_sample


@pytest.mark.no_cover
@every_dtype
@pytest.mark.parametrize("spec", SPECS)
def test_correctly_rounded_results_pass(spec: str, dtype: str) -> None:
    x = sample(spec, dtype_of(dtype), 64)
    if layer(spec).is_elementwise:
        x = x[~layer(spec).by_convention(x, x)]
    out, dx = right(spec, x)
    verification = verified(spec, x, out, dx, policy=Policy(max_ulp=0.5))
    assert verification.ok, verification.summary
    assert all(tally.nearest == tally.count for tally in verification.tallies.values())


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "spec", ["gelu", "tanh", "hardswish", "leaky_relu:negative_slope=0.5", "glu", "softmax"]
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_balls_and_bounds_decide_as_exact_arithmetic_does(spec: str, dtype: str) -> None:
    """For results that are right, off by a few ULP, and exactly at a limit."""
    x = sample(spec, np.dtype(dtype), 400)
    out, dx = right(spec, x)
    float_format = FloatFormat.of(x.dtype)
    rng = np.random.default_rng(3)
    top = ordered(np.array([np.inf], dtype), float_format)[0]
    out, dx = (
        unordered(
            np.clip(ordered(a, float_format) + rng.integers(-2, 3, a.shape), -top, top),
            float_format,
        )
        for a in (out, dx)
    )
    policy = Policy(max_ulp=1, max_abs=0.25, max_rel=2.0**-8)
    quick = verified(spec, x, out, dx, policy=policy)
    slow = Verification(layer(spec), x.dtype, policy)
    slow._comparison.undecided = lambda got, truths: np.ones(got.size, bool)  # type: ignore[method-assign]
    slow.add(Block(x, out, None, dx))
    assert quick.exact <= slow.exact
    assert slow.exact == np.count_nonzero(~np.isnan(x))
    for name, tally in slow.tallies.items():
        assert failures(quick, name) == failures(slow, name)
        assert quick.tallies[name].nearest == tally.nearest
        assert quick.tallies[name].max == pytest.approx(tally.max, rel=1e-6, abs=1e-2)


@pytest.fixture(scope="module")
def million() -> tuple[Any, Any]:
    """A million x, and their correctly rounded sigmoid."""
    x = draw_sample(layer("sigmoid"), np.dtype(np.float32), 1_000_000)
    return x, layer("sigmoid").forward(x)


@pytest.mark.parametrize("steps", [3, -4, 1000])
def test_one_element_of_a_million_that_is_off_by_k_is_found(
    million: tuple[Any, Any], steps: int
) -> None:
    x, out = million
    out = out.copy()
    float_format = FloatFormat.of(out.dtype)
    out[654_321] = unordered(ordered(out[654_321:654_322], float_format) + steps, float_format)[0]
    verification = verified("sigmoid", x, out)
    assert failures(verification) == {"ulp": 1}
    (worst,) = verification.worst("out", 10)
    assert (worst.position, worst.failure, worst.x) == (654_321, "ulp", float(x[654_321]))
    assert worst.error == pytest.approx(abs(steps), abs=0.5)
    assert worst.nearest == million[1][654_321]
    assert verified("sigmoid", x, out, policy=Policy(max_ulp=abs(steps) + 0.5)).ok


def test_a_chain_with_dout_is_verified_without_exact_arithmetic() -> None:
    chain = Chain([layer("sigmoid"), layer("leaky_relu:negative_slope=0.1")])
    x, dout = np.float32([-3, 0.25, 2]), np.float32([2, -1, 0.5])
    out, dx = chain.forward(x), chain.backward(dout)
    verification = Verification(chain, x.dtype, Policy(max_ulp=4))
    verification.add(Block(x, out, dout, dx))
    assert verification.ok
    assert verification.exact == 0
    other = Verification(chain, x.dtype, Policy(max_ulp=4))
    other.add(Block(x, None, None, dx))
    assert other.tallies["dx"].failed == 3


def test_arrays_of_different_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="dx has shape"):
        verified("relu", np.ones(3), None, np.ones(2))


def test_a_verification_of_no_element_is_refused() -> None:
    with pytest.raises(ShapeError, match="there is no element to verify"):
        verify("relu", np.zeros(0), out=np.zeros(0))
    with pytest.raises(PolicyError, match="within leaves no element of out"):
        verify("relu", np.ones(2), out=np.zeros(2), policy=Policy(within=(5, 6)))


def test_the_second_derivative_is_verified_and_is_0_at_a_kink() -> None:
    function = layer("elu:alpha=2")
    x = np.array([*np.linspace(-4, 4, 40), 0.0, np.nan, np.inf, -np.inf], np.float32)
    dout = np.full_like(x, 3)
    d2x = second_derivative(function, x, dout)
    right = verify(function, x, dx=dx_of(function, x, dout), dout=dout, d2x=d2x)
    assert right.ok
    assert list(right.tallies) == ["d2x", "dx"]
    d2x[40] = 6
    (worst,) = verify(function, x, dout=dout, d2x=d2x).worst("d2x", 1)
    assert (worst.x, worst.got, worst.truth, worst.failure) == (0, 6, "0", "ulp")


def dx_of(function: Layer, x: Array, dout: Array) -> Array:
    function.forward(x)
    return function.backward(dout)


def test_the_second_derivative_of_softplus_as_frameworks_have_it_fails() -> None:
    x = np.linspace(0, 40, 200)
    s = 1 / (1 + np.exp(-x))
    verified = verify("softplus", x, d2x=s * (1 - s))
    (worst,) = verified.worst("d2x", 1)
    assert worst.got == 0
    assert float(worst.truth) == pytest.approx(np.exp(-worst.x))
    assert verify("softplus", x, d2x=second_derivative(layer("softplus"), x, x * 0 + 1)).ok


def test_an_array_that_is_not_the_second_derivative_is_named() -> None:
    x = np.linspace(-3, 3, 100)
    dx = dx_of(layer("gelu"), x, np.ones_like(x))
    assert verify("gelu", x, d2x=dx).likely_causes["d2x"].cause == "the wrong array: it holds dx"
    with pytest.raises(ShapeError, match="softmax takes a line of numbers"):
        verify("softmax", x, d2x=dx)
