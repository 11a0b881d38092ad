"""Losses, whose forward takes a target beside x."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actgrad.layers.check import Report, examine, load_subject


class CrossEntropy:
    """The mean over the rows of −log softmax(x) at their classes; dout counts."""

    def forward(self, x: Any, t: Any) -> Any:
        self.t = t
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return -np.log(self.y[np.arange(len(x)), t]).mean()

    def backward(self, dout: Any = 1) -> Any:
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        return dx / len(dx) * dout


class AsTheLastLayer(CrossEntropy):
    """It ignores dout, as textbooks have it."""

    def backward(self, dout: Any = 1) -> Any:
        return super().backward()


class OfTheSum(CrossEntropy):
    """Its gradient is that of a sum over the rows."""

    def backward(self, dout: Any = 1) -> Any:
        return super().backward(dout) * len(self.y)


class OneHot(CrossEntropy):
    """It takes a row of zeros and a one."""

    def forward(self, x: Any, t: Any) -> Any:
        if t.shape != x.shape:
            raise ValueError("one-hot rows are needed")
        return super().forward(x, t.argmax(axis=-1))


def report(layer: Any) -> Report:
    return examine(load_subject(layer), dtype="float64")


@pytest.mark.parametrize(
    ("layer", "notes"),
    [
        (CrossEntropy, ["t of forward is classes"]),
        (OneHot, ["t of forward is one-hot rows"]),
        (
            AsTheLastLayer,
            [
                "t of forward is classes",
                "backward ignores dout: it is checked as the last layer, for dout = 1",
            ],
        ),
    ],
)
def test_a_loss_is_checked_with_a_target_that_a_note_names(layer: Any, notes: list[str]) -> None:
    made = report(layer)
    assert made.errors == ()
    assert list(made.notes[: len(notes)]) == notes


def test_a_wrong_loss_is_reported_with_lines_that_run() -> None:
    made = report(OfTheSum)
    (finding,) = made.errors
    assert finding.cause == "the factor 1/n is missing, n = 4 (the elements along an axis)"
    known: dict[str, Any] = {"OfTheSum": OfTheSum}
    exec(f"{made.opening}\n{finding.example[0]}", known)
    assert finding.where is not None
    assert eval(finding.example[1], known) == pytest.approx(finding.where.got)
