"""Right layers that couple elements, in many styles."""

import numpy as np

from builders import right


@right
class SoftmaxByJacobian:
    def forward(self, x):
        s = x.max(-1, keepdims=True)
        e = np.exp(x - s)
        self.y = e / e.sum(-1, keepdims=True)
        return self.y.copy()

    def backward(self, dout):
        J = np.einsum(
            "...i,ij->...ij", self.y, np.eye(self.y.shape[-1], dtype=self.y.dtype)
        ) - np.einsum("...i,...j->...ij", self.y, self.y)
        return np.einsum("...ij,...j->...i", J, dout)


@right
class LayerNorm:
    """layer norm"""

    def forward(self, x):
        c = x - x.mean(-1, keepdims=True)
        self.s = np.sqrt((c * c).mean(-1, keepdims=True) + x.dtype.type(1e-3))
        self.y = c / self.s
        return self.y.copy()

    def backward(self, dout):
        d = dout - dout.mean(-1, keepdims=True)
        return (d - self.y * (dout * self.y).mean(-1, keepdims=True)) / self.s


@right
class RmsNormInFloat64:
    """rms norm in float64"""

    def forward(self, x):
        self.t = x.dtype
        x = x.astype(float)
        self.r = np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
        self.x = x
        return (x / self.r).astype(self.t)

    def backward(self, dout):
        d = dout.astype(float)
        n = self.x.shape[-1]
        return (d / self.r - self.x * (d * self.x).sum(-1, keepdims=True) / (n * self.r**3)).astype(
            self.t
        )


@right
class RowSum:
    """sum along rows, kept dims: reduces"""

    def forward(self, x):
        self.shape = x.shape
        return x.sum(-1, keepdims=True)

    def backward(self, dout):
        return np.broadcast_to(dout, self.shape).copy()


@right
class CumulativeSum:
    def forward(self, x):
        self.shape = x.shape
        return np.cumsum(x, -1).reshape(x.shape)

    def backward(self, dout):
        return np.flip(np.cumsum(np.flip(dout, -1), -1), -1).reshape(self.shape)


@right
class RowMaximum:
    def forward(self, x):
        self.i = x.argmax(-1, keepdims=True) if x.size else None
        self.s = x.shape
        return np.take_along_axis(x, self.i, -1)

    def backward(self, dout):
        d = np.zeros(self.s, dout.dtype)
        np.put_along_axis(d, self.i, dout, -1)
        return d


@right
class CRelu:
    """crelu: twice as many"""

    def forward(self, x):
        self.x = x
        return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], -1)

    def backward(self, dout):
        a, b = np.split(dout, 2, -1)
        return a * (self.x > 0) - b * (self.x < 0)


@right
class Sort:
    def forward(self, x):
        self.o = np.argsort(x, -1)
        return np.sort(x, -1)

    def backward(self, dout):
        d = np.empty_like(dout)
        np.put_along_axis(d, self.o, dout, -1)
        return d


@right
class GroupSort:
    """MaxMin of neighbouring pairs along the last axis; an odd last column passes through"""

    def forward(self, x):
        n = x.shape[-1]
        order = np.broadcast_to(np.arange(n), x.shape).copy()
        for i in range(0, n - 1, 2):
            swap = x[..., i] < x[..., i + 1]
            order[..., i] += swap
            order[..., i + 1] -= swap
        self.order = order
        return np.take_along_axis(x, order, axis=-1)

    def backward(self, dout):
        dx = np.empty_like(dout)
        np.put_along_axis(dx, self.order, dout, axis=-1)
        return dx


@right
class UnitBall:
    """x / sqrt(1 + |x|^2) for each row: squashes R^n into the open ball"""

    def forward(self, x):
        big = np.finfo(x.dtype).max
        v = np.clip(x, -big, big)
        k = np.maximum(np.abs(v).max(axis=-1, keepdims=True), 1)
        z = v / k
        self.inv = 1 / np.sqrt((z * z).sum(axis=-1, keepdims=True) + 1 / k / k) / k
        self.y = z / np.sqrt((z * z).sum(axis=-1, keepdims=True) + 1 / k / k)
        return self.y.copy()

    def backward(self, dout):
        radial = (self.y * dout).sum(axis=-1, keepdims=True)
        return self.inv * (dout - self.y * radial)
