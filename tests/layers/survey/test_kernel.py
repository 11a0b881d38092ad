"""Kernels verified where they run: blocks of several sizes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad.layers import ActgradError, layer
from actgrad.layers.arrays import Array
from actgrad.layers.frameworks import TargetError, target_of
from actgrad.layers.survey import default_dout, default_x, named_target, verify_kernel

SINGLE = np.dtype(np.float32)


class Tailed:
    """ReLU with vectors of 8, whose tail adds 1 and passes nan's gradient."""

    def forward(self, x: Array) -> Array:
        self.x, self.tail = x, np.arange(x.size) >= x.size // 8 * 8
        return np.maximum(x, 0) + np.where(self.tail & (x > 2), np.float32(1), np.float32(0))

    def backward(self, dout: Array) -> Array:
        passes = (self.x > 0) | (np.isnan(self.x) & self.tail)
        return np.where(passes, dout, np.float32(0))


def test_a_tail_that_answers_differently_is_a_finding_and_is_verified() -> None:
    x = np.concatenate([np.linspace(-4, 4, 399), [np.nan]]).astype(np.float32)
    verification, run = verify_kernel(layer("relu"), target_of("t", Tailed), x, np.ones_like(x))
    out, dx = run.differences
    assert run.blocks == (400, 64, 9, 8, 7, 1)
    assert (out.result, out.in_block - out.in_body) == ("out", 1)
    assert (dx.result, dx.differing, dx.in_block, dx.in_body) == ("dx", 1, 1, 0)
    assert np.isnan(dx.x)
    # All of x fits into vectors; the elements that fail are those of the small blocks.
    tally = verification.tallies["out"]
    assert tally.failed == len(run.repeated) - tally.count + 400 + tally.failed
    assert 0 < tally.failed <= len(run.repeated)
    worst = verification.worst("out", 1)[0]
    assert worst.position >= 400
    assert x[run.indices(worst.position, x.shape)] == worst.x


def test_a_kernel_without_a_gradient_is_verified_by_its_values() -> None:
    relu = target_of("t", lambda x: np.maximum(x, 0))
    x = default_x(layer("relu"), SINGLE, 2000)
    verification, run = verify_kernel(layer("relu"), relu, x, default_dout(layer("relu"), x))
    assert ([*verification.tallies], verification.ok, run.differences) == (["out"], True, ())
    assert str(run).startswith("t; numpy ")


def test_lines_are_run_along_their_axis() -> None:
    softmax = layer("softmax")
    x = default_x(softmax, SINGLE, 1000)
    dout = default_dout(softmax, x)
    assert (x.shape, dout.shape) == ((15, 64), (15, 64))
    target = target_of("t", layer("softmax"))
    verification, run = verify_kernel(softmax, target, x, dout)
    assert verification.ok
    assert run.differences == ()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[:-1], r"t: out has shape \(2,\), but must have \(3,\) for x of \(3,\)"),
        (lambda x: x.astype(np.float64), "t: out is float64, but x is float32"),
    ],
)
def test_results_that_do_not_fit_are_refused(function: Any, message: str) -> None:
    x = np.zeros(3, np.float32)
    with pytest.raises(ActgradError, match=message):
        verify_kernel(layer("relu"), target_of("t", function), x, x)


def test_a_text_names_a_target(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "mine_to_run.py").write_text(
        "import numpy as np\n"
        "def relu(x):\n    return np.maximum(x, 0)\n"
        "def slope(x, dout):\n    return dout * (x > 0)\n"
        "class Leaky:\n"
        "    def __init__(self, slope=0.5):\n        self.slope = slope\n"
        "    def forward(self, x):\n        self.x = x\n"
        "        return np.where(x > 0, x, self.slope * x)\n"
        "    def backward(self, dout):\n"
        "        return np.where(self.x > 0, dout, self.slope * dout)\n"
    )
    monkeypatch.chdir(tmp_path)
    x = np.float64([-2, 3])
    for text, out, dx in (
        ("mine_to_run.py:relu", [0, 3], None),
        ("mine_to_run:relu", [0, 3], None),
        ("mine_to_run.py:relu,slope", [0, 3], [0, 1]),
        ("mine_to_run.py:Leaky", [-1, 3], [0.5, 1]),
        ("mine_to_run.py:Leaky:slope=0.25", [-0.5, 3], [0.25, 1]),
    ):
        results = named_target(text, layer("relu")).run(x, np.ones(2))
        gradient = None if results.dx is None else results.dx.tolist()
        assert (results.out.tolist(), gradient) == (out, dx)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x*2", "a target is torch, jax, onnxruntime, numpy, scipy,"),
        ("pytorch", "did you mean torch?"),
        ("Torhc", "did you mean torch?"),
    ],
)
def test_a_text_that_names_no_target_is_refused(text: str, hint: str) -> None:
    with pytest.raises(TargetError, match="is no target") as caught:
        named_target(text, layer("relu"))
    assert str(caught.value.hint).startswith(hint)


def test_many_lines_that_fail_are_those_of_the_other_layer() -> None:
    softmax, softmin = layer("softmax"), layer("softmin")
    x = default_x(softmax, SINGLE, 2560)
    verification, _ = verify_kernel(softmax, target_of("t", softmin), x, default_dout(softmax, x))
    assert verification.tallies["out"].failed > 1024
    assert verification.likely_causes["out"].cause == "another layer: softmin"
