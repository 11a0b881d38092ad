"""Wrong layers that couple elements, have another shape, parameters, or a state."""

import numpy as np

from builders import wrong


@wrong("wrong-gradient")
class MeanOverTimeWithoutTheNumberOfSteps:
    def forward(self, x):
        self.shape = batch, time, features = x.shape
        return x.mean(axis=1)

    def backward(self, dout):
        return np.repeat(dout[:, None, :], self.shape[1], axis=1)


@wrong("wrong-gradient")
class LessTheMeanTakenAsAConstant:
    def forward(self, x):
        batch, time, features = x.shape
        return x - x.mean(axis=1, keepdims=True)

    def backward(self, dout):
        return dout.copy()


@wrong("wrong-gradient")
class MeanOfEachWithoutTheNumber:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=-1)

    def backward(self, dout):
        return np.broadcast_to(dout[..., None], self.shape).copy()


@wrong("wrong-gradient")
class GlobalAveragePoolByTheHeightOnly:
    def forward(self, x):
        self.shape = n, c, h, w = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        return np.broadcast_to(dout[:, :, None, None] / self.shape[2], self.shape).copy()


@wrong("wrong-gradient")
class MaxPoolThatSpreadsTheGradient:
    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))

    def backward(self, dout):
        return np.repeat(np.repeat(dout, 2, axis=2), 2, axis=3) / 4


@wrong("wrong-gradient")
class AveragePoolWithoutAQuarter:
    def forward(self, x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))

    def backward(self, dout):
        return dout.repeat(2, axis=1).repeat(2, axis=2)


@wrong("wrong-shape")
class FlattenThatDoesNotReshape:
    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, -1).copy()

    def backward(self, dout):
        return dout.copy()


@wrong("wrong-gradient")
class FlattenInAnotherOrder:
    def forward(self, x):
        self.shape = n, c, h, w = x.shape
        return x.reshape(n, -1).copy()

    def backward(self, dout):
        n, c, h, w = self.shape
        return dout.reshape(n, h, w, c).transpose(0, 3, 1, 2).copy()


@wrong("wrong-shape")
class TransposeWithoutItsInverse:
    def forward(self, x):
        n, rows, columns = x.shape
        return x.transpose(0, 2, 1).copy()

    def backward(self, dout):
        return dout.copy()


@wrong("wrong-gradient")
class CumulativeSumForward:
    def forward(self, x):
        return np.cumsum(x, axis=-1).reshape(x.shape)

    def backward(self, dout):
        return np.cumsum(dout, axis=-1).reshape(dout.shape)


@wrong("wrong-gradient")
class SortWithThePermutationForItsInverse:
    def forward(self, x):
        self.at = np.argsort(x, axis=-1)
        return np.take_along_axis(x, self.at, axis=-1)

    def backward(self, dout):
        return np.take_along_axis(dout, self.at, axis=-1)


@wrong("wrong-gradient")
class ShiftInTheSameDirection:
    def forward(self, x):
        return np.roll(x, 1, axis=-1)

    def backward(self, dout):
        return np.roll(dout, 1, axis=-1)


@wrong("wrong-gradient")
class TopTwoThatPassesAll:
    def forward(self, x):
        edge = np.sort(x, axis=-1)[..., -2:-1]
        return np.where(x >= edge, x, 0).astype(x.dtype)

    def backward(self, dout):
        return dout.copy()


@wrong("wrong-gradient")
class SelfAttentionWithoutTheKeys:
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
        return self.p.transpose(0, 2, 1) @ dout + ds @ self.x


class _LayerNorm:
    def forward(self, x):
        c = x - x.mean(-1, keepdims=True)
        self.s = np.sqrt((c * c).mean(-1, keepdims=True) + x.dtype.type(1e-3))
        self.y = c / self.s
        return self.y.copy()


@wrong("wrong-gradient")
class LayerNormWithAConstantDeviation(_LayerNorm):
    def backward(self, dout):
        return (dout - dout.mean(-1, keepdims=True)) / self.s


@wrong("wrong-gradient")
class LayerNormWithConstantStatistics(_LayerNorm):
    def backward(self, dout):
        return dout / self.s


@wrong("wrong-gradient")
class LayerNormWithASumForAMean(_LayerNorm):
    def backward(self, dout):
        d = dout - dout.mean(-1, keepdims=True)
        return (d - self.y * (dout * self.y).sum(-1, keepdims=True)) / self.s


class _Affine:
    def __init__(self):
        self.W = np.random.default_rng(5).normal(size=(4, 4))
        self.b = np.zeros(4)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b


@wrong("wrong-gradient")
class AffineWithoutTheTranspose(_Affine):
    def backward(self, dout):
        return dout @ self.W


@wrong("wrong-gradient")
class AffineByTheBatch(_Affine):
    def backward(self, dout):
        return dout @ self.W.T / len(dout)


@wrong("wrong-gradient")
class BatchNormWithoutGamma:
    def __init__(self):
        self.gamma, self.beta = np.array([1.0, 2.0, 0.5]), np.zeros(3)

    def forward(self, x):
        self.std = np.sqrt(x.var(axis=0) + 1e-5)
        self.xhat = (x - x.mean(axis=0)) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        return (dout - dout.mean(axis=0) - self.xhat * (dout * self.xhat).mean(axis=0)) / self.std


@wrong("wrong-gradient")
class BatchNormInEvaluationWithTheVariance:
    def __init__(self):
        self.mean, self.var = np.array([0.5, -0.5, 0.0]), np.array([1.0, 4.0, 0.25])

    def forward(self, x):
        return (x - self.mean) / np.sqrt(self.var + 1e-5)

    def backward(self, dout):
        return dout / (self.var + 1e-5)


@wrong("wrong-gradient")
class PReluThatSwapsItsMask:
    def __init__(self):
        self.weight = np.array([0.1, 0.2, 0.3, 0.4, 0.5])

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.weight * x)

    def backward(self, dout):
        return np.where(self.x < 0, dout, self.weight * dout)


@wrong("wrong-gradient")
class DropoutWithoutTheScale:
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        self.keep = self.rng.random(x.shape) > 0.3
        return x * self.keep / x.dtype.type(0.7)

    def backward(self, dout):
        return dout * self.keep


@wrong("wrong-gradient")
class DropoutWithANewMask:
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return x * (self.rng.random(x.shape) > 0.3)

    def backward(self, dout):
        return dout * (np.random.default_rng(1).random(dout.shape) > 0.3)


@wrong("stale-state")
class DropoutWithTheFirstMask:
    def __init__(self):
        self.rng, self.keep = np.random.default_rng(0), None

    def forward(self, x):
        keep = self.rng.random(x.shape) > 0.3
        if self.keep is None or self.keep.shape != x.shape:
            self.keep = keep
        return x * keep

    def backward(self, dout):
        return dout * self.keep


@wrong("stale-state")
class SumOfTheRowTimesTheFirstX:
    def forward(self, x):
        self.x = vars(self).get("x", x)
        return x * x.sum(axis=-1, keepdims=True)

    def backward(self, dout):
        x = self.x
        return dout * x.sum(axis=-1, keepdims=True) + (dout * x).sum(axis=-1, keepdims=True)


@wrong("wrong-gradient")
class NormTwice:
    def forward(self, x):
        self.x, self.n = x, np.sqrt((x * x).sum(axis=-1))
        return self.n.copy()

    def backward(self, dout):
        return 2 * self.x * (dout / self.n)[..., None]


@wrong("wrong-gradient")
class GluWithoutItsGate:
    def forward(self, x):
        self.a, self.b = np.split(x, 2, axis=-1)
        self.s = 1 / (1 + np.exp(-self.b))
        return self.a * self.s

    def backward(self, dout):
        return np.concatenate([dout * self.s, dout * self.s * (1 - self.s)], axis=-1)


@wrong("wrong-gradient")
class ConvolutionWithoutTheFlip:
    def __init__(self):
        self.k = np.array([1.0, 2.0, -1.0])

    def forward(self, x):
        n, c, length = x.shape
        y = np.pad(x, ((0, 0), (0, 0), (1, 1)))
        return self.k[0] * y[..., :-2] + self.k[1] * y[..., 1:-1] + self.k[2] * y[..., 2:]

    def backward(self, dout):
        y = np.pad(dout, ((0, 0), (0, 0), (1, 1)))
        return self.k[0] * y[..., :-2] + self.k[1] * y[..., 1:-1] + self.k[2] * y[..., 2:]


@wrong("not-linear")
class SumOfSquaredGradients:
    def forward(self, x):
        self.x = x
        return x * x.sum(axis=-1, keepdims=True)

    def backward(self, dout):
        x = self.x
        return dout * x.sum(axis=-1, keepdims=True) + (dout**2 * x).sum(axis=-1, keepdims=True)


@wrong("writes-into-dout")
class FlattenThatDoublesDout:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1) * 2

    def backward(self, dout):
        dout *= 2
        return dout.reshape(self.shape).copy()


@wrong("wrong-gradient")
class PositionalScaleBackwards:
    def forward(self, x):
        self.k = np.arange(1, x.shape[-1] + 1).astype(x.dtype)
        return x * self.k

    def backward(self, dout):
        return dout * self.k[::-1]


@wrong("wrong-shape")
class SumThatForgetsTheAxis:
    def forward(self, x):
        self.shape = x.shape
        return x.sum(axis=-1, keepdims=True)

    def backward(self, dout):
        return dout.copy()
