"""Right layers with windows that do not fit every image, and with gradients of parameters."""

import numpy as np

from builders import right, right_with_warnings


@right
class AvgPool3:
    def forward(self, x):
        n, c, h, w = x.shape
        h, w = (h // 3 * 3, w // 3 * 3)
        if not h * w:
            raise ValueError("small")
        return x[:, :, :h, :w].reshape(n, c, h // 3, 3, w // 3, 3).mean((3, 5))

    def backward(self, dout):
        return dout.repeat(3, 2).repeat(3, 3) / 9


@right
class AvgPool5NHWC:
    def forward(self, x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 5, 5, w // 5, 5, c).mean((2, 4))

    def backward(self, dout):
        return dout.repeat(5, 1).repeat(5, 2) / 25


@right
class Mnist:
    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(784, 10)) / 28

    def forward(self, x):
        n, c, h, w = x.shape
        self.s = x.shape
        return x.reshape(n, -1) @ self.W

    def backward(self, dout):
        return (dout @ self.W.T).reshape(self.s)


class _P:
    def __init__(self):
        self.weight = np.array([0.1, 0.2, 0.3, 0.4, 0.5])

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.weight * x)


@right
class PReluMean(_P):
    def backward(self, dout):
        self.dweight = (dout * np.minimum(self.x, 0)).mean(axis=0)
        return np.where(self.x > 0, dout, self.weight * dout)


@right
class AffineAccumulates:
    def __init__(self):
        r = np.random.default_rng(0)
        self.W = r.normal(size=(4, 3))
        self.W_grad = np.zeros((4, 3))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.W_grad += self.x.T @ dout
        return dout @ self.W.T


@right
class AffineDecay:
    def __init__(self):
        r = np.random.default_rng(0)
        self.W = r.normal(size=(4, 3))
        self.lam = 0.1

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout + self.lam * self.W
        return dout @ self.W.T


@right_with_warnings("numpy-warning", "lost-gradient", "not-finite")
class BetaSwish:
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.x = x
        self.s = 1 / (1 + np.exp(-self.beta * x))
        return x * self.s

    def backward(self, dout):
        g = self.s * (1 - self.s)
        self.dbeta = np.sum(dout * self.x**2 * g)
        return dout * (self.s + self.beta * self.x * g)
