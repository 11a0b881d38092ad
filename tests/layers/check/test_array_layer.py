"""Layers in other forms: callables, results that are lists, and what belongs to PyTorch or JAX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad.layers import ActgradError
from actgrad.layers.check import Report, examine, load_subject

#: The right tanh and a wrong one, in many forms.
PLAIN = """
import numpy as np

class Called:
    def __call__(self, x):
        self.y = np.tanh(x)
        return self.y.copy()
    def backward(self, dout):
        return dout * (1 - self.y**2)

class WrongCalled(Called):
    def backward(self, dout):
        return dout * (1 - self.y)

class Lists:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.tolist()
    def backward(self, dout):
        return (dout * (1 - self.y**2)).tolist()

class WrongLists(Lists):
    def backward(self, dout):
        return (dout * (1 - self.y)).tolist()

def plain(x):
    return np.tanh(x)
"""
TORCH = """
import torch
from torch import nn

class Module(nn.Module):
    def __init__(self, gain=1.0):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))
    def forward(self, x):
        return self.gain * torch.tanh(x)

class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Hardtanh(inplace=True)
    def forward(self, x):
        return self.inner(x)

class Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gain):
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        ctx.gain = gain
        return gain * y
    @staticmethod
    def backward(ctx, dout):
        y, = ctx.saved_tensors
        return ctx.gain * dout * (1 - y * y), None

class WrongFunction(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return torch.tanh(x)
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)
    @staticmethod
    def backward(ctx, dout):
        y, = ctx.saved_tensors
        return dout * (1 - y)

class OwnBackward:
    def forward(self, x):
        self.y = torch.tanh(x)
        return self.y.clone()
    def backward(self, dout):
        return dout * (1 - self.y * self.y)

class WrongOwnBackward(OwnBackward):
    def backward(self, dout):
        return dout * (1 - self.y)

def function(x, gain=1.0):
    return gain * torch.tanh(x)

def detached(x):
    return torch.tanh(x.detach())
"""
JAX = """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def right(x):
    return jnp.tanh(x)

right.defvjp(lambda x: (jnp.tanh(x), x), lambda x, dout: (dout / jnp.cosh(x) ** 2,))

@jax.custom_vjp
def wrong(x):
    return jnp.tanh(x)

wrong.defvjp(lambda x: (jnp.tanh(x),) * 2, lambda y, dout: (dout * (1 - y),))

@jax.jit
def compiled(x, gain=1.0):
    return gain * jnp.tanh(x)

class OwnBackward:
    def forward(self, x):
        self.y = jnp.tanh(x)
        return self.y
    def backward(self, dout):
        return dout * (1 - self.y * self.y)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, source in {"plain_forms": PLAIN, "torch_forms": TORCH, "jax_forms": JAX}.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(spec: str) -> Report:
    """The report at a few points of float64."""
    return examine(load_subject(spec), np.array([-1.5, -0.25, 0.0, 0.5, 2.0]))


def names(spec: str) -> list[str]:
    return [finding.name for finding in report(spec).errors]


def runs(made: Report) -> list[Any]:
    """What the two lines of each finding give when they are run."""
    values = []
    for finding in made.errors:
        known: dict[str, Any] = {}
        exec(f"{made.opening}\n{finding.example[0]}", known)
        values.append(eval(finding.example[1], known))
    return values


@pytest.mark.parametrize("form", ["Called", "Lists"])
@pytest.mark.usefixtures("folder")
def test_a_callable_and_a_layer_of_lists_are_checked_as_any_other(form: str) -> None:
    assert names(f"plain_forms.py:{form}") == []
    wrong = report(f"plain_forms.py:Wrong{form}")
    assert [finding.name for finding in wrong.errors] == ["wrong-gradient"]
    (got,) = runs(wrong)
    assert wrong.errors[0].where is not None
    assert got == pytest.approx(wrong.errors[0].where.got)


@pytest.mark.usefixtures("folder")
def test_a_function_without_gradient_says_what_a_layer_is() -> None:
    with pytest.raises(ActgradError, match=r"plain_forms\.py:plain has no backward") as caught:
        load_subject("plain_forms.py:plain")
    assert caught.value.hint is not None
    assert "PyTorch or JAX" in caught.value.hint


@pytest.mark.frameworks
@pytest.mark.parametrize(
    "spec",
    [
        "torch_forms.py:Module:gain=2.0",
        "torch_forms.py:InPlace",
        "torch_forms.py:Function:gain=2.0",
        "torch_forms.py:OwnBackward",
        "torch_forms.py:function:gain=0.5",
        "torch.nn:Softmax:dim=-1",
        "torch.nn:Dropout",
        "torch.nn.functional:elu:alpha=0.5",
        "torch:sigmoid",
    ],
)
@pytest.mark.usefixtures("folder")
def test_right_layers_of_pytorch_pass(spec: str) -> None:
    pytest.importorskip("torch")
    assert names(spec) == []


@pytest.mark.frameworks
@pytest.mark.parametrize("form", ["WrongFunction", "WrongOwnBackward"])
@pytest.mark.usefixtures("folder")
def test_a_wrong_backward_for_pytorch_is_reported_with_lines_that_run(form: str) -> None:
    pytest.importorskip("torch")
    wrong = report(f"torch_forms.py:{form}")
    assert [finding.name for finding in wrong.errors] == ["wrong-gradient"]
    assert "dout * (1 - out)" in wrong.errors[0].cause
    (got,) = runs(wrong)
    assert wrong.errors[0].where is not None
    assert got == pytest.approx(wrong.errors[0].where.got)


@pytest.mark.frameworks
@pytest.mark.usefixtures("folder")
def test_objects_of_pytorch_are_taken_from_python() -> None:
    torch = pytest.importorskip("torch")
    x = np.array([-1.0, 0.5])
    for layer in (torch.nn.Tanh(), torch.nn.Tanh, torch.tanh, torch.nn.functional.silu):
        assert examine(load_subject(layer), x).ok


@pytest.mark.frameworks
@pytest.mark.usefixtures("folder")
def test_an_autograd_function_that_lacks_an_argument_and_a_detached_graph_are_refused() -> None:
    pytest.importorskip("torch")
    with pytest.raises(ActgradError, match="missing a required argument: 'gain'"):
        load_subject("torch_forms.py:Function")
    with pytest.raises(ActgradError, match="does not require grad"):
        report("torch_forms.py:detached")


@pytest.mark.frameworks
@pytest.mark.parametrize(
    ("form", "gain"), [("right", 1), ("compiled:gain=2.0", 2), ("OwnBackward", 1)]
)
@pytest.mark.usefixtures("folder")
def test_functions_of_jax_are_layers_in_each_dtype(form: str, gain: float) -> None:
    pytest.importorskip("jax")
    subject = load_subject(f"jax_forms.py:{form}")
    for dtype in ("float32",) if form == "OwnBackward" else ("float32", "float64"):
        x = np.array([-1.5, 0.5], dtype)
        out, dx = subject.run(x)
        assert out.dtype == dx.dtype == x.dtype
        np.testing.assert_allclose(out, gain * np.tanh(x), rtol=1e-6)
        np.testing.assert_allclose(dx, gain / np.cosh(x) ** 2, rtol=1e-6)


@pytest.mark.frameworks
@pytest.mark.usefixtures("folder")
def test_a_wrong_vector_jacobian_product_is_reported_with_lines_that_run() -> None:
    pytest.importorskip("jax")
    wrong = report("jax_forms.py:wrong")
    assert [finding.name for finding in wrong.errors] == ["wrong-gradient"]
    (got,) = runs(wrong)
    assert wrong.errors[0].where is not None
    assert got == pytest.approx(wrong.errors[0].where.got)
