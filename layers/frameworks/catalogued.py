"""A layer of the catalogue as another framework has it: its own function, with the parameters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from importlib.util import find_spec
from typing import Any, NamedTuple

from actgrad.layers.activations import Signature, call_text, catalogue, signatures
from actgrad.layers.activations import layer as named_layer
from actgrad.layers.errors import ActgradError
from actgrad.layers.frameworks.in_jax import JaxTarget, jax_layer
from actgrad.layers.frameworks.in_numpy import NumpyTarget, numpy_layer
from actgrad.layers.frameworks.in_onnxruntime import OnnxRuntimeTarget
from actgrad.layers.frameworks.in_torch import TorchTarget, torch_layer
from actgrad.layers.frameworks.target import CPU, Place, Target, TargetError
from actgrad.layers.layer import Layer

#: Layers whose parameters have no default, with some.
CHOSEN = {"threshold": "threshold:threshold=0.5,value=-1"}


class CataloguedFramework(NamedTuple):
    """A framework that runs layers of the catalogue."""

    #: What the catalogue calls it.
    title: str
    #: The package that is imported, and the extra of actgrad that installs it.
    package: str
    extra: str
    #: Its function of that path, with these arguments, under that name.
    make: Callable[[str, str, dict[str, Any], Place], Target]


#: By the name of the target.
FRAMEWORKS = {
    "torch": CataloguedFramework(
        "PyTorch",
        "torch",
        "torch",
        lambda name, path, given, place: TorchTarget(name, torch_layer(path, given), place),
    ),
    "jax": CataloguedFramework(
        "JAX",
        "jax",
        "jax",
        lambda name, path, given, place: JaxTarget(name, jax_layer(path, given), place),
    ),
    "onnxruntime": CataloguedFramework(
        "ONNX",
        "onnxruntime",
        "onnx",
        lambda name, path, given, place: OnnxRuntimeTarget(name, given, place),
    ),
    "numpy": CataloguedFramework(
        "NumPy",
        "numpy",
        "",
        lambda name, path, given, place: NumpyTarget(name, numpy_layer(path, given), place=place),
    ),
    "scipy": CataloguedFramework(
        "SciPy",
        "scipy",
        "scipy",
        lambda name, path, given, place: NumpyTarget(name, numpy_layer(path, given), place=place),
    ),
}


def require_framework(framework: str) -> None:
    """Check that the framework is installed.

    Raises:
        TargetError: it is not.
    """
    kind = FRAMEWORKS[framework]
    if find_spec(kind.package) is None:
        hint = f'pip install "actgrad[{kind.extra}]"'
        raise TargetError(f"{framework} is not installed", hint)


def catalogued_target(framework: str, layer: Layer, place: Place = CPU) -> Target:
    """The framework's own function for that layer.

    >>> catalogued_target("torch", layer("leaky_relu:negative_slope=0.2")).name
    'torch.nn.LeakyReLU(negative_slope=0.2)'

    Raises:
        TargetError: the framework is not installed, or has no function for that layer and these
            parameters, or not that place.
    """
    kind, (signature, given) = FRAMEWORKS[framework], function_of(framework, layer)
    require_framework(framework)
    # A framework takes no Fraction.
    plain = {k: float(v) if isinstance(v, Fraction) else v for k, v in given.items()}
    return kind.make(call_text(signature.path, given), signature.path, plain, place)


def catalogued_layers(framework: str) -> list[Layer]:
    """Every layer of the catalogue that the framework has, with default parameters."""
    layers = []
    for cls in catalogue():
        layer = named_layer(CHOSEN.get(cls.name, cls.name))
        with suppress(TargetError):
            function_of(framework, layer)
            layers.append(layer)
    return layers


def function_of(framework: str, layer: Layer) -> tuple[Signature, dict[str, Any]]:
    """The framework's name of the layer, and the arguments for the layer's parameters.

    Raises:
        TargetError: it has no function for that layer and these parameters.
    """
    settings = {name: getattr(layer, name) for name in layer.parameters}
    for signature in signatures(type(layer), FRAMEWORKS[framework].title):
        given: dict[str, Any] = {**signature.arguments_for(settings)}
        with suppress(ActgradError):
            bound = signature.bind((), given)
            if str(bound.cls(**bound.values)) == str(layer):
                return signature, given
    raise TargetError(f"{framework} has no function for {layer}")
