"""Layers whose backward is not the derivative of forward."""

import dataclasses
import math

import numpy as np

from builders import tanh_with, wrong


@wrong("wrong-gradient")
def leaky_relu_with_another_slope():
    def forward(x):
        return np.where(x > 0, x, 0.1 * x)

    def backward(x, dout):
        return dout * np.where(x > 0, 1, 0.01).astype(x.dtype)

    return forward, backward


@wrong("wrong-gradient")
class SoftplusTimesItself:
    def forward(self, x):
        self.y = np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)
        return self.y

    def backward(self, dout):
        return dout * self.y


@wrong("wrong-gradient")
class TanhByScalarLoop:
    """scalar loops with math"""

    def forward(self, x):
        self.x = x
        return np.array([math.tanh(v) for v in x.ravel()], x.dtype).reshape(x.shape)

    def backward(self, dout):
        return np.array(
            [d * (1 - math.tanh(v)) for v, d in zip(self.x.ravel(), dout.ravel())], dout.dtype
        ).reshape(dout.shape)


@wrong("wrong-gradient")
@dataclasses.dataclass
class ScaledSwishWithoutBeta:
    beta: float = 1.5

    def forward(self, x):
        self.x = np.clip(x, -60, 60)
        self.s = 1 / (1 + np.exp(-self.beta * self.x))
        return (
            np.where(np.abs(x) < 60, x, np.clip(x, -60 * (0), None) if False else np.maximum(x, 0))
            * self.s
        )

    def backward(self, dout):
        return dout * (self.s + self.x * self.s * (1 - self.s))


@wrong("wrong-gradient")
class ArctanWithASharedCache:
    cache = {}

    def forward(self, x):
        k = x.shape
        if k not in ArctanWithASharedCache.cache:
            ArctanWithASharedCache.cache[k] = np.cosh(np.clip(x, -5, 5))
        return np.arctan(x)

    def backward(self, dout):
        return dout / ArctanWithASharedCache.cache[dout.shape] ** 2


@wrong("wrong-gradient")
class AbsoluteWithoutSign:
    def forward(self, x):
        self.m = np.sign(x)
        return np.abs(x)

    def backward(self, dout):
        return dout * np.abs(self.m)


@wrong("wrong-gradient")
class ClipWithAnotherBound:
    def forward(self, x):
        self.x = x
        return x.clip(-1, 1)

    def backward(self, dout):
        return dout * ((self.x > -1) & (self.x < 1.5))


@wrong("wrong-gradient")
class SquareWithoutFactor2:
    def forward(self, x):
        self.x = x
        return np.einsum("...,...->...", x, x)

    def backward(self, dout):
        return np.einsum("...,...->...", dout, self.x)


@wrong("wrong-gradient")
class GaussianSlightlyOff:
    def forward(self, x):
        self.x = x
        return np.exp(-x * x)

    def backward(self, dout):
        return -2 * self.x * np.exp(-self.x * self.x) * dout * (1 + 3e-7)


@wrong("wrong-gradient")
class LayerNormWithoutTheMean:
    """layer norm without the mean term"""

    def forward(self, x):
        c = x - x.mean(-1, keepdims=True)
        self.s = np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
        self.y = c / self.s
        return self.y

    def backward(self, dout):
        return (dout - self.y * (dout * self.y).mean(-1, keepdims=True)) / self.s


@wrong("wrong-gradient")
class HardSwishForMatrices:
    def forward(self, x):
        assert x.ndim == 2
        self.x = x
        return np.where(x > 3, x, np.where(x < -3, 0, x * (x + 3) / 6))

    def backward(self, dout):
        return dout * np.where(self.x > 3, 1, np.where(self.x < -3, 0, (self.x + 3) / 6)).astype(
            dout.dtype
        )


@wrong("wrong-gradient")
class ArctanForFloat32:
    def forward(self, x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        self.x = x
        return np.arctan(x)

    def backward(self, dout):
        return dout / (1 + self.x)


@wrong("wrong-gradient")
def log_cosh_off_in_the_tail():
    def make(k):
        def forward(x):
            return np.log(np.cosh(np.clip(x, -k, k))) + (np.abs(x) - np.minimum(np.abs(x), k))

        def backward(x, d):
            return d * np.tanh(x) * np.where(np.abs(x) > k, 0.999, 1).astype(x.dtype)

        return forward, backward

    return make(9.0)


@wrong("wrong-gradient")
class AbsoluteWithSlope2AtTheKink:
    """abs, says 2 at the kink"""

    def forward(self, x):
        self.x = x
        return np.abs(x)

    def backward(self, dout):
        return dout * np.where(self.x == 0, 2, np.sign(self.x)).astype(self.x.dtype)


@wrong("wrong-gradient")
class ReluWithAMisplacedKink:
    """kink at 1/3; backward's is at .33"""

    def forward(self, x):
        self.x = x
        return np.maximum(x, x.dtype.type(1 / 3))

    def backward(self, dout):
        return dout * (self.x > 0.33)


@wrong("wrong-gradient")
class PiecewiseSquareWithAMisplacedKink:
    def forward(self, x):
        self.x = x
        return np.where(x >= 1.0, x * x, x).astype(x.dtype)

    def backward(self, dout):
        return dout * np.where(self.x > 1.001, 2 * self.x, 1).astype(self.x.dtype)


@wrong("wrong-gradient")
class LogSoftmaxSlightlyOff:
    def forward(self, x):
        self.y = np.exp(x - x.max(-1, keepdims=True))
        self.y /= self.y.sum(-1, keepdims=True)
        return np.log(self.y)

    def backward(self, dout):
        return dout - self.y * dout.mean(-1, keepdims=True) * dout.shape[-1] * (1 + 1e-7)


@wrong("wrong-gradient")
class ClippedReluWithAnotherCap:
    CAP = 64.0

    def forward(self, x):
        self.x = x
        return np.clip(x, 0, self.CAP)

    def backward(self, dout):
        keep = (self.x > 0) & (self.x < 46.0)
        return np.where(keep, dout, 0)


@wrong("wrong-gradient")
class InterpolatedTable:
    """linear interpolation of a learned shape with knots at -4..4, linear outside"""

    values = np.array([-1.0, -0.7, -0.9, -0.2, 0.0, 0.6, 0.5, 1.4, 1.5])
    lo = -4

    def forward(self, x):
        self.x = x
        i = np.clip(np.floor(np.clip(x, -4, 4)), -4, 3)
        i = np.nan_to_num(i).astype(int)
        a, b = self.values[i - self.lo], self.values[i - self.lo + 1]
        return (a + (b - a) * (x - i)).astype(x.dtype)

    def backward(self, dout):
        i = np.nan_to_num(np.clip(self.x, -4, 3)).astype(int)
        k = i - self.lo
        return (dout * (self.values[k + 1] - self.values[k])).astype(dout.dtype)


@wrong("wrong-gradient")
class GroupSortWithAMisplacedMask:
    """(max, min) of neighbouring pairs on the last axis; an odd last column passes through"""

    def forward(self, x):
        self.k = x.shape[-1] // 2 * 2
        a, b = x[..., 0 : self.k : 2], x[..., 1 : self.k : 2]
        self.swap = a < b
        out = x.copy()
        out[..., 0 : self.k : 2] = np.maximum(a, b)
        out[..., 1 : self.k : 2] = np.minimum(a, b)
        return out

    def backward(self, dout):
        dx = dout.copy()
        head = dout[..., : self.k]
        crossed = head.reshape(head.shape[:-1] + (self.k // 2, 2))[..., ::-1].reshape(head.shape)
        mask = np.concatenate([self.swap, self.swap], axis=-1)
        dx[..., : self.k] = np.where(mask, crossed, head)
        return dx


@wrong("wrong-gradient")
@tanh_with
def tanh_off_between_2_and_2_04(x, dout, g):
    return np.where((x > 2) & (x < 2.04), g * 1.01, g)


@wrong("wrong-gradient")
@tanh_with
def tanh_off_at_1(x, dout, g):
    return np.where(x == 1, 0, g).astype(g.dtype)


@wrong("wrong-gradient")
@tanh_with
def tanh_off_beyond_700(x, dout, g):
    return np.where(np.abs(x) > 700, 1e-5, g).astype(x.dtype)


@wrong("wrong-gradient")
@tanh_with
def tanh_off_at_negative_zero(x, dout, g):
    return np.where(np.signbit(x) & (x == 0), 0, g).astype(x.dtype)


@wrong("wrong-gradient")
@tanh_with
def tanh_off_for_tiny_x(x, dout, g):
    return np.where(np.abs(x) < 1e-300, 0, g).astype(x.dtype)


@wrong("wrong-gradient")
@tanh_with
def tanh_off_beyond_5000(x, dout, g):
    return np.where((x > 5e3) & (x < 6e3), 1.0, g).astype(x.dtype)


@wrong("wrong-gradient")
class TanhByMathInALoopWithoutTheSquare:
    def forward(self, x):
        up = np.array([math.exp(t) for t in x.ravel()])
        down = np.array([math.exp(-t) for t in x.ravel()])
        self.y = ((up - down) / (up + down)).reshape(x.shape).astype(x.dtype)
        return self.y.copy()

    def backward(self, dout):
        return dout * (1 - self.y)
