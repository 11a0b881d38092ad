"""Activation layers with `forward(x)` and `backward(dout)`, and what is known of them."""

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
from actgrad.layers.exponential import Sigmoid
from actgrad.layers.layer import Elementwise, Layer
from actgrad.layers.piecewise import LeakyRelu, Relu

__all__ = [
    "ActgradError",
    "BackwardBeforeForwardError",
    "Chain",
    "DtypeError",
    "Elementwise",
    "Layer",
    "LeakyRelu",
    "ParameterError",
    "Relu",
    "ShapeError",
    "Sigmoid",
    "UnknownLayerError",
    "catalogue",
    "find",
    "layer",
]
