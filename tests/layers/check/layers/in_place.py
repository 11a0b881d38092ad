"""Layers that write into the caller's arrays in place, or return them."""

import functools

import numpy as np

from builders import wrong


@wrong("writes-into-dout")
class SineWritingIntoDout:
    def forward(self, x):
        self.keep = functools.partial(np.multiply, np.cos(x))
        return np.sin(x)

    def backward(self, dout):
        self.keep(dout, out=dout)
        return dout


@wrong("writes-into-x")
class ShiftedSquareInPlace:
    def forward(self, x):
        x -= 0.5
        self.x = x
        return x * x

    def backward(self, dout):
        return 2 * self.x * dout


@wrong("returns-its-input")
class ReluThatReturnsItsInput:
    def forward(self, x):
        self.neg = x < 0
        if not self.neg.any():
            return x
        return np.where(self.neg, 0, x)

    def backward(self, dout):
        if not self.neg.any():
            return dout
        return np.where(self.neg, 0, dout)
