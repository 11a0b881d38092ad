"""The models that a PyTorch script calls: the first that it trains, and the others beside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from actgrad.layers.frameworks.recording import model_name


class CalledModels:
    """Hands the first model that is trained to `take`, and lists the models until its next call.

    A model is a module with modules in it. It is trained if it is called in training mode, with
    gradients, and one of its parameters requires a gradient.
    """

    def __init__(self, take: Callable[[torch.nn.Module, Any], None]) -> None:
        self._take = take
        self._model: torch.nn.Module | None = None
        self._called: dict[torch.nn.Module, None] = {}
        #: The models beside the first, by their classes.
        self.others: list[str] = []

    def __enter__(self) -> CalledModels:
        # A compiled module warns of hooks on all modules; these leave out what is compiled.
        warnings.filterwarnings("ignore", r"Using `torch\.compile\(module\)` when there are global")
        self._handle = register_module_forward_pre_hook(self._begin)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()
        inner = {part for module in self._called for part in module.modules() if part is not module}
        if self._model is not None:
            inner.update(self._model.modules())
        others = [module for module in self._called if module not in inner]
        self.others += dict.fromkeys(map(model_name, others))
        self._called = {}

    def _begin(self, module: torch.nn.Module, arguments: Any) -> None:
        # A compiler traces this function, and leaves out what follows.
        if torch.compiler.is_compiling() or isinstance(module, torch.jit.ScriptModule):
            return
        if module is self._model:
            self.__exit__()
        elif any(True for _ in module.children()):
            self._called[module] = None
            if self._model is None and is_trained(module):
                self._model = module
                self._take(module, arguments)


def is_trained(module: torch.nn.Module) -> bool:
    """Whether a call of the module is likely to be part of a training step."""
    return (
        module.training
        and torch.is_grad_enabled()
        and any(parameter.requires_grad for parameter in module.parameters())
    )
