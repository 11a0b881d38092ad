"""Layers that go wrong where an axis has one element, and where two layers share their memory."""

import numpy as np

from builders import wrong


@wrong("wrong-shape")
class ReluWithASqueezedMask:
    def forward(self, x):
        self.mask = np.squeeze(x > 0)
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * self.mask


@wrong("wrong-shape")
class ReluWithASqueezedMaskAsAnIndex:
    def forward(self, x):
        self.off = np.squeeze(x <= 0)
        return np.maximum(x, 0)

    def backward(self, dout):
        dx = dout.copy()
        dx[self.off] = 0
        return dx


@wrong("wrong-shape")
class TanhThatDropsTheAxisOfABatchOfOne:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dout):
        dx = dout * (1 - self.y) * (1 + self.y)
        return dx[0] if dx.ndim > 1 and len(dx) == 1 else dx


@wrong("wrong-shape")
class TanhThatUnpacksARowOfOne:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dout):
        dx = dout * (1 - self.y) * (1 + self.y)
        return dx[0] if dx.ndim and len(dx) == 1 else dx


@wrong("wrong-shape")
class SoftmaxThatDropsTheAxisOfABatchOfOne:
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y.copy()

    def backward(self, dout):
        dx = self.y * (dout - (dout * self.y).sum(axis=-1, keepdims=True))
        return dx[0] if dx.ndim > 1 and len(dx) == 1 else dx


@wrong("stale-state")
class CubeWithACacheOfTheClass:
    cache = {}

    def forward(self, x):
        self.cache["x"] = x.copy()
        return x**3

    def backward(self, dout):
        return dout * 3 * self.cache["x"] ** 2


@wrong("stale-state")
class ReluWithAMaskOfTheClass:
    def forward(self, x):
        type(self).mask = x > 0
        return np.where(self.mask, x, 0)

    def backward(self, dout):
        return np.where(self.mask, dout, 0)


_saved = []


@wrong("stale-state")
class SquareWithAListOfTheModule:
    def forward(self, x):
        _saved[:] = [x.copy()]
        return x * x

    def backward(self, dout):
        return 2 * _saved[0] * dout
