"""Activation layers with `forward(x)` and `backward(dout)`, and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actgrad.layers.along_axis import AlongAxis, LogSoftmax, Softmax, Softmin, Sparsemax
from actgrad.layers.catalogue import catalogue, find, layer
from actgrad.layers.chain import Chain
from actgrad.layers.errors import (
    ActgradError,
    BackwardBeforeForwardError,
    DtypeError,
    ParameterError,
    ShapeError,
    UnknownLayerError,
)
from actgrad.layers.exponential import (
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
from actgrad.layers.gated import Geglu, Glu, Reglu, Swiglu
from actgrad.layers.layer import Elementwise, Layer
from actgrad.layers.piecewise import (
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
from actgrad.layers.rational import Hardswish, ReluSquared, Softsign, SparsePlus, Squareplus
from actgrad.layers.self_gated import Gelu, GeluTanh, Mish, QuickGelu, Silu

if TYPE_CHECKING:
    from actgrad.layers.check import check_layer
    from actgrad.layers.policy import Policy
    from actgrad.layers.report import CheckFailedError, Finding, Report
    from actgrad.layers.verification import Block, Verification

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
    "Block": "verification",
    "Policy": "policy",
    "Verification": "verification",
    "check_layer": "check",
    "CheckFailedError": "report",
    "Finding": "report",
    "Report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
