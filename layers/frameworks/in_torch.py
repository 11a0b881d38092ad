"""A callable of PyTorch, run on tensors of the dtype itself; autograd gives its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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

        given = tensor_of(x).to(self._place.device).requires_grad_()
        if isinstance(self._function, torch.nn.Module):
            self._function.to(given.dtype)
        try:
            out = self._compiled(given)
            if not isinstance(out, torch.Tensor):
                raise TargetError(f"{self.name} returns a {type(out).__name__}, not a tensor")
            dx = None
            if out.requires_grad:
                upstream = tensor_of(dout).to(self._place.device)
                (dx,) = torch.autograd.grad(out, given, upstream, allow_unused=True)
        except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
            raise refusal(self.name, error) from error
        return Results(array_of(out), None if dx is None else array_of(dx))


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


def tensor_of(array: Array) -> Any:
    """The array as a tensor of its dtype; NumPy's own dtypes share their memory."""
    import torch

    array = np.array(array)
    if array.dtype.isbuiltin == 1:
        return torch.from_numpy(array)
    bits = torch.from_numpy(array.view(f"i{array.dtype.itemsize}"))
    return bits.view(getattr(torch, array.dtype.name))


def array_of(tensor: Any) -> Array:
    """The tensor as an array of its dtype."""
    import torch

    from actgrad.layers.arrays import named

    tensor = tensor.detach().cpu().contiguous()
    name = str(tensor.dtype).removeprefix("torch.")
    dtype = named(name)
    if dtype.isbuiltin == 1:
        return np.asarray(tensor.numpy())
    whole = {1: torch.int8, 2: torch.int16}[dtype.itemsize]
    return np.asarray(tensor.view(whole).numpy().view(dtype))
