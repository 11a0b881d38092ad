"""Right layers that act along certain axes, and show it only in arrays that have them."""

import numpy as np

from builders import right, right_with_warnings


@right_with_warnings("numpy-warning")
class InstanceNormOfChannels:
    def forward(self, x):
        self.s = x.shape
        f = x.reshape(*x.shape[:2], -1)
        self.i = 1 / np.sqrt(f.var(-1, keepdims=True) + 1e-5)
        self.h = (f - f.mean(-1, keepdims=True)) * self.i
        return self.h.reshape(self.s)

    def backward(self, dout):
        d, h = dout.reshape(self.h.shape), self.h
        return (
            self.i * (d - d.mean(-1, keepdims=True) - h * (d * h).mean(-1, keepdims=True))
        ).reshape(self.s)


@right
class RecurrentLayerThatKeepsItsState:
    input_shape = (2, 4, 3)

    def __init__(self):
        r = np.random.default_rng(2)
        self.W, self.U, self.h = r.normal(0, 0.5, (3, 4)), r.normal(0, 0.5, (4, 4)), None

    def forward(self, xs):
        n, t, d = xs.shape
        h = np.zeros((n, 4)) if self.h is None or len(self.h) != n else self.h
        self.c = []
        out = []
        for k in range(t):
            p, h = h, np.tanh(xs[:, k] @ self.W + h @ self.U)
            self.c.append((p, h))
            out.append(h)
        self.h = h
        return np.stack(out, 1)

    def backward(self, d):
        dx, dh = [], 0
        for k in range(len(self.c) - 1, -1, -1):
            da = (d[:, k] + dh) * (1 - self.c[k][1] ** 2)
            dx.append(da @ self.W.T)
            dh = da @ self.U.T
        return np.stack(dx[::-1], 1)


@right
class LocalResponseNormalization:
    def forward(self, x):
        sq = x**2
        p = np.pad(sq, [(0, 0), (1, 1)] + [(0, 0)] * (x.ndim - 2))
        c = x.shape[1]
        self.d = 1 + 0.1 * (p[:, :c] + p[:, 1 : c + 1] + p[:, 2:])
        self.x = x
        return x * self.d**-0.75

    def backward(self, dout):
        t = dout * self.x * self.d**-1.75 * -0.75 * 0.1
        p = np.pad(t, [(0, 0), (1, 1)] + [(0, 0)] * (t.ndim - 2))
        c = t.shape[1]
        return dout * self.d**-0.75 + 2 * self.x * (p[:, :c] + p[:, 1 : c + 1] + p[:, 2:])


@right
class ColumnsTakenTwice:
    def forward(self, x):
        self.s = x.shape
        return x[..., [0, 2, 2]]

    def backward(self, dout):
        dx = np.zeros(self.s, dout.dtype)
        np.add.at(dx, (..., [0, 2, 2]), dout)
        return dx


@right_with_warnings("numpy-warning")
class RowsOfLargeNorm:
    """half of the rows pass"""

    def forward(self, x):
        norm = (x * x).reshape(len(x), -1).sum(axis=1)
        chosen = norm >= np.sort(norm)[len(x) // 2 :][:1]
        self.mask = chosen.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class DenseWhoseFirstForwardMakesItsWeights:
    def __init__(self):
        self.W = None

    def forward(self, x):
        if self.W is None:
            self.W = np.cos(np.arange(x.shape[-1] * 3.0)).reshape(-1, 3)
        self.x = x
        return x @ self.W

    def backward(self, dout):
        return dout @ self.W.T


@right
class SamplesSortedByTheirMean:
    def forward(self, x):
        self.i = np.argsort(x.reshape(len(x), -1).mean(1))
        return x[self.i]

    def backward(self, dout):
        dx = np.empty_like(dout)
        dx[self.i] = dout
        return dx


@right
class LogAboveAThousandth:
    def forward(self, x):
        self.x = x
        return np.log(np.maximum(x, 1e-3))

    def backward(self, dout):
        return np.where(self.x > 1e-3, dout / np.maximum(self.x, 1e-3), 0).astype(dout.dtype)
