"""Activation layers with `forward(x)` and `backward(dout)`, and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actgrad.layers.activations.exponential import (
    Celu,
    Elu,
    Exponential,
    Logsigmoid,
    Selu,
    Sigmoid,
    Softplus,
    Tanh,
    Tanhshrink,
)
from actgrad.layers.activations.gated import Geglu, Glu, Reglu, Swiglu
from actgrad.layers.activations.lookup import catalogue, find, layer
from actgrad.layers.activations.piecewise import (
    Hardshrink,
    Hardsigmoid,
    Hardtanh,
    Identity,
    LeakyRelu,
    Prelu,
    Relu,
    Relu6,
    Rrelu,
    Softshrink,
    SparseSigmoid,
    Threshold,
    ThresholdedRelu,
)
from actgrad.layers.activations.rational import (
    Hardswish,
    ReluSquared,
    Softsign,
    SparsePlus,
    Squareplus,
)
from actgrad.layers.activations.self_gated import Gelu, GeluTanh, Mish, QuickGelu, Silu
from actgrad.layers.activations.softmax import AlongAxis, LogSoftmax, Softmax, Softmin, Sparsemax
from actgrad.layers.chain import Chain
from actgrad.layers.errors import (
    ActgradError,
    BackwardBeforeForwardError,
    DtypeError,
    ParameterError,
    ShapeError,
    UnknownLayerError,
)
from actgrad.layers.layer import Elementwise, Layer

if TYPE_CHECKING:
    from actgrad.layers.check.examine import check_layer
    from actgrad.layers.check.report import CheckFailedError, Finding, Report
    from actgrad.layers.verify.policy import Policy
    from actgrad.layers.verify.verification import Block, Verification

__all__ = [
    "ActgradError",
    "AlongAxis",
    "BackwardBeforeForwardError",
    "Block",
    "Celu",
    "Chain",
    "CheckFailedError",
    "DtypeError",
    "Elementwise",
    "Elu",
    "Exponential",
    "Finding",
    "Geglu",
    "Gelu",
    "GeluTanh",
    "Glu",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Identity",
    "Layer",
    "LeakyRelu",
    "LogSoftmax",
    "Logsigmoid",
    "Mish",
    "ParameterError",
    "Policy",
    "Prelu",
    "QuickGelu",
    "Reglu",
    "Relu",
    "Relu6",
    "ReluSquared",
    "Report",
    "Rrelu",
    "Selu",
    "ShapeError",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "SparsePlus",
    "SparseSigmoid",
    "Sparsemax",
    "Squareplus",
    "Swiglu",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "ThresholdedRelu",
    "UnknownLayerError",
    "Verification",
    "catalogue",
    "check_layer",
    "find",
    "layer",
]

#: What most programs never ask for, imported when they do.
_LATER = {
    "Block": "verify.verification",
    "Policy": "verify.policy",
    "Verification": "verify.verification",
    "check_layer": "check.examine",
    "CheckFailedError": "check.report",
    "Finding": "check.report",
    "Report": "check.report",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
