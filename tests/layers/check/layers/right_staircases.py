"""Right layers whose forwards move in steps, as terms saturate and cancel or are in float32."""

import math

import numpy as np

from builders import Function, right, right_with_warnings

ROOT_OF_2, ROOT_OF_2_PI, ROOT_OF_2_BY_PI = (
    math.sqrt(2),
    math.sqrt(2 * math.pi),
    math.sqrt(2 / math.pi),
)


def erf(x):
    return np.array([math.erf(v) for v in x.ravel().tolist()], x.dtype).reshape(x.shape)


def erfc(x):
    return np.array([math.erfc(v) for v in x.ravel().tolist()], x.dtype).reshape(x.shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def stable_sigmoid(x):
    t = np.exp(-np.abs(x))
    return (np.where(x > 0, 1, t) / (1 + t)).astype(x.dtype)


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class GeluByTanh(Function):
    def f(self, x):
        return 0.5 * x * (1 + np.tanh(ROOT_OF_2_BY_PI * (x + 0.044715 * x**3)))

    def g(self, x):
        t = np.tanh(ROOT_OF_2_BY_PI * (x + 0.044715 * x**3))
        bend = ROOT_OF_2_BY_PI * (1 + 3 * 0.044715 * x * x)
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * bend


@right_with_warnings("not-finite", "numpy-warning")
class GeluByTanhWithAnAccurateGradient(GeluByTanh):
    def g(self, x):
        v = np.clip(x, -12, 12)
        u = ROOT_OF_2_BY_PI * (v + 0.044715 * v**3)
        bend = ROOT_OF_2_BY_PI * (1 + 3 * 0.044715 * v * v)
        t = np.exp(-2 * np.abs(u))
        return stable_sigmoid(2 * u) + 2 * v * bend * t / (1 + t) ** 2


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class Gelu(Function):
    def f(self, x):
        return x * (1 + erf(x / ROOT_OF_2)) / 2

    def g(self, x):
        return (1 + erf(x / ROOT_OF_2)) / 2 + x * np.exp(-x * x / 2) / ROOT_OF_2_PI


@right_with_warnings("not-finite", "numpy-warning")
class GeluWithAnAccurateGradient(Gelu):
    def g(self, x):
        return erfc(-x / ROOT_OF_2) / 2 + x * np.exp(-x * x / 2) / ROOT_OF_2_PI


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class GeluOfPyTorch(Function):
    def f(self, x):
        return x * 0.5 * (1.0 + erf(x * 0.7071067811865476))

    def g(self, x):
        cdf = 0.5 * (1.0 + erf(x * 0.7071067811865476))
        return cdf + x * (np.exp(-0.5 * x * x) * 0.3989422804014327)


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class Mish(Function):
    def f(self, x):
        return x * np.tanh(np.log1p(np.exp(x)))

    def g(self, x):
        t = np.tanh(np.log1p(np.exp(x)))
        return t + x * (1 - t * t) * sigmoid(x)


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class MishByLog(Mish):
    def f(self, x):
        return x * np.tanh(np.log(1 + np.exp(x)))


@right_with_warnings("not-finite")
class MishByLogaddexp(Function):
    def f(self, x):
        return x * np.tanh(np.logaddexp(x, x.dtype.type(0)))

    def g(self, x):
        t = np.tanh(np.logaddexp(x, x.dtype.type(0)))
        return t + x * (1 - t) * (1 + t) * stable_sigmoid(x)


@right_with_warnings("wrong-gradient", "not-finite")
class Squareplus(Function):
    def f(self, x):
        return (x + np.sqrt(x * x + 4)) / 2

    def g(self, x):
        return (1 + x / np.sqrt(x * x + 4)) / 2


@right_with_warnings("not-finite", "numpy-warning")
class SquareplusWithAnAccurateGradient(Squareplus):
    def g(self, x):
        r = np.hypot(x, x.dtype.type(2))
        return np.where(x > 0, (1 + x / r) / 2, 2 / (r * (r + np.abs(x))))


@right_with_warnings("numpy-warning", "lost-gradient")
class SigmoidLessAHalf(Function):
    def f(self, x):
        return 1 / (1 + np.exp(-x)) - 0.5

    def g(self, x):
        s = 1 / (1 + np.exp(-x))
        return s * (1 - s)


@right_with_warnings("numpy-warning")
class SigmoidLessAHalfWithAnAccurateGradient(SigmoidLessAHalf):
    def g(self, x):
        t = np.exp(-np.abs(x))
        return t / (1 + t) ** 2


@right_with_warnings("not-finite", "lost-gradient")
class SiluByTanh(Function):
    def f(self, x):
        return 0.5 * x * (1 + np.tanh(0.5 * x))

    def g(self, x):
        s = 0.5 * (1 + np.tanh(0.5 * x))
        return s * (1 + x * (1 - s))


@right_with_warnings("not-finite")
class SiluByTanhWithAnAccurateGradient(SiluByTanh):
    def g(self, x):
        s = stable_sigmoid(x)
        return s * (1 + x * (1 - s))


@right_with_warnings("numpy-warning")
class NormalDistribution(Function):
    def f(self, x):
        return 0.5 * (1 + erf(x / ROOT_OF_2))

    def g(self, x):
        return np.exp(-x * x / 2) / ROOT_OF_2_PI


@right_with_warnings("numpy-warning", "lost-gradient")
class TanhBySigmoid(Function):
    def f(self, x):
        return 2 / (1 + np.exp(-2 * x)) - 1

    def g(self, x):
        y = 2 / (1 + np.exp(-2 * x)) - 1
        return 1 - y * y


@right_with_warnings("numpy-warning")
class EluByExp(Function):
    def f(self, x):
        return np.where(x > 0, x, np.exp(x) - 1)

    def g(self, x):
        return np.where(x > 0, 1, np.exp(x)).astype(x.dtype)


@right
class LogOfCosh(Function):
    def f(self, x):
        return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - math.log(2)

    def g(self, x):
        return np.tanh(x)


@right_with_warnings("not-finite", "numpy-warning", "lost-gradient")
class Serf(Function):
    def f(self, x):
        return x * erf(np.log1p(np.exp(x)))

    def g(self, x):
        u = np.log1p(np.exp(x))
        return erf(u) + x * 2 / math.sqrt(math.pi) * np.exp(-u * u) * sigmoid(x)


@right_with_warnings("wrong-gradient", "not-finite")
class BentIdentity(Function):
    def f(self, x):
        return (np.sqrt(x * x + 1) - 1) / 2 + x

    def g(self, x):
        return x / (2 * np.sqrt(x * x + 1)) + 1


class InFloat32(Function):
    """Computes in float32, whatever dtype x has."""

    def forward(self, x):
        self.x = x.astype(np.float32)
        return self.f(self.x).astype(x.dtype)

    def backward(self, dout):
        return (dout * self.g(self.x)).astype(dout.dtype)


@right_with_warnings("wrong-dtype")
class TanhInFloat32(InFloat32):
    def f(self, x):
        return np.tanh(x)

    def g(self, x):
        return 1 - np.tanh(x) ** 2


@right_with_warnings("wrong-dtype", "numpy-warning")
class SigmoidInFloat32(InFloat32):
    def f(self, x):
        return sigmoid(x)

    def g(self, x):
        return sigmoid(x) * (1 - sigmoid(x))


@right_with_warnings("wrong-dtype", "not-finite")
class SiluInFloat32(InFloat32):
    def f(self, x):
        return x * stable_sigmoid(x)

    def g(self, x):
        s = stable_sigmoid(x)
        return s * (1 + x * (1 - s))


@right_with_warnings("wrong-dtype", "not-finite")
class GeluInFloat32(InFloat32):
    f, g = GeluByTanh.f, GeluByTanh.g


@right_with_warnings("wrong-dtype", "not-finite")
class ErfGeluInFloat32(InFloat32):
    f, g = Gelu.f, Gelu.g


@right_with_warnings("wrong-dtype", "not-finite")
class SiluWithASigmoidInFloat32(Function):
    def f(self, x):
        return (x * stable_sigmoid(x.astype(np.float32))).astype(x.dtype)

    def g(self, x):
        s = stable_sigmoid(x.astype(np.float32))
        return (s + x * s * (1 - s)).astype(x.dtype)


@right_with_warnings("wrong-dtype", "not-finite", "numpy-warning")
class GeluWithAnErfInFloat32(Function):
    def f(self, x):
        return (x * 0.5 * (1 + erf(x.astype(np.float32) / ROOT_OF_2))).astype(x.dtype)

    def g(self, x):
        cdf = (1 + erf(x.astype(np.float32) / ROOT_OF_2)) / 2
        return (cdf + x * np.exp(-x * x / 2) / ROOT_OF_2_PI).astype(x.dtype)


@right_with_warnings("wrong-dtype")
class TanhWithAForwardInFloat32(Function):
    def f(self, x):
        return np.tanh(x.astype(np.float32)).astype(x.dtype)

    def g(self, x):
        t = np.exp(-2 * np.abs(x))
        return 4 * t / (1 + t) ** 2
