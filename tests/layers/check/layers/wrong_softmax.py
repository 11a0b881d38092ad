"""Softmax and log softmax with a wrong Jacobian."""

import numpy as np

from builders import wrong


class _Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y.copy()


@wrong("wrong-gradient")
class SoftmaxWithTheDiagonalOnly(_Softmax):
    def backward(self, dout):
        return dout * self.y * (1 - self.y)


@wrong("wrong-gradient")
class SoftmaxAsIfDoutSummedTo0(_Softmax):
    def backward(self, dout):
        return dout * self.y


@wrong("wrong-gradient")
class SoftmaxWithASumOverTheBatch(_Softmax):
    def backward(self, dout):
        return self.y * (dout - (dout * self.y).sum())


@wrong("wrong-gradient")
class SoftmaxWithAMeanForASum(_Softmax):
    def backward(self, dout):
        return self.y * (dout - (dout * self.y).mean(axis=-1, keepdims=True))


class _LogSoftmax:
    def forward(self, x):
        z = x - x.max(axis=-1, keepdims=True)
        out = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        self.p = np.exp(out)
        return out


@wrong("wrong-gradient")
class LogSoftmaxWithoutTheSum(_LogSoftmax):
    def backward(self, dout):
        return dout - self.p * dout


@wrong("wrong-gradient")
class LogSoftmaxWithoutTheProbabilities(_LogSoftmax):
    def backward(self, dout):
        return dout - dout.mean(axis=-1, keepdims=True)


@wrong("wrong-gradient")
class LogSoftmaxWithTheGradientOfSoftmax(_LogSoftmax):
    def backward(self, dout):
        return self.p * (dout - (dout * self.p).sum(axis=-1, keepdims=True))
