"""Layers that are wrong at nan only, or for a large or a small dout only."""

import numpy as np

from builders import tanh_with, wrong


@wrong("depends-on-neighbours")
class ReluWithAnotherTail:
    """The last elements, fewer than 8, are treated in another way at nan."""

    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        x, d = self.x.ravel(), dout.ravel()
        n = x.size - x.size % 8
        dx = np.concatenate([np.where(x[:n] > 0, d[:n], 0), np.where(x[n:] <= 0, 0, d[n:])])
        return dx.reshape(self.x.shape)


@wrong("not-linear")
@tanh_with
def tanh_with_6_at_nan(x, dout, g):
    return np.where(np.isnan(x), 6, g).astype(x.dtype)


@wrong("not-linear")
@tanh_with
def tanh_without_a_large_gradient(x, dout, g):
    return np.where(np.abs(dout) > 1e3, 0, g).astype(x.dtype)


@wrong("not-linear")
@tanh_with
def tanh_without_a_small_gradient(x, dout, g):
    return np.where(np.abs(dout) < 1e-8, 0, g).astype(x.dtype)


@wrong("not-finite")
class LayerNormWithoutEps:
    def forward(self, x):
        c = x - x.mean(axis=-1, keepdims=True)
        self.s = c.std(axis=-1, keepdims=True)
        self.y = c / self.s
        return self.y.copy()

    def backward(self, dout):
        y = self.y
        return (
            dout - dout.mean(-1, keepdims=True) - y * (dout * y).mean(-1, keepdims=True)
        ) / self.s


@wrong("not-finite")
class RmsNormWithoutEps:
    def forward(self, x):
        self.r = np.sqrt(np.mean(x * x, axis=-1, keepdims=True))
        self.y = x / self.r
        return self.y.copy()

    def backward(self, dout):
        return (dout - self.y * (dout * self.y).mean(-1, keepdims=True)) / self.r
