"""Right layers that give nan at ±inf, overflow in float16, or follow another convention."""

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
