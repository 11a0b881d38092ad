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
