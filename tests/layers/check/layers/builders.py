"""How the layers in this folder state what is expected of them, and builders of layers."""

import numpy as np


def wrong(finding):
    """Mark a layer, or a function that returns one, as wrong: the check must give that finding."""

    def mark(layer):
        layer.expected = finding
        return layer

    return mark


def right(layer):
    """Mark a layer, or a function that returns one, as right: the check must give no finding."""
    layer.expected = None
    return layer


def right_with_warnings(*findings):
    """Mark a layer as right: the check must give these warnings, and no error."""

    def mark(layer):
        layer.expected, layer.warnings = None, frozenset(findings)
        return layer

    return mark


class Function:
    """A layer out = f(x) with the derivative g(x): the methods of a class that derives from it."""

    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, dout):
        return dout * self.g(self.x)


def tanh_with(change):
    """The layer tanh, whose right dx = g is replaced by change(x, dout, g)."""

    class Tanh:
        def forward(self, x):
            self.x = x
            return np.tanh(x)

        def backward(self, dout):
            t = np.exp(-2 * np.abs(self.x))
            return change(self.x, dout, dout * 4 * t / (1 + t) / (1 + t))

    return Tanh
