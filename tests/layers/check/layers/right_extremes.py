"""Right layers that overflow in float16, are nan at ±inf, or take scalars, and odd functions."""

import math

import numpy as np

from builders import Function, right, right_with_warnings


def sigmoid(x):
    t = np.exp(-np.abs(x))
    return (np.where(x > 0, 1, t) / (1 + t)).astype(x.dtype)


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class QuickGelu(Function):
    def f(self, x):
        return x / (1 + np.exp(-1.702 * x))

    def g(self, x):
        s = 1 / (1 + np.exp(-1.702 * x))
        return s + 1.702 * x * s * (1 - s)


@right_with_warnings("not-finite", "numpy-warning")
class Gaussian(Function):
    def f(self, x):
        return np.exp(-x * x)

    def g(self, x):
        return -2 * x * np.exp(-x * x)


@right_with_warnings("not-finite")
class InverseSquareRootUnit(Function):
    def f(self, x):
        return x / np.hypot(x, x.dtype.type(1))

    def g(self, x):
        return np.hypot(x, x.dtype.type(1)) ** -3


@right
class LogSigmoid(Function):
    def f(self, x):
        return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))

    def g(self, x):
        return sigmoid(-x)


@right_with_warnings("not-finite", "numpy-warning")
class SoftplusOfPyTorch(Function):
    """It becomes x at 20, as PyTorch's does: the jump there is a note."""

    def f(self, x):
        return np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20))))

    def g(self, x):
        return np.where(x > 20, 1, sigmoid(x)).astype(x.dtype)


@right_with_warnings("numpy-warning")
class Celu(Function):
    alpha = 2.0

    def f(self, x):
        return np.maximum(x, 0) + np.minimum(self.alpha * np.expm1(x / self.alpha), 0)

    def g(self, x):
        return np.where(x > 0, 1, np.exp(np.minimum(x, 0) / self.alpha)).astype(x.dtype)


@right
class Selu(Function):
    alpha, scale = 1.6732632423543772, 1.0507009873554805

    def f(self, x):
        return self.scale * np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def g(self, x):
        slope = np.where(x > 0, 1, self.alpha * np.exp(np.minimum(x, 0)))
        return (self.scale * slope).astype(x.dtype)


@right
class Snake(Function):
    def f(self, x):
        return x + np.sin(x) ** 2

    def g(self, x):
        return 1 + np.sin(2 * x)


@right_with_warnings("lost-gradient")
class ScaledTanh(Function):
    def f(self, x):
        return 1.7159 * np.tanh(2 * x / 3)

    def g(self, x):
        return 1.7159 * 2 / 3 * (1 - np.tanh(2 * x / 3) ** 2)


@right
class SoftShrink(Function):
    def f(self, x):
        return np.sign(x) * np.maximum(np.abs(x) - x.dtype.type(0.5), 0)

    def g(self, x):
        return (np.abs(x) > 0.5).astype(x.dtype)


@right
class HardShrink(Function):
    def f(self, x):
        return np.where(np.abs(x) > 0.5, x, 0)

    def g(self, x):
        return (np.abs(x) > 0.5).astype(x.dtype)


@right
class HardSigmoid(Function):
    def f(self, x):
        return np.clip(x / 6 + x.dtype.type(0.5), 0, 1)

    def g(self, x):
        return (np.abs(x) < 3).astype(x.dtype) / 6


@right_with_warnings("not-finite")
class HardswishWithMeans(Function):
    """The means of both one-sided derivatives at the kinks, as JAX has them."""

    def f(self, x):
        return x * np.clip(x + 3, 0, 6) / 6

    def g(self, x):
        inside = (x / 3 + 0.5) * (np.abs(x) <= 3) + (x > 3)
        return np.where(np.abs(x) == 3, (inside + (x > 0)) / 2, inside).astype(x.dtype)


@right_with_warnings("not-finite")
class ReluBySize(Function):
    def f(self, x):
        return (x + np.abs(x)) / 2

    def g(self, x):
        return (1 + np.sign(x)) / 2


@right
class ReluWithOneAtTheKink(Function):
    def f(self, x):
        return np.maximum(x, 0)

    def g(self, x):
        return (x >= 0).astype(x.dtype)


@right
class LeakyReluBySign(Function):
    def f(self, x):
        return x * np.where(x >= 0, 1, 0.125).astype(x.dtype)

    def g(self, x):
        return np.where(x >= 0, 1, 0.125).astype(x.dtype)


@right_with_warnings("numpy-warning")
class QuantizationWithoutGradient(Function):
    def f(self, x):
        return np.clip(np.round(x * 8), -128, 127) / 8

    def g(self, x):
        return np.zeros_like(x)


@right_with_warnings("not-finite")
class TanhExp(Function):
    def f(self, x):
        return x * np.tanh(np.exp(np.minimum(x, 9)))

    def g(self, x):
        e = np.exp(np.minimum(x, 9)).astype(np.float64)
        t = np.tanh(e)
        return (t + x * e / np.cosh(np.minimum(e, 300)) ** 2).astype(x.dtype)


@right_with_warnings("not-finite")
class Phish(Function):
    """X times the hyperbolic tangent of a smooth rectifier."""

    def f(self, x):
        return x * np.tanh(x * sigmoid(x))

    def g(self, x):
        s = sigmoid(x)
        t = np.tanh(x * s)
        return t + x * (1 - t * t) * s * (1 + x * (1 - s))


@right
class PolynomialOfDegree3(Function):
    def f(self, x):
        return ((0.25 * x - 1) * x + 2) * x

    def g(self, x):
        return (0.75 * x - 2) * x + 2


@right
class ReluForScalars:
    """Element by element in Python, for an array of any number of axes, none included."""

    def forward(self, x):
        self.x = x
        return np.array([max(v, 0.0) for v in x.ravel().tolist()], x.dtype).reshape(x.shape)

    def backward(self, dout):
        pairs = zip(self.x.ravel().tolist(), dout.ravel().tolist())
        return np.array([d if v > 0 else 0.0 for v, d in pairs], dout.dtype).reshape(dout.shape)


@right_with_warnings("lost-gradient")
class SigmoidThatReturnsNumbers:
    """A scalar of NumPy for an array without axes, as NumPy's own functions return it."""

    def forward(self, x):
        self.out = 1 / (1 + np.exp(-np.clip(x, -80, 80))) if x.dtype != np.float16 else sigmoid(x)
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


@right
class TanhWithANoise(Function):
    """Values with a fixed rounding to 40 bits."""

    def f(self, x):
        y = np.tanh(x).astype(np.float64)
        return (np.round(y * 2.0**40) / 2.0**40).astype(x.dtype)

    def g(self, x):
        t = np.exp(-2 * np.abs(x))
        return 4 * t / (1 + t) ** 2


@right
class SquareRootOfSquares(Function):
    def f(self, x):
        return np.sqrt(x.astype(np.float64) ** 2 + 1).astype(x.dtype)

    def g(self, x):
        return (x / np.sqrt(x.astype(np.float64) ** 2 + 1)).astype(x.dtype)


@right
class ArcsinhByLog(Function):
    def f(self, x):
        size = np.abs(x).astype(np.float64)
        return (np.sign(x) * np.log(size + np.hypot(size, 1))).astype(x.dtype)

    def g(self, x):
        return (1 / np.hypot(x.astype(np.float64), 1)).astype(x.dtype)


@right_with_warnings("lost-gradient")
class DifferenceOfSigmoids(Function):
    """It cancels: sigmoid(x + 1) - sigmoid(x - 1) is a bump."""

    def f(self, x):
        return sigmoid(x + 1) - sigmoid(x - 1)

    def g(self, x):
        a, b = sigmoid(x + 1), sigmoid(x - 1)
        return a * (1 - a) - b * (1 - b)


@right_with_warnings("not-finite", "lost-gradient")
class LogOfASum(Function):
    """The logarithm of 1 + exp(x) less that of 1 + exp(x - 1), a soft step."""

    def f(self, x):
        return np.logaddexp(x, x.dtype.type(0)) - np.logaddexp(x - 1, x.dtype.type(0))

    def g(self, x):
        return sigmoid(x) - sigmoid(x - 1)


@right_with_warnings("not-finite")
class SineByTaylor(Function):
    """A series of three terms, and its own derivative."""

    def f(self, x):
        return sum((-1) ** k * x ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(3))

    def g(self, x):
        return sum((-1) ** k * x ** (2 * k) / math.factorial(2 * k) for k in range(3))


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class Logish(Function):
    def f(self, x):
        return x * np.log1p(1 / (1 + np.exp(-x)))

    def g(self, x):
        s = 1 / (1 + np.exp(-x))
        return np.log1p(s) + x * s * (1 - s) / (1 + s)


@right_with_warnings("not-finite")
class SmoothMaximumUnit(Function):
    def f(self, x):
        return ((1 + 0.25) * x + (1 - 0.25) * x * np.tanh((1 - 0.25) * x)) / 2

    def g(self, x):
        t = np.tanh(0.75 * x)
        return (1.25 + 0.75 * t + 0.75 * x * 0.75 * (1 - t * t)) / 2


@right_with_warnings("lost-gradient")
class CubeOfTanh(Function):
    def f(self, x):
        return np.tanh(x) ** 3

    def g(self, x):
        t = np.tanh(x)
        return 3 * t * t * (1 - t * t)


@right
class ReluOfThreePieces(Function):
    def f(self, x):
        return np.where(x >= 1, 1 + 0.5 * (x - 1), np.where(x <= -1, -1 + 0.1 * (x + 1), x)).astype(
            x.dtype
        )

    def g(self, x):
        return np.where(x >= 1, 0.5, np.where(x <= -1, 0.1, 1)).astype(x.dtype)


@right
class TriangularBump(Function):
    def f(self, x):
        return np.maximum(1 - np.abs(x), 0)

    def g(self, x):
        return (-np.sign(x) * (np.abs(x) < 1)).astype(x.dtype)


@right_with_warnings("not-finite", "numpy-warning")
class ComplementaryLogLog(Function):
    def f(self, x):
        return 1 - np.exp(-np.exp(x))

    def g(self, x):
        return np.exp(x - np.exp(x))


@right
class ExpWithinLimits(Function):
    def f(self, x):
        return np.exp(np.clip(x, -5, 5))

    def g(self, x):
        return np.exp(np.clip(x, -5, 5)) * ((x >= -5) & (x <= 5))


@right_with_warnings("not-finite")
class MexicanHat(Function):
    def f(self, x):
        return (1 - x * x) * np.exp(-x * x)

    def g(self, x):
        return 2 * x * (x * x - 2) * np.exp(-x * x)


@right
class SignedLog(Function):
    def f(self, x):
        return np.log1p(np.abs(x)) * np.sign(x)

    def g(self, x):
        return 1 / (1 + np.abs(x))


@right_with_warnings("numpy-warning", "lost-gradient")
class SteepSigmoid(Function):
    def f(self, x):
        return 1 / (1 + np.exp(-50 * x))

    def g(self, x):
        s = 1 / (1 + np.exp(-50 * x))
        return 50 * s * (1 - s)


@right
class Entropy(Function):
    def f(self, x):
        return np.where(x == 0, 0, x * np.log(np.abs(np.where(x == 0, 1, x)))).astype(x.dtype)

    def g(self, x):
        return (np.log(np.abs(np.where(x == 0, 1, x))) + 1).astype(x.dtype)
