"""Capturing the calls of activation functions in one forward run of a PyTorch model."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch.overrides import TorchFunctionMode

from actgrad.layers.activations import layer
from actgrad.layers.diagnose import run_statistics, save_statistics
from actgrad.layers.frameworks.manifest import RecordedLayer
from actgrad.layers.frameworks.torch_layer import array_of
from actgrad.layers.layer import Layer
from actgrad.layers.run import MemoryArray

#: Functions of PyTorch, without the `_` of their in-place forms, and the parameters of the layer of
#: that name, in the order of the function's arguments after x.
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "celu": ("alpha",),
    "elu": ("alpha",),
    "gelu": (),
    "hardshrink": ("lambd",),
    "hardsigmoid": (),
    "hardswish": (),
    "hardtanh": ("min_val", "max_val"),
    "leaky_relu": ("negative_slope",),
    "log_sigmoid": (),
    "logsigmoid": (),
    "mish": (),
    "prelu": ("weight",),
    "relu": (),
    "relu6": (),
    "selu": (),
    "sigmoid": (),
    "silu": (),
    "softplus": ("beta",),
    "softshrink": ("lambd",),
    "softsign": (),
    "tanh": (),
    "tanhshrink": (),
    "threshold": ("threshold", "value"),
}
#: Functions that activate, and that no element-wise layer computes.
UNMAPPED = {"glu", "gru", "log_softmax", "lstm", "rnn_relu", "rnn_tanh", "rrelu", "softmax"}


class Call(NamedTuple):
    """A call of an activation: its name, the layer, and its tensors as they arrive."""

    name: str
    layer: str
    tensors: dict[str, torch.Tensor]


@lru_cache
def catalogued_layer(spec: str) -> Layer:
    """The layer of the catalogue, the same object at every step."""
    return layer(spec)


def layer_of(function: Any, arguments: Any, keywords: Mapping[str, Any]) -> str | None:
    """The layer that the call of a function of PyTorch computes, or None.

    >>> layer_of(torch.nn.functional.leaky_relu, (x, 0.2), {})
    'leaky_relu:negative_slope=0.2'
    """
    name = getattr(function, "__name__", "").removesuffix("_")
    if name not in FUNCTIONS or not arguments or not isinstance(arguments[0], torch.Tensor):
        return None
    if name == "gelu":
        approximate = keywords.get("approximate", [*arguments, "none"][1])
        return "gelu_tanh" if approximate == "tanh" else "gelu"
    values = dict(zip(FUNCTIONS[name], arguments[1:], strict=False))
    values |= {key: value for key, value in keywords.items() if key in FUNCTIONS[name]}
    if any(isinstance(value, torch.Tensor) and value.numel() > 1 for value in values.values()):
        # A parameter for each channel.
        return None
    values = {k: v.detach() if isinstance(v, torch.Tensor) else v for k, v in values.items()}
    numbers = ",".join(f"{key}={float(value)}" for key, value in values.items())
    return str(catalogued_layer(":".join(filter(None, [name.replace("log_s", "logs"), numbers]))))


class Listener(TorchFunctionMode):  # type: ignore[misc, unused-ignore]
    """Hands each call of a function to `take`, which returns what is to be done with the result.

    A function that calls another one is one call.
    """

    def __init__(self, take: Callable[[Any, Any, Any], Callable[[Any], None] | None]) -> None:
        super().__init__()
        self._take = take

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        keywords = kwargs or {}
        listen = self._take(function, args, keywords)
        result = function(*args, **keywords)
        if listen is not None:
            listen(result)
        return result


class Capture:
    """The activations of one forward run, and of the backward run after it.

    Code that `torch.compile` has compiled runs uncompiled meanwhile: no hook reaches into it. An
    error in here never reaches the model; it is kept in `error`.
    """

    def __init__(
        self, model: torch.nn.Module, step: int, call: int, samples: int | None, seed: int
    ) -> None:
        #: The number of the training step, and of the forward call.
        self.step, self.call = step, call
        self.calls: list[Call] = []
        #: The functions that no layer computes, with the paths of their modules.
        self.unmapped: dict[str, None] = {}
        self.error: Exception | None = None
        self._model, self._samples, self._seed = model, samples, seed
        self._path: list[tuple[str, torch.nn.Module]] = []
        #: References to the hooks that wait for gradients; autograd frees the hooks with the graph.
        self._hooks: list[weakref.ref[Any]] = []
        self._listening = ExitStack()

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient has arrived."""
        return any("dout" in call.tensors for call in self.calls)

    @property
    def awaits_gradient(self) -> bool:
        """Whether a gradient may still arrive."""
        return any(hook() is not None for hook in self._hooks)

    def start(self) -> None:
        """Listen to the model's modules and to functions."""
        for name, module in self._model.named_modules():
            if module is not self._model and not isinstance(module, torch.jit.ScriptModule):
                hooks = (
                    module.register_forward_pre_hook(self._entering(name, module)),
                    module.register_forward_hook(self._leaving, always_call=True),
                )
                for handle in hooks:
                    self._listening.callback(handle.remove)
        # Nothing is compiled before this module is imported, which takes seconds.
        if "torch._dynamo" in sys.modules:
            self._listening.enter_context(torch.compiler.set_stance("force_eager"))
        self._listening.enter_context(Listener(self._take))

    def stop(self) -> None:
        """Listen no more; gradients still arrive."""
        self._listening.close()

    def _entering(self, name: str, module: torch.nn.Module) -> Callable[..., None]:
        """A hook that notes the module's path: that within its caller, if it has several."""

        def enter(*_: Any) -> None:
            caller, parent = self._path[-1] if self._path else ("", self._model)
            own = (key for key, child in parent.named_children() if child is module)
            key = next(own, None)
            path = name if key is None else f"{caller}.{key}"
            # torch.compile wraps a module in another one, whose child has this name.
            parts = [part for part in path.split(".") if part not in ("", "_orig_mod")]
            self._path.append((".".join(parts), module))

        return enter

    def _leaving(self, *_: Any) -> None:
        self._path.pop()

    @contextmanager
    def _keeping_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the training must go on
            self.error = self.error or error

    def _take(
        self, function: Any, arguments: Any, keywords: Mapping[str, Any]
    ) -> Callable[[Any], None] | None:
        """Keep x of an activation, before an in-place function overwrites it, and later dout."""
        with self._keeping_errors():
            spec = layer_of(function, arguments, keywords)
            if spec is not None and arguments[0].numel() and arguments[0].is_floating_point():
                call = Call(self._name(spec), spec, {"x": self._chosen(arguments[0])})
                self.calls.append(call)
                return self._gradient_keeper(call)
            name = getattr(function, "__name__", "")
            if name in UNMAPPED or (name == "prelu" and spec is None):
                path = self._path[-1][0] if self._path else ""
                self.unmapped[f"{name} ({path})" if path else name] = None
        return None

    def _gradient_keeper(self, call: Call) -> Callable[[Any], None]:
        """What waits for the gradient of the call's result."""

        def keep(gradient: torch.Tensor) -> None:
            with self._keeping_errors():
                call.tensors["dout"] = self._chosen(gradient)

        def listen(result: Any) -> None:
            with self._keeping_errors():
                if isinstance(result, torch.Tensor) and result.requires_grad:
                    result.register_hook(keep)
                    self._hooks.append(weakref.ref(keep))

        return listen

    def _name(self, spec: str) -> str:
        """The path of the module, with the function's name where the module is no activation."""
        function = spec.partition(":")[0]
        path, module = self._path[-1] if self._path else ("", self._model)
        parts = [*module.parameters(recurse=False), *module.children()]
        is_activation = bool(path) and (isinstance(module, torch.nn.PReLU) or not parts)
        name = path if is_activation else f"{path}.{function}".removeprefix(".")
        count = sum(call.name.partition("#")[0] == name for call in self.calls)
        return f"{name}#{count + 1}" if count else name

    def _chosen(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy of the tensor's samples, or of a random choice of them."""
        kept = tensor.detach()
        if self._samples is not None and kept.ndim and len(kept) > self._samples:
            generator = torch.Generator().manual_seed(self._seed)
            rows = torch.randperm(len(kept), generator=generator)[: self._samples].sort().values
            kept = kept[rows.to(kept.device)]
        return kept.to("cpu", copy=True).contiguous()

    def save(self, folder: Path, keep: str) -> list[RecordedLayer]:
        """Write the tensors or their statistics into a file; return what they are."""
        file = f"step-{self.step:08}.safetensors"
        if keep == "statistics":
            statistics = {
                call.name: run_statistics(
                    catalogued_layer(call.layer),
                    {key: MemoryArray(array_of(t)) for key, t in call.tensors.items()},
                    threads=1,
                )
                for call in self.calls
            }
            save_statistics(folder / file, statistics)
        else:
            self._save_tensors(folder, file)
        return [
            RecordedLayer(
                call.name,
                call.layer,
                self.step,
                file,
                str(call.tensors["x"].dtype).removeprefix("torch."),
                tuple(call.tensors["x"].shape),
                "dout" in call.tensors,
                keep == "statistics",
            )
            for call in self.calls
        ]

    def _save_tensors(self, folder: Path, file: str) -> None:
        tensors = {
            f"{call.name}/{name}": tensor
            for call in self.calls
            for name, tensor in call.tensors.items()
        }
        beside = folder / f".{file}"
        safetensors.torch.save_file(tensors, beside)
        beside.replace(folder / file)
