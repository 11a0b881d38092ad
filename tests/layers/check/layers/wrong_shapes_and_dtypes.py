"""Layers whose results have another shape or dtype than x."""

import math

import numpy as np

from builders import tanh_with, wrong


@wrong("wrong-dtype")
class TanhWithGradientsInFloat32:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        g = dout * (1 - np.tanh(self.x) ** 2)
        return g.astype(np.float32)


@wrong("wrong-dtype")
class EluInFloat64:
    def forward(self, x):
        self.x = x
        return np.array(
            list(map(lambda v: v if v > 0 else math.expm1(v), x.ravel().tolist()))
        ).reshape(x.shape)

    def backward(self, dout):
        return (dout * np.where(self.x > 0, 1, np.exp(np.minimum(self.x, 0)))).astype(dout.dtype)


@wrong("wrong-shape")
class TanhTransposed:
    def forward(self, x):
        self.x = x.T
        return np.tanh(x)

    def backward(self, dout):
        return dout.T / np.cosh(np.clip(self.x, -300, 300)) ** 2


@wrong("wrong-dtype")
@tanh_with
def tanh_in_float64(x, dout, g):
    return g + np.zeros(1)
