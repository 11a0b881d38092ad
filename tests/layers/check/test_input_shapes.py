"""Which x a layer is examined with, and what is said of the layers that refuse it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from actgrad.layers import LayerRaisedError, check_layer
from actgrad.layers.check import load_subject
from actgrad.layers.check.input_shapes import InputShapes, Shape


class Rows:
    """Takes one shape only."""

    takes: tuple[int, ...] = (3, 5, 7)

    def forward(self, x: Any) -> Any:
        if x.shape != self.takes:
            raise ValueError(f"not {x.shape}")
        return x.sum(axis=-1)

    def backward(self, dout: Any) -> Any:
        return np.repeat(dout[..., None], self.takes[-1], -1)


def test_an_error_lists_the_shapes_that_were_tried() -> None:
    with pytest.raises(LayerRaisedError, match=r"not \(4, 6\)") as caught:
        check_layer(Rows)
    hint = caught.value.hint or ""
    assert hint.startswith("it takes no x of shape (4, 6), (24,), (2, 3, 4), ")
    assert hint.endswith("give the layer an attribute input_shape, or the shape of x")


def test_the_shape_is_given_or_is_that_of_x_or_the_layers_own() -> None:
    note = "checked with x of shape (3, 5, 7)"
    assert note in check_layer(Rows, shape=(3, 5, 7)).notes
    assert check_layer(Rows, np.arange(105.0).reshape(3, 5, 7)).ok

    class Stated(Rows):
        input_shape = 5, 7
        takes = 2, 5, 7

    assert "checked with x of shape (2, 5, 7)" in check_layer(Stated).notes


def test_a_layer_of_float64_parameters_is_checked_in_float64() -> None:
    class Affine:
        def __init__(self) -> None:
            self.params = {"W": np.ones((4, 2)), "b": [np.arange(2.0)]}

        def forward(self, x: Any) -> Any:
            return x @ self.params["W"] + self.params["b"][0]

        def backward(self, dout: Any) -> Any:
            return dout @ self.params["W"].T

    report = check_layer(Affine)
    assert report.dtypes == ("float64",)
    assert "not checked in float32: its parameters are float64" in report.notes
    assert "checked with x of shape (3, 4)" in report.notes


def test_a_state_kept_by_design_is_a_note() -> None:
    class Noise:
        def forward(self, x: Any) -> Any:
            self.k = np.random.random(x.shape).astype(x.dtype)
            return x * self.k

        def backward(self, dout: Any) -> Any:
            return dout * self.k

    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    assert any("the layer keeps a state" in note for note in check_layer(Noise).notes)
    assert np.random.random() == expected


@pytest.mark.parametrize("seed", [3, 24, 91])
def test_random_masks_that_are_the_same_by_chance_are_no_error(seed: int) -> None:
    class Dropout:
        def forward(self, x: Any) -> Any:
            self.mask = np.random.random(x.shape) > 0.5
            return x * self.mask

        def backward(self, dout: Any) -> Any:
            return dout * self.mask

    np.random.seed(seed)
    assert check_layer(Dropout, np.array([-1.5, -0.25, 0.5, 2.0])).errors == ()


def test_a_mean_over_the_batch_is_a_note_and_a_right_gradient_is_none() -> None:
    class Bias:
        def __init__(self) -> None:
            self.b = np.arange(4.0)

        def forward(self, x: Any) -> Any:
            return x + self.b

        def backward(self, dout: Any) -> Any:
            self.db = dout.sum(axis=0)
            return dout.copy()

    class Mean(Bias):
        def backward(self, dout: Any) -> Any:
            self.db = dout.mean(axis=0)
            return dout.copy()

    assert not any("db" in note for note in check_layer(Bias).notes)
    note = "not checked: db, which is 0.3333 times the derivative"
    assert note in check_layer(Mean).notes


def test_a_fault_in_another_number_of_axes_is_a_warning_unless_it_is_asked_for() -> None:
    class OverChannels:
        def forward(self, x: Any) -> Any:
            return x - x.mean(axis=1, keepdims=True)

        def backward(self, dout: Any) -> Any:
            return dout - dout.mean(axis=-1, keepdims=True)

    report = check_layer(OverChannels)
    assert [finding.name for finding in report.warnings] == ["wrong-gradient"]
    with pytest.raises(AssertionError, match="wrong-gradient"):
        check_layer(OverChannels, shape=(2, 3, 4))


@pytest.mark.parametrize(
    ("parameter", "shape"),
    [
        ((5,), (3, 5)),
        ((1, 7, 1, 1), (2, 7, 8, 8)),
        ((5, 1, 1), (2, 5, 8, 8)),
        ((1, 96, 1, 1), (2, 96, 4, 4)),
        ((3, 5, 7), (2, 3, 5, 7)),
    ],
)
def test_a_parameter_for_each_channel_gives_the_shape(parameter: Shape, shape: Shape) -> None:
    class Shift:
        def __init__(self) -> None:
            self.b = np.cos(np.arange(math.prod(parameter))).reshape(parameter)

        def forward(self, x: Any) -> Any:
            if x.shape[-len(parameter) :] != np.broadcast(x, self.b).shape[-len(parameter) :]:
                raise ValueError("the sizes do not fit")
            return x + self.b

        def backward(self, dout: Any) -> Any:
            return dout.copy()

    assert first_accepted(Shift) == shape


def first_accepted(layer: Any) -> Shape | None:
    subject = load_subject(layer)
    return InputShapes(subject).first_accepted(subject)
