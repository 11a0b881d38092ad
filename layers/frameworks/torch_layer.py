"""A function or a module of PyTorch as a layer over NumPy arrays, and tensors as arrays."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array, named
from actgrad.layers.errors import BackwardBeforeForwardError


class TorchLayer:
    """A function of one tensor, or a `torch.nn.Module`, as a layer with forward and backward.

    out = function(x), dx = ∂(out·dout)/∂x by autograd, of any shape. Tensors have the dtype of the
    arrays. A module computes in the dtype of x: forward casts its parameters and buffers. `params`
    holds the module's parameters by name, and is what forward uses; after backward, `grads` holds
    their gradients.

    >>> TorchLayer(torch.nn.functional.silu).forward(np.array([0.0, 1.0]))
    array([0.        , 0.73105858])
    """

    def __init__(self, function: Callable[[Any], Any], device: str = "cpu") -> None:
        import torch

        self.wrapped, self.device = function, device
        module = function if isinstance(function, torch.nn.Module) else torch.nn.Module()
        self.params = {name: array_of(each).copy() for name, each in module.named_parameters()}
        self.grads: dict[str, Array] = {}
        #: What the module states of x, as any layer may.
        self.input_shape = getattr(function, "input_shape", None)
        self._buffers = {name: each.clone() for name, each in module.named_buffers()}
        self._graph: tuple[Any, Any, dict[str, Any]] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> TorchLayer:
        # The graph of a forward cannot be copied.
        copied = TorchLayer(deepcopy(self.wrapped, memo), self.device)
        copied.params, copied.grads = deepcopy((self.params, self.grads), memo)
        copied._buffers = {name: each.clone() for name, each in self._buffers.items()}
        return copied

    def forward(self, x: Array) -> Array:
        """The function's result at x, as an array of its own.

        Raises what the function raises, and TypeError: the result is no tensor.
        """
        import torch

        given = self._leaf(x)
        leaves = {name: self._leaf(np.asarray(p, x.dtype)) for name, p in self.params.items()}
        # A function may write into its argument, which autograd forbids for a leaf.
        inner = given.clone()
        if isinstance(self.wrapped, torch.nn.Module):
            self._buffers = {
                name: each.to(given.dtype) if each.is_floating_point() else each
                for name, each in self._buffers.items()
            }
            state = leaves | self._buffers
            out = torch.func.functional_call(self.wrapped, state, (inner,))
        else:
            out = self.wrapped(inner)
        if not isinstance(out, torch.Tensor):
            raise TypeError(f"the result is a {type(out).__name__}, not a tensor")
        self._graph = given, out, leaves
        return array_of(out).copy()

    @property
    def has_gradient(self) -> bool:
        """Whether autograd has a graph of the last forward."""
        return self._graph is not None and bool(self._graph[1].requires_grad)

    def backward(self, dout: Array) -> Array:
        """The gradient for x by autograd; those for the parameters are kept in `grads`.

        Raises what autograd raises, as where out has no graph, and BackwardBeforeForwardError.
        """
        import torch

        if self._graph is None:
            raise BackwardBeforeForwardError("backward of a TorchLayer needs a forward before it")
        given, out, leaves = self._graph
        # out receives dout. For a gradient that is handed to it, autograd would import SymPy first.
        weighted = (out * tensor_of(dout).to(self.device)).sum()
        dx, *grads = torch.autograd.grad(
            weighted,
            (given, *leaves.values()),
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        self.grads = {name: array_of(grad) for name, grad in zip(leaves, grads, strict=True)}
        return array_of(dx)

    def _leaf(self, array: Array) -> Any:
        return tensor_of(array).to(self.device).requires_grad_()


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

    tensor = tensor.detach().cpu().contiguous()
    name = str(tensor.dtype).removeprefix("torch.")
    dtype = named(name)
    if dtype.isbuiltin == 1:
        return np.asarray(tensor.numpy())
    whole = {1: torch.int8, 2: torch.int16}[dtype.itemsize]
    return np.asarray(tensor.view(whole).numpy().view(dtype))
