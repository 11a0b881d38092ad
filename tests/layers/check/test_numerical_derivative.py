"""The numerical derivative bounds its own error; kinks and jumps are located exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actgrad.layers.check.discontinuities import find_discontinuities
from actgrad.layers.check.numerical_derivative import estimate, noise
from actgrad.layers.check.points import GRID

SMOOTH: dict[str, Any] = {
    "sine": (np.sin, np.cos),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (2 + np.exp(x) + np.exp(-x))),
    "cube": (lambda x: x**3, lambda x: 3 * x * x),
    "steep": (lambda x: np.tanh(50 * x), lambda x: 50 / np.cosh(50 * x) / np.cosh(50 * x)),
    "noisy": (lambda x: np.log(1 + np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_error_is_within_its_estimate_and_the_roundings(name: str) -> None:
    f, slope = SMOOTH[name]
    x = np.random.default_rng(3).uniform(-12, 12, 20000)
    derivative = estimate(f, x, np.array([]))
    off = np.abs(derivative.value - slope(x))
    assert np.all(off <= 10 * derivative.error + 4e-15 * (1 + np.abs(slope(x))))
    assert np.median(derivative.error) < 1e-11


@pytest.mark.parametrize(
    ("f", "positions", "jumps"),
    [
        (lambda x: np.maximum(x, 0), [0.0], [False]),
        (lambda x: np.clip(x, 0, 6), [0.0, 6.0], [False, False]),
        (lambda x: x * np.clip(x + 3, 0, 6) / 6, [-3.0, 3.0], [False, False]),
        (lambda x: np.where(np.abs(x) > 0.5, x, 0), [-0.5, 0.5], [True, True]),
        (lambda x: np.where(x > 0.1, x - 0.1, 0), [0.1], [False]),
        (lambda x: np.where(x > 0, x, 0.999 * x), [0.0], [False]),
        (np.sin, [], []),
        (lambda x: 1 / (1 + np.exp(-100 * x)), [], []),
        (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), [], []),
    ],
)
def test_kinks_and_jumps_are_located(f: Any, positions: list[float], jumps: list[bool]) -> None:
    with np.errstate(over="ignore"):
        discontinuities = find_discontinuities(f, GRID)
    assert [at.x for at in discontinuities] == positions
    assert [at.jump != 0 for at in discontinuities] == jumps


def test_next_to_a_kink_the_derivative_is_one_sided() -> None:
    x = np.array([-1.0, -1e-9, -1e-300, 1e-300, 1e-9, 1.0])
    derivative = estimate(lambda x: np.maximum(x, 0), x, np.array([0.0]))
    assert derivative.value.tolist() == [0, 0, 0, 1, 1, 1]
    assert derivative.error.max() < 1e-12


def test_an_unknown_derivative_has_an_infinite_error() -> None:
    with np.errstate(all="ignore"):
        derivative = estimate(lambda x: np.where(x == 1, x, np.nan), np.array([1.0]), np.array([]))
    assert derivative.error.tolist() == [np.inf]


def test_noise_reveals_a_narrower_dtype() -> None:
    x, no_kinks = np.linspace(0.5, 4, 50), np.array([])
    assert np.median(noise(np.tanh, x, no_kinks)) < 1e-13
    narrow = noise(lambda x: np.tanh(x.astype(np.float32)).astype(float), x, no_kinks)
    assert np.median(narrow) > 1e-8
