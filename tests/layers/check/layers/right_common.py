"""Ten common layers, all right. `mutations` changes one thing in each."""

import numpy as np

from builders import right


@right
class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


@right
class Sigmoid:
    def forward(self, x):
        t = np.exp(-np.abs(x))
        self.p = t / (1 + t)
        self.out = np.where(x < 0, self.p, 1 / (1 + t))
        return self.out

    def backward(self, dout):
        return dout * self.p * (1 - self.p)


@right
class Tanh:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        y = np.tanh(np.abs(self.x))
        t = np.exp(-2 * np.abs(self.x))
        return dout * (1 + y) * 2 * t / (1 + t)


@right
class Swish:
    def forward(self, x):
        self.x = np.nan_to_num(x, nan=np.nan)
        x = np.where(x > 0, x, self.x)
        return x * self.sigmoid(x)

    def sigmoid(self, x):
        t = np.exp(-np.abs(x))
        return np.where(x < 0, t, 1) / (1 + t)

    def backward(self, dout):
        s = self.sigmoid(self.x)
        return dout * (s + self.x * s * (1 - s))


@right
class Elu:
    alpha = 1.5

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def backward(self, dout):
        return dout * np.where(self.x > 0, 1, self.alpha * np.exp(np.minimum(self.x, 0)))


@right
class HardSwish:
    def forward(self, x):
        self.x = x
        return np.maximum(x, -3) * (np.clip(x + 3, 0, 6) / 6)

    def backward(self, dout):
        x = self.x
        slope = np.where(x <= -3, 0, np.where(x >= 3, 1, np.clip(x, -3, 3) / 3 + 0.5))
        return dout * slope.astype(x.dtype)


@right
class Softplus:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def backward(self, dout):
        t = np.exp(-np.abs(self.x))
        return dout * np.where(self.x < 0, t, 1) / (1 + t)


@right
class Softsign:
    def forward(self, x):
        x = np.nan_to_num(x, nan=np.nan)
        self.d = 1 + np.abs(x)
        return x / self.d

    def backward(self, dout):
        return dout / self.d / self.d


@right
class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y

    def backward(self, dout):
        y = self.y
        return y * (dout - (dout * y).sum(axis=-1, keepdims=True))


@right
class Glu:
    def forward(self, x):
        self.a, self.b = np.split(x, 2, axis=-1)
        self.s = 1 / (1 + np.exp(-np.clip(self.b, -11, 11)))
        return self.a * self.s

    def backward(self, dout):
        s = self.s
        inside = np.abs(self.b) < 11
        db = dout * self.a * s * (1 - s) * inside
        return np.concatenate([dout * s, db], axis=-1)
