"""The gain of an activation: by how much weights must be larger so that the variance of x is kept.

For x of N(0, 1), the mean square of out is E[f(x)²]. Weights of standard deviation gain/√fan_in
make x of N(0, 1) again in the next layer if gain = 1/√E[f(x)²] (He et al., "Delving deep into
rectifiers", 2015).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.layer import Layer

#: N(0, 1) is integrated from −FARTHEST to FARTHEST, beyond which less than 2⁻⁵³ of it lies.
FARTHEST, POINTS = 8.5, 1 << 14
#: What `torch.nn.init.calculate_gain` returns, by layer; of other layers it knows nothing.
TORCH_GAINS = {
    "identity": 1.0,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
}


class Gain(NamedTuple):
    """The gains of a layer for x of N(0, 1)."""

    #: 1/√E[f(x)²], which keeps the mean square of out.
    forward: float
    #: 1/√E[f′(x)²], which keeps the mean square of the gradient.
    backward: float
    #: What PyTorch recommends, or None.
    torch: float | None


def gain(layer: Layer) -> Gain:
    """The gains of an element-wise layer, by the midpoint rule.

    >>> gain(Relu())
    Gain(forward=1.4142135623730951, backward=1.4142135623730951, torch=1.4142135623730951)
    """
    step = 2 * FARTHEST / POINTS
    x = -FARTHEST + step * (np.arange(POINTS) + 0.5)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * step
    out = layer.forward(x)
    slope = layer.backward(np.ones_like(x))

    def of(values: Array) -> float:
        mean_square = math.fsum((density * values * values).tolist())
        return 1 / math.sqrt(mean_square) if mean_square else math.inf

    return Gain(of(out), of(slope), torch_gain(layer))


def torch_gain(layer: Layer) -> float | None:
    """The value of `torch.nn.init.calculate_gain` for the layer, None where it knows none."""
    if layer.name == "leaky_relu":
        slope = float(getattr(layer, "negative_slope"))  # noqa: B009 — only this layer has it
        return math.sqrt(2 / (1 + slope * slope))
    return TORCH_GAINS.get(layer.name)
