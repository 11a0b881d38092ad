"""Right element-wise layers, in many styles."""

import dataclasses
import functools
import math

import numpy as np

from builders import right, tanh_with


@right
class ArctanByScalarLoop:
    def forward(self, x):
        self.x = x
        return np.array([math.atan(v) for v in x.ravel()], x.dtype).reshape(x.shape)

    def backward(self, dout):
        return np.array(
            [
                d / math.hypot(1, v) / math.hypot(1, v)
                for v, d in zip(self.x.ravel().tolist(), dout.ravel().tolist())
            ],
            dout.dtype,
        ).reshape(dout.shape)


@right
@dataclasses.dataclass
class LeakyRelu:
    slope: float = 0.2
    mask: object = None

    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, x * x.dtype.type(self.slope))

    def backward(self, dout):
        return np.where(self.mask, dout, dout * dout.dtype.type(self.slope))


@right
class AbsoluteByPartial:
    def forward(self, x):
        self.back = functools.partial(np.multiply, np.sign(x))
        return np.abs(x)

    def backward(self, dout):
        return self.back(dout)


@right
def clip():
    def make(low, high):
        def forward(x):
            return np.minimum(np.maximum(x, low), high)

        def backward(x, d):
            return np.where((x > low) & (x < high), d, 0)

        return forward, backward

    return make(-2, 0.75)


@right
class RandomScale:
    def __init__(self):
        self.w = np.random.default_rng().normal()

    def forward(self, x):
        return x * x.dtype.type(self.w)

    def backward(self, dout):
        return dout * dout.dtype.type(self.w)


@right
class ReluForMatrices:
    def forward(self, x):
        assert x.ndim == 2, "rows of features"
        self.on = x >= 0
        return np.where(self.on, x, 0)

    def backward(self, dout):
        n, d = dout.shape
        return dout * self.on


@right
class ArctanForFloat32:
    def forward(self, x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        self.x = x
        return np.arctan(x)

    def backward(self, dout):
        h = np.hypot(np.float32(1), self.x)
        return dout / h / h


@right
class TanhKeepingTheSize:
    def forward(self, x):
        self.y = np.tanh(x)
        self.a = np.abs(x)
        return self.y.copy()

    def backward(self, dout):
        t = np.exp(-2 * self.a)
        return dout * (4 * t) / ((1 + t) * (1 + t))


@right
class Softplus:
    def forward(self, x):
        self.x = x.copy()
        return np.logaddexp(x, x.dtype.type(0))

    def backward(self, dout):
        t = np.exp(-np.abs(self.x))
        return dout * (np.where(self.x >= 0, 1, t) / (1 + t)).astype(dout.dtype)


@right
class SineOnAStack:
    def forward(self, x):
        self.stack = [x.copy()]
        return np.sin(self.stack[-1])

    def backward(self, dout):
        return np.cos(self.stack.pop()) * dout


@right
class HalfSquare:
    def forward(self, x):
        self.x = x
        return x**2 / 2

    def backward(self, dout):
        return self.x * dout


@right
class HingeWithSlots:
    __slots__ = ("k",)

    def forward(self, x):
        self.k = np.heaviside(x - 1, 0)
        return np.maximum(x - 1, 0)

    def backward(self, dout):
        return self.k * dout


@right
class CubeByIterator:
    def forward(self, x):
        it = np.nditer([x, None], flags=["zerosize_ok"])
        with it:
            for a, b in it:
                b[...] = np.cbrt(a) if False else a * a * a
            out = it.operands[1]
        self.x = x
        return out

    def backward(self, dout):
        return 3 * self.x * self.x * dout


@right
class LeakyReluVectorized:
    f = staticmethod(np.vectorize(lambda v: v if v > 0 else 0.25 * v, otypes=[float]))
    g = staticmethod(np.vectorize(lambda v: 1.0 if v > 0 else 0.25, otypes=[float]))

    def forward(self, x):
        self.x = x
        return np.asarray(self.f(x)).astype(x.dtype)

    def backward(self, dout):
        return np.asarray(self.g(self.x)).astype(dout.dtype) * dout


@right
class ReluByTable:
    @functools.cached_property
    def table(self):
        return np.array([0.0, 1.0])

    def forward(self, x):
        self.idx = (x > 0).astype(int)
        return np.where(x > 0, x, 0)

    def backward(self, dout):
        return dout * self.table[self.idx].astype(dout.dtype)


@right
class HardTanhByPiecewise:
    def forward(self, x):
        self.x = x
        return np.piecewise(x, [x < -1, x > 1], [-1, 1, lambda v: v])

    def backward(self, dout):
        return np.where(np.abs(self.x) < 1, dout, np.zeros_like(dout))


@right
class PseudoHuber:
    def forward(self, x):
        self.q = np.sqrt(x * x + 1) if x.dtype != np.float16 else np.hypot(x, x.dtype.type(1))
        self.q = np.hypot(x, x.dtype.type(1))
        self.x = x
        return self.q - 1

    def backward(self, dout):
        return dout * np.sin(np.arctan(self.x))


@right
@tanh_with
def tanh(x, dout, g):
    return g


@right
@tanh_with
def tanh_contiguous(x, dout, g):
    return np.ascontiguousarray(g).reshape(x.shape)


@right
@tanh_with
def tanh_copied(x, dout, g):
    return g.copy()


@right
@tanh_with
def tanh_through_a_list(x, dout, g):
    return np.asarray(g.tolist(), g.dtype).reshape(g.shape)


@right
class RootOfTheSize:
    def forward(self, x):
        self.x = x
        return np.sqrt(np.abs(x))

    def backward(self, dout):
        return dout * np.sign(self.x) / (2 * np.sqrt(np.abs(self.x)))


@right
class Floor:
    def forward(self, x):
        self.x = x
        return np.floor(x)

    def backward(self, dout):
        return np.zeros_like(dout)


@right
class Sinc:
    def forward(self, x):
        self.x = x
        return np.sinc(x)

    def backward(self, dout):
        x = self.x.astype(float)
        s = np.where(np.abs(x) < 1e-4, 1, x)
        g = np.where(np.abs(x) < 1e-4, -(np.pi**2) * x / 3, (np.cos(np.pi * s) - np.sinc(s)) / s)
        return (dout * g).astype(dout.dtype)


@right
class Round:
    """straight-through is wrong, round with zero gradient is right"""

    def forward(self, x):
        return np.round(x)

    def backward(self, dout):
        return 0 * dout


@right
class CubeRoot:
    def forward(self, x):
        self.x = x
        return np.cbrt(x)

    def backward(self, dout):
        return dout / (3 * np.cbrt(self.x) ** 2)


@right
class CubedRelu:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) ** 3

    def backward(self, dout):
        return 3 * np.maximum(self.x, 0) ** 2 * dout


@right
class Fraction:
    def forward(self, x):
        self.x = x
        return np.mod(x, 1)

    def backward(self, dout):
        return 1 * dout


@right
class InterpolatedTable:
    knots = np.linspace(-3.0, 3.0, 7)
    values = np.array([0.0, -0.25, -0.5, 0.0, 0.75, 2.0, 3.0])

    def forward(self, x):
        self.bin = np.searchsorted(self.knots, x, side="right")
        return np.interp(x, self.knots, self.values).astype(x.dtype)

    def backward(self, dout):
        slope = np.concatenate(([0.0], np.diff(self.values) / np.diff(self.knots), [0.0]))
        return dout * slope[self.bin].astype(dout.dtype)


@right
class Erf:
    """error function, scalar by scalar through the math module"""

    TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)

    def forward(self, x):
        flat = x.ravel().tolist()
        self.shape, self.dtype = x.shape, x.dtype
        c = self.TWO_OVER_SQRT_PI
        self.local = [v if v != v else c * math.exp(-v * v if abs(v) < 99 else -999) for v in flat]
        return np.array([math.erf(v) for v in flat], dtype=x.dtype).reshape(x.shape)

    def backward(self, dout):
        pairs = zip(self.local, dout.ravel().tolist())
        return (
            np.fromiter((slope * d for slope, d in pairs), dtype=np.float64, count=dout.size)
            .astype(self.dtype)
            .reshape(self.shape)
        )
