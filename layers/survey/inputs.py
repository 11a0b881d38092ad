"""The x and dout that a kernel is verified with where none are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.layer import Layer
from actgrad.layers.verify import draw_sample

#: The length of a line, for a layer along an axis.
LINE = 64
#: So many lines are of the sample. The others are normally distributed with this deviation, because
#: the softmax of a line that holds numbers of every size has one 1 and no other number.
SAMPLED_LINES, DEVIATION = 8, 4.0


def default_x(layer: Layer, dtype: np.dtype[Any], count: int, seed: int = 0) -> Array:
    """The sample of the layer; for a layer along an axis, lines of LINE numbers.

    Raises:
        SampleError: count is not positive.
    """
    if layer.is_elementwise:
        return draw_sample(layer, dtype, count, seed)
    lines = max(count // LINE, 1)
    sampled = draw_sample(layer, dtype, min(lines, SAMPLED_LINES) * LINE, seed)
    normal = np.random.default_rng(seed).normal(0, DEVIATION, (lines, LINE)).astype(dtype)
    normal[: min(lines, SAMPLED_LINES)] = sampled.reshape(-1, LINE)
    return normal


def default_dout(layer: Layer, x: Array, seed: int = 0) -> Array:
    """Ones; for a layer along an axis normal numbers, because the gradient of a sum may be 0."""
    shape = layer.out_shape(x.shape)
    if layer.is_elementwise:
        return np.ones(shape, x.dtype)
    return np.random.default_rng(seed).normal(size=shape).astype(x.dtype)
