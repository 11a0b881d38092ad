"""Layers that give nan or inf where the true value is finite."""

import numpy as np

from builders import wrong


@wrong("not-finite")
class SigmoidThatOverflows:
    def forward(self, x):
        e = np.exp(x)
        self.y = e / (1 + e)
        return self.y

    def backward(self, dout):
        return dout * self.y * (1 - self.y)


@wrong("not-finite")
class SincOfZeroBits:
    """sin(x)/x"""

    @staticmethod
    def _is_zero(x):
        bits = np.ascontiguousarray(x).view("u%d" % x.dtype.itemsize).reshape(x.shape)
        return bits == 0

    def forward(self, x):
        self.x = x
        z = self._is_zero(x)
        with np.errstate(invalid="ignore"):
            y = np.sin(x) / np.where(z, 1, x)
        return np.where(np.isinf(x), 0, np.where(z, 1, y))

    def backward(self, dout):
        x = self.x
        z = self._is_zero(x)
        d = np.where(z, 1, x)
        small = (np.abs(x) < 0.5) & (x != 0)
        s = np.where(small, x, 0) ** 2
        series = -x / 3 * (1 - s / 10 * (1 - s / 28 * (1 - s / 54 * (1 - s / 88 * (1 - s / 130)))))
        with np.errstate(invalid="ignore"):
            g = (np.cos(x) - np.sin(x) / d) / d
        g = np.where(small, series, g)
        g = np.where(z | np.isinf(x), 0, g)
        return dout * g
