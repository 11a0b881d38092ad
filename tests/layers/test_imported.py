"""Anyone's layer beside the project's own: run, chained, and asked for its formula."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from actgrad.layers import (
    ActgradError,
    LayerImportError,
    LayerRaisedError,
    ShapeError,
    any_layer,
    chain_of,
)
from actgrad.layers.diagnose import diagnose_layer
from actgrad.layers.explain import Derivative, curves, explain_layer
from actgrad.layers.run import MemoryArray
from actgrad.layers.verify import verify

MINE = '''
import numpy as np
from actgrad.layers.formula import words as f

print("imported")


class Swish:
    """x times a step."""

    formula = "x*sigmoid(beta*x)"

    def __init__(self, beta=1.0):
        self.beta = beta
        self.made = np.zeros(1)

    def forward(self, x):
        print("forward")
        self.gate = 1 / (1 + np.exp(-self.beta * x))
        self.cache = (x, "text", self.gate)
        self._hidden = x
        return x * self.gate

    def backward(self, dout):
        x, _, g = self.cache
        return dout * (g + self.beta * x * g * (1 - g))


class Half:
    def forward(self, x):
        self.mask = x <= 0
        x[self.mask] = 0
        return x

    def backward(self, dout):
        if dout.size == 5:
            raise ValueError("too many")
        dout[self.mask] = 0
        return dout


class Centred:
    def forward(self, x):
        return x - x.mean()

    def backward(self, dout):
        return dout - dout.mean()


class Doubled(Half):
    def formula(self, x):
        return f.maximum(x, 0) * 2


def forward(x):
    return x * 2


def backward(x, dout):
    return dout * 2
'''


@pytest.fixture
def mine(tmp_path: Path) -> str:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return str(file)


def test_what_forward_saves_is_shown(mine: str) -> None:
    x = np.array([1.0, -2.0])
    arrays = any_layer(f"{mine}:Swish:beta=2").trace(x, np.ones(2))
    assert list(arrays) == ["x", "gate", "cache.0", "cache.2", "out", "dout", "dx"]
    assert_array_equal(arrays["cache.0"], x)
    assert_array_equal(arrays["out"], x / (1 + np.exp(-2 * x)))


def test_it_runs_in_a_chain_and_gets_its_own_arrays(mine: str) -> None:
    x, dout = np.array([[1.0, -0.5], [-2.0, 3.0]], np.float32)[:, :1], np.float32([[5], [7]])
    chain = chain_of([f"{mine}:Half", "x*x", f"{mine}:forward,backward"])
    arrays = chain.trace(x, dout)
    assert_array_equal(x, [[1], [-2]])
    assert_array_equal(dout, [[5], [7]])
    assert_array_equal(arrays["out"], [[2], [0]])
    assert_array_equal(arrays["dx"], [[20], [0]])
    assert arrays["1.mask"].tolist() == [[False], [True]]
    assert arrays["dx"].dtype == np.float32


def test_a_stated_formula_is_explained_and_verified(mine: str) -> None:
    swish = any_layer(f"{mine}:Swish:beta=2")
    explanation = explain_layer(swish)
    assert explanation.formula == "x/(1 + exp(-2·x))"
    assert explanation.summary == "x times a step."
    x = np.linspace(-3, 3, 50)
    swish.forward(x)
    dx = swish.backward(np.ones_like(x))
    assert verify(swish, x, out=swish.forward(x), dx=dx).tallies["dx"].max < 20
    assert explain_layer(any_layer(f"{mine}:Doubled")).formula == "2·max(x, 0)"


def test_it_is_diagnosed(mine: str) -> None:
    x, dout = np.random.default_rng(0).standard_normal((2, 50, 3)).astype(np.float32)
    x[:, 1] -= 9

    def statistics(name: str) -> list[list[float]]:
        sources = {"x": MemoryArray(x), "dout": MemoryArray(dout)}
        units = diagnose_layer(any_layer(name), [sources]).units
        return [each.tolist() for each in (units.mean, units.slope, units.counts["stopped"])]

    assert statistics(f"{mine}:Half") == statistics("relu")
    with pytest.raises(ShapeError, match=r"Centred couples elements"):
        statistics(f"{mine}:Centred")


def test_without_a_formula_it_has_no_curve(mine: str) -> None:
    half = chain_of(["tanh", f"{mine}:Half"])
    for use in (Derivative, explain_layer, lambda layer: curves([layer], [0])):
        with pytest.raises(ActgradError, match=r"mine.py:Half states no formula, so "):
            use(half)


def test_what_it_prints_goes_to_stderr(mine: str, capfd: pytest.CaptureFixture[str]) -> None:
    swish = any_layer(f"{mine}:Swish")
    for layer in (swish, copy(swish)):
        layer.forward(1.0)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err == "imported\nforward\n"


def test_its_faults_are_told_with_their_place(mine: str) -> None:
    half = any_layer(f"{mine}:Half")
    half.forward(np.ones(5))
    line = MINE.splitlines().index('            raise ValueError("too many")') + 1
    with pytest.raises(LayerRaisedError, match=rf"mine.py:{line}: ValueError: too many"):
        half.backward(np.ones(5))
    with pytest.raises(ActgradError, match="states no formula"):
        half.traced()
    with pytest.raises(LayerImportError, match="has no Nope"):
        any_layer(f"{mine}:Nope")
    with pytest.raises(LayerImportError, match="no such file"):
        any_layer("nowhere.py:Swish")
