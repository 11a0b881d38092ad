"""How the gradient changes from layer to layer over the depth of a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from actgrad.layers.arrays import decimal
from actgrad.layers.diagnose.rules import Fault, Rule

FALL = Rule(
    "vanishing-over-depth",
    "the mean |dx| falls from each layer to the one before it, towards the input",
    "Glorot and Bengio, 2010",
    "fall",
)
RISE = Rule(
    "exploding-over-depth",
    "the mean |dx| rises from each layer to the one before it, towards the input",
    "Pascanu, Mikolov and Bengio, 2013",
    "fall",
)


def depth_faults(gradients: Sequence[float], fall: float) -> list[Fault]:
    """The faults of a network whose layers have these mean |dx|, from the first to the last.

    A rule fires if the geometric mean of the factors from layer to layer is `fall` or more.
    """
    if len(gradients) < 2 or not math.isfinite(sum(gradients)) or not gradients[-1]:
        return []
    first, last = gradients[0], gradients[-1]
    steps = len(gradients) - 1
    rise = (first / last) ** (1 / steps)
    message = f"over {steps + 1} layers the mean |dx| goes from {decimal(last, 3)} in the last to "
    message += f"{decimal(first, 3)} in the first: a factor of {decimal(rise, 3)} a layer"
    if rise <= 1 / fall:
        advice = (
            "Multiply the initial weights by the gain of the activation, normalize between the"
            " layers, add residual connections, or use an activation with slopes near 1."
        )
        return [Fault(FALL, message, advice)]
    if rise >= fall:
        advice = (
            "Divide the initial weights by this factor, normalize between the layers, or clip the"
            " norm of the gradients."
        )
        return [Fault(RISE, message, advice)]
    return []
