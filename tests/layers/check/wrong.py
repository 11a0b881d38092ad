"""Right layers as people write them, and what goes wrong in each."""

from __future__ import annotations

from typing import NamedTuple

RELU = """
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
"""
SIGMOID = """
class Sigmoid:
    def forward(self, x):
        t = np.exp(-np.abs(x))
        self.p = t / (1 + t)
        self.out = np.where(x < 0, self.p, 1 / (1 + t))
        return self.out

    def backward(self, dout):
        return dout * self.p * (1 - self.p)
"""
TANH = """
class Tanh:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, dout):
        y = np.tanh(np.abs(self.x))
        t = np.exp(-2 * np.abs(self.x))
        return dout * (1 + y) * 2 * t / (1 + t)
"""
SWISH = """
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
"""
ELU = """
class Elu:
    alpha = 1.5

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def backward(self, dout):
        return dout * np.where(self.x > 0, 1, self.alpha * np.exp(np.minimum(self.x, 0)))
"""
HARD = """
class HardSwish:
    def forward(self, x):
        self.x = x
        return np.maximum(x, -3) * (np.clip(x + 3, 0, 6) / 6)

    def backward(self, dout):
        x = self.x
        slope = np.where(x <= -3, 0, np.where(x >= 3, 1, np.clip(x, -3, 3) / 3 + 0.5))
        return dout * slope.astype(x.dtype)
"""
SOFTPLUS = """
class Softplus:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def backward(self, dout):
        t = np.exp(-np.abs(self.x))
        return dout * np.where(self.x < 0, t, 1) / (1 + t)
"""
SOFTSIGN = """
class Softsign:
    def forward(self, x):
        x = np.nan_to_num(x, nan=np.nan)
        self.d = 1 + np.abs(x)
        return x / self.d

    def backward(self, dout):
        return dout / self.d / self.d
"""
SOFTMAX = """
class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y

    def backward(self, dout):
        y = self.y
        return y * (dout - (dout * y).sum(axis=-1, keepdims=True))
"""
GLU = """
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
"""
RIGHT = {
    name: source
    for name, source in list(globals().items())
    if isinstance(source, str) and source.startswith("\nclass")
}


class Fault(NamedTuple):
    """One thing that is wrong in a layer, and what it must be convicted of."""

    finding: str
    layer: str
    right: str
    wrong: str

    @property
    def source(self) -> str:
        """The layer with the fault."""
        source = RIGHT[self.layer]
        assert source.count(self.right) == 1, (self.layer, self.right)
        return source.replace(self.right, self.wrong)


def faults(finding: str, *rows: tuple[str, str, str]) -> list[Fault]:
    """Faults that are told alike."""
    return [Fault(finding, *row) for row in rows]


SLOPE = "return dout * (1 + y) * 2 * t / (1 + t)"
SWISH_SLOPE = "return dout * (s + self.x * s * (1 - s))"
HARD_SLOPE = "return dout * slope.astype(x.dtype)"
DX = "dx[self.mask] = 0"
OUT = "out[self.mask] = 0"
SIGMOID_SLOPE = "return dout * self.p * (1 - self.p)"
TWICE = "return dout / self.d / self.d"

WRONG = [
    *faults(
        "wrong-gradient",
        # a sign, a factor, a term
        ("TANH", SLOPE, "return -dout * (1 + y) * 2 * t / (1 + t)"),
        ("TANH", SLOPE, "return dout * t"),
        ("TANH", SLOPE, "return dout * (1 - y * y * y)"),
        ("TANH", "y = np.tanh(np.abs(self.x))", "y = np.tanh(2 * self.x)"),
        ("SIGMOID", SIGMOID_SLOPE, "return dout * self.p"),
        ("SIGMOID", SIGMOID_SLOPE, "return dout * self.p * (1 + self.p)"),
        ("SIGMOID", SIGMOID_SLOPE, "return 2 * dout * self.p * (1 - self.p)"),
        ("SWISH", SWISH_SLOPE, "return dout * (s + s * (1 - s))"),
        ("SWISH", SWISH_SLOPE, "return dout * (s - self.x * s * (1 - s))"),
        ("SWISH", SWISH_SLOPE, "return dout * s"),
        ("SWISH", SWISH_SLOPE, "return dout * (1 + self.x * s * (1 - s))"),
        ("ELU", "1, self.alpha * np.exp", "1, np.exp"),
        ("ELU", "1, self.alpha * np.exp", "self.alpha, self.alpha * np.exp"),
        ("ELU", "self.alpha * np.exp(np", "self.alpha * np.expm1(np"),
        ("SOFTPLUS", "np.where(self.x < 0, t, 1)", "np.where(self.x < 0, 1, t)"),
        ("SOFTPLUS", "/ (1 + t)", "/ (2 + t)"),
        ("SOFTSIGN", TWICE, "return dout / self.d"),
        ("SOFTSIGN", "1 + np.abs(x)", "1 + x * x"),
        ("HARD", "np.clip(x, -3, 3) / 3 + 0.5", "np.clip(x, -3, 3) / 6 + 0.5"),
        ("HARD", "np.clip(x, -3, 3) / 3 + 0.5", "np.clip(x, -3, 3) / 3"),
        # a mask on the wrong side, or in the wrong place
        ("RELU", DX, "dx[~self.mask] = 0"),
        ("RELU", DX, "dx[self.mask] = 0.01"),
        ("RELU", DX, "pass"),
        ("RELU", OUT, "out[x <= 0] = 0; self.mask = x <= 1e-3"),
        ("RELU", OUT, "out[x <= 0] = 0; self.mask = x < -1e-6"),
        ("RELU", OUT, "out[x <= 0] = 0; self.mask = (x <= 0) | (x > 6)"),
        ("HARD", "np.where(x >= 3, 1,", "np.where(x >= 2, 1,"),
        ("HARD", "np.where(x <= -3, 0,", "np.where(x <= -3.01, 0.1,"),
        # a little off
        ("TANH", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t) * (1 + 1e-6)"),
        ("TANH", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t) * (1 + 1e-7)"),
        ("SIGMOID", SIGMOID_SLOPE, "return dout * self.p * (1 - self.p) * (1 - 1e-7)"),
        ("SWISH", SWISH_SLOPE, "return dout * (s + self.x * s * (1 - s) + 1e-8)"),
        ("RELU", DX, "dx[self.mask] = 1e-9"),
        ("SOFTPLUS", "/ (1 + t)", "/ (1.0000001 + t)"),
        # only somewhere
        ("TANH", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t) * np.where(self.x > 5, 2, 1)"),
        ("SWISH", "(s + self.x * s", "(self.x <= 100) * (s + self.x * s"),
        ("SOFTPLUS", "/ (1 + t)", "/ (1 + t) * (np.abs(self.x) < 5e4)"),
        ("SOFTPLUS", "/ (1 + t)", "/ (1 + t) * np.where(self.x > 20, 0.5, 1)"),
        ("ELU", "np.exp(np.minimum(self.x, 0))", "np.exp(np.clip(self.x, -2, 0))"),
        ("SIGMOID", SIGMOID_SLOPE, "return dout * self.p * np.maximum(1 - self.p, 0.52)"),
        # only in float32, or float16
        ("TANH", SLOPE, SLOPE + " * dout.dtype.type([1, 1.001][dout.itemsize == 4])"),
        ("SWISH", SWISH_SLOPE, SWISH_SLOPE + " * dout.dtype.type(1 if dout.itemsize > 2 else 1.1)"),
        ("SOFTSIGN", TWICE, TWICE + " * dout.dtype.type([1, -1][dout.itemsize == 4])"),
        # numbers that go through a narrower dtype
        ("TANH", "self.x = x", "self.x = x.astype(np.float16).astype(x.dtype)"),
                # along an axis
        ("SOFTMAX", "dout - (dout * y)", "dout + (dout * y)"),
        ("SOFTMAX", "return y * (dout", "return (dout"),
        ("SOFTMAX", "(dout * y).sum(axis=-1", "(dout * y).sum(axis=0"),
        ("SOFTMAX", "return y * (dout", "return (1 + 1e-7) * y * (dout"),
        ("GLU", "[dout * s, db]", "[db, dout * s]"),
        ("GLU", "self.a * s * (1 - s)", "s * (1 - s)"),
        ("GLU", "self.a * s * (1 - s)", "self.a * (1 - s)"),
    ),
    *faults(
        "writes-into-dout",
        ("RELU", "dx = dout.copy()", "dx = dout"),
        ("TANH", SLOPE, "dout *= 4 * t / (1 + t) ** 2; return dout"),
        ("SOFTSIGN", TWICE, "dout /= self.d; return dout / self.d"),
        ("SOFTMAX", "return y * (dout", "dout[...] = y * dout; return y * (dout / y"),
    ),
    *faults(
        "writes-into-x",
        ("RELU", "out = x.copy()", "out = x"),
        ("SOFTSIGN", "x = np.nan_to_num(x, nan=np.nan)", "x = np.clip(x, -2, 2, out=x)"),
        ("TANH", SLOPE, "self.x *= 1 - y * y; return dout * (1 + y) * 2 * t / (1 + t)"),
        ("SOFTMAX", "e = np.exp(x - x", "x -= 1; e = np.exp(x - x"),
    ),
    *faults(
        "returns-its-input",
        ("HARD", "return np.maximum(x, -3) * (np.clip(x + 3, 0, 6) / 6)", "return x"),
    ),
    *faults(
        "returns-its-state",
        (
            "TANH",
            "return np.tanh(x)",
            "self.b = vars(self).get('b', {}); "
            "self.b.setdefault((x.shape, x.dtype), np.empty_like(x)); "
            "return np.tanh(x, out=self.b[x.shape, x.dtype])",
        ),
        (
            "SOFTSIGN",
            TWICE,
            "self.b = vars(self).get('b', {}); "
            "self.b.setdefault((dout.shape, dout.dtype), np.empty_like(dout)); "
            "return np.divide(dout, self.d * self.d, out=self.b[dout.shape, dout.dtype])",
        ),
        ("SIGMOID", SIGMOID_SLOPE, "self.out *= 0.5; " + SIGMOID_SLOPE),
    ),
    *faults(
        "stale-state",
        (
            "RELU",
            "self.mask = x <= 0",
            "self.mask = vars(self).get('mask', x <= 0); "
            "self.mask = self.mask if self.mask.shape == x.shape else x <= 0",
        ),
        ("TANH", "self.x = x", "self.x = vars(self).get('x', x)"),
        ("SOFTMAX", "self.y = e", "self.y = vars(self)['y'] if 'y' in vars(self) else e"),
    ),
    *faults(
        "different-answers",
        (
            "SOFTSIGN",
            "self.d = 1 + np.abs(x)",
            "self.n = vars(self).get('n', 0) + 1; self.d = self.n + np.abs(x)",
        ),
        ("RELU", OUT, "self.mask |= np.random.random(x.shape) < 0.5; out[self.mask] = 0"),
        ("TANH", "y = np.tanh(np.abs(self.x))", "self.x = y = np.tanh(np.abs(self.x))"),
        ("SIGMOID", SIGMOID_SLOPE, "self.p = self.p / 2; return dout * self.p * (1 - self.p)"),
    ),
    *faults(
        "not-linear",
        ("TANH", SLOPE, "return dout * dout * (1 - y * y)"),
        ("TANH", SLOPE, "return np.abs(dout) * (1 - y * y)"),
        ("TANH", SLOPE, "return 1 - y * y"),
        ("SWISH", SWISH_SLOPE, "return np.clip(dout, -1, 1) * (s + self.x * s * (1 - s))"),
        ("SOFTSIGN", TWICE, "return np.sign(dout) / self.d / self.d"),
        ("SOFTMAX", "(dout * y).sum", "(dout * dout * y).sum"),
        ("RELU", DX, "dx[self.mask | (dout < 0)] = 0"),
    ),
    *faults(
        "depends-on-neighbours",
        ("TANH", SLOPE, "return dout * (1 + y) * 2 * t / (1 + t).mean()"),
        ("TANH", SLOPE, "return dout.mean() * (1 - y * y)"),
        ("SIGMOID", "t = np.exp(-np.abs(x))", "t = np.exp(-np.abs(x)) + 0 * x + 1e-3 * x.max()"),
        ("SOFTSIGN", "1 + np.abs(x)", "np.abs(x).max() + np.abs(x)"),
        ("ELU", "return dout * np", "return np.cumsum(dout).reshape(dout.shape) * np"),
        ("SOFTMAX", "y * (dout - (dout * y).sum(axis=-1, keepdims=True))", "dout * y * (1 - y)"),
    ),
    *faults(
        "depends-on-layout",
        ("TANH", "dout * (1 + y) * 2", "dout * (1 + (y if dout.flags.c_contiguous else -y)) * 2"),
        (
            "SWISH",
            "return x * self.sigmoid(x)",
            "return (x.ravel(order='K') * self.sigmoid(x).ravel(order='K')).reshape(x.shape)",
        ),
    ),
    *faults(
        "wrong-shape",
        ("TANH", "return np.tanh(x)", "return np.tanh(x).ravel()"),
        ("TANH", SLOPE, "return (dout * (1 - y * y)).ravel()"),
        ("SWISH", "return x * self.sigmoid(x)", "return np.atleast_1d(x * self.sigmoid(x))"),
        ("ELU", "return dout * np", "return dout[None] * np"),
    ),
    *faults(
        "wrong-dtype",
        ("RELU", "out = x.copy()", "out = x.astype(float)"),
        ("TANH", "return np.tanh(x)", "return np.tanh(x.astype(np.float64))"),
        ("HARD", "slope.astype(x.dtype)", "slope.astype(np.float64)"),
        ("SOFTSIGN", "1 + np.abs(x)", "(1 + np.abs(x)).astype(np.float32).astype(x.dtype)"),
        ("TANH", "return np.tanh(x)", "return np.tanh(x.astype(np.float32)).astype(x.dtype)"),
        ("SOFTSIGN", TWICE, "return dout / self.d / self.d * np.ones(self.d.shape)"),
        ("SOFTMAX", "return y * (dout", "return np.float64(1) * y * (dout"),
    ),
    *faults(
        "not-finite",
        ("TANH", "return np.tanh(x)", "e, f = np.exp(x), np.exp(-x); return (e - f) / (e + f)"),
        ("SOFTPLUS", "np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))", "np.log(1 + np.exp(x))"),
        ("SWISH", "s = self.sigmoid(self.x)", "s = np.exp(self.x); s = s / (1 + s)"),
        ("SOFTMAX", "e = np.exp(x - x.max(axis=-1, keepdims=True))", "e = np.exp(x)"),
        ("TANH", SLOPE, "return dout * y / self.x * (1 - y * y) * self.x / y"),
    ),
    *faults(
        "numpy-warning",
        ("ELU", "self.alpha * np.expm1(np.minimum(x, 0))", "self.alpha * np.expm1(x)"),
        ("SIGMOID", "np.where(x < 0, self.p, 1 / (1 + t))", "1 / (1 + np.exp(-x))"),
        ("SWISH", "return np.where(x < 0, t, 1) / (1 + t)", "return 1 / (1 + np.exp(-x))"),
    ),
    *faults(
        "lost-gradient",
        ("TANH", SLOPE, "return dout * (1 - y * y)"),
        ("SIGMOID", SIGMOID_SLOPE, "return dout * self.out * (1 - self.out)"),
        (
            "SOFTPLUS",
            "np.where(self.x < 0, t, 1) / (1 + t)",
            "(1 - 1 / (1 + np.exp(np.minimum(self.x, 38))))",
        ),
    ),
]  # fmt: skip
