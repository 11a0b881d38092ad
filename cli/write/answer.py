"""What a command found out: named arrays, in the order they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers import Chain
from actgrad.layers.arrays import Array


class Answer(NamedTuple):
    """The arrays of a run through a chain of layers, by name."""

    command: str
    layers: tuple[str, ...]
    #: In memory, or what else a writer knows how to write.
    arrays: Mapping[str, Any]
    #: The name of the command's main result.
    main: str


def run_forward(chain: Chain, x: Array) -> Answer:
    """Run the chain forward: x, what each layer keeps and puts out, out."""
    return Answer("forward", names(chain), chain.trace(x), "out")


def run_backward(chain: Chain, x: Array, dout: Array) -> Answer:
    """Run the chain forward and back: as run_forward, then dout, each layer's dx, dx.

    A 0-d dout stands for an array of out's shape.

    Raises:
        ShapeError: dout has another shape than out.
    """
    if dout.ndim == 0:
        dout = np.broadcast_to(dout, chain.out_shape(x.shape))
    return Answer("backward", names(chain), chain.trace(x, dout), "dx")


def names(chain: Chain) -> tuple[str, ...]:
    return tuple(str(layer) for layer in chain.layers)
