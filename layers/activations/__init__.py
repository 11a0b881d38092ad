"""The catalogue: every activation layer, by family."""

from actgrad.layers.activations.clipped import Hardsigmoid, Hardtanh, Relu6, SparseSigmoid
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
from actgrad.layers.activations.leaky import LeakyRelu, Prelu, Rrelu
from actgrad.layers.activations.lookup import catalogue, chain_of, find, layer, names_elsewhere
from actgrad.layers.activations.piecewise import (
    Hardshrink,
    Identity,
    Relu,
    Softshrink,
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
from actgrad.layers.activations.self_gated import (
    Gelu,
    GeluTanh,
    Mish,
    QuickGelu,
    Silu,
)
from actgrad.layers.activations.softmax import LogSoftmax, Softmax, Softmin, Sparsemax

__all__ = [
    "Celu",
    "Elu",
    "Exponential",
    "Geglu",
    "Gelu",
    "GeluTanh",
    "Glu",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Identity",
    "LeakyRelu",
    "LogSoftmax",
    "Logsigmoid",
    "Mish",
    "Prelu",
    "QuickGelu",
    "Reglu",
    "Relu",
    "Relu6",
    "ReluSquared",
    "Rrelu",
    "Selu",
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
    "catalogue",
    "chain_of",
    "find",
    "layer",
    "names_elsewhere",
]
