"""The distance from the truth, where definitions differ: edges, ends and zeros."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from actgrad.layers.arrays import FLOATING, named
from actgrad.layers.casting import OF_PACKAGE
from actgrad.layers.exact.ulp import (
    FloatFormat,
    Truths,
    errors,
    is_nearest,
    nearest,
    ordered,
    truth_of,
    unordered,
)

every_dtype = pytest.mark.parametrize("name", FLOATING)


def kind_of(name: str) -> FloatFormat:
    if name in OF_PACKAGE:
        pytest.importorskip("ml_dtypes")
    return FloatFormat.of(named(name))


def error(got: float, truth: Any, kind: FloatFormat) -> float:
    truths = Truths(*(np.array([part]) for part in truth_of(truth, kind)))
    return float(errors(np.array([got]), truths, kind)[0])


def is_right(got: float, truth: Any, kind: FloatFormat) -> bool:
    truths = Truths(*(np.array([part]) for part in truth_of(truth, kind)))
    return bool(is_nearest(np.array([got]), truths, kind)[0])


def exact(text: str | float) -> Any:
    with mp.workprec(2000):
        return mpf(text)


@every_dtype
@pytest.mark.parametrize("off", [0, -90, -110, -300, -1e9])
@pytest.mark.parametrize("side", [-1, 1])
def test_at_a_power_of_two_one_ulp_is_the_spacing_on_the_results_side(
    name: str, off: float, side: int
) -> None:
    kind = kind_of(name)
    spacing = 2.0 ** (1 - kind.precision)
    with mp.workprec(2000):
        truth = mpf(1) + side * (mpf(2) ** off if off else 0)
    for neighbour in (1 + spacing, 1 - spacing / 2):
        assert error(neighbour, truth, kind) == pytest.approx(1, abs=1e-10)
        assert not is_right(neighbour, truth, kind)
    assert error(1, truth, kind) < 1e-10
    assert is_right(1, truth, kind)


@pytest.mark.measured(2)
@every_dtype
@given(half=st.integers(-64, 64), by=st.sampled_from([0, -1, 1]), shift=st.integers(20, 900))
def test_the_error_is_half_an_ulp_at_most_where_no_number_is_nearer(
    name: str, half: int, by: int, shift: int
) -> None:
    kind = kind_of(name)
    spacing = 2.0 ** (1 - kind.precision)
    # The numbers around the truth lie between ½ and 2.
    room = 2 ** (kind.precision - 1) - 2
    half = max(-2 * room, min(half, 4 * room))
    with mp.workprec(2000):
        # From 1, halves of the lower spacing; a tie, or slightly off a tie.
        truth = 1 + half * mpf(spacing) / 4 + by * mpf(2) ** -shift * spacing
        numbers = [1 + n * spacing / 2 for n in range(min(0, half // 2) - 2, 1)]
        numbers += [1 + n * spacing for n in range(1, max(0, half // 4) + 3)]
        away = [abs(number - truth) for number in numbers]
    rounded = nearest(truth, kind)
    for number, distance in zip(numbers, away, strict=True):
        assert is_right(number, truth, kind) == (number == rounded)
        off = error(number, truth, kind)
        if distance == min(away):
            assert off <= 0.5
        elif shift < 45 or not by:
            assert off > 0.5


@every_dtype
def test_below_the_normal_numbers_the_spacing_stays(name: str) -> None:
    kind = kind_of(name)
    assert error(kind.tiny, mpf(kind.tiny) - mpf(kind.quantum), kind) == 1
    assert error(0.0, mpf(kind.quantum) / 3, kind) == pytest.approx(1 / 3)
    assert error(kind.quantum, mpf(0), kind) == 1
    assert error(0.0, exact("1e-900"), kind) == 0


@every_dtype
def test_the_last_binade_ends_where_rounding_says_so(name: str) -> None:
    kind = kind_of(name)
    greatest = exact(kind.largest)
    with mp.workprec(200):
        half = mpf(2) ** (kind.most - kind.precision)
        # The tie goes to 448 in e4m3fn, whose last bit is 0.
        beyond = half * (1 + mpf(2) ** -60) if name == "float8_e4m3fn" else half
        assert truth_of(greatest + beyond, kind)[0] == np.inf
        assert truth_of(-greatest - beyond, kind)[0] == -np.inf
        short = greatest + half * (1 - mpf(2) ** -60)
        assert nearest(short, kind) == greatest
        assert error(float(greatest), short, kind) == pytest.approx(0.5)
        assert nearest(greatest + beyond, kind) == np.inf


@pytest.mark.measured(2)
@every_dtype
@given(bits=st.integers(0, 2**64 - 1), more=st.integers(0, 2**70))
def test_what_is_rounded_to_the_nearest_is_off_by_half_an_ulp_at_most(
    name: str, bits: int, more: int
) -> None:
    kind = kind_of(name)
    number = np.array([bits & ((1 << 8 * kind.dtype.itemsize) - 1)], kind.bits).view(kind.dtype)
    with np.errstate(invalid="ignore"):  # of a signalling nan
        if not np.isfinite(number)[0]:
            return
    with mp.workprec(2000):
        truth = mpf(float(number[0])) + mpf(kind.quantum) * mpf(more) / mpf(2) ** 66
        rounded = nearest(truth, kind)
        if np.isfinite(rounded):
            assert error(rounded, truth, kind) <= 0.5
            neighbour = float(
                unordered(ordered(np.array([rounded], kind.dtype), kind) + 1, kind)[0]
            )
            assert not error(neighbour, truth, kind) < 0.5


@every_dtype
def test_the_order_is_that_of_the_numbers(name: str) -> None:
    kind = kind_of(name)
    end = np.inf if kind.has_infinity else kind.largest
    values = [-end, -1, -kind.quantum, 0, kind.quantum, kind.tiny, 1, end]
    numbers = np.array(values).astype(kind.dtype)
    places = ordered(numbers, kind)
    assert (np.diff(places) > 0).all()
    assert (unordered(places, kind) == numbers).all()
    assert unordered(ordered(np.array([-0.0], kind.dtype), kind) + 1, kind)[0] == kind.quantum


def test_a_float64_truth_keeps_what_float64_cannot_hold() -> None:
    kind = FloatFormat.of(np.dtype(np.float64))
    with mp.workprec(300):
        third = mpf(1) / 3
        lacking = abs(Fraction(1, 3) - Fraction(1 / 3)) / Fraction(2) ** -54
    assert error(1 / 3, third, kind) == pytest.approx(float(lacking), rel=1e-15)
