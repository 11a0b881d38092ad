"""A callable of PyTorch, run on tensors of the dtype itself; autograd gives its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actgrad.layers.arrays import Array
from actgrad.layers.frameworks.target import (
    CPU,
    Environment,
    Place,
    Results,
    TargetError,
    refusal,
    versions_of,
)
from actgrad.layers.frameworks.torch_layer import TorchLayer

#: Where the arguments of a function are tensors.
FUNCTIONS = "torch.nn.functional"


class TorchTarget:
    """A function, a module or an autograd.Function of PyTorch."""

    def __init__(self, name: str, function: Callable[..., Any], place: Place = CPU) -> None:
        """The target `name`.

        Raises:
            TargetError: there is no such device.
        """
        import torch

        self.name, self._place = name, place
        if isinstance(function, type) and issubclass(function, torch.autograd.Function):
            function = getattr(function, "apply")  # noqa: B009 - torch's has no type
        try:
            if isinstance(function, torch.nn.Module):
                function = function.to(place.device).eval()
            torch.empty(1, device=place.device)
        except (RuntimeError, AssertionError) as error:
            raise TargetError(f"torch has no device {place.device} here") from error
        self._function = function
        self._compiled = torch.compile(function) if place.jit else function

    @property
    def environment(self) -> Environment:
        import torch

        device = self._place.device
        if device.startswith("cuda"):
            device = f"{device} ({torch.cuda.get_device_name(device)})"
        packages = versions_of("torch", "numpy")
        return Environment(packages, device, torch.get_num_threads(), self._place.jit)

    def run(self, x: Array, dout: Array) -> Results:
        import torch

        if isinstance(self._function, torch.nn.Module):
            self._function.to(getattr(torch, x.dtype.name))
        layer = TorchLayer(lambda given: self._compiled(given), self._place.device)
        try:
            out = layer.forward(x)
            return Results(out, layer.backward(dout) if layer.has_gradient else None)
        except (Exception, SystemExit) as error:
            raise refusal(self.name, error) from error


def torch_layer(path: str, arguments: dict[str, Any]) -> Callable[..., Any]:
    """The layer `torch.nn.GELU`, `torch.clamp` or `torch.nn.functional.prelu` with its arguments.

    Raises:
        TargetError: this version of PyTorch has no such name.
    """
    import torch

    module, _, name = path.rpartition(".")
    holder = {"torch": torch, "torch.nn": torch.nn, FUNCTIONS: torch.nn.functional}[module]
    function = getattr(holder, name, None)
    if function is None:
        raise TargetError(f"torch {torch.__version__} has no {path}")
    if module == "torch.nn":
        made: Callable[..., Any] = function(**arguments)
        return made
    if module == FUNCTIONS:
        return lambda x: function(
            x, **{key: torch.tensor(value, dtype=x.dtype) for key, value in arguments.items()}
        )
    return lambda x: function(x, **arguments)
