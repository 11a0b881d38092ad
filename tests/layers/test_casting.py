"""8-bit floats: a single rounding from float64, and what overflow gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actgrad.layers import DtypeError, catalogue, layer
from actgrad.layers.arrays import named
from actgrad.layers.casting import EIGHT_BIT, in_dtype, nearest_numbers, overflow, to_odd
from actgrad.layers.exact import FloatFormat
from actgrad.layers.run import MemoryArray, stream
from actgrad.layers.verify import Policy, verify

pytest.importorskip("ml_dtypes")


@pytest.mark.parametrize(
    ("name", "gives", "kernel", "failures"),
    # What a kernel of x² gives at 32, where the truth is 1024, and at 20, where it is 400.
    [
        ("float8_e4m3fn", None, "nan", {}),
        ("float8_e4m3fn", "saturate", "saturate", {}),
        ("float8_e4m3fn", "nan", "saturate", {"overflow": 1}),
        ("float8_e4m3fn", "saturate", "nan", {"overflow": 1}),
        ("float8_e4m3fnuz", "saturate", "nan", {"overflow": 2}),
        ("float8_e5m2", None, "inf", {}),
    ],
)
def test_verify_wants_the_overflow_that_is_chosen(
    name: str, gives: str | None, kernel: str, failures: dict[str, int]
) -> None:
    dtype = named(name)
    x = np.array([32, -32, 20, 1], dtype)[[0, 2, 3]]
    with overflow(None if kernel == "inf" else kernel, dtype):
        out = in_dtype(x.astype(float) ** 2, dtype)
    result = verify("x*x", x, out=out, policy=Policy(overflow=gives))
    assert {kind: n for kind, n in result.tallies["out"].failures.items() if n} == failures
    assert f"overflow: {gives or kernel}" in result.summary


def test_errors_next_to_the_largest_number_are_in_its_unit() -> None:
    dtype = named("float8_e4m3fn")
    x = np.array([22], dtype)
    kernels = ((448, 0, ""), (416, 1, ""), (384, 2, "ulp"), (np.nan, np.inf, "nan"))
    for got, error, failure in kernels:
        result = verify("2*x+404", x, out=np.array([got], dtype))
        (element,) = result.worst("out", 1)
        assert (element.error, element.failure, element.nearest) == (error, failure, 448)
    (element,) = verify("2*x+436", x, out=np.array([448], dtype)).worst("out", 1)
    assert (element.failure, element.truth, element.nearest_bits) == ("overflow", "480.0", "0x7f")


def test_the_zero_of_fnuz_has_no_sign() -> None:
    for name, failures in (
        ("float8_e4m3fn", {"zero-sign": 1, "underflow-sign": 1}),
        ("float8_e4m3fnuz", {}),
    ):
        x, out = np.array([-0.0, 0.5], named(name)), np.zeros(2, named(name))
        result = verify("2*x", x[:1], out=out[:1], policy=Policy(keep_zero_sign=True))
        tiny = verify("-1e-9*x", x[1:], out=out[1:], policy=Policy(keep_zero_sign=True))
        counts = {**result.tallies["out"].failures}
        counts = {k: n + tiny.tallies["out"].failures[k] for k, n in counts.items()}
        assert {kind: n for kind, n in counts.items() if n} == failures


def finite_numbers(dtype: np.dtype[Any]) -> Any:
    """Every finite number of an 8-bit dtype, in order."""
    numbers = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float64)
    return np.unique(numbers[np.isfinite(numbers)])


@pytest.mark.parametrize("name", EIGHT_BIT)
def test_every_midpoint_and_its_neighbours_are_rounded_once(name: str) -> None:
    dtype = named(name)
    numbers = finite_numbers(dtype)
    low, high = numbers[:-1], numbers[1:]
    middle = (low + high) / 2
    for nudge in (0, -1, 1, -(2**28), 2**28):  # the last is less than half a float32 ULP
        beside = np.where(middle == 0, 0, (middle.view(np.int64) + nudge).view(np.float64))
        bits = (low.astype(dtype).view(np.uint8), high.astype(dtype).view(np.uint8))
        even = np.where(bits[0] % 2 == 0, low, high)
        right = np.where(beside == middle, even, np.where(beside < middle, low, high))
        assert np.array_equal(in_dtype(beside, dtype).astype(float), right)
        assert np.array_equal(nearest_numbers(beside, dtype), right)


def test_what_rounds_to_odd_rounds_again_as_if_once() -> None:
    values = np.array([1, 1 + 2.0**-50, 1 - 2.0**-50, 1e300, -np.inf, 1e-300, -0.0, np.nan])
    odd = to_odd(values)
    assert odd.dtype == np.float32
    assert np.array_equal(odd[[0, 4, 6]], [1, -np.inf, 0])
    assert np.signbit(odd[6])
    assert np.isnan(odd[7])
    assert (odd[[1, 2, 3, 5]].view(np.uint32) & 1).all()
    assert odd[1] > 1 > odd[2]
    assert np.isfinite(odd[3])


@pytest.mark.parametrize(
    ("name", "least", "most"),
    # The largest values that do not overflow, and the least that do.
    [
        ("float8_e4m3fn", 464.0, np.nextafter(464, 500)),
        ("float8_e5m2", np.nextafter(61440, 0), 61440.0),
        ("float8_e4m3fnuz", np.nextafter(248, 0), 248.0),
        ("float8_e5m2fnuz", np.nextafter(61440, 0), 61440.0),
    ],
)
def test_overflow_begins_at_the_tie_and_gives_what_is_chosen(
    name: str, least: float, most: float
) -> None:
    dtype = named(name)
    largest, own = finite_numbers(dtype)[-1], np.inf if name == "float8_e5m2" else np.nan
    for gives, end in ((None, own), ("nan", np.nan), ("saturate", largest)):
        with overflow(gives, dtype) as chosen:
            inside = in_dtype(np.array([least, -least, np.nan]), dtype).astype(float)
            assert np.array_equal(inside, [largest, -largest, np.nan], equal_nan=True)
            assert chosen.dtype is None
            beyond = in_dtype(np.array([most, -most, 1e300, np.inf]), dtype).astype(float)
            assert np.array_equal(beyond, np.array([1, -1, 1, 1]) * end, equal_nan=True)
            assert chosen.dtype == dtype
    assert np.array_equal(nearest_numbers(np.array([least, most]), dtype), [largest, np.inf])
    assert FloatFormat.of(dtype).has_infinity == (name == "float8_e5m2")


def test_a_choice_that_the_dtype_does_not_leave_is_refused() -> None:
    with pytest.raises(DtypeError, match="float8_e4m3fn has no infinity"):
        overflow("inf", named("float8_e4m3fn")).__enter__()
    with pytest.raises(DtypeError, match="float32 overflows to infinity"):
        overflow("nan", np.dtype(np.float32)).__enter__()


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2fnuz"])
def test_every_layer_is_right_at_every_number(name: str) -> None:
    dtype = named(name)
    x, ones = np.arange(256, dtype=np.uint8).view(dtype), np.ones(256, dtype)
    policy = Policy(max_ulp=0.501, keep_zero_sign=True, overflow="saturate")
    for cls in catalogue():
        single = layer("threshold:threshold=0,value=1" if cls.name == "threshold" else cls.name)
        if single.is_elementwise:
            with overflow("saturate", dtype):
                out, dx = single.forward(x), single.backward(ones)
            assert out.dtype == dx.dtype == dtype
            result = verify(single, x, out=out, dx=dx, policy=policy)
            assert result.ok, result.summary


def test_threads_saturate_as_the_calling_thread_does() -> None:
    dtype = named("float8_e4m3fn")
    x = np.full(1000, 100, dtype)
    out = np.empty_like(x)
    with overflow("saturate", dtype):
        stream(layer("x*x"), MemoryArray(x), None, [("out", MemoryArray(out))], threads=2)
    assert (out.astype(float) == 448).all()
