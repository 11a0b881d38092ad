"""Kernels with a fault each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from kernel import Kernel, erf, flushed, kernel, right, wide

from actgrad.layers.arrays import Array, named

F = np.float32
A = Array
DOUTS = (-3, -0.75, 0.5, 1.25, 2)


@kernel("sigmoid", "float32", "dx", "1 − y cancellation")
def sigmoid_gradient_by_1_minus_y(x: A, dout: A) -> A:
    y = 1 / (1 + np.exp(-x))
    return dout * y * (1 - y)


@kernel("tanh", "float32", "dx", "1 − y² cancellation")
def tanh_gradient_by_1_minus_y2(x: A, dout: A) -> A:
    y = np.tanh(x)
    return dout * (1 - y * y)


@kernel("elu", "float32", "dx", "out + 1")
def elu_gradient_by_out_plus_1(x: A, dout: A) -> A:
    return dout * np.where(x > 0, F(1), np.expm1(x) + 1)


@kernel("sigmoid", "float32", "out", "saturated")
def sigmoid_saturated_beyond_8(x: A, dout: A) -> A:
    return right("sigmoid", np.clip(x, -8, 8))


@kernel("gelu", "float32", "out", "saturated")
def gelu_that_is_x_from_3(x: A, dout: A) -> A:
    return np.where(x > 3, x, right("gelu", x))


@kernel("silu", "float32", "out", "cut to 0")
def silu_without_its_tail(x: A, dout: A) -> A:
    return np.where(x < -20, F(0) * x, right("silu", x))


@kernel("softplus", "float32", "out", "cut to 0")
def softplus_that_is_0_below_minus_11(x: A, dout: A) -> A:
    return np.where(x < -11, F(0), right("softplus", x))


@kernel("gelu", "float32", "out", "x is rounded to bfloat16")
def gelu_of_x_rounded_to_bfloat16(x: A, dout: A) -> A:
    return right("gelu", x.astype(named("bfloat16")).astype(F))


@kernel("sigmoid", "float32", "out", "x is rounded to float16")
def sigmoid_of_x_rounded_to_float16(x: A, dout: A) -> A:
    return right("sigmoid", x.astype(np.float16).astype(F))


@kernel("gelu", "float32", "out", "float16 table", "table of float16")
def gelu_from_a_float16_table(x: A, dout: A) -> A:
    return right("gelu", x.astype(np.float16)).astype(F)


@kernel("gelu_tanh", "float32", "out", "(exp(y) − exp(−y))/(exp(y) + exp(−y))")
def gelu_tanh_by_exponentials(x: A, dout: A) -> A:
    y = F(math.sqrt(2 / math.pi)) * (x + F(0.044715) * x * x * x)
    tanh = (np.exp(y) - np.exp(-y)) / (np.exp(y) + np.exp(-y))
    return F(0.5) * x * (1 + tanh)


@kernel("swiglu", "float32", "out", "the other half of x is gated")
def swiglu_with_halves_swapped(x: A, dout: A) -> A:
    return right("swiglu:gate=first", x)


@kernel("silu", "float32", "dx", "dout is left out", douts=DOUTS)
def silu_gradient_without_dout(x: A, dout: A) -> A:
    return right("silu", x, np.ones_like(dout))


@kernel("gelu", "float32", "out", "subnormal inputs")
def gelu_of_flushed_inputs(x: A, dout: A) -> A:
    return right("gelu", flushed(x))


@kernel("sigmoid", "float32", "dx", "subnormal results")
def sigmoid_gradient_flushed(x: A, dout: A) -> A:
    return flushed(right("sigmoid", x, dout))


@kernel(
    "elu:alpha=2", "float32", "dx", "subnormal inputs and results", douts=(1, 2.0**-126, 2.0**-127)
)
def elu_gradient_flushed_on_both_sides(x: A, dout: A) -> A:
    return flushed(right("elu:alpha=2", flushed(x), flushed(dout)))


@kernel("mish", "float64", "dx", "exp(3x) is left out")
def mish_gradient_without_e3x(x: A, dout: A) -> A:
    e = np.exp(x)
    omega = 4 * (x + 1) + 4 * e * e + e * (4 * x + 6)
    return dout * np.where(x > 20, 1, e * omega / (2 * e + e * e + 2) ** 2)


@kernel("tanh", "float32", "dx", "dout·1 − y²", douts=DOUTS)
def tanh_gradient_dout_times_1_minus_y2(x: A, dout: A) -> A:
    y = np.tanh(x)
    return dout * 1 - y * y


@kernel("gelu", "float32", "dx", "saturated")
def gelu_gradient_that_is_1_from_3_17(x: A, dout: A) -> A:
    return np.where(x > F(3.17), dout, right("gelu", x, dout))


@kernel("hardsigmoid", "float32", "out", "1/6 is rounded")
def hardsigmoid_by_fma(x: A, dout: A) -> A:
    exact = wide(x) * float(F(1) / F(6)) + 0.5
    return np.clip(exact, 0, 1).astype(F)


@kernel("gelu", "bfloat16", "out", "one isolated x")
def gelu_that_returns_x_once(x: A, dout: A) -> A:
    out = right("gelu", x)
    place = np.nanargmin(np.abs(x.astype(F) - F(-1.75)))
    out[place] = x[place]
    return out


@kernel("softplus", "float32", "out", "log1p(exp(x)), whose exp(x) overflows")
def softplus_without_its_threshold(x: A, dout: A) -> A:
    return np.log1p(np.exp(x))


@kernel("silu", "float32", "out", "1 − σ(−x)")
def silu_by_1_minus_sigmoid_of_minus_x(x: A, dout: A) -> A:
    return x * (1 - 1 / (1 + np.exp(x)))


@kernel("elu", "float32", "out", "exp(x) − 1 cancellation")
def elu_by_exp_minus_1(x: A, dout: A) -> A:
    return np.where(x > 0, x, np.exp(x) - 1)


@kernel("selu", "float32", "out", "exp(x) − 1 cancellation")
def selu_by_exp_minus_1(x: A, dout: A) -> A:
    scale, alpha = F(1.0507009873554804934), F(1.6732632423543772848)
    return scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))


@kernel("softplus", "float32", "out", "beta = 2")
def softplus_with_beta_2(x: A, dout: A) -> A:
    return (np.logaddexp(0, 2 * wide(x)) / 2).astype(F)


@kernel("leaky_relu", "float32", "dx", "negative_slope = 0.2")
def leaky_relu_with_slope_0_2(x: A, dout: A) -> A:
    return np.where(x > 0, dout, F(0.2) * dout)


@kernel("gelu", "float32", "out", "the tanh approximation")
def gelu_by_the_tanh_approximation(x: A, dout: A) -> A:
    y = F(math.sqrt(2 / math.pi)) * (x + F(0.044715) * x * x * x)
    return F(0.5) * x * (1 + np.tanh(y))


@kernel("gelu", "float16", "out", "quick_gelu")
def gelu_by_the_quick_approximation(x: A, dout: A) -> A:
    narrow = wide(x)
    return (narrow / (1 + np.exp(-1.702 * narrow))).astype(np.float16)


@kernel("gelu", "float32", "out", "1 + erf cancellation")
def gelu_by_1_plus_erf(x: A, dout: A) -> A:
    return x * F(0.5) * (1 + erf(x * F(0.5**0.5)))


@kernel("sigmoid", "float32", "out", "exp(x)/(1 + exp(x))")
def sigmoid_by_exp_of_x(x: A, dout: A) -> A:
    return np.exp(x) / (1 + np.exp(x))


@kernel("logsigmoid", "float32", "out", "log(σ(x))")
def logsigmoid_by_log_of_sigmoid(x: A, dout: A) -> A:
    return np.log(1 / (1 + np.exp(-x)))


@kernel("tanh", "float32", "out", "(exp(2x) − 1)/(exp(2x) + 1)")
def tanh_by_exp_of_2x(x: A, dout: A) -> A:
    e = np.exp(2 * x)
    return (e - 1) / (e + 1)


@kernel("tanhshrink", "float32", "out", "x − tanh(x) cancellation")
def tanhshrink_by_subtraction(x: A, dout: A) -> A:
    return x - np.tanh(x)


@kernel("softplus", "float32", "d2x", "1 − s cancellation", "1 − y cancellation")
def softplus_second_derivative_by_1_minus_s(x: A, dout: A) -> A:
    s = right("sigmoid", x)
    return dout * s * (1 - s)


@kernel("silu", "bfloat16", "out", "every step is rounded to bfloat16", "computed in bfloat16")
def silu_with_every_step_in_bfloat16(x: A, dout: A) -> A:
    bfloat16 = named("bfloat16")
    gate = (1 / (1 + np.exp(-x).astype(bfloat16)).astype(bfloat16)).astype(bfloat16)
    return (x * gate).astype(bfloat16)


@kernel("gelu", "float32", "dx", "half", "0.5 times")
def gelu_gradient_at_half_its_size(x: A, dout: A) -> A:
    return right("gelu", x, dout) / 2


@kernel("silu", "float32", "out", "the gate alone", "another layer: sigmoid")
def silu_without_the_product(x: A, dout: A) -> A:
    return right("sigmoid", x)


KERNELS: list[Kernel] = [each for each in list[Any](globals().values()) if isinstance(each, Kernel)]
