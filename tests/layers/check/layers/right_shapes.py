"""Right layers that need x of a certain shape: images, sequences, a number of features."""

import numpy as np

from builders import right, right_with_warnings


@right
class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(x.shape[0], -1).copy()

    def backward(self, dout):
        return dout.reshape(self.shape).copy()


@right
class Ravel:
    def forward(self, x):
        self.shape = x.shape
        return np.array(x, copy=True).ravel()

    def backward(self, dout):
        return np.array(dout).reshape(self.shape)


@right
class ReshapeToPairs:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(-1, 2).copy()

    def backward(self, dout):
        return dout.copy().reshape(self.shape)


@right
class Transpose:
    def forward(self, x):
        batch, rows, columns = x.shape
        return np.ascontiguousarray(x.transpose(0, 2, 1)) + 0

    def backward(self, dout):
        return dout.transpose(0, 2, 1).copy()


@right
class ChannelsLast:
    """NCHW to NHWC"""

    def forward(self, x):
        _n, _c, _h, _w = x.shape
        return np.moveaxis(x, 1, -1).copy()

    def backward(self, dout):
        return np.moveaxis(dout, -1, 1).copy()


@right
class TanhOfFlattened:
    def forward(self, x):
        self.shape = x.shape
        self.y = np.tanh(x).reshape(len(x), -1)
        return self.y.copy()

    def backward(self, dout):
        return (dout * (1 - self.y**2)).reshape(self.shape)


@right
class MaxPool2x2:
    """NCHW"""

    def forward(self, x):
        n, c, h, w = x.shape
        windows = x.reshape(n, c, h // 2, 2, w // 2, 2)
        out = windows.max(axis=(3, 5))
        self.mask = windows == out[:, :, :, None, :, None]
        return out

    def backward(self, dout):
        d = np.where(self.mask, dout[:, :, :, None, :, None], 0)
        n, c, h, _, w, _ = d.shape
        return d.reshape(n, c, 2 * h, 2 * w)


@right
class MaxPool3x3ByLoops:
    """NHWC, stride 1"""

    def forward(self, x):
        n, h, w, c = x.shape
        if h < 3 or w < 3:
            raise ValueError("the image is smaller than the window")
        self.x = x.copy()
        out = np.empty((n, h - 2, w - 2, c), x.dtype)
        for i in range(h - 2):
            for j in range(w - 2):
                out[:, i, j] = x[:, i : i + 3, j : j + 3].max(axis=(1, 2))
        return out

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        n, h, w, c = dout.shape
        for b, i, j, k in np.ndindex(n, h, w, c):
            window = self.x[b, i : i + 3, j : j + 3, k]
            at = np.unravel_index(window.argmax(), window.shape)
            dx[b, i + at[0], j + at[1], k] += dout[b, i, j, k]
        return dx


@right
class AveragePool2x2:
    """NCHW"""

    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))

    def backward(self, dout):
        return np.repeat(np.repeat(dout, 2, axis=2), 2, axis=3) / 4


@right
class AveragePoolChannelsLast:
    def forward(self, x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))

    def backward(self, dout):
        return dout.repeat(2, axis=1).repeat(2, axis=2) / 4


@right
class GlobalAveragePool:
    """NCHW to NC"""

    def forward(self, x):
        self.shape = n, c, h, w = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        n, c, h, w = self.shape
        return np.broadcast_to(dout[:, :, None, None] / (h * w), self.shape).copy()


@right
class GlobalMaxPool:
    def forward(self, x):
        self.shape = x.shape
        flat = x.reshape(x.shape[0], x.shape[1], x.shape[2] * x.shape[3])
        self.at = flat.argmax(-1)
        return np.take_along_axis(flat, self.at[..., None], -1)[..., 0]

    def backward(self, dout):
        dx = np.zeros((*self.shape[:2], self.shape[2] * self.shape[3]), dout.dtype)
        np.put_along_axis(dx, self.at[..., None], dout[..., None], -1)
        return dx.reshape(self.shape)


@right
class MaxPool1d:
    def forward(self, x):
        n, c, length = x.shape
        if length % 2:
            raise ValueError("odd length")
        pairs = x.reshape(n, c, length // 2, 2)
        self.first = pairs[..., 0] >= pairs[..., 1]
        return pairs.max(-1)

    def backward(self, dout):
        dx = np.stack([dout * self.first, dout * ~self.first], axis=-1)
        return dx.reshape(*dout.shape[:2], -1)


@right
class Upsample:
    def forward(self, x):
        _, _, self.h, self.w = x.shape
        return x.repeat(2, axis=2).repeat(2, axis=3)

    def backward(self, dout):
        n, c = dout.shape[:2]
        return dout.reshape(n, c, self.h, 2, self.w, 2).sum(axis=(3, 5))


@right
class ZeroPad:
    def forward(self, x):
        if x.ndim != 4:
            raise ValueError("NCHW expected")
        return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))

    def backward(self, dout):
        return dout[:, :, 1:-1, 1:-1].copy()


@right
class PixelShuffle:
    def forward(self, x):
        n, c, h, w = x.shape
        if c % 4:
            raise ValueError("4 channels a pixel")
        self.shape = x.shape
        y = x.reshape(n, c // 4, 2, 2, h, w).transpose(0, 1, 4, 2, 5, 3)
        return y.reshape(n, c // 4, 2 * h, 2 * w).copy()

    def backward(self, dout):
        n, c, h, w = self.shape
        d = dout.reshape(n, c // 4, h, 2, w, 2).transpose(0, 1, 3, 5, 2, 4)
        return d.reshape(self.shape).copy()

    input_shape = (2, 4, 3, 3)


@right
class LocalResponseNorm:
    def forward(self, x):
        n, c, h, w = x.shape
        self.x = x
        square = np.pad(x * x, ((0, 0), (1, 1), (0, 0), (0, 0)))
        self.d = 1 + 0.1 * (square[:, :-2] + square[:, 1:-1] + square[:, 2:])
        return x / self.d

    def backward(self, dout):
        g = np.pad(dout * self.x / self.d**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
        return dout / self.d - 0.2 * self.x * (g[:, :-2] + g[:, 1:-1] + g[:, 2:])


@right
class SoftmaxOverChannels:
    def forward(self, x):
        n, c, h, w = x.shape
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y.copy()

    def backward(self, dout):
        return self.y * (dout - (dout * self.y).sum(axis=1, keepdims=True))


@right
class SoftmaxOverTheFirstAxis:
    def forward(self, x):
        e = np.exp(x - x.max(axis=0))
        self.y = e / e.sum(axis=0)
        return self.y.copy()

    def backward(self, dout):
        return self.y * (dout - (dout * self.y).sum(axis=0))


@right
class InstanceNorm:
    def forward(self, x):
        _n, _c, h, w = x.shape
        c = x - x.mean(axis=(2, 3), keepdims=True)
        self.s = np.sqrt((c * c).mean(axis=(2, 3), keepdims=True) + x.dtype.type(1e-3))
        self.y = c / self.s
        return self.y.copy()

    def backward(self, dout):
        axes = {"axis": (2, 3), "keepdims": True}
        return (dout - dout.mean(**axes) - self.y * (dout * self.y).mean(**axes)) / self.s


@right
class MeanOverTime:
    def forward(self, x):
        self.shape = batch, time, features = x.shape
        return x.mean(axis=1)

    def backward(self, dout):
        return np.repeat(dout[:, None, :] / self.shape[1], self.shape[1], axis=1)


@right
class LessTheMeanOverTime:
    def forward(self, x):
        batch, time, features = x.shape
        return x - x.mean(axis=1, keepdims=True)

    def backward(self, dout):
        return dout - dout.mean(axis=1, keepdims=True)


@right
class LastStep:
    def forward(self, x):
        self.shape = batch, time, features = x.shape
        return x[:, -1].copy()

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        dx[:, -1] = dout
        return dx


@right_with_warnings("not-finite")
class SelfAttention:
    """softmax(x·xᵀ/√d)·x"""

    def forward(self, x):
        batch, time, self.d = x.shape
        self.x = x
        s = x @ x.transpose(0, 2, 1) / x.dtype.type(self.d) ** 0.5
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p @ x

    def backward(self, dout):
        dp = dout @ self.x.transpose(0, 2, 1)
        ds = self.p * (dp - (dp * self.p).sum(axis=-1, keepdims=True))
        ds = ds / dout.dtype.type(self.d) ** 0.5
        return self.p.transpose(0, 2, 1) @ dout + (ds + ds.transpose(0, 2, 1)) @ self.x


@right
class CausalMask:
    """the mean of all steps up to each"""

    def forward(self, x):
        b, t, f = x.shape
        self.n = np.arange(1, t + 1, dtype=x.dtype)[:, None]
        return np.cumsum(x, axis=1) / self.n

    def backward(self, dout):
        return np.cumsum((dout / self.n)[:, ::-1], axis=1)[:, ::-1].copy()


@right
class OneFeature:
    """a column (N, 1)"""

    input_shape = (5, 1)

    def forward(self, x):
        if x.shape[1] != 1:
            raise ValueError("one column")
        self.x = x
        return np.concatenate([x, x**2, x**3], axis=1)

    def backward(self, dout):
        x = self.x
        return dout[:, :1] + 2 * x * dout[:, 1:2] + 3 * x**2 * dout[:, 2:]


@right
class ThreeChannels:
    """grey from RGB"""

    def forward(self, x):
        n, c, h, w = x.shape
        if c != 3:
            raise ValueError(f"3 channels expected, not {c}")
        self.weights = np.array([0.3, 0.6, 0.1], x.dtype)[:, None, None]
        return (x * self.weights).sum(axis=1, keepdims=True)

    def backward(self, dout):
        return dout * self.weights


@right
class ComplexPower:
    """the power of (re, im) pairs on the last axis"""

    def forward(self, x):
        if x.shape[-1] != 2:
            raise ValueError("pairs expected")
        self.x = x
        return (x * x).sum(axis=-1)

    def backward(self, dout):
        return 2 * self.x * dout[..., None]

    input_shape = (3, 2)
