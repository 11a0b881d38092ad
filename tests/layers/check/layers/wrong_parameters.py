"""Wrong gradients of parameters, and a backward that does not fit the shape of out."""

import numpy as np

from builders import wrong


class _P:
    def __init__(self):
        self.weight = np.array([0.1, 0.2, 0.3, 0.4, 0.5])

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.weight * x)


@wrong("wrong-gradient")
class PReluForgetsMask(_P):
    def backward(self, dout):
        self.dweight = (dout * self.x).sum(axis=0)
        return np.where(self.x > 0, dout, self.weight * dout)


@wrong("wrong-gradient")
class PReluSumsAll(_P):
    def backward(self, dout):
        self.dweight = np.full(5, (dout * np.minimum(self.x, 0)).sum())
        return np.where(self.x > 0, dout, self.weight * dout)


@wrong("wrong-gradient")
class PReluScalar:
    def __init__(self):
        self.a = 0.25

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a * x)

    def backward(self, dout):
        self.da = (dout * self.x).sum()
        return np.where(self.x > 0, dout, self.a * dout)


@wrong("wrong-gradient")
class AffineGrads:
    def __init__(self):
        r = np.random.default_rng(0)
        self.params = {"W": r.normal(size=(4, 4)), "b": r.normal(size=4)}
        self.grads = {"W": np.zeros((4, 4)), "b": np.zeros(4)}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads["W"] = dout.T @ self.x
        self.grads["b"] = dout.sum(0)
        return dout @ self.params["W"].T


@wrong("wrong-shape")
class FlattenNoShape:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.reshape(len(x), -1).T

    def backward(self, dout):
        return dout * (1 - self.y**2)


@wrong("wrong-shape")
class MeanNoExpand:
    def forward(self, x):
        n, t, f = x.shape
        self.x = x
        return (x**2).mean(axis=1)

    def backward(self, dout):
        return dout * 2 * self.x / self.x.shape[1]


@wrong("wrong-gradient")
class AffineWithAWrongEntryOfItsGradients:
    def __init__(self):
        self.p = {"W": np.cos(np.arange(12.0)).reshape(4, 3), "b": np.ones(3)}
        self.g = {}

    def forward(self, x):
        self.x = x
        return x @ self.p["W"] + self.p["b"]

    def backward(self, dout):
        self.g["W"], self.g["b"] = np.abs(self.x.T) @ dout, dout.sum(axis=0)
        return dout @ self.p["W"].T
