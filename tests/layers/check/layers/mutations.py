"""Faults in the layers of right_common.py, by the finding that each must give.

Each is the layer, a part of its source that occurs once, and the wrong text in its place.
"""

SLOPE = "return dout * (1 + y) * 2 * t / (1 + t)"
SWISH_SLOPE = "return dout * (s + self.x * s * (1 - s))"
HARD_SLOPE = "return dout * slope.astype(x.dtype)"
DX = "dx[self.mask] = 0"
OUT = "out[self.mask] = 0"
SIGMOID_SLOPE = "return dout * self.p * (1 - self.p)"
TWICE = "return dout / self.d / self.d"

MUTATIONS = {
    "wrong-gradient": [
        ("HardSwish", "return np.maximum(x, -3) * (np.clip(x + 3, 0, 6) / 6)", "return x"),
        # a wrong sign, factor or term
        ("Tanh", SLOPE, "return -dout * (1 + y) * 2 * t / (1 + t)"),
        ("Tanh", SLOPE, "return dout * t"),
        ("Tanh", SLOPE, "return dout * (1 - y * y * y)"),
        ("Tanh", "y = np.tanh(np.abs(self.x))", "y = np.tanh(2 * self.x)"),
        ("Sigmoid", SIGMOID_SLOPE, "return dout * self.p"),
        ("Sigmoid", SIGMOID_SLOPE, "return dout * self.p * (1 + self.p)"),
        ("Sigmoid", SIGMOID_SLOPE, "return 2 * dout * self.p * (1 - self.p)"),
        ("Swish", SWISH_SLOPE, "return dout * (s + s * (1 - s))"),
        ("Swish", SWISH_SLOPE, "return dout * (s - self.x * s * (1 - s))"),
        ("Swish", SWISH_SLOPE, "return dout * s"),
        ("Swish", SWISH_SLOPE, "return dout * (1 + self.x * s * (1 - s))"),
        ("Elu", "1, self.alpha * np.exp", "1, np.exp"),
        ("Elu", "1, self.alpha * np.exp", "self.alpha, self.alpha * np.exp"),
        ("Elu", "self.alpha * np.exp(np", "self.alpha * np.expm1(np"),
        ("Softplus", "np.where(self.x < 0, t, 1)", "np.where(self.x < 0, 1, t)"),
        ("Softplus", "/ (1 + t)", "/ (2 + t)"),
        ("Softsign", TWICE, "return dout / self.d"),
        ("Softsign", "1 + np.abs(x)", "1 + x * x"),
        ("HardSwish", "np.clip(x, -3, 3) / 3 + 0.5", "np.clip(x, -3, 3) / 6 + 0.5"),
        ("HardSwish", "np.clip(x, -3, 3) / 3 + 0.5", "np.clip(x, -3, 3) / 3"),
        # a mask on the wrong side, or a misplaced one
        ("Relu", DX, "dx[~self.mask] = 0"),
        ("Relu", DX, "dx[self.mask] = 0.01"),
        ("Relu", DX, "pass"),
        ("Relu", OUT, "out[x <= 0] = 0; self.mask = x <= 1e-3"),
        ("Relu", OUT, "out[x <= 0] = 0; self.mask = x < -1e-6"),
        ("Relu", OUT, "out[x <= 0] = 0; self.mask = (x <= 0) | (x > 6)"),
        ("HardSwish", "np.where(x >= 3, 1,", "np.where(x >= 2, 1,"),
        ("HardSwish", "np.where(x <= -3, 0,", "np.where(x <= -3.01, 0.1,"),
        # slightly off
        ("Tanh", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t) * (1 + 1e-6)"),
        ("Tanh", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t) * (1 + 1e-7)"),
        ("Sigmoid", SIGMOID_SLOPE, "return dout * self.p * (1 - self.p) * (1 - 1e-7)"),
        ("Swish", SWISH_SLOPE, "return dout * (s + self.x * s * (1 - s) + 1e-8)"),
        ("Relu", DX, "dx[self.mask] = 1e-9"),
        ("Softplus", "/ (1 + t)", "/ (1.0000001 + t)"),
        # off at a part of the points
        ("Tanh", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t) * np.where(self.x > 5, 2, 1)"),
        ("Swish", "(s + self.x * s", "(self.x <= 100) * (s + self.x * s"),
        ("Softplus", "/ (1 + t)", "/ (1 + t) * (np.abs(self.x) < 5e4)"),
        ("Softplus", "/ (1 + t)", "/ (1 + t) * np.where(self.x > 20, 0.5, 1)"),
        ("Elu", "np.exp(np.minimum(self.x, 0))", "np.exp(np.clip(self.x, -2, 0))"),
        ("Sigmoid", SIGMOID_SLOPE, "return dout * self.p * np.maximum(1 - self.p, 0.52)"),
        # off in float32 or float16
        ("Tanh", SLOPE, SLOPE + " * dout.dtype.type([1, 1.001][dout.itemsize == 4])"),
        ("Swish", SWISH_SLOPE, SWISH_SLOPE + " * dout.dtype.type(1 if dout.itemsize > 2 else 1.1)"),
        ("Softsign", TWICE, TWICE + " * dout.dtype.type([1, -1][dout.itemsize == 4])"),
        # computed from a narrower dtype
        ("Tanh", "self.x = x", "self.x = x.astype(np.float16).astype(x.dtype)"),
        # along an axis
        ("Softmax", "dout - (dout * y)", "dout + (dout * y)"),
        ("Softmax", "return y * (dout", "return (dout"),
        ("Softmax", "(dout * y).sum(axis=-1", "(dout * y).sum(axis=0"),
        ("Softmax", "return y * (dout", "return (1 + 1e-7) * y * (dout"),
        ("Softmax", "y * (dout - (dout * y).sum(axis=-1, keepdims=True))", "dout * y * (1 - y)"),
        ("Sigmoid", "t = np.exp(-np.abs(x))", "t = np.exp(-np.abs(x)) + 0 * x + 1e-3 * x.max()"),
        ("Softsign", "1 + np.abs(x)", "np.abs(x).max() + np.abs(x)"),
        ("Glu", "[dout * s, db]", "[db, dout * s]"),
        ("Glu", "self.a * s * (1 - s)", "s * (1 - s)"),
        ("Glu", "self.a * s * (1 - s)", "self.a * (1 - s)"),
    ],
    "writes-into-dout": [
        ("Relu", "dx = dout.copy()", "dx = dout"),
        ("Tanh", SLOPE, "dout *= 4 * t / (1 + t) ** 2; return dout"),
        ("Softsign", TWICE, "dout /= self.d; return dout / self.d"),
        ("Softmax", "return y * (dout", "dout[...] = y * dout; return y * (dout / y"),
    ],
    "writes-into-x": [
        ("Relu", "out = x.copy()", "out = x"),
        ("Softsign", "x = np.nan_to_num(x, nan=np.nan)", "x = np.clip(x, -2, 2, out=x)"),
        ("Tanh", SLOPE, "self.x *= 1 - y * y; return dout * (1 + y) * 2 * t / (1 + t)"),
        ("Softmax", "e = np.exp(x - x", "x -= 1; e = np.exp(x - x"),
    ],
    "returns-its-state": [
        (
            "Tanh",
            "return np.tanh(x)",
            "self.b = vars(self).get('b', {}); "
            "self.b.setdefault((x.shape, x.dtype), np.empty_like(x)); "
            "return np.tanh(x, out=self.b[x.shape, x.dtype])",
        ),
        (
            "Softsign",
            TWICE,
            "self.b = vars(self).get('b', {}); "
            "self.b.setdefault((dout.shape, dout.dtype), np.empty_like(dout)); "
            "return np.divide(dout, self.d * self.d, out=self.b[dout.shape, dout.dtype])",
        ),
        ("Sigmoid", SIGMOID_SLOPE, "self.out *= 0.5; " + SIGMOID_SLOPE),
    ],
    "stale-state": [
        (
            "Relu",
            OUT,
            "out[self.mask] = 0; old = vars(self).get('old', self.mask); "
            "self.old = self.mask = old if old.shape == x.shape else self.mask",
        ),
        (
            "Softsign",
            "self.d = 1 + np.abs(x)",
            "self.n = vars(self).get('n', 0) + 1; self.d = self.n + np.abs(x)",
        ),
        ("Tanh", "self.x = x", "self.x = vars(self).get('x', x)"),
        ("Softmax", "self.y = e", "self.y = vars(self)['y'] if 'y' in vars(self) else e"),
    ],
    "different-answers": [
        ("Tanh", "y = np.tanh(np.abs(self.x))", "self.x = y = np.tanh(np.abs(self.x))"),
        ("Sigmoid", SIGMOID_SLOPE, "self.p = self.p / 2; return dout * self.p * (1 - self.p)"),
    ],
    "not-linear": [
        ("Tanh", SLOPE, "return dout * dout * (1 - y * y)"),
        ("Tanh", SLOPE, "return np.abs(dout) * (1 - y * y)"),
        ("Tanh", SLOPE, "return 1 - y * y"),
        ("Swish", SWISH_SLOPE, "return np.clip(dout, -1, 1) * (s + self.x * s * (1 - s))"),
        ("Softsign", TWICE, "return np.sign(dout) / self.d / self.d"),
        ("Softmax", "(dout * y).sum", "(dout * dout * y).sum"),
        ("Relu", DX, "dx[self.mask | (dout < 0)] = 0"),
    ],
    "depends-on-neighbours": [
        ("Tanh", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t).mean()"),
        ("Tanh", SLOPE, "return dout.mean() * (1 - y * y)"),
        ("Elu", "return dout * np", "return np.cumsum(dout).reshape(dout.shape) * np"),
    ],
    "depends-on-layout": [
        ("Tanh", "dout * (1 + y) * 2", "dout * (1 + (y if dout.flags.c_contiguous else -y)) * 2"),
        (
            "Swish",
            "return x * self.sigmoid(x)",
            "return (x.ravel(order='K') * self.sigmoid(x).ravel(order='K')).reshape(x.shape)",
        ),
    ],
    "wrong-shape": [
        ("Tanh", "return np.tanh(x)", "return np.tanh(x).ravel()"),
        ("Tanh", SLOPE, "return (dout * (1 - y * y)).ravel()"),
        ("Swish", "return x * self.sigmoid(x)", "return np.atleast_1d(x * self.sigmoid(x))"),
        ("Elu", "return dout * np", "return dout[None] * np"),
    ],
    "wrong-dtype": [
        ("Relu", "out = x.copy()", "out = x.astype(float)"),
        ("Tanh", "return np.tanh(x)", "return np.tanh(x.astype(np.float64))"),
        ("HardSwish", "slope.astype(x.dtype)", "slope.astype(np.float64)"),
        ("Softsign", "1 + np.abs(x)", "(1 + np.abs(x)).astype(np.float32).astype(x.dtype)"),
        ("Tanh", "return np.tanh(x)", "return np.tanh(x.astype(np.float32)).astype(x.dtype)"),
        ("Softsign", TWICE, "return dout / self.d / self.d * np.ones(self.d.shape)"),
        ("Softmax", "return y * (dout", "return np.float64(1) * y * (dout"),
    ],
    "not-finite": [
        ("Tanh", "return np.tanh(x)", "e, f = np.exp(x), np.exp(-x); return (e - f) / (e + f)"),
        ("Softplus", "np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))", "np.log(1 + np.exp(x))"),
        ("Swish", "s = self.sigmoid(self.x)", "s = np.exp(self.x); s = s / (1 + s)"),
        ("Softmax", "e = np.exp(x - x.max(axis=-1, keepdims=True))", "e = np.exp(x)"),
        ("Tanh", SLOPE, "return dout * y / self.x * (1 - y * y) * self.x / y"),
    ],
    "numpy-warning": [
        ("Elu", "self.alpha * np.expm1(np.minimum(x, 0))", "self.alpha * np.expm1(x)"),
        ("Sigmoid", "np.where(x < 0, self.p, 1 / (1 + t))", "1 / (1 + np.exp(-x))"),
        ("Swish", "return np.where(x < 0, t, 1) / (1 + t)", "return 1 / (1 + np.exp(-x))"),
    ],
    "lost-gradient": [
        ("Tanh", SLOPE, "return dout * (1 - y * y)"),
        ("Sigmoid", SIGMOID_SLOPE, "return dout * self.out * (1 - self.out)"),
        (
            "Softplus",
            "np.where(self.x < 0, t, 1) / (1 + t)",
            "(1 - 1 / (1 + np.exp(np.minimum(self.x, 38))))",
        ),
    ],
}  # fmt: skip
