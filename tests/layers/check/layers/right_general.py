"""Right layers that couple elements, treat places differently, or give another shape."""

import numpy as np

from builders import right, right_with_warnings


@right
class GroupNorm:
    def forward(self, x):
        n, c, h, w = x.shape
        if c % 2:
            raise ValueError("two groups")
        self.shape = x.shape
        g = x.reshape(n, 2, -1)
        d = g - g.mean(-1, keepdims=True)
        self.s = np.sqrt((d * d).mean(-1, keepdims=True) + x.dtype.type(1e-3))
        self.y = d / self.s
        return self.y.reshape(x.shape)

    def backward(self, dout):
        d = dout.reshape(self.y.shape)
        m = d.mean(-1, keepdims=True)
        return ((d - m - self.y * (d * self.y).mean(-1, keepdims=True)) / self.s).reshape(
            self.shape
        )


@right
class PositionalScale:
    def forward(self, x):
        self.k = np.arange(1, x.shape[-1] + 1).astype(x.dtype)
        return x * self.k

    def backward(self, dout):
        return dout * self.k


@right
class PositionalSines:
    def forward(self, x):
        steps, width = x.shape[-2:]
        angle = np.arange(steps)[:, None] / 10 ** (np.arange(width) / width)
        return (x + np.sin(angle)).astype(x.dtype)

    def backward(self, dout):
        return dout.copy()


@right
class ScaledByTheWidth:
    """x/√n for rows of n elements"""

    def forward(self, x):
        self.k = x.dtype.type(1 / np.sqrt(x.shape[-1])) if x.size else x.dtype.type(1)
        return x * self.k

    def backward(self, dout):
        return dout * self.k


@right
class AlternatingSigns:
    def forward(self, x):
        self.s = np.where(np.arange(x.shape[-1]) % 2, -1, 1).astype(x.dtype)
        return np.sin(x) * self.s if self._keep(x) else None

    def _keep(self, x):
        self.x = x
        return True

    def backward(self, dout):
        return dout * np.cos(self.x) * self.s


@right
class TopTwo:
    """zeros but for the two largest of each row"""

    def forward(self, x):
        if x.shape[-1] < 3:
            raise ValueError("too few")
        edge = np.sort(x, axis=-1)[..., -2:-1]
        self.mask = x >= edge
        return np.where(self.mask, x, 0).astype(x.dtype)

    def backward(self, dout):
        return np.where(self.mask, dout, 0).astype(dout.dtype)


@right
class TopTwoValues:
    def forward(self, x):
        self.shape = x.shape
        self.at = np.argsort(-x, axis=-1)[..., :2]
        return np.take_along_axis(x, self.at, axis=-1)

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        np.put_along_axis(dx, self.at, dout, axis=-1)
        return dx


@right
class CumulativeSumOfAll:
    def forward(self, x):
        return np.cumsum(x).reshape(x.shape)

    def backward(self, dout):
        return np.cumsum(dout.ravel()[::-1])[::-1].reshape(dout.shape)


@right_with_warnings("not-finite")
class CumulativeProduct:
    def forward(self, x):
        self.x, self.y = x, np.cumprod(x, axis=-1)
        return self.y.copy()

    def backward(self, dout):
        g = np.flip(np.cumsum(np.flip(dout * self.y, -1), -1), -1)
        return g / self.x


@right
class Differences:
    def forward(self, x):
        return np.diff(x, axis=-1)

    def backward(self, dout):
        zero = np.zeros((*dout.shape[:-1], 1), dout.dtype)
        return np.concatenate([zero, dout], -1) - np.concatenate([dout, zero], -1)


@right
class Flip:
    def forward(self, x):
        return np.flip(x, -1).copy()

    def backward(self, dout):
        return np.flip(dout, -1).copy()


@right
class Shift:
    def forward(self, x):
        return np.roll(x, 1, axis=-1)

    def backward(self, dout):
        return np.roll(dout, -1, axis=-1)


@right
class LogSoftmax:
    def forward(self, x):
        z = x - x.max(axis=-1, keepdims=True)
        out = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        self.p = np.exp(out)
        return out

    def backward(self, dout):
        return dout - self.p * dout.sum(axis=-1, keepdims=True)


@right
class LogSumExp:
    def forward(self, x):
        m = x.max(axis=-1, keepdims=True)
        e = np.exp(x - m)
        s = e.sum(axis=-1, keepdims=True)
        self.p = e / s
        return (m + np.log(s))[..., 0]

    def backward(self, dout):
        return self.p * dout[..., None]


@right
class SoftmaxByLoops:
    def forward(self, x):
        rows, columns = x.shape
        self.y = np.empty_like(x)
        for i in range(rows):
            e = np.exp(x[i] - x[i].max())
            self.y[i] = e / e.sum()
        return self.y.copy()

    def backward(self, dout):
        dx = np.empty_like(dout)
        for i, (y, d) in enumerate(zip(self.y, dout)):
            dx[i] = (np.diag(y) - np.outer(y, y)) @ d
        return dx


@right
class Softmin:
    def forward(self, x):
        e = np.exp(x.min(axis=-1, keepdims=True) - x)
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y.copy()

    def backward(self, dout):
        return -self.y * (dout - (dout * self.y).sum(axis=-1, keepdims=True))


@right_with_warnings("numpy-warning", "not-finite")
class UnitLength:
    def forward(self, x):
        self.n = np.sqrt((x * x).sum(axis=-1, keepdims=True))
        self.y = x / self.n
        return self.y.copy()

    def backward(self, dout):
        return (dout - self.y * (dout * self.y).sum(axis=-1, keepdims=True)) / self.n


@right_with_warnings("not-finite")
class Norm:
    def forward(self, x):
        self.x, self.n = x, np.sqrt((x * x).sum(axis=-1))
        return self.n.copy()

    def backward(self, dout):
        return self.x * (dout / self.n)[..., None]


@right
class MeanOfEach:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=-1)

    def backward(self, dout):
        return np.broadcast_to(dout[..., None] / self.shape[-1], self.shape).copy()


@right
class SumOfAll:
    def forward(self, x):
        self.shape = x.shape
        return x.sum()

    def backward(self, dout):
        return np.full(self.shape, dout)


@right_with_warnings("numpy-warning")
class Standardized:
    """by the mean and the deviation of the whole array"""

    def forward(self, x):
        self.s = x.std()
        self.y = (x - x.mean()) / self.s
        return self.y.copy()

    def backward(self, dout):
        return (dout - dout.mean() - self.y * (dout * self.y).mean()) / self.s


@right_with_warnings("not-finite")
class ScaledByTheMaximum:
    def forward(self, x):
        self.m = np.abs(x).max(axis=-1, keepdims=True)
        self.at = np.abs(x) == self.m
        self.y = x / self.m
        return self.y.copy()

    def backward(self, dout):
        inner = (dout * self.y).sum(axis=-1, keepdims=True)
        return (dout - self.at * np.sign(self.y) * inner) / self.m


@right
class MaxOut:
    """the larger of each two neighbours"""

    def forward(self, x):
        a, b = x[..., ::2], x[..., 1::2]
        self.first = a >= b
        return np.maximum(a, b)

    def backward(self, dout):
        dx = np.empty((*dout.shape[:-1], 2 * dout.shape[-1]), dout.dtype)
        dx[..., ::2] = np.where(self.first, dout, 0)
        dx[..., 1::2] = np.where(self.first, 0, dout)
        return dx


@right_with_warnings("numpy-warning")
class SwiGlu:
    def forward(self, x):
        self.a, self.b = np.split(x, 2, axis=-1)
        self.s = 1 / (1 + np.exp(-self.b))
        return self.a * self.b * self.s

    def backward(self, dout):
        s, b = self.s, self.b
        return np.concatenate([dout * b * s, dout * self.a * (s + b * s * (1 - s))], axis=-1)


@right
class SqueezeAndExcite:
    """each row times the sigmoid of its mean"""

    def forward(self, x):
        self.x = x
        self.g = 1 / (1 + np.exp(-x.mean(axis=-1, keepdims=True)))
        return x * self.g

    def backward(self, dout):
        dg = (dout * self.x).sum(axis=-1, keepdims=True) * self.g * (1 - self.g)
        return dout * self.g + dg / self.x.shape[-1]


@right
class MovingAverage:
    def forward(self, x):
        y = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 1)])
        return (y[..., :-2] + y[..., 1:-1] + y[..., 2:]) / 3

    def backward(self, dout):
        d = np.pad(dout, [(0, 0)] * (dout.ndim - 1) + [(1, 1)])
        return (d[..., :-2] + d[..., 1:-1] + d[..., 2:]) / 3
