"""The gradients of parameters that a report names, and those that it says are not checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actgrad.layers.check import Report, examine, load_subject


class Affine:
    """W and b as attributes, dW and db beside them."""

    def __init__(self) -> None:
        self.W, self.b = np.random.default_rng(0).normal(size=(4, 3)), np.zeros(3)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Any) -> Any:
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Halved(Affine):
    """Its dW is half of the derivative."""

    def backward(self, dout: Any) -> Any:
        dx = super().backward(dout)
        self.dW = self.dW / 2
        return dx


class Transposed(Affine):
    """Its dW has the shape of no parameter."""

    def backward(self, dout: Any) -> Any:
        dx = super().backward(dout)
        self.dW = self.dW.T
        return dx


class Network:
    """Layers as attributes and in a list; the gradients in a list of its own, too."""

    def __init__(self) -> None:
        self.first, self.others = Affine(), [Scaled()]
        self.grads: list[Any] = []

    def forward(self, x: Any) -> Any:
        return self.others[0].forward(self.first.forward(x))

    def backward(self, dout: Any) -> Any:
        dx = self.first.backward(self.others[0].backward(dout))
        self.grads = [self.first.dW, self.first.db, self.others[0].grads["scale"]]
        return dx


class Scaled:
    """The parameter in one dictionary, its gradient in another."""

    def __init__(self) -> None:
        self.params, self.grads = {"scale": np.array([1.0, 2.0, 0.5])}, dict[str, Any]()

    def forward(self, x: Any) -> Any:
        self.x = x
        return x * self.params["scale"]

    def backward(self, dout: Any) -> Any:
        self.grads["scale"] = (dout * self.x).sum(axis=0)
        return dout * self.params["scale"]


class Lists(Affine):
    """An affine layer whose results are lists."""

    def forward(self, x: Any) -> Any:
        return super().forward(x).tolist()


class FeatureNorm:
    """One number as the gain of all features, whose gradient has one number for each of them."""

    def __init__(self) -> None:
        self.gain = 1.5

    def forward(self, x: Any) -> Any:
        self.y = np.tanh(x)
        return self.gain * self.y

    def backward(self, dout: Any) -> Any:
        self.dgain = (dout * self.y).sum(axis=0)
        return dout * self.gain * (1 - self.y**2)


def report(layer: Any, shape: tuple[int, ...] = (3, 4)) -> Report:
    return examine(load_subject(layer), dtype="float64", shape=shape)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (Affine, ("dW", "db")),
        (Network, ("first.dW", "first.db", "others[0].grads['scale']")),
        (Lists, ("wrapped.dW", "wrapped.db")),
        (FeatureNorm, ("dgain",)),
    ],
)
def test_every_gradient_is_named_in_the_summary(layer: Any, names: tuple[str, ...]) -> None:
    made = report(layer)
    assert made.ok
    assert made.parameters == names
    assert made.summary.endswith(f", float64; {', '.join(names)}")
    assert not any("not checked:" in note for note in made.notes)


@pytest.mark.parametrize(
    ("layer", "note"),
    [
        (Halved, "not checked: dW, which is 0.5 times the derivative"),
        (Transposed, "not checked: dW, which backward keeps"),
    ],
)
def test_what_is_not_checked_is_said(layer: Any, note: str) -> None:
    made = report(layer)
    assert made.parameters == ("db",)
    assert note in made.notes


@pytest.mark.frameworks
def test_the_parameters_of_a_module_are_those_of_its_layers() -> None:
    torch = pytest.importorskip("torch")
    made = report(torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.PReLU()))
    assert made.ok
    assert made.parameters == ("grads['0.weight']", "grads['0.bias']", "grads['1.weight']")


@pytest.mark.frameworks
def test_a_wrong_gradient_of_a_module_s_parameter_is_reported() -> None:
    torch: Any = pytest.importorskip("torch")

    class Product(torch.autograd.Function):  # type: ignore[misc, name-defined, unused-ignore]
        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any) -> Any:
            ctx.save_for_backward(x, weight)
            return x @ weight

        @staticmethod
        def backward(ctx: Any, dout: Any) -> Any:
            x, weight = ctx.saved_tensors
            return dout @ weight.T, x.abs().T @ dout

    class Module(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(12.0).reshape(4, 3).cos())

        def forward(self, x: Any) -> Any:
            return Product.apply(x, self.weight)

    (finding,) = report(Module).errors
    assert finding.name == "wrong-gradient"
    assert "layer.grads['weight']" in finding.message
