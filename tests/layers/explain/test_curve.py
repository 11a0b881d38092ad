"""Curves of layers: kinks and jumps are found, and pieces end at the limits there."""

import math

import numpy as np
import pytest

from actgrad.layers import ShapeError, layer
from actgrad.layers.explain import curves


def test_a_kink_of_a_layer_is_a_jump_of_its_derivative() -> None:
    out, slope = curves([layer("leaky_relu:negative_slope=0.25")], [0, 1], (-4, 4))
    assert out.breaks == []
    assert [tuple(point) for point in slope.breaks] == [(0.0, 0.25, 0.25, 1.0)]
    (left_x, left_y), (right_x, right_y) = slope.pieces()
    assert (left_x[-1], right_x[0]) == (0, 0)
    assert (left_y[-1], right_y[0]) == (0.25, 1.0)


def test_a_jump_of_a_layer_ends_a_piece_on_both_sides() -> None:
    (out,) = curves([layer("hardshrink:lambd=1")], [0])
    assert [(point.x, point.here) for point in out.breaks] == [(-1, 0), (1, 0)]
    ends = [(float(y[0]), float(y[-1])) for _, y in out.pieces()]
    assert ends == [
        (-5, pytest.approx(-1, abs=1e-8)),
        (0, 0),
        (pytest.approx(1, abs=1e-8), 5),
    ]


def test_the_range_shows_every_kink_and_has_the_kinks_among_its_x() -> None:
    (curve,) = curves([layer("hardtanh:min_val=-7.3,max_val=2")], [0])
    assert curve.x[0] < -7.3 < 7.3 < curve.x[-1]
    assert {-7.3, 2.0} <= set(curve.x.tolist())
    assert (np.diff(curve.x) > 0).all()


def test_the_range_ends_where_there_is_no_value() -> None:
    (curve,) = curves([layer("logit")], [0])
    assert -0.02 < curve.x[0] <= 0
    assert 1 <= curve.x[-1] < 1.02
    # A steep kink is no jump.
    (clamped,) = curves([layer("logit_clamped")], [0])
    assert clamped.breaks == []


def test_a_layer_along_an_axis_has_no_curve() -> None:
    with pytest.raises(ShapeError, match="softmax takes a line of numbers"):
        curves([layer("softmax")], [0])


def test_an_infinite_end_is_that_of_the_default_range() -> None:
    def ends(low: float, high: float) -> list[float]:
        (curve,) = curves([layer("relu")], [0], (low, high))
        return [float(curve.x[0]), float(curve.x[-1])]

    assert ends(-math.inf, math.inf) == [-5, 5]
    assert ends(-1, math.inf) == [-1, 9]
    assert ends(-math.inf, -100) == [-110, -100]
    low, high = ends(-1.7e308, 1.7e308)
    assert low < -7e307 < 7e307 < high
