"""The polynomial and rational layers: kinks, limits, and products that must not overflow."""

from __future__ import annotations

import numpy as np
import pytest

from actgrad.layers import Hardswish, ParameterError, ReluSquared, Softsign, SparsePlus, layer


def test_hardswish_is_level_from_its_kinks_on() -> None:
    tried = Hardswish()
    assert tried.forward([-3.0, 0.0, 3.0]).tolist() == [0.0, 0.0, 3.0]
    assert tried.backward([1.0, 1.0, 1.0]).tolist() == [0.0, 0.5, 1.0]


def test_sparse_plus_has_no_kink() -> None:
    tried = SparsePlus()
    assert tried.forward([-1.0, 0.0, 1.0]).tolist() == [0.0, 0.25, 1.0]
    assert tried.backward([1.0, 1.0, 1.0]).tolist() == [0.0, 0.5, 1.0]


def test_relu_squareds_gradient_overflows_only_if_it_must() -> None:
    tried = ReluSquared()
    tried.forward([1e308, -1.0])
    assert tried.backward([1e-300, np.inf])[0] == pytest.approx(2e8, rel=1e-15)


def test_the_limits_at_infinity_are_reached() -> None:
    tried = Softsign()
    assert tried.forward([-np.inf, np.inf]).tolist() == [-1.0, 1.0]
    assert tried.backward([1.0, 1.0]).tolist() == [0.0, 0.0]
    tried = layer("squareplus:b=3")
    assert tried.forward([-np.inf, np.inf]).tolist() == [0.0, np.inf]
    assert tried.backward([1.0, 1.0]).tolist() == [0.0, 1.0]


def test_squareplus_needs_a_curve() -> None:
    with pytest.raises(ParameterError, match=r"b is 0.0, but must be finite and > 0"):
        layer("squareplus:b=0")
