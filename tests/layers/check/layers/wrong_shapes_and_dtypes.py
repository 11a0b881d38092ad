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


@wrong("wrong-shape")
class ReluOfAMatrix:
    def forward(self, x):
        x = np.atleast_2d(x)
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@wrong("wrong-shape")
class TanhOfARowAsAMatrix:
    def forward(self, x):
        if x.ndim == 1:
            x = x[None, :]
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dout):
        return dout * (1 - self.y**2)


@wrong("wrong-shape")
class SoftmaxOfARowAsAMatrix:
    def forward(self, x):
        x = np.atleast_2d(x)
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y.copy()

    def backward(self, dout):
        dout = np.atleast_2d(dout)
        return self.y * (dout - (dout * self.y).sum(axis=1, keepdims=True))


@wrong("wrong-shape")
class NormalizedRowAsAMatrix:
    def forward(self, x):
        x = np.atleast_2d(x)
        self.mu = x.mean(-1, keepdims=True)
        self.s = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        self.y = (x - self.mu) / self.s
        return self.y.copy()

    def backward(self, dout):
        y = self.y
        return (
            dout - dout.mean(-1, keepdims=True) - y * (dout * y).mean(-1, keepdims=True)
        ) / self.s


@wrong("wrong-dtype")
class ReluThatGivesItsMask:
    def forward(self, x):
        self.mask = x > 0
        return self.mask

    def backward(self, dout):
        return dout * 0


@wrong("not-linear")
class ReluWhoseGradientIsATruthValue:
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout > 0


@wrong("wrong-gradient")
class ReluWhoseGradientIsAByte:
    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, 0)

    def backward(self, dout):
        return (dout * ~self.mask).astype(np.uint8)


@wrong("wrong-dtype")
class ScaleByAnExtendedNumber:
    def __init__(self):
        self.weight = np.ones(1, np.longdouble)

    def forward(self, x):
        return x * self.weight

    def backward(self, dout):
        return dout * self.weight


@wrong("wrong-dtype")
class IdentityThatRoundsToItsIntegers:
    def __init__(self):
        self.steps = np.zeros(3, np.int64)

    def forward(self, x):
        return np.round(x).astype(self.steps.dtype)

    def backward(self, dout):
        return np.zeros_like(dout)
