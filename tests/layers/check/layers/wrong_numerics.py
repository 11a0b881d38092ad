"""Layers whose gradients or values are wrong at a part of the numbers, or by a plain mistake."""

import math

import numpy as np

from builders import Function, wrong

ROOT_OF_2, ROOT_OF_2_PI, ROOT_OF_2_BY_PI = 2**0.5, (2 * math.pi) ** 0.5, (2 / math.pi) ** 0.5


def erf(x):
    return np.array([math.erf(v) for v in x.ravel().tolist()], x.dtype).reshape(x.shape)


def sigmoid(x):
    t = np.exp(-np.abs(x))
    return (np.where(x > 0, 1, t) / (1 + t)).astype(x.dtype)


def cubic(x):
    return ROOT_OF_2_BY_PI * (x + 0.044715 * x**3)


class Silu(Function):
    def f(self, x):
        return x * sigmoid(x)

    def g(self, x):
        s = sigmoid(x)
        return s * (1 + x * (1 - s))


@wrong("wrong-gradient")
class SiluGoneInANarrowBand(Silu):
    def g(self, x):
        return np.where(np.abs(x - 41) < 0.005, 0, super().g(x)).astype(x.dtype)


@wrong("wrong-gradient")
class SiluGoneInANarrowBandNear3(Silu):
    def g(self, x):
        return np.where(np.abs(x - 3.033) < 0.005, 0, super().g(x)).astype(x.dtype)


@wrong("wrong-gradient")
class SiluGoneInANarrowBandFarOut(Silu):
    def g(self, x):
        return np.where(np.abs(x + 100.3) < 0.005, 1e-3, super().g(x)).astype(x.dtype)


@wrong("wrong-gradient")
class SiluGonePast40(Silu):
    def g(self, x):
        return np.where(np.abs(x) > 40, 0, super().g(x)).astype(x.dtype)


@wrong("wrong-gradient")
class SiluWithoutTheFactorBeta(Function):
    def __init__(self, beta=1.5):
        self.beta = beta

    def f(self, x):
        return x * sigmoid(self.beta * x)

    def g(self, x):
        s = sigmoid(self.beta * x)
        return s + x * s * (1 - s)


@wrong("wrong-gradient")
class SoftplusWhoseGradientIs1From20(Function):
    def f(self, x):
        return np.logaddexp(x, x.dtype.type(0))

    def g(self, x):
        return np.where(x > 20, 1, sigmoid(x)).astype(x.dtype)


@wrong("wrong-gradient")
class SoftplusThatIsXFrom12(Function):
    def f(self, x):
        return np.where(x > 12, x, np.logaddexp(x, x.dtype.type(0)))

    def g(self, x):
        return sigmoid(x)


@wrong("wrong-gradient")
class SoftplusThatHidesAnOverflow(Function):
    def f(self, x):
        return np.logaddexp(x, x.dtype.type(0))

    def g(self, x):
        return np.nan_to_num(np.exp(x) / (1 + np.exp(x)))


@wrong("wrong-value")
class InverseRootThatOverflowsInFloat16(Function):
    def f(self, x):
        return x / np.sqrt(1 + x * x)

    def g(self, x):
        return (1 + x * x) ** -1.5


@wrong("wrong-gradient")
class SigmoidWithTheDerivativeOfItsOutput(Function):
    def f(self, x):
        return sigmoid(x)

    def g(self, x):
        return x * (1 - x)


@wrong("wrong-gradient")
class TanhOfTanh(Function):
    def forward(self, x):
        self.x = np.tanh(x)
        return self.x.copy()

    def g(self, x):
        return 1 - np.tanh(x) ** 2


@wrong("wrong-gradient")
class GeluWithTheGradientOfItsTanhForm(Function):
    def f(self, x):
        return x * (1 + erf(x / ROOT_OF_2)) / 2

    def g(self, x):
        t = np.tanh(cubic(x))
        bend = ROOT_OF_2_BY_PI * (1 + 3 * 0.044715 * x * x)
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * bend


@wrong("wrong-gradient")
class GeluByTanhWithTheGradientOfGelu(Function):
    def f(self, x):
        return 0.5 * x * (1 + np.tanh(cubic(x)))

    def g(self, x):
        return (1 + erf(x / ROOT_OF_2)) / 2 + x * np.exp(-x * x / 2) / ROOT_OF_2_PI


@wrong("wrong-gradient")
class GeluByTanhWithoutAFactor3(Function):
    def f(self, x):
        return 0.5 * x * (1 + np.tanh(cubic(x)))

    def g(self, x):
        t = np.tanh(cubic(x))
        bend = ROOT_OF_2_BY_PI * (1 + 0.044715 * x * x)
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * bend


@wrong("wrong-gradient")
class GeluWithoutTheFactorX(Function):
    def f(self, x):
        return x * (1 + erf(x / ROOT_OF_2)) / 2

    def g(self, x):
        return (1 + erf(x / ROOT_OF_2)) / 2 + np.exp(-x * x / 2) / ROOT_OF_2_PI


@wrong("not-finite")
class SiluByItsQuotient(Silu):
    def g(self, x):
        s = self.f(x) / x
        return s + self.f(x) * (1 - s)


@wrong("wrong-gradient")
class MishWithoutTheSigmoid(Function):
    def f(self, x):
        return x * np.tanh(np.logaddexp(x, x.dtype.type(0)))

    def g(self, x):
        t = np.tanh(np.logaddexp(x, x.dtype.type(0)))
        return t + x * (1 - t * t)


@wrong("wrong-gradient")
class SoftsignWithoutTheSquare(Function):
    def f(self, x):
        return x / (1 + np.abs(x))

    def g(self, x):
        return 1 / (1 + np.abs(x))


@wrong("wrong-gradient")
class TanhInFloat32OffByAThousandth(Function):
    def f(self, x):
        return np.tanh(x.astype(np.float32)).astype(x.dtype)

    def g(self, x):
        return ((1 - np.tanh(x.astype(np.float32)) ** 2) * np.float32(1.002)).astype(x.dtype)


@wrong("wrong-gradient")
class TanhWithAGradientInFloat16(Function):
    def f(self, x):
        return np.tanh(x)

    def g(self, x):
        return (1 - np.tanh(x.astype(np.float16)) ** 2).astype(x.dtype)


@wrong("wrong-dtype")
class TanhInFloat16(Function):
    def f(self, x):
        return np.tanh(x.astype(np.float16)).astype(x.dtype)

    def g(self, x):
        return (1 - np.tanh(x.astype(np.float16)) ** 2).astype(x.dtype)


@wrong("wrong-gradient")
class SquareOffInTheTenthDigit(Function):
    def f(self, x):
        return x * x

    def g(self, x):
        return 2 * x * (1 + 1e-9)


@wrong("wrong-gradient")
class RoundingWithAStraightThroughGradient(Function):
    def f(self, x):
        return np.round(x)

    def g(self, x):
        return np.ones_like(x)


@wrong("not-linear")
class TanhWithARoundedGradient(Function):
    def f(self, x):
        return np.tanh(x)

    def backward(self, dout):
        t = np.exp(-2 * np.abs(self.x))
        return np.round(dout, 6) * (4 * t / (1 + t) ** 2)


@wrong("not-linear")
class TanhWithAGradientWithinABound(Function):
    def f(self, x):
        return np.tanh(x)

    def backward(self, dout):
        t = np.exp(-2 * np.abs(self.x))
        return np.clip(dout, -1e3, 1e3) * (4 * t / (1 + t) ** 2)


@wrong("wrong-gradient")
class LeakyReluWithTheSlopeSquared(Function):
    slope = 0.2

    def f(self, x):
        return np.where(x > 0, x, x.dtype.type(self.slope) * x)

    def g(self, x):
        return np.where(x > 0, 1, self.slope**2).astype(x.dtype)


@wrong("wrong-gradient")
class EluWithTheGradientOfItsOutput(Function):
    def f(self, x):
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))

    def g(self, x):
        return np.where(x > 0, 1, np.expm1(np.minimum(x, 0))).astype(x.dtype)
