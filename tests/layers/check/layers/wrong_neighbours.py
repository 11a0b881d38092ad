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
