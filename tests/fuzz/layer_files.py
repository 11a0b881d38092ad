"""Files with layers of anyone's, to check with parts of them changed."""

from __future__ import annotations

LAYER_FILES = {
    "right": """\
import numpy as np

class Layer:
    def __init__(self, a=1.0):
        self.a = a

    def forward(self, x):
        self.out = np.tanh(self.a * x)
        return self.out

    def backward(self, dout):
        return dout * self.a * (1 - self.out**2)

def forward(x):
    return np.maximum(x, 0)

def backward(x, dout):
    return dout * (x > 0)
""",
    "wrong": """\
import numpy as np

class Layer:
    weight = np.ones(3)

    def forward(self, x):
        x[x < 0] = 0
        self.x = x
        return x

    def backward(self, dout):
        return dout[0]

class Other(Layer):
    def backward(self, dout):
        raise ValueError("no")

def forward(x):
    return [float("nan")] * len(x)

def backward(x, dout):
    return None
""",
}
