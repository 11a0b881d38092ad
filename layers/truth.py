"""What a layer's results should have been: the float64 kernel where it decides, else exact numbers.

Tests hold each elementwise kernel within 4 ULP of float64, 2^−50 of the result, measured against
the exact reading of its formula. Here it is trusted to sixteen times that, and for results of 16
and 32 bits, at parameters of ordinary size, alone. Chains, layers along an axis and float64 results
rest on exact arithmetic throughout.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np
from mpmath import mpf

from actgrad.layers.along_axis import AlongAxis
from actgrad.layers.arrays import Array
from actgrad.layers.chain import Chain
from actgrad.layers.exact import exact
from actgrad.layers.formula import Formula, trace
from actgrad.layers.layer import Elementwise, Layer
from actgrad.layers.ulp import ZERO, Binary, Truths, exactly
from actgrad.layers.workers import BITS, worked_out

#: How far a trusted kernel's result may be from the truth, relative to it.
TRUST = 2.0**-46
#: Between these, and at 0, kernels are trusted with a parameter.
ORDINARY = (2.0**-20, 2.0**20)


class Kernel(NamedTuple):
    """What the kernel gives in float64, by the name of the result."""

    out: Array
    dx: Array


class Reference:
    """The truth about a layer, or a chain of them, in one dtype."""

    def __init__(self, layer: Layer | Chain, kind: Binary) -> None:
        self.layers = layer.layers if isinstance(layer, Chain) else (layer,)
        self.chain = Chain([by_rows(one) for one in self.layers])
        self.kind = kind
        self.along_axis = any(isinstance(one, AlongAxis) for one in self.layers)
        self._traced: dict[int, Formula] = {}

    @cached_property
    def trusted(self) -> bool:
        """Whether the kernel may decide."""
        (layer, *others) = self.layers
        if others or self.kind.precision > 24 or not isinstance(layer, Elementwise):
            return False
        sizes = [abs(float(getattr(layer, name))) for name in layer.parameters]
        ordinary = all(size == 0 or ORDINARY[0] <= size <= ORDINARY[1] for size in sizes)
        return ordinary and Layer.catalogue.get(layer.name) is type(layer)

    def kernel(self, x: Array, dout: Array) -> Kernel:
        """Both results in float64; x may hold lines, as rows."""
        with np.errstate(all="ignore"):
            out = self.chain.forward(x)
            return Kernel(out, self.chain.backward(dout))

    def exact(self, x: Array, dout: Array, kernel: Kernel) -> tuple[Truths, Truths]:
        """The exact results, forward and backward; each pair of numbers is worked out once.

        A 0 has the kernel's sign. Where the kernel finds that no limit exists, at an infinity,
        there is none.
        """
        if x.ndim == 2:
            rows = [self._line(*line) for line in zip(x.tolist(), dout.tolist(), strict=True)]
            wild = ~(np.isfinite(x).all(1) & np.isfinite(dout).all(1))
            found = [np.concatenate(way) for way in zip(*rows, strict=True)]
            wilds = [np.repeat(wild, one.shape[1]) for one in kernel]
        else:
            pairs = np.empty(x.size, np.complex128)
            pairs.real, pairs.imag = x, dout
            distinct, where = np.unique(pairs, return_inverse=True)
            both = np.array(worked_out(self._formula(0), self.kind, distinct.tolist()))[where]
            found = [both[:, :3], both[:, 3:]]
            wilds = [~(np.isfinite(x) & np.isfinite(dout))] * 2
        ways = zip(found, (one.ravel() for one in kernel), wilds, strict=True)
        out, dx = (self._truths(*way) for way in ways)
        return out, dx

    def exact_at(self, x: float, dout: float) -> tuple[mpf, mpf]:
        """The exact results at a number."""
        value, gradient = exact(self._formula(0), x, dout, BITS)
        return value, gradient

    def _truths(self, found: Array, kernel: Array, wild: Array) -> Truths:
        value, exponent, offset = found.T
        value = np.where(exponent == ZERO, np.copysign(value, kernel), value)
        value[wild & np.isnan(kernel)] = np.nan
        return Truths(value, exponent.astype(np.int64), offset)

    def _line(self, x: list[float], dout: list[float]) -> tuple[Array, Array]:
        values, gradients = exact(self._formula(len(x)), x, dout, BITS)
        out, dx = ([exactly(one, self.kind) for one in way] for way in (values, gradients))
        return np.array(out), np.array(dx)

    def _formula(self, length: int) -> Formula:
        """The formula of a line so long, or of a single number."""
        if length not in self._traced:
            formula = self.chain.formula
            self._traced[length] = trace(formula, length) if length else trace(formula)
        return self._traced[length]


def by_rows(layer: Layer) -> Layer:
    """The layer, along the rows of an array of two axes if it is one along an axis."""
    if not isinstance(layer, AlongAxis):
        return layer
    layer = copy(layer)
    layer.axis = -1
    return layer
