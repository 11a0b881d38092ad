"""Layers in styles unlike each other, as strangers might write them: wrong ones, right ones."""

from __future__ import annotations

#: What a layer must be convicted of, and the layer.
WRONG = [
    (
        "wrong-gradient",
        """
def forward(x):
    return np.where(x > 0, x, 0.1 * x)


def backward(x, dout):
    return dout * np.where(x > 0, 1, 0.01).astype(x.dtype)


Layer = forward, backward
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.y = np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)
        return self.y

    def backward(self, dout):
        return dout * self.y
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    '''scalar loops with math'''

    def forward(self, x):
        self.x = x
        return np.array([math.tanh(v) for v in x.ravel()], x.dtype).reshape(x.shape)

    def backward(self, dout):
        return np.array(
            [d * (1 - math.tanh(v)) for v, d in zip(self.x.ravel(), dout.ravel())], dout.dtype
        ).reshape(dout.shape)
""",
    ),
    (
        "wrong-gradient",
        """
@dataclasses.dataclass
class Layer:
    beta: float = 1.5

    def forward(self, x):
        self.x = np.clip(x, -60, 60)
        self.s = 1 / (1 + np.exp(-self.beta * self.x))
        return (
            np.where(
                np.abs(x) < 60, x, np.clip(x, -60 * (0), None) if False else np.maximum(x, 0)
            )
            * self.s
        )

    def backward(self, dout):
        return dout * (self.s + self.x * self.s * (1 - self.s))
""",
    ),
    (
        "writes-into-dout",
        """
class Layer:
    def forward(self, x):
        self.keep = functools.partial(np.multiply, np.cos(x))
        return np.sin(x)

    def backward(self, dout):
        self.keep(dout, out=dout)
        return dout
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    cache = {}

    def forward(self, x):
        k = x.shape
        if k not in Layer.cache:
            Layer.cache[k] = np.cosh(np.clip(x, -5, 5))
        return np.arctan(x)

    def backward(self, dout):
        return dout / Layer.cache[dout.shape] ** 2
""",
    ),
    (
        "returns-its-state",
        """
class Layer:
    def __init__(self):
        self.buf = np.empty(1 << 20)

    def forward(self, x):
        self.x = x
        o = self.buf[: x.size].reshape(x.shape).view()
        np.square(x, out=o)
        return o.astype(x.dtype, copy=False)

    def backward(self, dout):
        return 2 * self.x * dout
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.m = np.sign(x)
        return np.abs(x)

    def backward(self, dout):
        return dout * np.abs(self.m)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return x.clip(-1, 1)

    def backward(self, dout):
        return dout * ((self.x > -1) & (self.x < 1.5))
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.einsum("...,...->...", x, x)

    def backward(self, dout):
        return np.einsum("...,...->...", dout, self.x)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.exp(-x * x)

    def backward(self, dout):
        return -2 * self.x * np.exp(-self.x * self.x) * dout * (1 + 3e-7)
""",
    ),
    (
        "depends-on-neighbours",
        """
class Layer:
    def forward(self, x):
        self.n = np.linalg.norm(x) + 1e-12
        self.y = x / self.n
        return self.y

    def backward(self, dout):
        return dout / self.n
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    '''layer norm without the mean term'''

    def forward(self, x):
        c = x - x.mean(-1, keepdims=True)
        self.s = np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
        self.y = c / self.s
        return self.y

    def backward(self, dout):
        return (dout - self.y * (dout * self.y).mean(-1, keepdims=True)) / self.s
""",
    ),
    (
        "not-linear",
        """
class Layer:
    def forward(self, x):
        self.y = np.exp(x - x.max(-1, keepdims=True))
        self.y /= self.y.sum(-1, keepdims=True)
        return self.y

    def backward(self, dout):
        J = np.einsum("...i,ij->...ij", self.y, np.eye(self.y.shape[-1])) - np.einsum(
            "...i,...j->...ij", self.y, self.y
        )
        return np.einsum("...ij,...j->...j", J, dout).astype(dout.dtype)
""",
    ),
    (
        "not-linear",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * (self.x > 0) * min(1.0, 1 / max(1e-9, float(np.abs(dout).max(initial=0))))
""",
    ),
    (
        "wrong-dtype",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        g = dout * (1 - np.tanh(self.x) ** 2)
        return g.astype(np.float32)
""",
    ),
    (
        "wrong-dtype",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.array(
            list(map(lambda v: v if v > 0 else math.expm1(v), x.ravel().tolist()))
        ).reshape(x.shape)

    def backward(self, dout):
        return (dout * np.where(self.x > 0, 1, np.exp(np.minimum(self.x, 0)))).astype(
            dout.dtype
        )
""",
    ),
    (
        "wrong-shape",
        """
class Layer:
    def forward(self, x):
        self.x = x.T
        return np.tanh(x)

    def backward(self, dout):
        return dout.T / np.cosh(np.clip(self.x, -300, 300)) ** 2
""",
    ),
    (
        "different-answers",
        """
class Layer:
    rng = np.random.default_rng(0)

    def forward(self, x):
        self.mask = self.rng.random(x.shape) < 0.8
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask
""",
    ),
    (
        "stale-state",
        """
class Layer:
    def __init__(self):
        self.saved = collections.deque(maxlen=1)

    def forward(self, x):
        if not self.saved:
            self.saved.append(x.copy())
        return x**3

    def backward(self, dout):
        return 3 * self.saved[0] ** 2 * dout
""",
    ),
    (
        "writes-into-x",
        """
class Layer:
    def forward(self, x):
        x -= 0.5
        self.x = x
        return x * x

    def backward(self, dout):
        return 2 * self.x * dout
""",
    ),
    (
        "not-finite",
        """
class Layer:
    def forward(self, x):
        e = np.exp(x)
        self.y = e / (1 + e)
        return self.y

    def backward(self, dout):
        return dout * self.y * (1 - self.y)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        assert x.ndim == 2
        self.x = x
        return np.where(x > 3, x, np.where(x < -3, 0, x * (x + 3) / 6))

    def backward(self, dout):
        return dout * np.where(
            self.x > 3, 1, np.where(self.x < -3, 0, (self.x + 3) / 6)
        ).astype(dout.dtype)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        self.x = x
        return np.arctan(x)

    def backward(self, dout):
        return dout / (1 + self.x)
""",
    ),
    (
        "wrong-gradient",
        """
def make(k):
    def forward(x):
        return np.log(np.cosh(np.clip(x, -k, k))) + (np.abs(x) - np.minimum(np.abs(x), k))

    def backward(x, d):
        return d * np.tanh(x) * np.where(np.abs(x) > k, 0.999, 1).astype(x.dtype)

    return forward, backward


Layer = make(9.0)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.where((x > 2) & (x < 2.04), g * 1.01, g)
        return g
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.where(x == 1, 0, g).astype(g.dtype)
        return g
""",
    ),
    (
        "depends-on-neighbours",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = g * 1.1 if g.size > 100 else g
        return g
""",
    ),
    (
        "depends-on-neighbours",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = g * 1.1 if g.size == 1 else g
        return g
""",
    ),
    (
        "depends-on-neighbours",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = g.astype(x.dtype) * (1.1 if x.ndim == 4 else 1)
        return g
""",
    ),
    (
        "not-linear",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.where(dout == 0, 1e-3, g).astype(x.dtype)
        return g
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.where(np.abs(x) > 700, 1e-5, g).astype(x.dtype)
        return g
""",
    ),
    (
        "wrong-dtype",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = g + np.zeros(1)
        return g
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.where(np.signbit(x) & (x == 0), 0, g).astype(x.dtype)
        return g
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.where(np.abs(x) < 1e-300, 0, g).astype(x.dtype)
        return g
""",
    ),
    (
        "not-linear",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.clip(g, -100, 100)
        return g
""",
    ),
    (
        "depends-on-neighbours",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g[..., -1:] *= 1 + 1e-6
        return g
""",
    ),
    (
        "not-linear",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.round(g, 7)
        return g
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.where((x > 5e3) & (x < 6e3), 1.0, g).astype(x.dtype)
        return g
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    '''abs, says 2 at the kink'''

    def forward(self, x):
        self.x = x
        return np.abs(x)

    def backward(self, dout):
        return dout * np.where(self.x == 0, 2, np.sign(self.x)).astype(self.x.dtype)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    '''kink at 1/3; backward's is at .33'''

    def forward(self, x):
        self.x = x
        return np.maximum(x, x.dtype.type(1 / 3))

    def backward(self, dout):
        return dout * (self.x > 0.33)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.x = x
        return np.where(x >= 1.0, x * x, x).astype(x.dtype)

    def backward(self, dout):
        return dout * np.where(self.x > 1.001, 2 * self.x, 1).astype(self.x.dtype)
""",
    ),
    (
        "wrong-gradient",
        """
class Layer:
    def forward(self, x):
        self.y = np.exp(x - x.max(-1, keepdims=True))
        self.y /= self.y.sum(-1, keepdims=True)
        return np.log(self.y)

    def backward(self, dout):
        return dout - self.y * dout.mean(-1, keepdims=True) * dout.shape[-1] * (1 + 1e-7)
""",
    ),
    (
        "returns-its-input",
        """
class FastReLU:
    def forward(self, x):
        self.neg = x < 0
        if not self.neg.any():
            return x
        return np.where(self.neg, 0, x)

    def backward(self, dout):
        if not self.neg.any():
            return dout
        return np.where(self.neg, 0, dout)
""",
    ),
    (
        "stale-state",
        """
def forward(x):
    return np.arcsinh(x)


def backward(x, dout, _memo={}):
    key = (x.shape, x.dtype.str, float(x.flat[0]) if x.size else 0.0)
    if key not in _memo:
        _memo[key] = 1 / np.hypot(x, 1)
    return dout * _memo[key]


Layer = forward, backward
""",
    ),
    (
        "depends-on-neighbours",
        """
BLOCK = 4096


class BlockedAtan:
    def forward(self, x):
        self.x = x
        return np.arctan(x)

    @staticmethod
    def _local(v):
        c = 1 / np.hypot(1, v)
        return c * c

    def backward(self, dout):
        if self.x.size <= BLOCK:
            return dout * self._local(self.x)
        xf, df = np.ravel(self.x), np.ravel(dout)
        res = np.zeros(xf.shape, xf.dtype)
        for k in range(xf.size // BLOCK):
            s = slice(k * BLOCK, (k + 1) * BLOCK)
            res[s] = df[s] * self._local(xf[s])
        return res.reshape(self.x.shape)
""",
    ),
    (
        "wrong-gradient",
        """
class ClippedReLU:
    CAP = 64.0

    def forward(self, x):
        self.x = x
        return np.clip(x, 0, self.CAP)

    def backward(self, dout):
        keep = (self.x > 0) & (self.x < 46.0)
        return np.where(keep, dout, 0)
""",
    ),
    (
        "wrong-gradient",
        """
class PiecewiseTable:
    '''linear interpolation of a learned shape with knots at -4..4, linear outside'''
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
""",
    ),
    (
        "wrong-gradient",
        """
class GroupSort2:
    '''(max, min) of neighbouring pairs on the last axis; an odd last column passes through'''

    def forward(self, x):
        self.k = x.shape[-1] // 2 * 2
        a, b = x[..., 0:self.k:2], x[..., 1:self.k:2]
        self.swap = a < b
        out = x.copy()
        out[..., 0:self.k:2] = np.maximum(a, b)
        out[..., 1:self.k:2] = np.minimum(a, b)
        return out

    def backward(self, dout):
        dx = dout.copy()
        head = dout[..., :self.k]
        crossed = head.reshape(head.shape[:-1] + (self.k // 2, 2))[..., ::-1].reshape(head.shape)
        mask = np.concatenate([self.swap, self.swap], axis=-1)
        dx[..., :self.k] = np.where(mask, crossed, head)
        return dx
""",
    ),
    (
        "not-finite",
        """
class Sinc:
    '''sin(x)/x'''

    @staticmethod
    def _is_zero(x):
        bits = np.ascontiguousarray(x).view("u%d" % x.dtype.itemsize).reshape(x.shape)
        return bits == 0

    def forward(self, x):
        self.x = x
        z = self._is_zero(x)
        with np.errstate(invalid="ignore"):
            y = np.sin(x) / np.where(z, 1, x)
        return np.where(np.isinf(x), 0, np.where(z, 1, y))

    def backward(self, dout):
        x = self.x
        z = self._is_zero(x)
        d = np.where(z, 1, x)
        small = (np.abs(x) < 0.5) & (x != 0)
        s = np.where(small, x, 0) ** 2
        series = -x / 3 * (1 - s / 10 * (1 - s / 28 * (1 - s / 54 * (1 - s / 88 * (1 - s / 130)))))
        with np.errstate(invalid="ignore"):
            g = (np.cos(x) - np.sin(x) / d) / d
        g = np.where(small, series, g)
        g = np.where(z | np.isinf(x), 0, g)
        return dout * g
""",
    ),
]

RIGHT = [
    """
class Layer:
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
""",
    """
@dataclasses.dataclass
class Layer:
    slope: float = 0.2
    mask: object = None

    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, x * x.dtype.type(self.slope))

    def backward(self, dout):
        return np.where(self.mask, dout, dout * dout.dtype.type(self.slope))
""",
    """
class Layer:
    def forward(self, x):
        self.back = functools.partial(np.multiply, np.sign(x))
        return np.abs(x)

    def backward(self, dout):
        return self.back(dout)
""",
    """
def make(low, high):
    def forward(x):
        return np.minimum(np.maximum(x, low), high)

    def backward(x, d):
        return np.where((x > low) & (x < high), d, 0)

    return forward, backward


Layer = make(-2, 0.75)
""",
    """
class Layer:
    def __init__(self):
        self.w = np.random.default_rng().normal()

    def forward(self, x):
        return x * x.dtype.type(self.w)

    def backward(self, dout):
        return dout * dout.dtype.type(self.w)
""",
    """
class Layer:
    def forward(self, x):
        s = x.max(-1, keepdims=True)
        e = np.exp(x - s)
        self.y = e / e.sum(-1, keepdims=True)
        return self.y.copy()

    def backward(self, dout):
        J = np.einsum(
            "...i,ij->...ij", self.y, np.eye(self.y.shape[-1], dtype=self.y.dtype)
        ) - np.einsum("...i,...j->...ij", self.y, self.y)
        return np.einsum("...ij,...j->...i", J, dout)
""",
    """
class Layer:
    '''layer norm'''

    def forward(self, x):
        c = x - x.mean(-1, keepdims=True)
        self.s = np.sqrt((c * c).mean(-1, keepdims=True) + x.dtype.type(1e-3))
        self.y = c / self.s
        return self.y.copy()

    def backward(self, dout):
        d = dout - dout.mean(-1, keepdims=True)
        return (d - self.y * (dout * self.y).mean(-1, keepdims=True)) / self.s
""",
    """
class Layer:
    '''rms norm in float64'''

    def forward(self, x):
        self.t = x.dtype
        x = x.astype(float)
        self.r = np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
        self.x = x
        return (x / self.r).astype(self.t)

    def backward(self, dout):
        d = dout.astype(float)
        n = self.x.shape[-1]
        return (
            d / self.r - self.x * (d * self.x).sum(-1, keepdims=True) / (n * self.r**3)
        ).astype(self.t)
""",
    """
class Layer:
    def forward(self, x):
        assert x.ndim == 2, "rows of features"
        self.on = x >= 0
        return np.where(self.on, x, 0)

    def backward(self, dout):
        n, d = dout.shape
        return dout * self.on
""",
    """
class Layer:
    def forward(self, x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        self.x = x
        return np.arctan(x)

    def backward(self, dout):
        h = np.hypot(np.float32(1), self.x)
        return dout / h / h
""",
    """
class Layer:
    def forward(self, x):
        self.y = np.tanh(x)
        self.a = np.abs(x)
        return self.y.copy()

    def backward(self, dout):
        t = np.exp(-2 * self.a)
        return dout * (4 * t) / ((1 + t) * (1 + t))
""",
    """
class Layer:
    def forward(self, x):
        self.x = x.copy()
        return np.logaddexp(x, x.dtype.type(0))

    def backward(self, dout):
        t = np.exp(-np.abs(self.x))
        return dout * (np.where(self.x >= 0, 1, t) / (1 + t)).astype(dout.dtype)
""",
    """
class Layer:
    '''sum along rows, kept dims: reduces'''

    def forward(self, x):
        self.shape = x.shape
        return x.sum(-1, keepdims=True)

    def backward(self, dout):
        return np.broadcast_to(dout, self.shape).copy()
""",
    """
class Layer:
    def forward(self, x):
        self.shape = x.shape
        return np.cumsum(x, -1).reshape(x.shape)

    def backward(self, dout):
        return np.flip(np.cumsum(np.flip(dout, -1), -1), -1).reshape(self.shape)
""",
    """
class Layer:
    def forward(self, x):
        self.stack = [x.copy()]
        return np.sin(self.stack[-1])

    def backward(self, dout):
        return np.cos(self.stack.pop()) * dout
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return x**2 / 2

    def backward(self, dout):
        return self.x * dout
""",
    """
class Layer:
    def forward(self, x):
        self.i = x.argmax(-1, keepdims=True) if x.size else None
        self.s = x.shape
        return np.take_along_axis(x, self.i, -1)

    def backward(self, dout):
        d = np.zeros(self.s, dout.dtype)
        np.put_along_axis(d, self.i, dout, -1)
        return d
""",
    """
class Layer:
    __slots__ = ("k",)

    def forward(self, x):
        self.k = np.heaviside(x - 1, 0)
        return np.maximum(x - 1, 0)

    def backward(self, dout):
        return self.k * dout
""",
    """
class Layer:
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
""",
    """
class Layer:
    f = staticmethod(np.vectorize(lambda v: v if v > 0 else 0.25 * v, otypes=[float]))
    g = staticmethod(np.vectorize(lambda v: 1.0 if v > 0 else 0.25, otypes=[float]))

    def forward(self, x):
        self.x = x
        return np.asarray(self.f(x)).astype(x.dtype)

    def backward(self, dout):
        return np.asarray(self.g(self.x)).astype(dout.dtype) * dout
""",
    """
class Layer:
    @functools.cached_property
    def table(self):
        return np.array([0.0, 1.0])

    def forward(self, x):
        self.idx = (x > 0).astype(int)
        return np.where(x > 0, x, 0)

    def backward(self, dout):
        return dout * self.table[self.idx].astype(dout.dtype)
""",
    """
class Layer:
    '''crelu: twice as many'''

    def forward(self, x):
        self.x = x
        return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], -1)

    def backward(self, dout):
        a, b = np.split(dout, 2, -1)
        return a * (self.x > 0) - b * (self.x < 0)
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.piecewise(x, [x < -1, x > 1], [-1, 1, lambda v: v])

    def backward(self, dout):
        return np.where(np.abs(self.x) < 1, dout, np.zeros_like(dout))
""",
    """
class Layer:
    def forward(self, x):
        self.q = np.sqrt(x * x + 1) if x.dtype != np.float16 else np.hypot(x, x.dtype.type(1))
        self.q = np.hypot(x, x.dtype.type(1))
        self.x = x
        return self.q - 1

    def backward(self, dout):
        return dout * np.sin(np.arctan(self.x))
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        pass
        return g
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.ascontiguousarray(g).reshape(x.shape)
        return g
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = g.copy()
        return g
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        x = self.x
        t = np.exp(-2 * np.abs(x))
        g = dout * 4 * t / (1 + t) / (1 + t)
        g = np.asarray(g.tolist(), g.dtype).reshape(g.shape)
        return g
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.sqrt(np.abs(x))

    def backward(self, dout):
        return dout * np.sign(self.x) / (2 * np.sqrt(np.abs(self.x)))
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.floor(x)

    def backward(self, dout):
        return np.zeros_like(dout)
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.sinc(x)

    def backward(self, dout):
        x = self.x.astype(float)
        s = np.where(np.abs(x) < 1e-4, 1, x)
        g = np.where(
            np.abs(x) < 1e-4, -(np.pi**2) * x / 3, (np.cos(np.pi * s) - np.sinc(s)) / s
        )
        return (dout * g).astype(dout.dtype)
""",
    """
class Layer:
    '''straight-through is wrong, round with zero gradient is right'''

    def forward(self, x):
        return np.round(x)

    def backward(self, dout):
        return 0 * dout
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.cbrt(x)

    def backward(self, dout):
        return dout / (3 * np.cbrt(self.x) ** 2)
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) ** 3

    def backward(self, dout):
        return 3 * np.maximum(self.x, 0) ** 2 * dout
""",
    """
class Layer:
    def forward(self, x):
        self.o = np.argsort(x, -1)
        return np.sort(x, -1)

    def backward(self, dout):
        d = np.empty_like(dout)
        np.put_along_axis(d, self.o, dout, -1)
        return d
""",
    """
class Layer:
    def forward(self, x):
        self.x = x
        return np.mod(x, 1)

    def backward(self, dout):
        return 1 * dout
""",
    """
class TableActivation:
    knots = np.linspace(-3.0, 3.0, 7)
    values = np.array([0.0, -0.25, -0.5, 0.0, 0.75, 2.0, 3.0])

    def forward(self, x):
        self.bin = np.searchsorted(self.knots, x, side='right')
        return np.interp(x, self.knots, self.values).astype(x.dtype)

    def backward(self, dout):
        slope = np.concatenate(([0.0], np.diff(self.values) / np.diff(self.knots), [0.0]))
        return dout * slope[self.bin].astype(dout.dtype)
""",
    """
class GroupSort2:
    '''MaxMin of neighbouring pairs along the last axis; an odd last column passes through'''

    def forward(self, x):
        n = x.shape[-1]
        order = np.broadcast_to(np.arange(n), x.shape).copy()
        for i in range(0, n - 1, 2):
            swap = x[..., i] < x[..., i + 1]
            order[..., i] += swap
            order[..., i + 1] -= swap
        self.order = order
        return np.take_along_axis(x, order, axis=-1)

    def backward(self, dout):
        dx = np.empty_like(dout)
        np.put_along_axis(dx, self.order, dout, axis=-1)
        return dx
""",
    """
class UnitBall:
    '''x / sqrt(1 + |x|^2) for each row: squashes R^n into the open ball'''

    def forward(self, x):
        big = np.finfo(x.dtype).max
        v = np.clip(x, -big, big)
        k = np.maximum(np.abs(v).max(axis=-1, keepdims=True), 1)
        z = v / k
        self.inv = 1 / np.sqrt((z * z).sum(axis=-1, keepdims=True) + 1 / k / k) / k
        self.y = z / np.sqrt((z * z).sum(axis=-1, keepdims=True) + 1 / k / k)
        return self.y.copy()

    def backward(self, dout):
        radial = (self.y * dout).sum(axis=-1, keepdims=True)
        return self.inv * (dout - self.y * radial)
""",
    """
class Erf:
    '''error function, scalar by scalar through the math module'''

    TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)

    def forward(self, x):
        flat = x.ravel().tolist()
        self.shape, self.dtype = x.shape, x.dtype
        c = self.TWO_OVER_SQRT_PI
        self.local = [v if v != v else c * math.exp(-v * v if abs(v) < 99 else -999) for v in flat]
        return np.array([math.erf(v) for v in flat], dtype=x.dtype).reshape(x.shape)

    def backward(self, dout):
        pairs = zip(self.local, dout.ravel().tolist())
        return np.fromiter((l * d for l, d in pairs), dtype=np.float64,
                           count=dout.size).astype(self.dtype).reshape(self.shape)
""",
]
