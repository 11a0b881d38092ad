"""What a command found out: named arrays, in the order they are shown."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from actgrad.layers import Chain
from actgrad.layers.arrays import Array


class Answer(NamedTuple):
    """The arrays of a run through a chain of layers, by name."""

    command: str
    layers: tuple[str, ...]
    arrays: dict[str, Array]
    #: The name of the command's main result.
    main: str


def run_forward(chain: Chain, x: Array) -> Answer:
    """Run the chain forward: x, what each layer keeps and puts out, out."""
    return Answer("forward", _names(chain), _forward(chain, x), "out")


def run_backward(chain: Chain, x: Array, dout: Array) -> Answer:
    """Run the chain forward and back: as run_forward, then dout, each layer's dx, dx.

    A 0-d dout stands for an array of x's shape.

    Raises:
        ShapeError: dout has another shape than out.
    """
    arrays = _forward(chain, x)
    arrays["dout"] = np.broadcast_to(dout, arrays["out"].shape) if dout.ndim == 0 else dout
    steps = range(len(chain.layers), 0, -1)
    for step, dx in zip(steps, chain.backward_steps(arrays["dout"]), strict=True):
        if len(chain.layers) > 1:
            arrays[f"{step}.dx"] = dx
    arrays["dx"] = dx
    for step, layer in enumerate(chain.layers, 1):
        prefix = "" if len(chain.layers) == 1 else f"{step}."
        for name, gradient in layer.gradients.items():
            arrays[prefix + name] = np.asarray(gradient)
    return Answer("backward", _names(chain), arrays, "dx")


def _names(chain: Chain) -> tuple[str, ...]:
    return tuple(str(layer) for layer in chain.layers)


def _forward(chain: Chain, x: Array) -> dict[str, Array]:
    arrays = {"x": x}
    alone = len(chain.layers) == 1
    for step, (layer, out) in enumerate(zip(chain.layers, chain.forward_steps(x), strict=True), 1):
        prefix = "" if alone else f"{step}."
        saved = {name: array for name, array in layer.saved.items() if name not in {"x", "out"}}
        arrays |= {prefix + name: array for name, array in saved.items()}
        arrays[prefix + "out"] = out
    arrays["out"] = out
    return arrays
