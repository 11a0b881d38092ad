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


class _Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW, self.db = np.dot(self.x.T, dout), np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class _AffineOfOneRow(_Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = dout[0].copy()
        return dx


@wrong("wrong-gradient")
class NetworkWithAWrongLayer:
    def __init__(self):
        rng = np.random.default_rng(3)
        self.first = _Affine(rng.normal(size=(4, 5)), np.zeros(5))
        self.rest = [_AffineOfOneRow(rng.normal(size=(5, 2)), np.ones(2))]

    def forward(self, x):
        return self.rest[0].forward(self.first.forward(x))

    def backward(self, dout):
        return self.first.backward(self.rest[0].backward(dout))


@wrong("wrong-gradient")
class BatchNormWithTheGradientOfItsInput:
    """dgamma is made with x, not with the normalized x; gamma is one number"""

    def __init__(self):
        self.gamma, self.beta = 1.5, 0.0

    def forward(self, x):
        self.x = x
        self.std = np.sqrt(x.var(axis=0) + 1e-6)
        self.xn = (x - x.mean(axis=0)) / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta, self.dgamma = dout.sum(axis=0), (dout * self.x).sum(axis=0)
        d = dout * self.gamma
        return (d - d.mean(axis=0) - self.xn * (d * self.xn).mean(axis=0)) / self.std


@wrong("wrong-gradient")
class DropoutByItsRatio:
    def __init__(self, ratio=0.5):
        self.ratio = ratio

    def forward(self, x):
        self.mask = np.random.rand(*x.shape) > self.ratio
        return x * self.mask

    def backward(self, dout):
        return dout * (1 - self.ratio)
