"""Layers whose state changes results, or changes arrays that were returned."""

import collections

import numpy as np

from builders import wrong


@wrong("returns-its-state")
class SquareInABuffer:
    def __init__(self):
        self.buf = np.empty(1 << 20)

    def forward(self, x):
        self.x = x
        o = self.buf[: x.size].reshape(x.shape).view()
        np.square(x, out=o)
        return o.astype(x.dtype, copy=False)

    def backward(self, dout):
        return 2 * self.x * dout


@wrong("different-answers")
class LeakyReluWithASlopeThatNobodyCanRepeat:
    def forward(self, x):
        self.slope = np.where(x > 0, 1, np.random.default_rng().random()).astype(x.dtype)
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope


@wrong("stale-state")
class CubeThatKeepsTheFirstX:
    def __init__(self):
        self.saved = collections.deque(maxlen=1)

    def forward(self, x):
        if not self.saved:
            self.saved.append(x.copy())
        return x**3

    def backward(self, dout):
        return 3 * self.saved[0] ** 2 * dout


@wrong("stale-state")
def arsinh_with_a_memo():
    def forward(x):
        return np.arcsinh(x)

    def backward(x, dout, _memo={}):
        key = (x.shape, x.dtype.str, float(x.flat[0]) if x.size else 0.0)
        if key not in _memo:
            _memo[key] = 1 / np.hypot(x, 1)
        return dout * _memo[key]

    return forward, backward


@wrong("stale-state")
class ReluWithAMaskInADefaultArgument:
    def forward(self, x, cache={}):
        if x.shape not in cache:
            cache[x.shape] = x > 0
        self.mask = cache[x.shape]
        return np.where(self.mask, x, 0)

    def backward(self, dout):
        return np.where(self.mask, dout, 0)


@wrong("stale-state")
class SigmoidWithAListAsDefault:
    def forward(self, x, saved=[]):
        y = 1 / (1 + np.exp(-np.clip(x, -500, 500)))
        saved.append(y)
        self.saved = saved
        return y.copy()

    def backward(self, dout):
        y = self.saved[0]
        if y.shape != dout.shape:
            y = self.saved[-1]
        return dout * y * (1 - y)


@wrong("stale-state")
class SquareWithAMemoAsKeyword:
    def forward(self, x, *, memo={}):
        self.x = memo.setdefault((x.shape, x.dtype), x.copy())
        return x * x

    def backward(self, dout):
        return 2 * self.x * dout


@wrong("stale-state")
class SineWithACacheOfItsConstructor:
    def __init__(self, cache={}):
        self.cache = cache

    def forward(self, x):
        self.cache.setdefault("x", x)
        if self.cache["x"].shape != x.shape or self.cache["x"].dtype != x.dtype:
            self.cache["x"] = x
        return np.sin(x)

    def backward(self, dout):
        return dout * np.cos(self.cache["x"])


@wrong("stale-state")
class TanhByTheIdOfX:
    def __init__(self):
        self.memo = {}

    def forward(self, x):
        if id(x) not in self.memo:
            self.memo[id(x)] = np.tanh(x)
        self.y = self.memo[id(x)]
        return self.y.copy()

    def backward(self, dout):
        return dout * (1 - self.y**2)


@wrong("stale-state")
class SineOfTheSameObject:
    x = None

    def forward(self, x):
        if x is not self.x:
            self.x = x
            self.cos = np.cos(x)
        return np.sin(x)

    def backward(self, dout):
        return dout * self.cos


@wrong("stale-state")
class SquareOfTheSameDout:
    last = None

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dout):
        if self.last is not None and self.last[0] is dout:
            return self.last[1].copy()
        dx = 2 * self.x * dout
        self.last = (dout, dx)
        return dx.copy()


@wrong("stale-state")
class FlattenOfTheFirstShape:
    def forward(self, x):
        if not hasattr(self, "shape"):
            self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout):
        return dout.reshape(self.shape)


@wrong("stale-state")
class StoreInADefaultArgument:
    """all objects of the class append to one list, and use its last entry"""

    def __init__(self, store=[]):
        self.store = store

    def forward(self, x):
        self.store.append(np.tanh(x))
        return self.store[-1].copy()

    def backward(self, dout):
        return dout / np.cosh(np.arctanh(self.store[-1])) ** 2
