"""Right layers whose backward loses digits in float32, or computes in it, or has a stated shape."""

import numpy as np

from builders import Function, right, right_with_warnings


@right_with_warnings("numpy-warning", "lost-gradient")
class SineOverX(Function):
    """Near 0 the difference of the terms of dx is divided by x."""

    def f(self, x):
        near = np.abs(x) < 1e-3
        return np.where(near, 1 - x * x / 6, np.sin(x) / np.where(near, 1, x)).astype(x.dtype)

    def g(self, x):
        near = np.abs(x) < 1e-3
        z = np.where(near, 1, x)
        return np.where(near, -x / 3, (np.cos(z) - np.sin(z) / z) / z).astype(x.dtype)


@right_with_warnings("numpy-warning", "lost-gradient", "not-finite")
class XTanhGelu:
    """x·tanh(gelu(x)), the gelu by tanh: 1 + tanh cancels at negative x."""

    def forward(self, x):
        self.x = x
        self.t = np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))
        self.y = np.tanh(x / 2 * (1 + self.t))
        return x * self.y

    def backward(self, dout):
        x, t, y = self.x, self.t, self.y
        inner = 0.7978845608028654 * (1 + 3 * 0.044715 * x * x)
        gelu = (1 + t) / 2 + x / 2 * (1 - t * t) * inner
        return dout * (y + x * (1 - y * y) * gelu)


@right_with_warnings("wrong-dtype")
class TanhInFloat32:
    def forward(self, x):
        self.y = np.tanh(x.astype(np.float32))
        return self.y.astype(x.dtype)

    def backward(self, dout):
        return (dout.astype(np.float32) * (1 - self.y * self.y)).astype(dout.dtype)


@right
class SoftmaxInFloat32:
    def forward(self, x):
        z = x.astype(np.float32)
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y.astype(x.dtype)

    def backward(self, dout):
        d = dout.astype(np.float32)
        dx = self.y * (d - (d * self.y).sum(axis=-1, keepdims=True))
        return dx.astype(dout.dtype)


@right
class MaskOfAStatedShape:
    """A row is broadcast to the shape of the mask."""

    input_shape = (2, 4)

    def __init__(self):
        self.mask = np.array([[1, 0, 1, 1], [0, 1, 1, 0]]) / 0.7

    def forward(self, x):
        return (x * self.mask).astype(x.dtype)

    def backward(self, dout):
        return (dout * self.mask).astype(dout.dtype)
