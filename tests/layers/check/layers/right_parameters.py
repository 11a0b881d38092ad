"""Right layers with parameters for each feature or channel."""

import numpy as np

from builders import right


@right
class Bias:
    def __init__(self):
        self.b = np.array([0.5, -1.0, 2.0, 0.25])

    def forward(self, x):
        return x + self.b

    def backward(self, dout):
        self.db = dout.reshape(-1, 4).sum(axis=0)
        return dout.copy()


@right
class Affine:
    def __init__(self):
        rng = np.random.default_rng(5)
        self.W = rng.normal(size=(4, 3))
        self.b = np.zeros(3)

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


@right
class AffineOfImages:
    """as in the textbook: it flattens x, and gives dx in x's shape"""

    def __init__(self):
        self.W = np.random.default_rng(1).normal(size=(12, 5))
        self.b = np.ones(5)
        self.x = None
        self.original_x_shape = None

    def forward(self, x):
        self.original_x_shape = x.shape
        x = x.reshape(x.shape[0], -1)
        self.x = x
        return np.dot(self.x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx.reshape(*self.original_x_shape)


@right
class AffineWithAList:
    def __init__(self):
        r = np.random.RandomState(0)
        self.params = [r.randn(6, 2), r.randn(2)]
        self.grads = [np.zeros((6, 2)), np.zeros(2)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ self.params[0].T


@right
class AffineWithADictionary:
    def __init__(self):
        g = np.random.default_rng(3)
        self.params = {"weight": g.uniform(-1, 1, (2, 5)), "bias": g.uniform(-1, 1, 2)}

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"].T + self.params["bias"]

    def backward(self, dout):
        self.grads = {"weight": dout.T @ self.x, "bias": dout.sum(0)}
        return dout @ self.params["weight"]


@right
class PReluOfChannels:
    """NCHW"""

    def __init__(self, channels=3):
        self.alpha = np.full(channels, 0.25)

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha[None, :, None, None] * x)

    def backward(self, dout):
        self.dalpha = (dout * np.minimum(self.x, 0)).sum(axis=(0, 2, 3))
        return dout * np.where(self.x > 0, 1, self.alpha[None, :, None, None])


@right
class PReluOfFeatures:
    def __init__(self):
        self.weight = np.array([0.1, 0.2, 0.3, 0.4, 0.5])

    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) + self.weight * np.minimum(x, 0)

    def backward(self, dout):
        self.dweight = (dout * np.minimum(self.x, 0)).sum(axis=0)
        return np.where(self.x > 0, dout, self.weight * dout)


@right
class BatchNorm:
    """in training, with a running mean and variance that are not used here"""

    def __init__(self, features=3):
        self.gamma, self.beta = np.ones(features), np.zeros(features)
        self.running_mean, self.running_var = np.zeros(features), np.ones(features)

    def forward(self, x):
        mu, var = x.mean(axis=0), x.var(axis=0)
        self.std = np.sqrt(var + 1e-5)
        self.xhat = (x - mu) / self.std
        self.running_mean = 0.9 * self.running_mean + 0.1 * mu
        self.running_var = 0.9 * self.running_var + 0.1 * var
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dbeta, self.dgamma = dout.sum(axis=0), (dout * self.xhat).sum(axis=0)
        d = dout * self.gamma
        return (d - d.mean(axis=0) - self.xhat * (d * self.xhat).mean(axis=0)) / self.std


@right
class BatchNorm2d:
    def __init__(self):
        self.gamma = np.array([1.0, 2.0, 0.5]).reshape(1, 3, 1, 1)
        self.beta = np.array([0.0, 1.0, -1.0]).reshape(1, 3, 1, 1)

    def forward(self, x):
        axes = (0, 2, 3)
        c = x - x.mean(axis=axes, keepdims=True)
        self.std = np.sqrt((c**2).mean(axis=axes, keepdims=True) + 1e-5)
        self.xhat = c / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        axes = {"axis": (0, 2, 3), "keepdims": True}
        g = dout * self.gamma
        return (g - g.mean(**axes) - self.xhat * (g * self.xhat).mean(**axes)) / self.std


@right
class BatchNormInEvaluation:
    def __init__(self):
        self.gamma, self.beta = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.3])
        self.mean, self.var = np.array([0.5, -0.5, 0.0]), np.array([1.0, 4.0, 0.25])

    def forward(self, x):
        return self.gamma * (x - self.mean) / np.sqrt(self.var + 1e-5) + self.beta

    def backward(self, dout):
        return dout * self.gamma / np.sqrt(self.var + 1e-5)


@right
class LayerNormWithParameters:
    def __init__(self):
        self.g, self.b = np.linspace(0.5, 2, 6), np.linspace(-1, 1, 6)

    def forward(self, x):
        c = x - x.mean(-1, keepdims=True)
        self.s = np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
        self.y = c / self.s
        return self.g * self.y + self.b

    def backward(self, dout):
        d = dout * self.g
        return (
            d - d.mean(-1, keepdims=True) - self.y * (d * self.y).mean(-1, keepdims=True)
        ) / self.s


@right
class FixedMatrix:
    """x·A with a constant 4 × 4 matrix of the class"""

    A = np.array([[1.0, 2, 0, 0], [0, 1, 2, 0], [0, 0, 1, 2], [2, 0, 0, 1]])

    def forward(self, x):
        return x @ self.A

    def backward(self, dout):
        return dout @ self.A.T


@right
class Convolution:
    """3 × 3, no padding, NCHW"""

    def __init__(self):
        self.W = np.random.default_rng(2).normal(size=(2, 3, 3, 3))
        self.b = np.zeros(2)

    def forward(self, x):
        self.x = x
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        return np.einsum("nchwij,fcij->nfhw", windows, self.W) + self.b[:, None, None]

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        h, w = dout.shape[2:]
        for i in range(3):
            for j in range(3):
                dx[:, :, i : i + h, j : j + w] += np.einsum(
                    "nfhw,fc->nchw", dout, self.W[:, :, i, j]
                )
        return dx


@right
class Residual:
    """x + relu(x·W)"""

    def __init__(self):
        self.W = np.random.default_rng(9).normal(size=(5, 5))

    def forward(self, x):
        self.mask = x @ self.W > 0
        return x + self.mask * (x @ self.W)

    def backward(self, dout):
        return dout + (dout * self.mask) @ self.W.T


@right
class Recurrent:
    """h = tanh(x_t·W + h·U) over the steps of (batch, time, 3)"""

    def __init__(self):
        g = np.random.default_rng(4)
        self.W, self.U = g.normal(size=(3, 2)), g.normal(size=(2, 2))

    def forward(self, x):
        n, t, _ = x.shape
        h = np.zeros((n, t + 1, 2))
        for k in range(t):
            h[:, k + 1] = np.tanh(x[:, k] @ self.W + h[:, k] @ self.U)
        self.h = h
        return h[:, 1:].copy()

    def backward(self, dout):
        n, t, _ = dout.shape
        dx, carry = np.empty((n, t, 3)), 0
        for k in reversed(range(t)):
            d = (dout[:, k] + carry) * (1 - self.h[:, k + 1] ** 2)
            dx[:, k], carry = d @ self.W.T, d @ self.U.T
        return dx


@right
class FeaturesByTheirNumber:
    """refuses another number of features than 7"""

    def __init__(self, n_features=7):
        self.n_features = n_features

    def forward(self, x):
        if x.ndim != 2 or x.shape[1] != self.n_features:
            raise ValueError(f"(batch, {self.n_features}) expected, not {x.shape}")
        self.y = np.tanh(x)
        self.k = np.linspace(1, 2, 7).astype(x.dtype)
        return self.y * self.k

    def backward(self, dout):
        return dout * (1 - self.y**2) * self.k


@right
class BiasForEachPlace:
    def __init__(self):
        self.b = np.cos(np.arange(3 * 5 * 7.0)).reshape(3, 5, 7)

    def forward(self, x):
        return x + self.b

    def backward(self, dout):
        return dout.copy()


@right
class WeightForEachElement:
    def __init__(self):
        self.w = np.cos(np.arange(24.0)).reshape(4, 6)

    def forward(self, x):
        return x * self.w

    def backward(self, dout):
        return dout * self.w


@right
class BiasOf96Channels:
    def __init__(self):
        self.b = np.linspace(-1, 1, 96).reshape(1, 96, 1, 1)

    def forward(self, x):
        if x.shape[1] != 96:
            raise ValueError("96 channels are needed")
        self.mask = x + self.b > 0
        return (x + self.b) * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class MeanAsANumberOfPython:
    def forward(self, x):
        self.x = x
        return float(x.mean())

    def backward(self, dout=1.0):
        return np.ones_like(self.x) * dout / self.x.size
