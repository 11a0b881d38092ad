"""Kernels with a known fault are given its cause; kernels that are right are given none."""

from __future__ import annotations

import faulty
import numpy as np
import pytest
import right
from kernel import Kernel

from actgrad.layers import Block, Policy, Verification, layer
from actgrad.layers.arrays import named
from actgrad.layers.verify.sample import draw_sample


def installed(kernel: Kernel) -> Kernel:
    if kernel.dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    return kernel


def named_by(kernel: Kernel) -> str:
    return kernel.name


def count(kernel: Kernel) -> int:
    """The derivative of a layer is computed by its formula, which takes longer."""
    return 200 if kernel.result == "d2x" else 1600


@pytest.mark.measured(12)
@pytest.mark.parametrize("kernel", faulty.KERNELS, ids=named_by)
def test_a_faulty_kernel_fails_and_is_given_its_cause(kernel: Kernel) -> None:
    verification = installed(kernel).verification(count(kernel))
    assert not verification.ok
    cause = verification.likely_causes[kernel.result].cause
    assert any(part in cause for part in kernel.causes), cause


@pytest.mark.no_cover
@pytest.mark.parametrize("limit", [0.5, 2])
@pytest.mark.parametrize("kernel", right.KERNELS, ids=named_by)
def test_a_right_kernel_is_given_no_false_cause(kernel: Kernel, limit: float) -> None:
    verification = installed(kernel).verification(800, Policy(max_ulp=limit))
    cause = verification.likely_causes.get(kernel.result)
    assert cause is None or any(part in cause.cause for part in kernel.causes), cause


def test_a_threshold_between_two_numbers_of_the_sample_is_given_by_both() -> None:
    x = np.arange(-40.0, 40.0, 0.5, np.float32)
    out = np.where(x < -20.25, np.float32(0), layer("softplus").forward(x))
    verification = Verification(layer("softplus"), x.dtype, Policy(max_ulp=2))
    verification.add(Block(x, out))
    cause = verification.likely_causes["out"].cause
    assert cause == "a tail is cut to 0: the result is 0 below an x from -20.5 to -20"


def test_a_saturated_dump_is_not_the_wrong_array() -> None:
    """A framework's float64 elu is −1 from −36 on, where dx is 0; relu's dx is not its out."""
    x = draw_sample(layer("tanh"), named("float64"), 1000)
    x = x[np.abs(x) > 15]
    verification = Verification(layer("tanh"), x.dtype, Policy(max_ulp=0))
    verification.add(Block(x, np.sign(x)))
    cause = verification.likely_causes.get("out")
    assert cause is None or "wrong array" not in cause.cause
