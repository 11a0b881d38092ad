"""Layers whose backward is not linear in dout."""

import numpy as np

from builders import tanh_with, wrong


@wrong("not-linear")
class SoftmaxWithAMisplacedIndex:
    def forward(self, x):
        self.y = np.exp(x - x.max(-1, keepdims=True))
        self.y /= self.y.sum(-1, keepdims=True)
        return self.y

    def backward(self, dout):
        J = np.einsum("...i,ij->...ij", self.y, np.eye(self.y.shape[-1])) - np.einsum(
            "...i,...j->...ij", self.y, self.y
        )
        return np.einsum("...ij,...j->...j", J, dout).astype(dout.dtype)


@wrong("not-linear")
class ReluWithClippedGradients:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * (self.x > 0) * min(1.0, 1 / max(1e-9, float(np.abs(dout).max(initial=0))))


@wrong("not-linear")
@tanh_with
def tanh_not_0_for_dout_0(x, dout, g):
    return np.where(dout == 0, 1e-3, g).astype(x.dtype)


@wrong("not-linear")
@tanh_with
def tanh_with_a_clipped_gradient(x, dout, g):
    return np.clip(g, -100, 100)


@wrong("not-linear")
@tanh_with
def tanh_with_a_rounded_gradient(x, dout, g):
    return np.round(g, 7)
