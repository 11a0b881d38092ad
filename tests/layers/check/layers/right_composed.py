"""Right layers that are made of other layers, or whose parameters are no attributes."""

import numpy as np

from builders import right


class Affine:
    def __init__(self, rows, columns):
        self.W = np.random.default_rng(rows).normal(size=(rows, columns))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


@right
class Network:
    def __init__(self):
        self.layers = [Affine(7, 5), Relu(), Affine(5, 3)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


@right
class Closures:
    def __init__(self):
        W = np.random.default_rng(0).normal(size=(7, 3))
        self.functions = {"forward": lambda x: x @ W, "backward": lambda dout: dout @ W.T}

    def forward(self, x):
        return self.functions["forward"](x)

    def backward(self, dout):
        return self.functions["backward"](dout)


MATRIX = np.random.default_rng(0).normal(size=(9, 2))


@right
class MatrixOfTheModule:
    def forward(self, x):
        return x @ MATRIX

    def backward(self, dout):
        return dout @ MATRIX.T
