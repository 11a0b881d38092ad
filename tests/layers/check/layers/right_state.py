"""Right layers that keep a state between calls: statistics, counters, random numbers."""

import functools

import numpy as np

from builders import right

GENERATOR, CALLS, SIZES = np.random.default_rng(3), 0, []


@right
class BatchNormByRunningStatistics:
    """normalizes by statistics that each forward moves, and takes them as constants"""

    def __init__(self):
        self.mean, self.var = np.zeros(4), np.ones(4)

    def forward(self, x):
        out = (x - self.mean) / np.sqrt(self.var + 1e-5)
        self.scale = 1 / np.sqrt(self.var + 1e-5)
        self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        self.var = 0.9 * self.var + 0.1 * x.var(axis=0)
        return out

    def backward(self, dout):
        return dout * self.scale


@right
class BatchNormThatMakesItsStatisticsLate:
    def __init__(self):
        self.running_mean = None

    def forward(self, x):
        if self.running_mean is None:
            self.running_mean = np.zeros(x.shape[1], x.dtype)
        self.running_mean = 0.5 * self.running_mean + 0.5 * x.mean(axis=0)
        c = x - x.mean(axis=0)
        self.s = np.sqrt((c * c).mean(axis=0) + x.dtype.type(1e-3))
        self.y = c / self.s
        return self.y.copy()

    def backward(self, dout):
        return (dout - dout.mean(axis=0) - self.y * (dout * self.y).mean(axis=0)) / self.s


@right
class Dropout:
    """with a generator of its own"""

    def __init__(self, p=0.3, seed=0):
        self.p, self.rng = p, np.random.default_rng(seed)

    def forward(self, x):
        keep = self.rng.random(x.shape) >= self.p
        self.mask = (keep / (1 - self.p)).astype(x.dtype)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class DropoutOfTheTextbook:
    """with the generator of NumPy, and a flag of forward"""

    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
        self.mask = None

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.dropout_ratio
            return x * self.mask
        return x * (1.0 - self.dropout_ratio)

    def backward(self, dout):
        return dout * self.mask


@right
class DropoutWithAGeneratorOfTheClass:
    rng = np.random.default_rng(0)

    def forward(self, x):
        self.mask = self.rng.random(x.shape) < 0.8
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class GaussianNoise:
    def __init__(self):
        self.random = np.random.default_rng(7)

    def forward(self, x):
        return x + (0.1 * self.random.standard_normal(x.shape)).astype(x.dtype)

    def backward(self, dout):
        return dout.copy()


@right
class RandomizedLeakyRelu:
    def __init__(self):
        self.rng = np.random.default_rng(11)

    def forward(self, x):
        slope = self.rng.uniform(0.1, 0.3, x.shape).astype(x.dtype)
        self.slope = np.where(x > 0, x.dtype.type(1), slope)
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope


@right
class CountsItsCalls:
    calls = 0

    def forward(self, x):
        self.calls += 1
        self.x = x
        return x**3

    def backward(self, dout):
        return 3 * self.x**2 * dout


@right
class WarmUp:
    """grows with each call"""

    def __init__(self):
        self.step = 0

    def forward(self, x):
        self.step += 1
        self.scale = x.dtype.type(min(1.0, self.step / 8))
        return self.scale * x

    def backward(self, dout):
        return self.scale * dout


@right
class KeepsAListOfCaches:
    """pushes in forward, pops in backward"""

    def __init__(self):
        self.stack = []

    def forward(self, x):
        self.stack.append(x.copy())
        return x * x.sum(axis=-1, keepdims=True)

    def backward(self, dout):
        x = self.stack.pop()
        return dout * x.sum(axis=-1, keepdims=True) + (dout * x).sum(axis=-1, keepdims=True)


@right
class NextAddedByIndicesOfADefaultArgument:
    def forward(self, x, cache={}):
        key = x.shape[-1]
        if key not in cache:
            cache[key] = (np.arange(key)[:, None] + 1) % key
        self.i = cache[key]
        return x * 2 + x[..., self.i[:, 0]]

    def backward(self, dout):
        dx = 2 * dout
        np.add.at(dx, (..., self.i[:, 0]), dout)
        return dx


@right
class DropoutThatSharesItsGeneratorAndALog:
    calls = 0

    def forward(self, x):
        type(self).calls += 1
        SIZES.append(x.size)
        self.mask = (GENERATOR.random(x.shape) > 0.3).astype(x.dtype)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class TanhThatCountsItsCalls:
    count = 0

    def __init__(self, log=[]):
        TanhThatCountsItsCalls.count += 1
        self.log = log

    def forward(self, x):
        global CALLS
        CALLS += 1
        self.log.append(x.shape)
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        t = np.exp(-2 * np.abs(self.x))
        return dout * 4 * t / (1 + t) / (1 + t)


@right
class ReversedByCachedIndices:
    @staticmethod
    @functools.lru_cache(None)
    def index(n):
        return np.arange(n)[::-1]

    def forward(self, x):
        return np.take(x, self.index(x.shape[-1]), -1)

    def backward(self, dout):
        return np.take(dout, self.index(dout.shape[-1]), -1)
