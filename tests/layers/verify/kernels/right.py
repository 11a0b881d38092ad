"""Kernels that are merely rounded twice, fused, flushed or computed in float32."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from kernel import Kernel, erfc, flushed, kernel, right, wide

from actgrad.layers.arrays import Array, named

F, B, H = np.float32, named("bfloat16"), np.float16
A = Array


@kernel("gelu", "bfloat16", "out")
def gelu_in_float32(x: A, dout: A) -> A:
    return (x.astype(F) * F(0.5) * erfc(x.astype(F) * F(-(0.5**0.5)))).astype(B)


@kernel("silu", "float16", "out")
def silu_in_float32(x: A, dout: A) -> A:
    narrow = x.astype(F)
    return (narrow / (1 + np.exp(-narrow))).astype(H)


@kernel("sigmoid", "float16", "dx")
def sigmoid_gradient_in_float32(x: A, dout: A) -> A:
    e = np.exp(-np.abs(x.astype(F)))
    return (dout * e / (1 + e) ** 2).astype(H)


@kernel("mish", "bfloat16", "out")
def mish_in_float32(x: A, dout: A) -> A:
    narrow = x.astype(F)
    return (narrow * np.tanh(np.logaddexp(F(0), narrow))).astype(B)


@kernel("tanh", "bfloat16", "out")
def tanh_rounded_twice(x: A, dout: A) -> A:
    return np.tanh(wide(x)).astype(F).astype(B)


@kernel("sigmoid", "float16", "out")
def sigmoid_rounded_twice(x: A, dout: A) -> A:
    return right("sigmoid", wide(x)).astype(F).astype(H)


@kernel("elu", "float32", "out")
def elu_by_expm1(x: A, dout: A) -> A:
    return np.where(x > 0, x, np.expm1(x))


@kernel("softplus", "float32", "out")
def softplus_by_two_branches(x: A, dout: A) -> A:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@kernel("softplus", "float32", "dx")
def softplus_gradient_by_two_branches(x: A, dout: A) -> A:
    e = np.exp(-np.abs(x))
    return dout * np.where(x > 0, 1 / (1 + e), e / (1 + e))


@kernel("silu", "float32", "out")
def silu_by_two_branches(x: A, dout: A) -> A:
    e = np.exp(-np.abs(x))
    return x * np.where(x > 0, 1 / (1 + e), e / (1 + e))


@kernel("leaky_relu", "float32", "out", "the formula as it stands")
def leaky_relu_rounded_twice(x: A, dout: A) -> A:
    return np.where(x > 0, x, F(0.01) * x)


@kernel("hardswish", "float32", "out")
def hardswish_fused(x: A, dout: A) -> A:
    exact = wide(x) * np.clip(wide(x) + 3, 0, 6) / 6
    return exact.astype(F)


@kernel("relu", "float32", "out", "flushed to 0")
def relu_flushed(x: A, dout: A) -> A:
    return flushed(np.maximum(x, 0))


@kernel("tanh", "float32", "out", "flushed to 0")
def tanh_flushed(x: A, dout: A) -> A:
    return flushed(np.tanh(x))


@kernel("gelu_tanh", "float16", "out")
def gelu_tanh_in_float32(x: A, dout: A) -> A:
    narrow = x.astype(F)
    y = F(math.sqrt(2 / math.pi)) * (narrow + F(0.044715) * narrow**3)
    return (narrow / (1 + np.exp(-2 * y))).astype(H)


@kernel("softsign", "bfloat16", "out")
def softsign_in_float32(x: A, dout: A) -> A:
    narrow = x.astype(F)
    return (narrow / (1 + np.abs(narrow))).astype(B)


KERNELS: list[Kernel] = [each for each in list[Any](globals().values()) if isinstance(each, Kernel)]
