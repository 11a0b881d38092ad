"""What other frameworks call a layer, and with which parameters and defaults.

A layer class states its names by framework:

    elsewhere = {
        "PyTorch": "LeakyReLU",
        "Keras": "leaky_relu(negative_slope=0.2), layers.LeakyReLU(negative_slope=0.3)",
        "ONNX": "LeakyRelu(alpha: negative_slope = 0.01)",
    }

A signature is written as in Python, with the framework's own argument names and defaults:

- `beta=1`: the layer's parameter beta. Without a default, a call must give it.
- `alpha: beta = 1`: the layer's parameter beta, which the framework calls alpha.
- `threshold=20`: an option that is no parameter of the layer. It must have this value.
- `approximate: 'tanh'`: an option that selects the layer: a call must give it this value.

A name without a signature has the layer's own parameters and defaults.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple, TypeAlias

from actgrad.layers.errors import ParameterError
from actgrad.layers.layer import Layer
from actgrad.layers.parameter import Number, Setting, unknown_parameter

#: Where each framework has a name that is stated without a module.
MODULES = {
    "PyTorch": "torch.nn",
    "JAX": "jax.nn",
    "Keras": "keras.activations",
    "TensorFlow": "tf.nn",
    "ONNX": "onnx",
    "NumPy": "numpy",
    "SciPy": "scipy.special",
}
#: Where a name is looked up that has a dot: `layers.ELU` is `keras.layers.ELU`, and `.clamp` is
#: `torch.clamp`.
PACKAGES = {"PyTorch": "torch", "Keras": "keras"}
#: Arguments that change no result.
WITHOUT_EFFECT = {"inplace"}

Value: TypeAlias = Number | str | bool | None


class Argument(NamedTuple):
    """An argument of a framework's function or class."""

    name: str
    #: The layer's parameter that it sets; None for an option, which must have the value `only`.
    parameter: str | None
    required: bool
    default: Value
    only: Value = None
    #: Whether it distinguishes this layer from another one of the same name.
    selects: bool = False


class Binding(NamedTuple):
    """A layer class, the parameters that a call gives it, and those that it lacks."""

    cls: type[Layer]
    values: Mapping[str, Setting]
    #: What the framework calls each missing parameter.
    missing: Mapping[str, str]


class Signature(NamedTuple):
    """A layer under one of its names: `keras.layers.LeakyReLU(negative_slope=0.3)`."""

    cls: type[Layer]
    #: Empty for the catalogue's own names.
    module: str
    name: str
    arguments: Sequence[Argument]

    @property
    def path(self) -> str:
        """The name with its module: `keras.layers.LeakyReLU`."""
        return ".".join(filter(None, [self.module, self.name]))

    @property
    def usage(self) -> str:
        """The path and what a call must give: `torch.nn.Softmax(dim=…)`."""
        given = [
            f"{argument.name}={'…' if argument.parameter else repr(argument.only)}"
            for argument in self.arguments
            if argument.required
        ]
        return f"{self.path}({', '.join(given)})" if given else self.path

    @property
    def equivalent(self) -> str:
        """The call that gives the layer with the catalogue's defaults: `HardSigmoid(alpha=1/6)`."""
        defaults = {name: each.default for name, each in self.cls.parameters.items()}
        return call_text(self.name, self.arguments_for(defaults))

    def arguments_for(self, settings: Mapping[str, Setting | None]) -> dict[str, Setting | Value]:
        """What a call must be given to mean the layer with these settings; None is left out.

        >>> signatures(Elu, "PyTorch")[0].arguments_for({"alpha": 2.0})
        {'alpha': 2.0}
        """
        given: dict[str, Setting | Value] = {}
        for argument in self.arguments:
            if argument.parameter is None:
                if argument.selects:
                    given[argument.name] = argument.only
                continue
            setting = settings[argument.parameter]
            if setting is not None and (setting != argument.default or argument.required):
                given[argument.name] = setting
        return given

    def bind(self, positional: Sequence[Value], keywords: Mapping[str, Value]) -> Binding:
        """What a call with these arguments means.

        Raises:
            ParameterError: an argument is unknown, given twice, or selects no layer.
        """
        names = [argument.name for argument in self.arguments]
        if len(positional) > len(names):
            raise ParameterError(f"{self.path}({', '.join(names)}) is given too many arguments")
        given = dict(zip(names, positional, strict=False))
        for name, value in keywords.items():
            if name in given:
                raise ParameterError(f"{self.path}: {name} is given twice")
            if name in names:
                given[name] = value
            elif not (self.module and name in WITHOUT_EFFECT):
                raise unknown_parameter(self.path, names, name)
        return self._binding(given)

    def _binding(self, given: Mapping[str, Value]) -> Binding:
        values: dict[str, Setting] = {}
        missing: dict[str, str] = {}
        for argument in self.arguments:
            value = given.get(argument.name, argument.default)
            what = f"{self.path}: {argument.name}"
            if argument.required and argument.name not in given and argument.parameter:
                missing[argument.parameter] = argument.name
            elif argument.parameter is None:
                if value != argument.only:
                    raise ParameterError(
                        f"{self.path}({argument.name}={value!r}) is no layer of the catalogue"
                    )
            elif value in self.cls.parameters[argument.parameter].choices:
                values[argument.parameter] = str(value)
            elif isinstance(value, bool) or not isinstance(value, float | int | Fraction):
                raise ParameterError(f"{what} is {value!r}, which is not a number")
            elif values.setdefault(argument.parameter, value) != value:
                other = values[argument.parameter]
                raise ParameterError(f"{what} is {value!r}, but must be {other!r}")
        return Binding(self.cls, values, missing)


def call_text(name: str, arguments: Mapping[str, Setting | Value]) -> str:
    """A call as Python has it: `HardSigmoid(alpha=1/6)`, or the name alone."""
    given = ", ".join(f"{key}={spelt(value)}" for key, value in arguments.items())
    return f"{name}({given})" if given else name


def spelt(value: Setting | Value) -> str:
    """A number or a choice as a call has it: `1/6`, `-1`, `0.01`, `'first'`, `True`."""
    if isinstance(value, Fraction):
        return str(value)
    return f"{value:g}" if isinstance(value, float) else repr(value)


def own_arguments(cls: type[Layer]) -> list[Argument]:
    """The layer's parameters as arguments of their own names."""
    return [
        Argument(name, name, parameter.default is None, parameter.default)
        for name, parameter in cls.parameters.items()
    ]


@cache
def signatures(cls: type[Layer], framework: str) -> Sequence[Signature]:
    """The layer's names in that framework, in the order of the class's statement."""
    known = []
    for path, text in re.findall(r"([\w.]+)(\(.*?\))?(?:, |$)", cls.elsewhere.get(framework, "")):
        module, dot, name = path.rpartition(".")
        if dot:
            module = ".".join(filter(None, [PACKAGES[framework], module]))
        else:
            module = MODULES[framework]
        arguments = stated(cls, text) if text else own_arguments(cls)
        known.append(Signature(cls, module, name, arguments))
    return known


def stated(cls: type[Layer], text: str) -> list[Argument]:
    """The arguments that a signature such as `(alpha: beta = 1, threshold=20)` states."""
    (function,) = ast.parse(f"def signature{text}: pass").body
    assert isinstance(function, ast.FunctionDef)
    positional, keyword = function.args.args, function.args.kwonlyargs
    required = len(positional) - len(function.args.defaults)
    defaults = [None] * required + function.args.defaults + function.args.kw_defaults
    arguments = []
    for argument, node in zip([*positional, *keyword], defaults, strict=True):
        name, annotation = argument.arg, argument.annotation
        default = None if node is None else ast.literal_eval(node)
        parameter: str | None = name if name in cls.parameters else None
        only, selects = default, False
        if isinstance(annotation, ast.Name):
            parameter = annotation.id
        elif annotation is not None:
            parameter, only, selects = None, ast.literal_eval(annotation), True
        arguments.append(Argument(name, parameter, node is None, default, only, selects))
    return arguments
