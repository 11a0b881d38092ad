"""Right layers that give nan at ±inf, overflow in float16, or follow another convention."""

import math

import numpy as np

from builders import Function, right, right_with_warnings


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class SiluOfTextbooks(Function):
    def f(self, x):
        return x / (1 + np.exp(-x))

    def g(self, x):
        s = 1 / (1 + np.exp(-x))
        return s + x * s * (1 - s)


@right_with_warnings("not-finite", "numpy-warning")
class SoftsignOfTextbooks(Function):
    def f(self, x):
        return x / (1 + np.abs(x))

    def g(self, x):
        return 1 / (1 + np.abs(x)) ** 2


@right_with_warnings("not-finite")
class HardswishWithClosedPieces(Function):
    def f(self, x):
        return x * np.clip(x + 3, 0, 6) / 6

    def g(self, x):
        return np.where(x < -3, 0, np.where(x > 3, 1, x / 3 + 0.5)).astype(x.dtype)


@right_with_warnings("not-finite")
class HardswishWithOpenPieces(HardswishWithClosedPieces):
    def g(self, x):
        return np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)).astype(x.dtype)


@right_with_warnings("not-finite")
class ReluByProduct(Function):
    def f(self, x):
        return x * (x > 0)

    def g(self, x):
        return (x > 0).astype(x.dtype)


@right
class ReluWithHalfAtTheKink(Function):
    def f(self, x):
        return np.maximum(x, 0)

    def g(self, x):
        return np.heaviside(x, 0.5).astype(x.dtype)


@right_with_warnings("not-finite", "numpy-warning")
class SoftplusWithAThreshold(Function):
    def f(self, x):
        return np.where(x > 40, x, np.log1p(np.exp(x)))

    def g(self, x):
        return 1 / (1 + np.exp(-x))


@right_with_warnings("not-finite")
class SineOf30X(Function):
    def f(self, x):
        return np.sin(30 * x)

    def g(self, x):
        return 30 * np.cos(30 * x)


@right
class SoftmaxOfMaskedLines:
    def forward(self, x):
        top = x.max(-1, keepdims=True)
        e = np.exp(x - np.where(np.isinf(top), 0, top))
        total = e.sum(-1, keepdims=True)
        self.y = e / np.where(total == 0, 1, total)
        return self.y.copy()

    def backward(self, dout):
        return self.y * (dout - (dout * self.y).sum(-1, keepdims=True))


@right_with_warnings("lost-gradient")
class TanhshrinkThatCancels:
    """Near 0 dx is the small difference of two terms that have dout's rounding errors."""

    def forward(self, x):
        self.x = x
        return x - np.tanh(x)

    def backward(self, dout):
        return dout - dout * (1 - np.tanh(self.x) ** 2)


@right_with_warnings("returns-its-input")
class Identity:
    def forward(self, x):
        return x

    def backward(self, dout):
        return dout


@right_with_warnings("returns-its-input")
class DropoutInEvaluation:
    training = False

    def forward(self, x):
        self.kept = np.ones_like(x)
        return x if not self.training else x * self.kept

    def backward(self, dout):
        return dout if not self.training else dout * self.kept


@right_with_warnings("returns-its-input")
class ShiftThatHandsDoutOn:
    def forward(self, x):
        return x + 0.25

    def backward(self, dout):
        return dout[...]


@right
class TwoWinners:
    def forward(self, x):
        k = np.sort(x, axis=-1)[..., -2:-1] if x.shape[-1:] > (1,) else x
        self.mask = (x >= k).astype(x.dtype)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class LargestThirdOfAll:
    def forward(self, x):
        k = np.sort(x, axis=None)[-max(1, x.size // 3)] if x.size else 0
        self.mask = (x >= k).astype(x.dtype)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class HardMax:
    def forward(self, x):
        self.mask = (x == x.max(axis=-1, keepdims=True)).astype(x.dtype)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class AboveTheMean:
    def forward(self, x):
        self.mask = (x > x.mean()).astype(x.dtype) if x.size else np.ones_like(x)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class GateByTheMeanOfARow:
    def forward(self, x):
        self.g = (x.mean(axis=-1, keepdims=True) > 0).astype(x.dtype)
        return x * self.g

    def backward(self, dout):
        return dout * self.g


@right
class SoftplusWithAFastPath:
    def forward(self, x):
        self.x = x
        if x.size and x.max() < 20:
            return np.log1p(np.exp(x))
        return np.logaddexp(0, x).astype(x.dtype)

    def backward(self, dout):
        e = np.exp(-np.abs(self.x))
        return dout * np.where(self.x >= 0, 1 / (1 + e), e / (1 + e))


@right
class FlattenInACopy:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1).copy()

    def backward(self, dout):
        return dout.reshape(self.shape).copy()


@right
class MeanOverTheBatch:
    def forward(self, x):
        self.n = len(x)
        return x.mean(axis=0)

    def backward(self, dout):
        return np.tile(dout / self.n, (self.n, 1))


@right
class DenseThatTakesARow:
    def __init__(self):
        self.W = np.linspace(-1, 1, 24).reshape(6, 4)

    def forward(self, x):
        self.ndim = x.ndim
        return np.atleast_2d(x) @ self.W.astype(x.dtype)

    def backward(self, dout):
        dx = dout @ self.W.T.astype(dout.dtype)
        return dx if self.ndim == 2 else dx[0]


@right_with_warnings("numpy-warning")
class UnitLengthOr0:
    def forward(self, x):
        n = np.sqrt((x * x).sum(axis=-1, keepdims=True))
        self.n = np.where(n == 0, 1, n).astype(x.dtype)
        self.y = x / self.n
        return self.y.copy()

    def backward(self, dout):
        return (dout - self.y * (dout * self.y).sum(axis=-1, keepdims=True)) / self.n


@right
class RatioOfHalves:
    def forward(self, x):
        self.a, self.b = np.split(x, 2, axis=-1)
        return self.a / self.b

    def backward(self, dout):
        return np.concatenate([dout / self.b, -dout * self.a / self.b / self.b], axis=-1)


@right_with_warnings("lost-gradient")
class SigmoidByMathInALoop:
    def forward(self, x):
        self.y = np.array([1 / (1 + math.exp(-t)) for t in x.ravel()], x.dtype).reshape(x.shape)
        return self.y.copy()

    def backward(self, dout):
        return dout * self.y * (1 - self.y)


@right
class SinhThatRefusesLargeNumbers:
    def forward(self, x):
        if x.size and np.abs(x).max() > 50:
            raise ValueError("x is too large")
        self.x = x
        return np.sinh(x)

    def backward(self, dout):
        return dout * np.cosh(self.x)
