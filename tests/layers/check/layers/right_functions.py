"""Right layers: eight functions, each implemented in eight styles."""

from __future__ import annotations

#: A function and its derivative at a number or an array x, for NumPy as np.
FUNCTIONS = {
    "square": ("x * x", "2 * x"),
    "relu": ("np.maximum(x, 0)", "(x > 0).astype(x.dtype)"),
    "hinge at 1": ("np.maximum(1 - x, 0)", "-((x < 1).astype(x.dtype))"),
    "arctan": ("np.arctan(x)", "1 / np.hypot(1, x) / np.hypot(1, x)"),
    "arsinh": ("np.arcsinh(x)", "1 / np.hypot(1, x)"),
    "sine": ("np.sin(x)", "np.cos(x)"),
    "elu": ("np.where(x > 0, x, np.expm1(np.minimum(x, 0)))", "np.exp(np.minimum(x, 0))"),
    "clip": ("np.clip(x, -2, 2)", "(np.abs(x) < 2).astype(x.dtype)"),
}

STYLES = {
    "keeps x": """
class Layer:
    def forward(self, x):
        self.x = x
        return (F)
    def backward(self, dout):
        x = self.x
        return (dout * (G))
""",
    "keeps the slope": """
class Layer:
    def __init__(self):
        self.slope = None
    def forward(self, x):
        self.slope = G
        return np.array(F)
    def backward(self, dout):
        return np.multiply(self.slope, dout)
""",
    "functions": """
def forward(x):
    return F
def backward(x, dout):
    return (G) * dout
Layer = forward, backward
""",
    "a loop": """
class Layer:
    def forward(self, v):
        self.v = v.copy()
        out = np.empty_like(v)
        for i in np.ndindex(v.shape):
            x = v[i]
            out[i] = F
        return out
    def backward(self, dout):
        dx = np.zeros_like(self.v)
        for i in np.ndindex(dx.shape):
            x = self.v[i]
            dx[i] += dout[i] * (G)
        return dx
""",
    "a cache": """
class Layer:
    def __init__(self):
        self.cache = []
    def forward(self, x):
        self.cache = [x.copy(), F]
        return self.cache[1].copy()
    def backward(self, dout):
        x, _ = self.cache
        dx = np.ones_like(x)
        dx *= dout
        dx *= G
        return dx
""",
    "a flat view": """
class Layer:
    def forward(self, x):
        self.shape, x = x.shape, x.ravel()
        self.x = x
        return np.asarray(F).reshape(self.shape)
    def backward(self, dout):
        x = self.x
        return (dout.ravel() * (G)).reshape(self.shape)
""",
    "a closure": """
class Layer:
    def forward(self, x):
        def back(dout):
            return dout * (G)
        self.back = back
        return F
    def backward(self, dout):
        return self.back(dout)
""",
    "in float64": """
class Layer:
    def forward(self, x):
        self.dtype, x = x.dtype, np.asarray(x, np.float64)
        self.slope = G
        return np.asarray(F).astype(self.dtype)
    def backward(self, dout):
        return np.asarray(dout.astype(np.float64) * self.slope).astype(self.dtype)
""",
}

SOURCES = {
    f"{function}, {style}": source.replace("F", f).replace("G", g)
    for function, (f, g) in FUNCTIONS.items()
    for style, source in STYLES.items()
}
