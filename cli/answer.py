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
    return Answer("forward", _names(chain), chain.trace(x), "out")


def run_backward(chain: Chain, x: Array, dout: Array) -> Answer:
    """Run the chain forward and back: as run_forward, then dout, each layer's dx, dx.

    A 0-d dout stands for an array of out's shape.

    Raises:
        ShapeError: dout has another shape than out.
    """
    if dout.ndim == 0:
        dout = np.broadcast_to(dout, chain.out_shape(x.shape))
    return Answer("backward", _names(chain), chain.trace(x, dout), "dx")


def _names(chain: Chain) -> tuple[str, ...]:
    return tuple(str(layer) for layer in chain.layers)
