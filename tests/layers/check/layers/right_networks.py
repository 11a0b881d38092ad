"""Right layers of whole networks: attention, recurrence, losses, pooling, parameters."""

import numpy as np

from builders import right, right_with_warnings


@right_with_warnings("returns-its-input")
class FlattenView:
    def forward(self, x):
        self.in_shape = x.shape
        return x.reshape(x.shape[0], -1)

    def backward(self, dout):
        return dout.reshape(self.in_shape)


@right
class MultiHeadAttention:
    def __init__(self, d_model=8, n_heads=2, seed=0):
        rng = np.random.default_rng(seed)
        s = d_model ** (-0.5)
        self.d, self.h = (d_model, n_heads)
        self.Wq, self.Wk, self.Wv, self.Wo = (
            rng.normal(0, s, (d_model, d_model)) for _ in range(4)
        )

    def _split(self, z):
        b, t, _ = z.shape
        return z.reshape(b, t, self.h, -1).transpose(0, 2, 1, 3)

    def _merge(self, z):
        b, h, t, d = z.shape
        return z.transpose(0, 2, 1, 3).reshape(b, t, h * d)

    def forward(self, x):
        self.x = x
        self.q, self.k, self.v = (self._split(x @ w) for w in (self.Wq, self.Wk, self.Wv))
        self.scale = 1 / np.sqrt(self.q.shape[-1])
        s = self.q @ self.k.transpose(0, 1, 3, 2) * self.scale
        mask = np.triu(np.ones(s.shape[-2:], bool), 1)
        s = np.where(mask, -np.inf, s)
        e = np.exp(s - s.max(-1, keepdims=True))
        self.p = e / e.sum(-1, keepdims=True)
        return self._merge(self.p @ self.v) @ self.Wo

    def backward(self, dout):
        do = self._split(dout @ self.Wo.T)
        dv = self.p.transpose(0, 1, 3, 2) @ do
        dp = do @ self.v.transpose(0, 1, 3, 2)
        ds = self.p * (dp - (dp * self.p).sum(-1, keepdims=True)) * self.scale
        dq = ds @ self.k
        dk = ds.transpose(0, 1, 3, 2) @ self.q
        return (
            self._merge(dq) @ self.Wq.T + self._merge(dk) @ self.Wk.T + self._merge(dv) @ self.Wv.T
        )


@right_with_warnings("returns-its-input")
class ChannelShuffle:
    def __init__(self, groups=2):
        self.groups = groups

    def forward(self, x):
        n, c, h, w = x.shape
        assert c % self.groups == 0
        return x.reshape(n, self.groups, c // self.groups, h, w).swapaxes(1, 2).reshape(n, c, h, w)

    def backward(self, dout):
        n, c, h, w = dout.shape
        return (
            dout.reshape(n, c // self.groups, self.groups, h, w).swapaxes(1, 2).reshape(n, c, h, w)
        )


@right
class ResidualBlockFunctions:
    """closure based"""

    def __init__(self):
        self._bw = None

    def forward(self, x):
        h = np.tanh(x)
        y = x + h * h.mean(axis=-1, keepdims=True)

        def bw(g):
            m = h.mean(axis=-1, keepdims=True)
            dh = g * m + (g * h).sum(-1, keepdims=True) / x.shape[-1]
            return g + dh * (1 - h * h)

        self._bw = bw
        return y

    def backward(self, dout):
        return self._bw(dout)


@right
class Embedding1Hot:
    """argmax one-hot passes zero gradient"""

    def forward(self, x):
        self.s = x.shape
        y = np.zeros_like(x)
        np.put_along_axis(y, x.argmax(-1, keepdims=True), 1, -1)
        return y

    def backward(self, dout):
        return np.zeros_like(dout)


@right
class MeanSquared:
    """loss-like: scalar out"""

    def forward(self, x):
        self.x = x
        return np.mean(x**2)

    def backward(self, dout):
        return dout * 2 * self.x / self.x.size


@right
class CrossEntropyFixedTarget:
    """softmax with loss"""

    def __init__(self):
        self.t = np.array([0, 2, 1])

    def forward(self, x):
        z = x - x.max(1, keepdims=True)
        s = np.exp(z).sum(1, keepdims=True)
        self.y = np.exp(z) / s
        return (np.log(s[:, 0]) - z[np.arange(3), self.t]).mean()

    def backward(self, dout=1.0):
        d = self.y.copy()
        d[np.arange(3), self.t] -= 1
        return dout * d / 3


@right
class LockedDropout:
    def __init__(self, p=0.5):
        self.p = p
        self.mask = None
        self.rng = np.random.default_rng(3)

    def forward(self, x):
        if self.mask is None or self.mask.shape[1:] != x.shape[1:]:
            self.mask = (self.rng.random((1, *x.shape[1:])) > self.p) / (1 - self.p)
        return (x * self.mask).astype(x.dtype)

    def backward(self, dout):
        return (dout * self.mask).astype(dout.dtype)


@right
class SpectralNormLinear:
    """power iteration updates u in each forward; sigma treated as constant wrt x (it is)"""

    def __init__(self):
        r = np.random.default_rng(0)
        self.W = r.normal(size=(5, 3))
        self.u = r.normal(size=5)

    def forward(self, x):
        v = self.W.T @ self.u
        v /= np.linalg.norm(v)
        self.u = self.W @ v
        self.u /= np.linalg.norm(self.u)
        self.sigma = self.u @ self.W @ v
        return x @ self.W / self.sigma

    def backward(self, dout):
        return dout @ self.W.T / self.sigma


@right
class LSTMLast:
    def __init__(self):
        r = np.random.default_rng(1)
        self.Wx, self.Wh, self.b = (r.normal(size=(3, 8)), r.normal(size=(2, 8)), np.zeros(8))

    def forward(self, x):

        def sig(z):
            return 1 / (1 + np.exp(-z))

        n, t, _ = x.shape
        h = c = np.zeros((n, 2))
        self.cache = []
        for k in range(t):
            z = x[:, k] @ self.Wx + h @ self.Wh + self.b
            i, f, o, g = (sig(z[:, :2]), sig(z[:, 2:4]), sig(z[:, 4:6]), np.tanh(z[:, 6:]))
            c2 = f * c + i * g
            self.cache.append((i, f, o, g, c, c2))
            c = c2
            h = o * np.tanh(c)
        self.shape = x.shape
        return h

    def backward(self, dout):
        dx = np.zeros(self.shape)
        dh, dc = (dout, 0)
        for k in reversed(range(self.shape[1])):
            i, f, o, g, c, c2 = self.cache[k]
            tc = np.tanh(c2)
            dcc = dc + dh * o * (1 - tc**2)
            dz = np.concatenate(
                [
                    dcc * g * i * (1 - i),
                    dcc * c * f * (1 - f),
                    dh * tc * o * (1 - o),
                    dcc * i * (1 - g * g),
                ],
                1,
            )
            dx[:, k] = dz @ self.Wx.T
            dh = dz @ self.Wh.T
            dc = dcc * f
        return dx


@right
class QuantilePool:
    def forward(self, x):
        self.idx = np.argsort(x, axis=-1)
        self.shape = x.shape
        n = x.shape[-1]
        self.lo = (n - 1) // 2
        self.hi = n // 2
        s = np.take_along_axis(x, self.idx, -1)
        return (s[..., self.lo] + s[..., self.hi]) / 2

    def backward(self, dout):
        d = np.zeros(self.shape, dout.dtype)
        for k in (self.lo, self.hi):
            cur = np.take_along_axis(d, self.idx[..., k : k + 1], -1)
            np.put_along_axis(d, self.idx[..., k : k + 1], cur + dout[..., None] / 2, -1)
        return d


@right
class ScaledByOwnLength:
    """elementwise function but scale depends on number of elements"""

    def forward(self, x):
        self.n = x.size
        return x / self.n if x.size else x.copy()

    def backward(self, dout):
        return dout / self.n if self.n else dout.copy()


@right
class SparseMax:
    def forward(self, z):
        zs = -np.sort(-z, axis=-1)
        k = np.arange(1, z.shape[-1] + 1)
        cs = np.cumsum(zs, -1) - 1
        m = zs * k > cs
        n = m.sum(-1, keepdims=True)
        tau = np.take_along_axis(cs, n - 1, -1) / n
        p = np.maximum(z - tau, 0).astype(z.dtype)
        self.s = p > 0
        return p

    def backward(self, dout):
        s = self.s
        v = (dout * s).sum(-1, keepdims=True) / s.sum(-1, keepdims=True)
        return (s * (dout - v)).astype(dout.dtype)


@right
class BatchNormEvalFlag:
    def __init__(self, dim=6):
        self.g = np.ones(dim, np.float32)
        self.b = np.zeros(dim, np.float32)
        self.m = np.full(dim, 0.1, np.float32)
        self.v = np.full(dim, 2.0, np.float32)
        self.training = False

    def forward(self, x):
        self.inv = 1 / np.sqrt(self.v + 1e-05)
        return (x - self.m) * self.inv * self.g + self.b

    def backward(self, dout):
        return dout * self.inv * self.g


@right_with_warnings("not-finite")
class CosineSimilarityToFixed:
    ref = np.array([1.0, 2, 3])

    def forward(self, x):
        self.x = x
        self.n = np.linalg.norm(x, axis=-1, keepdims=True)
        self.r = self.ref / np.linalg.norm(self.ref)
        self.c = (x @ self.r)[..., None] / self.n
        return self.c[..., 0]

    def backward(self, dout):
        return dout[..., None] * (self.r / self.n - self.c * self.x / self.n**2)


@right_with_warnings("not-finite")
class SwishWithABetaOfShape1:
    def __init__(self):
        self.beta = np.array([1.5])

    def forward(self, x):
        self.x = x
        self.s = 1 / (1 + np.exp(-np.clip(self.beta * x, -500, 500)))
        return x * self.s

    def backward(self, dout):
        self.dbeta = np.array([(dout * self.x**2 * self.s * (1 - self.s)).sum()])
        return dout * (self.s + self.beta * self.x * self.s * (1 - self.s))


@right
class PReLUScalarLearned:
    def __init__(self):
        self.a = np.array(0.25)
        self.da = np.zeros(())

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a * x)

    def backward(self, dout):
        self.da = (dout * np.where(self.x > 0, 0, self.x)).sum()
        return dout * np.where(self.x > 0, 1, self.a)
