"""Failures, limits, conventions and presets: which results pass under which policy."""

from __future__ import annotations

import numpy as np
import pytest
from dumps import dtype_of, every_dtype, failures, right, verified

from actgrad.layers import (
    Chain,
    Policy,
    PolicyError,
    Verification,
    layer,
)
from actgrad.layers.exact.ulp import FloatFormat, ordered, unordered
from actgrad.layers.verify import verify
from actgrad.layers.verify.judge.policy import ZERO_SIGNS
from actgrad.layers.verify.sample import draw_sample


@pytest.mark.parametrize(
    ("spec", "at", "got", "failure"),
    [
        ("sigmoid", 1.0, np.nan, "nan"),
        ("sigmoid", 1.0, np.inf, "inf"),
        ("sigmoid", np.nan, 0.5, "not-nan"),
        ("sigmoid", 1.0, -0.7310586, "sign"),
        ("relu", -1.0, -0.0, "zero-sign"),
        ("gelu", -0.0, 0.0, "zero-sign"),
        ("gelu", -50.0, 0.0, "underflow-sign"),
        ("gelu", -2.0, 0.0, "lost"),
        ("exponential", 89.0, 3.4028235e38, "finite"),
        ("exponential", -88.0, 0.0, "flushed"),
        ("exponential", -87.5, -0.0, "flushed"),
        ("relu", np.inf, 3.4028235e38, "finite"),
        ("tanhshrink", -np.inf, np.inf, "sign"),
    ],
)
def test_each_failure_is_counted_by_its_name(
    spec: str, at: float, got: float, failure: str
) -> None:
    x = np.concatenate([draw_sample(layer(spec), np.dtype(np.float32), 500), np.float32([at])])
    out = layer(spec).forward(x)
    assert verified(spec, x, out, policy=Policy(max_ulp=0.5)).ok
    out[-1] = got
    strict = verified(spec, x, out, policy=Policy(1, keep_zero_sign=True))
    assert failures(strict) == {failure: 1}
    assert strict.worst("out", 1)[0].failure == failure
    usual = verified(spec, x, out)
    assert usual.ok == (failure in ZERO_SIGNS)
    assert sum(usual.tallies["out"].zero_signs.values()) == usual.ok


@pytest.mark.parametrize(
    ("inner", "x", "dx"), [("tanhshrink", 1e-155, 1e-310), ("relu_squared", 1e-320, 2e-320)]
)
def test_a_kink_sees_a_number_that_underflows(inner: str, x: float, dx: float) -> None:
    right, wrong = (
        verify(Chain([layer(inner), layer("relu")]), np.array([x]), dx=np.array([got]))
        for got in (dx, 0.0)
    )
    assert right.ok
    assert not wrong.ok


@every_dtype
def test_a_swapped_sign_at_the_root_of_gelus_slope_is_found(dtype: str) -> None:
    float_format = FloatFormat.of(dtype_of(dtype))
    root = ordered(np.array([-0.7517915246935645]).astype(float_format.dtype), float_format)
    x = unordered(root + np.arange(-20, 21), float_format)
    _, dx = right("gelu", x)
    wrong = dx.copy()
    wrong[19:22] = -wrong[19:22]
    assert verified("gelu", x, None, dx, policy=Policy(max_ulp=0.5)).ok
    assert failures(verified("gelu", x, None, wrong), "dx") == {"sign": 3}


@pytest.mark.measured(1)
@every_dtype
def test_flushed_subnormals_are_found_and_may_be_allowed(dtype: str) -> None:
    float_format = FloatFormat.of(dtype_of(dtype))
    x = draw_sample(layer("tanh"), float_format.dtype, 2000)
    x = x[np.isfinite(x)]
    out, _ = right("tanh", x)
    small = (np.abs(out.astype(np.float64)) < float_format.tiny) & (out != 0)
    flushed = np.where(small, np.copysign(np.zeros_like(out), out), out)
    verification = verified("tanh", x, flushed)
    assert set(failures(verification)) == {"flushed"}
    assert 10 < failures(verification)["flushed"] <= small.sum()
    assert "flushed to 0" in verification.likely_causes["out"].cause
    allowed = Policy(max_ulp=2, flush_subnormals=True)
    allowing = verified("tanh", x, flushed, policy=allowed)
    assert allowing.ok
    assert allowing.tallies["out"].flushed == failures(verification)["flushed"]
    normal = flushed.copy()
    normal[np.flatnonzero(np.abs(out.astype(np.float64)) >= float_format.tiny)[5]] = 0
    assert not verified("tanh", x, normal, policy=allowed).ok


def test_a_wrong_sign_beside_a_flushed_input_fails() -> None:
    x = np.float32([1e-40, 3])
    allowing = Policy(2, flush_subnormals=True)
    assert failures(verified("identity", x, np.float32([-1, 3]), policy=allowing)) == {"sign": 1}


def test_a_flushed_input_is_allowed_where_the_result_is_that_of_0() -> None:
    x = np.float32([1e-40, -1e-40, 1e-30, -3])
    dx = layer("relu").forward(x) * 0 + np.float32([0, 0, 1, 0])
    assert failures(verified("relu", x, None, dx), "dx") == {"lost": 1}
    assert verified("relu", x, None, dx, policy=Policy(2, flush_subnormals=True)).ok
    dx[2] = 0
    policy = Policy(2, flush_subnormals=True)
    assert failures(verified("relu", x, None, dx, policy=policy), "dx") == {"lost": 1}


@pytest.mark.parametrize(
    ("spec", "x", "slope", "is_convention"),
    [
        ("relu", 0.0, 1.0, True),
        ("relu", 0.0, 0.5, True),
        ("relu", 0.0, 1.5, False),
        ("relu", 1e-40, 0.5, False),
        ("relu6", 6.0, 1.0, True),
        ("hardshrink", 0.5, 1.0, True),
        ("silu", 0.0, 0.6, False),
    ],
)
def test_a_slope_between_those_of_a_kinks_sides_is_a_convention(
    spec: str, x: float, slope: float, is_convention: bool
) -> None:
    dout = np.float32([-3, 2])
    given = np.full(2, np.float32(x))
    dx = np.float32(slope) * dout
    verification = verified(spec, given, None, dx, dout=dout)
    assert verification.ok is is_convention
    assert verification.tallies["dx"].conventions == 2 * is_convention
    strict = verified(spec, given, None, dx, dout=dout, policy=Policy(2, keep_conventions=True))
    assert not strict.ok


@pytest.mark.parametrize("got", [0.0, 0.5])
def test_a_number_for_a_softmax_of_infinities_is_a_convention(got: float) -> None:
    x = np.array([[-np.inf, -np.inf], [1.0, 1.0]])
    out = np.array([[got, got], [0.5, 0.5]])
    verification = verified("softmax", x, out)
    assert verification.ok
    assert verification.tallies["out"].conventions == 2
    assert not verified("softmax", x, out, policy=Policy(2, keep_conventions=True)).ok


def test_the_verdict_with_flushing_is_told_beside_the_strict_one() -> None:
    x = np.float32([1e-40, 2, 3])
    right = verified("identity", x, x)
    assert right.with_flushing == ""
    flushed = verified("identity", x, np.float32([0, 2, 3]))
    assert (flushed.ok, flushed.with_flushing) == (False, "with subnormals flushed: ok")
    both = verified("identity", x, np.float32([0, 2, 4]))
    assert both.with_flushing == (
        "with subnormals flushed: FAILED: out: 1 of 3 elements fail (ulp 1)"
    )


def test_every_limit_must_be_kept() -> None:
    x = np.array([100.0, 1e-3])
    out = np.array([100.001, 1.1e-3])
    for policy, counts in [
        (Policy(max_abs=0.01), {}),
        (Policy(max_abs=5e-4), {"abs": 1}),
        (Policy(max_rel=0.2), {}),
        (Policy(max_rel=0.05), {"rel": 1}),
        (Policy(max_abs=0.01, max_rel=0.05), {"rel": 1}),
        (Policy(max_ulp=1, max_abs=1, max_rel=1), {"ulp": 2}),
    ]:
        assert failures(verified("identity", x, out, policy=policy)) == counts
    with pytest.raises(PolicyError, match="max_rel is -1"):
        verified("identity", x, out, policy=Policy(max_rel=-1))


@pytest.mark.parametrize(
    ("truth", "got", "passes"),
    [
        (1.0, 1.0 + 1.1e-5, True),
        (1.0, 1.0 + 1.2e-5, False),
        (1e-20, 0.0, True),
        (1e-6, -1e-6, True),
        (2e-5, 0.0, False),
        (1e6, 1e6 + 1.25, True),
        (1e6, 1e6 + 1.375, False),
        (1.0, np.nan, False),
        (np.inf, np.inf, True),
        (np.inf, 3e38, False),
    ],
)
def test_like_torch_is_assert_close(truth: float, got: float, passes: bool) -> None:
    x, out = np.float32([truth]), np.float32([got])
    verification = verified("identity", x, out, policy=Policy(like="torch"))
    assert verification.ok is passes
    assert "like torch, error ≤ 1e-05 + 1.3e-06·|truth|" in verification.summary
    try:
        from torch import from_numpy
        from torch.testing import assert_close
    except ImportError:
        return
    try:
        assert_close(from_numpy(out), from_numpy(x))
    except AssertionError:
        assert not passes
    else:
        assert passes


def test_like_webnn_has_a_limit_for_each_layer() -> None:
    x = np.float16([1, 2])
    for spec, limit in (("sigmoid", 10), ("relu", 0), ("elu", 18)):
        assert verified(spec, x, x, policy=Policy(like="webnn")).policy.max_ulp == limit


@pytest.mark.parametrize(
    ("spec", "dtype", "policy", "message"),
    [
        ("mish", "float32", Policy(like="webnn"), "like webnn states nothing for mish"),
        ("gelu", "float64", Policy(like="webnn"), "like webnn states nothing for float64"),
        ("gelu", "float32", Policy(like="onnx"), "like 'onnx' is no preset"),
        ("gelu", "float32", Policy(2, like="torch"), "like torch sets the limits"),
    ],
)
def test_a_preset_that_states_nothing_is_refused(
    spec: str, dtype: str, policy: Policy, message: str
) -> None:
    with pytest.raises(PolicyError, match=message):
        Verification(layer(spec), np.dtype(dtype), policy)


def test_x_outside_the_range_is_left_out() -> None:
    x = np.float32([-2, -1, 0, 1, np.nan])
    verification = verified("identity", x, x + np.float32(1), policy=Policy(1, within=(-1, 0)))
    assert verification.tallies["out"].left_out == 3
    assert verification.tallies["out"].failed == 2


def test_a_lost_nan_payload_fails_if_payloads_count() -> None:
    x = np.array([0x7FC00001, 0xFFC00002, 0x7F800001], np.uint32).view(np.float32)
    quiet = np.array([0x7FC00001, 0xFFC00002, 0x7FC00001], np.uint32).view(np.float32)
    plain = np.full(3, np.nan, np.float32)
    strict = Policy(1, ignore_nan_payload=False)
    assert verified("tanh", x, plain).ok
    assert verified("tanh", x, quiet, policy=strict).ok
    assert failures(verified("tanh", x, plain, policy=strict)) == {"payload": 3}
