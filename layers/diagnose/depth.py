"""How the gradient changes from layer to layer over the depth of a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from actgrad.layers.arrays import decimal
from actgrad.layers.diagnose.rules import Fault, Rule, Thresholds
from actgrad.layers.diagnose.summary import UnitSummary

_LIMITS = ("fall", "total_fall")
FALL = Rule(
    "vanishing-over-depth",
    "the mean |dx| and ‖dx‖ fall towards the input, by a factor a layer or by one over all layers",
    "Glorot and Bengio, 2010; 1000 is a factor of 2 a layer over ten layers",
    _LIMITS,
)
RISE = Rule(
    "exploding-over-depth",
    "the mean |dx| and ‖dx‖ rise towards the input, by a factor a layer or by one over all layers",
    "Pascanu, Mikolov and Bengio, 2013; 1000 is a factor of 2 a layer over ten layers",
    _LIMITS,
)
#: A factor of the activations below this one is too small for larger weights to make up for it.
WEAK = 0.5


def depth_faults(layers: Sequence[UnitSummary], thresholds: Thresholds) -> list[Fault]:
    """The faults of a network with these layers, from the first to the last; each has a gradient.

    A rule fires if the gradient changes from the last layer to the first by the factor `fall` or
    more a layer, or by `total_fall` or more in all. The mean |dx| and ‖dx‖ must both do so: the
    elements of a layer with more of them are smaller at the same norm.
    """
    if len(layers) < 2:
        return []
    first, last = layers[0], layers[-1]
    steps = len(layers) - 1
    changes = [
        log_ratio(first.mean_gradient, last.mean_gradient),
        log_ratio(first.norms[1], last.norms[1]),
    ]
    limit = min(steps * math.log10(thresholds.fall), math.log10(thresholds.total_fall))
    is_fall, is_rise = max(changes) <= -limit, min(changes) >= limit
    if not (is_fall or is_rise):
        return []
    rate, slopes = 10 ** (changes[0] / steps), slope_factor(layers)
    message = (
        f"over {len(layers)} layers the mean |dx| goes from {decimal(last.mean_gradient, 3)} in the"
        f" last to {decimal(first.mean_gradient, 3)} in the first: a factor of"
        f" {decimal(rate, 3)} a layer"
    )
    facts = (
        f"Of this factor, the slopes of the activations make {decimal(slopes, 3)}, the weights and"
        f" what else lies between make {decimal(rate / slopes if slopes else math.nan, 3)}."
    )
    if is_rise:
        advice = (
            f"Divide the weights between the layers by {decimal(rate, 3)}, normalize between the"
            " layers, or clip the norm of the gradients."
        )
        return [Fault(RISE, message, advice, numbers=facts)]
    if not slopes:
        advice = "A layer stops the gradient in all samples: repair its dead units first."
        return [Fault(FALL, message, advice)]
    if slopes < WEAK:
        advice = (
            "Larger weights would saturate such activations. Use one with slopes near 1, such as"
            " tanh or relu, normalize between the layers, or add skip connections."
        )
    else:
        advice = (
            f"Multiply the weights between the layers by {decimal(1 / rate if rate else 0, 3)},"
            " normalize between the layers, or add skip connections."
        )
    return [Fault(FALL, message, advice, numbers=facts)]


def log_ratio(number: float, other: float) -> float:
    """log10(number/other) of numbers ≥ 0; nan where it has no value."""
    if not (other > 0 and math.isfinite(number) and math.isfinite(other)):
        return math.nan
    return math.log10(number) - math.log10(other) if number else -math.inf


def slope_factor(layers: Sequence[UnitSummary]) -> float:
    """By what factor the slopes of a layer multiply ‖dx‖: √mean slope², averaged over layers."""
    squares = [float(np.mean(layer.slope_square)) for layer in layers]
    if not all(square > 0 for square in squares):
        return 0.0
    return math.exp(sum(map(math.log, squares)) / (2 * len(squares)))
