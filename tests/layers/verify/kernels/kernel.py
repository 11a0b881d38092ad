"""A kernel to verify: a small NumPy function, what it computes, and the cause of its errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers import Block, Policy, Verification, layer
from actgrad.layers.arrays import Array, named
from actgrad.layers.verify.sample import draw_sample


class Kernel(NamedTuple):
    """A kernel that computes one result of a layer from x and dout."""

    name: str
    spec: str
    dtype: str
    #: out, dx or d2x.
    result: str
    run: Callable[[Array, Array], Array]
    #: Parts of the sentences that name the right cause; any of them is right.
    causes: tuple[str, ...] = ()
    #: The numbers that dout is chosen from.
    douts: tuple[float, ...] = (1.0,)

    def verification(self, count: int = 1600, policy: Policy | None = None) -> Verification:
        """The verification of the kernel at a sample of x."""
        x, dout = inputs(self, count)
        with np.errstate(all="ignore"):
            got = np.asarray(self.run(x, dout), x.dtype)
        verification = Verification(layer(self.spec), x.dtype, policy or Policy(max_ulp=2))
        verification.add(Block(**{"x": x, "dout": dout, self.result: got}))
        return verification


def inputs(kernel: Kernel, count: int) -> tuple[Array, Array]:
    """x of a sample, as lines of 8 for a layer along an axis, and dout from the kernel's choice."""
    checked = layer(kernel.spec)
    dtype = named(kernel.dtype)
    tails = np.linspace(-104, 104, count // 2).astype(dtype)
    ends = (np.array([[-3], [3]]) + np.linspace(-1e-3, 1e-3, 12)).ravel().astype(dtype)
    x = np.concatenate([draw_sample(None, dtype, count), tails, ends])
    if not checked.is_elementwise:
        x = np.clip(x[: x.size // 8 * 8], -9, 9).reshape(-1, 8)
    shape = checked.out_shape(x.shape)
    return x, np.random.default_rng(4).choice(kernel.douts, shape).astype(x.dtype)


def kernel(
    spec: str, dtype: str, result: str, *causes: str, douts: tuple[float, ...] = (1.0,)
) -> Callable[[Callable[[Array, Array], Array]], Kernel]:
    """State what a function computes, and the cause of its errors."""
    return lambda run: Kernel(run.__name__, spec, dtype, result, run, causes, douts)


def erf(x: Array) -> Array:
    """The error function, correctly rounded nearly everywhere."""
    wide = np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64))
    return np.asarray(wide.astype(x.dtype))


def erfc(x: Array) -> Array:
    """1 − erf(x), correctly rounded nearly everywhere."""
    wide = np.vectorize(math.erfc, otypes=[np.float64])(x.astype(np.float64))
    return np.asarray(wide.astype(x.dtype))


def wide(x: Array) -> Array:
    """x in float64."""
    with np.errstate(invalid="ignore"):
        return x.astype(np.float64)


def right(spec: str, x: Array, dout: Array | None = None) -> Array:
    """The right out or, with dout, dx."""
    run: Any = layer(spec)
    out = run.forward(x)
    return np.asarray(out if dout is None else run.backward(dout))


def flushed(values: Array, tiny: float = 2.0**-126) -> Array:
    """The values, of which those that are subnormal are 0."""
    return np.where(np.abs(values) < tiny, np.copysign(np.zeros_like(values), values), values)
