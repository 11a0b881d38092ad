"""Layers that wrongly let an element depend on its neighbours, or on the size of the array."""

import numpy as np

from builders import tanh_with, wrong


@wrong("wrong-gradient")
class NormalizedWithoutTheNorm:
    def forward(self, x):
        self.n = np.linalg.norm(x) + 1e-12
        self.y = x / self.n
        return self.y

    def backward(self, dout):
        return dout / self.n


BLOCK = 4096


@wrong("depends-on-neighbours")
class ArctanInBlocks:
    def forward(self, x):
        self.x = x
        return np.arctan(x)

    @staticmethod
    def _local(v):
        c = 1 / np.hypot(1, v)
        return c * c

    def backward(self, dout):
        if self.x.size <= BLOCK:
            return dout * self._local(self.x)
        xf, df = np.ravel(self.x), np.ravel(dout)
        res = np.zeros(xf.shape, xf.dtype)
        for k in range(xf.size // BLOCK):
            s = slice(k * BLOCK, (k + 1) * BLOCK)
            res[s] = df[s] * self._local(xf[s])
        return res.reshape(self.x.shape)


@wrong("depends-on-neighbours")
@tanh_with
def tanh_off_in_long_arrays(x, dout, g):
    return g * 1.1 if g.size > 100 else g


@wrong("depends-on-neighbours")
@tanh_with
def tanh_off_for_one_element(x, dout, g):
    return g * 1.1 if g.size == 1 else g


@wrong("depends-on-neighbours")
@tanh_with
def tanh_off_with_four_axes(x, dout, g):
    return g.astype(x.dtype) * (1.1 if x.ndim == 4 else 1)


@wrong("depends-on-neighbours")
@tanh_with
def tanh_off_in_the_last_column(x, dout, g):
    g[..., -1:] *= 1 + 1e-6
    return g


@wrong("depends-on-neighbours")
class LeakyReluWithASlopeByTheMean:
    def forward(self, x):
        a = 0.1 if x.size and x.mean() > 0 else 0.01
        self.slope = np.where(x > 0, 1, a).astype(x.dtype)
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope


@wrong("depends-on-neighbours")
class ReluWhoseBackwardAsksForTheMean:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        if self.x.size and self.x.mean() < -1:
            return dout * 0.01
        return dout * (self.x > 0)


@wrong("depends-on-neighbours")
class TanhWhoseBackwardAsksForTheLeast:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dout):
        if self.y.size and self.y.min() > 0:
            return dout * (1 - self.y)
        return dout * (1 - self.y**2)


@wrong("depends-on-neighbours")
class SquareThatIsALineForALargeMean:
    def forward(self, x):
        self.x = x
        if x.size and x.mean() > 2:
            return 2 * x
        return x * x

    def backward(self, dout):
        return 2 * self.x * dout


@wrong("depends-on-neighbours")
class EluByTheSignOfTheSum:
    def forward(self, x):
        if x.sum() >= 0:
            self.g = np.where(x > 0, 1, np.exp(np.minimum(x, 0))).astype(x.dtype)
            return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        self.g = np.ones_like(x)
        return x.copy()

    def backward(self, dout):
        return dout * self.g


@wrong("wrong-gradient")
class InstanceNormWithoutTheMean:
    def forward(self, x):
        self.s = x.shape
        f = x.reshape(*x.shape[:2], -1)
        self.i = 1 / np.sqrt(f.var(-1, keepdims=True) + 1e-5)
        self.h = (f - f.mean(-1, keepdims=True)) * self.i
        return self.h.reshape(self.s)

    def backward(self, dout):
        d, h = dout.reshape(self.h.shape), self.h
        return (self.i * (d - h * (d * h).mean(-1, keepdims=True))).reshape(self.s)
