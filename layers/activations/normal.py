"""The tail of the normal distribution, for which NumPy has no function.

Φ(−z) = exp(−z²/2)·R(z), where R(z) = erfcx(z/√2)/2 is smooth and falls slowly, from ½ to 0.4/z.
GELU's slope also needs G(z) = R(z) − z/√(2π), which has a root near 0.75.

Both come from one table: z lies in one of some 170 segments, each 1/32 to 1/63 of z + 1 wide, and
there R is its value at the segment's centre plus a polynomial of degree 9 in the distance from it.
The value at the centre dominates the sum, so the error is little more than its rounding. The root
of G is a centre, so that G keeps all its digits near it. The table is computed in 20 ms at its
first use: R′ = z·R − 1/√(2π) gives every Taylor coefficient from R.

The method was chosen by the errors of float64 GELU for −38.4 < x < 0, in ULP. With
scipy.special.ndtr, x·Φ(x) is off by 2e14 in the tail; with erfcx and x²/2 split as here, value and
slope are off by 7.5 and, near the slope's root, 1000; with this table by 3.1 and 2.7, at 23 ns an
element, where erfcx alone takes 25. So scipy would be a dependency that gives less.

Results of 16 and 32 bits need less accuracy: `gate` has ten times as many segments, each with a
polynomial of degree 4, and takes a tenth of the time.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import numpy as np

from actgrad.layers.arithmetic import two_product
from actgrad.layers.arrays import Array, scratch

#: exp(−z²/2) is 0 beyond this z.
FARTHEST = 39.5
#: At this z, exp(−z²/2) times the largest float32 rounds to 0 in float32.
SHALLOW = 20.5
#: The width of a short segment; ROOT is the centre of a short segment.
FINE = 2.0**-7
#: The float nearest to the root of G.
ROOT = 0.7517915246935645
#: Segments end where the leading 5 bits of z + SHIFT change; ROOT is the middle of a segment.
SHIFT = 1.765625 - ROOT
#: The number of the first segment: z + SHIFT's exponent and its leading 5 bits.
FIRST = int(np.float64(SHIFT).view(np.int64)) >> 47
#: The number of Taylor coefficients of R, its value included.
TERMS = 10
#: 1/√(2π).
KAPPA = 0.3989422804014327
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def tail(z: Array) -> tuple[Array, Array, Array, Array]:
    """h, c, R and G such that exp(h)·c·R = Φ(−z) and exp(h)·c·G = Φ(−z) − z·φ(z), for z ≥ 0."""
    z = np.minimum(z, FARTHEST)
    square, rest = two_product(z, z)
    table = _table()
    segment = ((z + SHIFT).view(np.int64) >> 47) - FIRST
    centre, *rising, g = (np.take(row, segment, mode="clip") for row in table)
    step = z - centre
    change = rising[-1] * step
    for coefficient in rising[-2:0:-1]:
        change = (change + coefficient) * step
    # R and −z/√(2π) both fall, so the two changes have the same sign.
    return -square / 2, 1 - rest / 2, rising[0] + change, g + (change - step * KAPPA)


@cache
def _table() -> Array:
    """For each segment its centre c, then R and its Taylor coefficients at c, and G at c."""
    last = int(np.float64(FARTHEST + SHIFT).view(np.int64)) >> 47
    edges = (np.arange(FIRST, last + 2) << 47).view(np.float64) - SHIFT
    centres = (edges[:-1] + edges[1:]) / 2
    centres[np.abs(centres - ROOT).argmin()] = ROOT
    centres[0] = 0
    with localcontext(prec=60):
        return np.array([_segment(float(c)) for c in centres]).T.copy()


def gate(x: Array, phi: Array, slope: Array) -> None:
    """Fill `phi` with Φ(x) and `slope` with Φ(x) + x·φ(x), right to 2⁻³⁸, for |x| ≤ SHALLOW.

    x beyond is clipped to ±SHALLOW.
    """
    e, step, whole = scratch(3, x.size)
    segment = whole.view(np.int64)
    change, term = phi, slope
    z = np.minimum(np.abs(x, out=e), SHALLOW, out=e)
    np.multiply(z, 1 / FINE, out=step)
    np.copyto(segment, np.add(step, 96.5 - ROOT / FINE, out=step), casting="unsafe")
    centre, r, *rising, g = _fine()

    def at(row: Array) -> Array:
        return np.take(row, segment, out=term, mode="clip")

    np.subtract(z, at(centre), out=step)
    np.multiply(np.take(rising[-1], segment, out=change, mode="clip"), step, out=change)
    for coefficient in rising[-2::-1]:
        np.multiply(np.add(change, at(coefficient), out=change), step, out=change)
    # exp(−z²/2), with the sign of x: Φ(x) is R·exp(−z²/2) on the left, 1 less that on the right.
    np.multiply(np.square(z, out=e), -0.5, out=e)
    np.copysign(np.exp(e, out=e), x, out=e)
    np.subtract(change, np.multiply(step, KAPPA, out=step), out=step)
    np.multiply(np.add(step, at(g), out=step), e, out=step)
    np.multiply(np.add(change, at(r), out=change), e, out=change)
    right = np.add(np.copysign(0.5, x, out=e), 0.5, out=e)
    np.subtract(right, step, out=slope)
    np.subtract(right, change, out=phi)


@cache
def _fine() -> Array:
    """For each short segment its centre, R there and its Taylor coefficients, and G."""
    centres = ROOT + np.arange(-96, int(SHALLOW / FINE) - 94) * FINE
    centres[0] = 0
    *_, r, g = tail(centres)
    terms = [r, centres * r - KAPPA]
    for n in range(1, 4):
        terms.append((centres * terms[n] + terms[n - 1]) / (n + 1))
    return np.array([centres, *terms, g])


def _segment(centre: float) -> list[float]:
    c = Decimal(centre)
    kappa = 1 / (2 * PI).sqrt()
    terms = [_near(c, kappa) if centre < 3 else _far(c, kappa)]
    terms.append(c * terms[0] - kappa)
    for n in range(1, TERMS - 1):
        terms.append((c * terms[n] + terms[n - 1]) / (n + 1))
    return [centre, *map(float, terms), float(terms[0] - c * kappa)]


def _near(z: Decimal, kappa: Decimal) -> Decimal:
    """R by the series Φ(z) − ½ = φ(z)·(z + z³/3 + z⁵/(3·5) + …)."""
    term = total = z
    for n in range(3, 250, 2):
        term *= z * z / n
        total += term
    return (z * z / 2).exp() / 2 - kappa * total


def _far(z: Decimal, kappa: Decimal) -> Decimal:
    """R by Laplace's continued fraction κ/(z + 1/(z + 2/(z + 3/…)))."""
    below = z
    for n in range(150, 0, -1):
        below = z + n / below
    return kappa / below
