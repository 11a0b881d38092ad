"""Layers with a wave: x plus the square of a sine.

Their slopes have infinitely many roots. So the kernel computes with double-double numbers, and
finds the angle of a large x, less whole turns, in integers.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from actgrad.layers.activations.kernels import Smooth
from actgrad.layers.arithmetic import two_product
from actgrad.layers.arrays import Array
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation
from actgrad.layers.parameter import parameter

if TYPE_CHECKING:
    from actgrad.layers.arithmetic import balls

#: Beyond this angle, whole turns are taken off in integers.
WIDE = 2.0**20
#: A smaller sum of sine and cosine has lost digits.
NEAR_ROOT = 2.0**-10
#: Beyond this x·min(1, height), the wave is less than half of the last bit of x.
FLAT = 2.0**60


class Wave(Smooth):
    """x plus a wave of its own: out = x + sin²(alpha·x)/height."""

    alpha: float = parameter(1.0, "the frequency of the wave", above=0)

    @property
    def height(self) -> float:
        """1 over the height of the wave."""
        raise NotImplementedError

    range = "every number"

    def formula(self, x: Node) -> Node:
        return x + f.sin(self.alpha * x) ** 2 / self.height

    def value_and_slope(self, x: Array) -> tuple[Array, Array]:
        # Imported here, because they import mpmath, which other kernels do not need.
        from actgrad.layers.arithmetic import ball_functions, balls

        angle = turned(x, self.alpha)
        sine, cosine = ball_functions.sin(angle), ball_functions.cos(angle)
        square = balls.divide(balls.multiply(sine, sine), balls.Ball(self.height))
        value = balls.add(balls.Ball(x), square).hi
        # 1 + r·sin(2a) = (1 − r) + r·(sin a + cos a)², which keeps its digits near its roots.
        ratio = balls.divide(balls.Ball(self.alpha), balls.Ball(self.height))
        rise = balls.multiply(ratio, square_of_sum(x, self.alpha, balls.add(sine, cosine)))
        slope = balls.add(balls.subtract(balls.ONE, ratio), rise).hi
        flat = np.abs(x) * min(1.0, self.height) > FLAT
        return np.where(flat | (x == 0), x, value), np.where(np.isfinite(x), slope, np.nan)

    def short_block(self, x: Array, out: Array, *saved: Array) -> None:
        (slope,) = saved
        angle = x * self.alpha
        sine, cosine = np.sin(angle), np.cos(angle)
        ratio = self.alpha / self.height
        np.add(x, sine * sine / self.height, out=out)
        np.copyto(out, x, where=x == 0)  # −0 + 0 would be 0
        np.add(1 - ratio, ratio * np.square(sine + cosine), out=slope)
        # Near their roots both lose digits, and the angle of a large x does.
        lost = (np.abs(angle) > WIDE) | (np.abs(slope) < CLOSE * (1 + ratio))
        unsure = np.flatnonzero(lost | (np.abs(out) < CLOSE * np.abs(x)))
        out[unsure], slope[unsure] = self.value_and_slope(x[unsure])


#: A sum of terms that is smaller than this share of them has lost digits that float32 shows.
CLOSE = 2.0**-10


def turned(x: Array, alpha: float) -> balls.Ball:
    """alpha·x, less whole turns where it is large; 0 where x is not finite."""
    from actgrad.layers.arithmetic import balls

    finite = np.where(np.isfinite(x), x, 0.0)
    hi, lo = two_product(finite, alpha)
    for i in np.flatnonzero(~(np.abs(hi) <= WIDE)).tolist():
        hi[i], lo[i] = less_turns(float(finite[i]), alpha)
    return balls.Ball(np.where(np.isnan(x), np.nan, hi), lo, np.zeros_like(hi))


def square_of_sum(x: Array, alpha: float, total: balls.Ball) -> balls.Ball:
    """(sin a + cos a)² from that sum; next to a root from a + π/4, as 2·sin²(a + π/4)."""
    from actgrad.layers.arithmetic import ball_functions, balls

    square = balls.multiply(total, total)
    near = np.flatnonzero(np.abs(total.hi) < NEAR_ROOT)
    if near.size:
        parts = [less_turns(float(number), alpha, is_moved=True) for number in x[near]]
        hi, lo = np.array(parts).T
        sine = ball_functions.sin(balls.Ball(hi, lo, np.zeros(near.size)))
        exact = balls.multiply(balls.Ball(2.0), balls.multiply(sine, sine))
        for part, better in zip(square, exact, strict=True):
            part[near] = better
    return square


def less_turns(x: float, alpha: float, is_moved: bool = False) -> tuple[float, float]:
    """alpha·x less the nearest multiple of 2π, as hi + lo, right to 2⁻¹¹⁰.

    Where it is moved, alpha·x + π/4 less the nearest multiple of π.
    """
    (top, below), (other_top, other_below) = x.as_integer_ratio(), alpha.as_integer_ratio()
    numerator, denominator = top * other_top, below * other_below
    shift = max(numerator.bit_length() - denominator.bit_length(), 0) + 256 & ~63
    turn = whole_turn(shift)
    rest = (numerator << shift) // denominator
    if is_moved:
        rest, turn = rest + turn // 8, turn // 2
    rest %= turn
    rest -= turn if 2 * rest > turn else 0
    hi = rest / (1 << shift)
    top, below = hi.as_integer_ratio()
    return hi, (rest * below - (top << shift)) / (below << shift)


@cache
def whole_turn(shift: int) -> int:
    """⌊2π·2^shift⌋."""
    from mpmath import mp

    with mp.workprec(shift + 20):
        return int(mp.pi * 2 ** (shift + 1))


class Snake(Wave):
    """x plus a wave: out = x + sin²(alpha·x)/alpha.

    ∂out/∂x = 1 + sin(2·alpha·x) ≥ 0. x has any shape; out is ±inf at ±inf, where no slope exists.
    """

    name = "snake"
    source = (
        'Ziyin, Hartwig and Ueda, "Neural networks fail to learn periodic functions and how to fix '
        'it", 2020.'
    )

    @property
    def height(self) -> float:
        return self.alpha

    def derivation(self, x: Node, y: Node) -> Derivation:
        angle = self.alpha * x
        return Derivation([1 + 2 * f.sin(angle) * f.cos(angle), 1 + f.sin(2 * self.alpha * x)])


class SnakeBeta(Wave):
    """Snake whose wave has a size of its own: out = x + sin²(alpha·x)/beta.

    ∂out/∂x = 1 + sin(2·alpha·x)·alpha/beta. x has any shape; out is ±inf at ±inf, where no slope
    exists. BigVGAN trains the logarithms of alpha and beta, and adds 1e-9 to beta.
    """

    name = "snake_beta"
    source = (
        'Lee, Ping, Ginsburg, Catanzaro and Yoon, "BigVGAN: a universal neural vocoder with '
        'large-scale training", 2022.'
    )

    beta: float = parameter(1.0, "1/beta is the height of the wave", above=0)

    @property
    def height(self) -> float:
        return self.beta

    def derivation(self, x: Node, y: Node) -> Derivation:
        angle, share = self.alpha * x, self.alpha / f.constant(self.beta)
        twice = 2 * self.alpha * x
        return Derivation(
            [1 + 2 * f.sin(angle) * f.cos(angle) * share, 1 + self.alpha * f.sin(twice) / self.beta]
        )
