"""Softmax and its relatives: each element of out depends on all elements of x along one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from actgrad.layers.along_axis import AlongAxis, line, total
from actgrad.layers.arithmetic import two_sum
from actgrad.layers.arrays import Array
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Kept

X, Y, DY = line("x"), line("y"), line("∂L/∂y")


class Softmax(AlongAxis):
    """The numbers along an axis, normalized to probabilities: outᵢ = exp(xᵢ) / Σⱼ exp(xⱼ).

    dxᵢ = outᵢ·(doutᵢ − Σⱼ doutⱼ·outⱼ). out has x's shape. Where one element of a line
    is inf, its out is 1 and that of the others is 0. Where two are inf, there is no limit: the
    whole line is nan.

    Forward keeps `out`, and in its place out − 1, computed without subtraction, where out is above
    ½.
    """

    name = "softmax"
    elsewhere = {
        # Without dim, PyTorch chooses an axis by the number of axes, and warns.
        "PyTorch": "Softmax(dim: axis)",
        "JAX": "softmax",
        "Keras": "softmax, layers.Softmax",
        "TensorFlow": "softmax",
        "ONNX": "Softmax",
        "SciPy": "softmax(axis)",
    }
    source = (
        'Bridle, "Probabilistic interpretation of feedforward classification network outputs", '
        "1990."
    )
    range = "0 < y ≤ 1"
    keeps = {
        "out": Kept(float, "the result, less 1 where it is above ½, so that it has all its digits")
    }

    sufficient = {"out": "∂L/∂xᵢ needs dout and out alone"}

    @property
    def out(self) -> Array:
        """The last forward's result, in float64 whatever x's dtype."""
        return whole(self.saved["out"])

    def formula(self, x: Sequence[Node]) -> list[Node]:
        powers = [f.exp(u) for u in x]
        denominator = sum(powers[1:], powers[0])
        return [power / denominator for power in powers]

    def line_equations(self) -> Mapping[str, Derivation]:
        return softmax_equations(1)

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        (kept,) = saved
        shares(x, kept)
        out[...] = whole(kept)

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        (kept,) = saved
        y = whole(kept)
        # d is relative to dout at the largest y, so its term in the sum is 0 and 1 − y does not
        # cancel.
        d = dout - np.take_along_axis(dout, largest(y), 1)
        np.multiply(y, d - (y * d).sum(1, keepdims=True), out=dx)


class Softmin(Softmax):
    """The softmax of −x: outᵢ = exp(−xᵢ) / Σⱼ exp(−xⱼ).

    dxᵢ = −outᵢ·(doutᵢ − Σⱼ doutⱼ·outⱼ). out has x's shape.
    """

    name = "softmin"
    elsewhere = {"PyTorch": "Softmin(dim: axis)"}
    source = "PyTorch, `torch.nn.Softmin`."

    def formula(self, x: Sequence[Node]) -> list[Node]:
        return super().formula([-u for u in x])

    def line_equations(self) -> Mapping[str, Derivation]:
        return softmax_equations(-1)

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        super().forward_rows(-x, out, *saved)

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        super().backward_rows(dout, dx, *saved)
        np.negative(dx, out=dx)


class Solu(AlongAxis):
    """The softmax linear unit: outᵢ = xᵢ·sᵢ, where s is the softmax of x.

    dxᵢ = sᵢ·(doutᵢ·(1 + xᵢ) − Σⱼ doutⱼ·outⱼ). out has x's shape.
    """

    name = "solu"
    source = 'Elhage et al., "Softmax linear units", 2022.'
    range = "every number"
    keeps = {
        "softmax": Kept(
            float, "the softmax, less 1 where it is above ½, so that it has all its digits"
        ),
        "x": Kept(float, "x itself"),
    }

    def formula(self, x: Sequence[Node]) -> list[Node]:
        powers = [f.exp(u) for u in x]
        whole = sum(powers[1:], powers[0])
        return [u * power / whole for u, power in zip(x, powers, strict=True)]

    def line_equations(self) -> Mapping[str, Derivation]:
        powers = total(f.exp(X.j))
        share, weighted = f.exp(X.i) / powers, total(DY.j * Y.j)
        names = {"sᵢ": share}
        step = share * (DY.i * (1 + X.i) - weighted)
        return {"yᵢ": Derivation([X.i * share], names), "∂L/∂xᵢ": Derivation([step], names)}

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        kept, own = saved
        np.copyto(own, x)
        shares(x, kept)
        np.multiply(finite(x), whole(kept), out=out)
        np.copyto(out, x, where=x == np.inf)

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        kept, x = saved
        share, x = whole(kept), finite(x)
        # doutᵢ·xᵢ − Σⱼ doutⱼ·xⱼ·sⱼ = Σⱼ (doutᵢ·xᵢ − doutⱼ·xⱼ)·sⱼ, relative to the largest share.
        products = dout * x
        first = np.take_along_axis(products, top := largest(share), 1)
        apart = (products - first) * share
        np.put_along_axis(apart, top, 0, 1)
        spread = (products - first) - apart.sum(1, keepdims=True)
        np.multiply(share, dout + spread, out=dx)


class LogSoftmax(AlongAxis):
    """The softmax's logarithm: outᵢ = xᵢ − log Σⱼ exp(xⱼ).

    dxᵢ = doutᵢ − exp(outᵢ)·Σⱼ doutⱼ. out has x's shape.

    Forward keeps the softmax, and in its place softmax − 1, computed without subtraction, where the
    softmax is above ½.
    """

    name = "log_softmax"
    elsewhere = {
        "PyTorch": "LogSoftmax(dim: axis)",
        "JAX": "log_softmax",
        "Keras": "log_softmax",
        "TensorFlow": "log_softmax",
        "ONNX": "LogSoftmax",
        "SciPy": "log_softmax(axis)",
    }
    source = (
        'Bridle, "Probabilistic interpretation of feedforward classification network outputs", '
        "1990."
    )
    range = "y ≤ 0"
    keeps = {
        "softmax": Kept(
            float, "the softmax, less 1 where it is above ½, so that it has all its digits"
        )
    }
    sufficient = {"softmax": "it is exp(outᵢ), and ∂L/∂xᵢ needs dout and that alone"}

    def formula(self, x: Sequence[Node]) -> list[Node]:
        powers = [f.exp(u) for u in x]
        logarithm = f.log(sum(powers[1:], powers[0]))
        return [u - logarithm for u in x]

    def line_equations(self) -> Mapping[str, Derivation]:
        powers = total(f.exp(X.j))
        share, dout = f.exp(X.i) / powers, total(DY.j)
        steps = [DY.i - share * dout, DY.i - f.exp(Y.i) * dout]
        return {"yᵢ": Derivation([X.i - f.log(powers)]), "∂L/∂xᵢ": Derivation(steps)}

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        (kept,) = saved
        below, rest, others = shares(x, kept)
        # Both terms are ≤ 0, so nothing cancels.
        np.subtract(below, np.log1p(others), out=out)
        out += rest

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        (kept,) = saved
        y = whole(kept)
        top = largest(y)
        first = np.take_along_axis(dout, top, 1)
        without = dout.copy()
        np.put_along_axis(without, top, 0, 1)
        rest = without.sum(1, keepdims=True)
        np.subtract(dout, y * (first + rest), out=dx)
        share = np.take_along_axis(kept, top, 1)
        remainder = np.where(np.signbit(share), -share, 1 - share)
        np.put_along_axis(dx, top, first * remainder - whole(share) * rest, 1)


class Sparsemax(AlongAxis):
    """The point of the probability simplex that is nearest to x: outᵢ = max(xᵢ − τ, 0).

    τ makes Σ out = 1. S is the set of i with outᵢ > 0. dxᵢ = doutᵢ − (the mean of dout over S) for
    i in S, else 0. out has x's shape.
    """

    name = "sparsemax"
    elsewhere = {"Keras": "sparsemax"}
    source = 'Martins and Astudillo, "From softmax to sparsemax", 2016.'
    range = "0 ≤ y ≤ 1"
    keeps = {"mask": Kept(bool, "True where out = 0, so where the gradient is stopped")}
    sufficient = {"mask": "∂L/∂xᵢ needs dout and the elements of S alone, and the mask tells S"}

    @property
    def mask(self) -> Array:
        """True where out = 0, so where the gradient is stopped."""
        return self.saved["mask"]

    def formula(self, x: Sequence[Node]) -> list[Node]:
        falling = list(x)
        for last in range(len(x) - 1, 0, -1):
            for i in range(last):
                u, v = falling[i], falling[i + 1]
                # Equal numbers are sorted too: max and min take their second argument.
                falling[i], falling[i + 1] = f.maximum(u, v), f.minimum(v, u)
        partial, threshold = falling[0], falling[0] - 1
        for count, u in enumerate(falling[1:], 2):
            partial = partial + u
            # Of two equal thresholds, the one over fewer numbers: S has no others in its mean.
            threshold = f.maximum((partial - 1) / count, threshold)
        return [f.maximum(u - threshold, 0) for u in x]

    def line_equations(self) -> Mapping[str, Derivation]:
        inside, size = f.where(Y.i > 0, 1, 0), total(f.where(Y.j > 0, 1, 0))
        dout = total(f.where(Y.j > 0, DY.j, 0))
        # Where yᵢ > 0 it is xᵢ − τ, and Σ y = 1 makes τ the mean of x over S, less 1/|S|.
        threshold = (total(f.where(Y.j > 0, X.j, 0)) - 1) / size
        steps = [f.where(Y.i > 0, DY.i, 0) - dout / size * inside]
        steps.append(f.where(Y.i > 0, DY.i - dout / size, 0))
        names = {"τ": threshold, "|S|": size}
        value = f.maximum(X.i - threshold, 0)
        return {"yᵢ": Derivation([value], names), "∂L/∂xᵢ": Derivation(steps, names)}

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        below, rest = from_largest(x)
        falling = -np.sort(-below, axis=1)
        counts = np.arange(1, x.shape[1] + 1)
        inside = 1 + counts * falling > falling.cumsum(1)
        size = np.maximum(inside.sum(1, keepdims=True), 1)
        in_support = below >= np.take_along_axis(falling, size - 1, 1)
        # size·y = 1 + Σ over S of (xᵢ − xⱼ). The large part is rounded to a grid of 2⁻³⁰ and its
        # sum is exact, so a small y keeps all digits.
        coarse = np.where(in_support, np.rint(below * 2.0**30) / 2.0**30, 0)
        fine = np.where(in_support, (below - coarse) + rest, 0)
        y = 1 + size * coarse - coarse.sum(1, keepdims=True)
        y += size * fine - fine.sum(1, keepdims=True)
        np.maximum(y / size, 0, out=out)
        out[~in_support] = 0
        np.less_equal(out, 0, out=mask)
        out[np.isnan(below).any(1)] = np.nan

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        (mask,) = saved
        first = np.argmin(mask, axis=1, keepdims=True)
        d = np.where(mask, 0, dout - np.take_along_axis(dout, first, 1))
        mean = d.sum(1, keepdims=True) / (~mask).sum(1, keepdims=True)
        dx[...] = np.where(mask, 0, d - mean)


def softmax_equations(sign: int) -> Mapping[str, Derivation]:
    """The equations of the softmax of sign·x."""
    power, powers = f.exp(sign * X.i), total(f.exp(sign * X.j))
    spread = total(DY.j * f.exp(sign * X.j))
    steps = [
        sign * (DY.i * power / powers - power * spread / powers**2),
        sign * (DY.i * Y.i - Y.i * total(DY.j * Y.j)),
        sign * (Y.i * (DY.i - total(DY.j * Y.j))),
    ]
    return {"yᵢ": Derivation([power / powers]), "∂L/∂xᵢ": Derivation(steps)}


def largest(x: Array) -> Array:
    """The index of each row's largest number, as a column."""
    index: Array = x.argmax(axis=1, keepdims=True)
    return index


def from_largest(x: Array) -> tuple[Array, Array]:
    """x minus its row's largest number, as hi + lo; at that number it is 0, also if it is inf."""
    top = largest(x)
    most = np.take_along_axis(x, top, 1)
    hi, lo = two_sum(x, -most)
    np.put_along_axis(hi, top, np.where(np.isnan(most), np.nan, 0), 1)
    return hi, np.where(np.isnan(lo), 0, lo)


def shares(x: Array, kept: Array) -> tuple[Array, Array, Array]:
    """Fill `kept` with the softmax of each row, less 1 where that is above ½.

    Returns x minus its largest number as hi + lo, and Σ exp(hi + lo) without that number's term.
    """
    hi, lo = from_largest(x)
    power = np.exp(hi)
    power += power * lo
    top = largest(x)
    first = np.take_along_axis(power, top, 1)
    np.put_along_axis(power, top, 0, 1)
    others = power.sum(1, keepdims=True)
    np.divide(power, first + others, out=kept)
    np.put_along_axis(kept, top, np.where(others < 1, -others, 1) / (first + others), 1)
    return hi, lo, others


def whole(kept: Array) -> Array:
    """The softmax, from the array that `shares` filled."""
    value: Array = kept + np.signbit(kept)
    return value


def finite(x: Array) -> Array:
    """x with a large number for an infinite one, because ∞·0 and ∞ − ∞ are nan."""
    return np.where(np.isinf(x), np.copysign(2.0**1000, x), x)
