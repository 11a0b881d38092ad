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

Results of 16 and 32 bits need less accuracy: `short_gelu` has R in steps of 2⁻¹². R′ and R″
follow from R, so that an element takes one value from the table.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import numpy as np

from actgrad.layers.arithmetic import two_product
from actgrad.layers.arrays import Array, scratch
from actgrad.layers.joined import passes

#: exp(−z²/2) is 0 beyond this z.
FARTHEST = 39.5
#: At this z, exp(−z²/2) times the largest float32 rounds to 0 in float32.
SHALLOW = 20.5
#: The places after the point in multiples of which R is tabled for short results.
PLACES = 12
#: A number to which z is added to round it to that many places.
ROUNDING = 1.5 * 2.0 ** (52 - PLACES)
#: Where G is smaller, it has lost digits that float32 shows.
CLOSE = 2.0**-8
#: The number of Taylor coefficients for short results: of R at multiples of 1/32, of G at ROOT.
FEW = 7
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


def short_gelu(x: Array, out: Array, slope: Array) -> None:
    """Fill `out` with x·Φ(x) and `slope` with Φ(x) + x·φ(x), both right to 2⁻³⁵."""
    z, e, c = scratch(3, x.size)
    np.minimum(np.abs(x, out=z), SHALLOW, out=z)
    # z = c + step, where c is a multiple of 2^−PLACES: the last bits of z + ROUNDING.
    number = np.add(z, ROUNDING, out=e).view(np.int64)
    step = np.subtract(z, np.subtract(e, ROUNDING, out=c), out=slope)
    np.bitwise_and(number, (1 << 32) - 1, out=number)
    r = np.take(_fine(), number, out=out, mode="clip")
    # R − r = step·(R′ + step·R″/2), where R′ = c·R − κ and R″ = c·R′ + R.
    rise = np.subtract(np.multiply(c, r, out=e), KAPPA, out=e)
    bend = np.add(np.multiply(c, rise, out=c), r, out=c)
    np.multiply(np.multiply(bend, 0.5, out=bend), step, out=bend)
    change = np.multiply(np.add(bend, rise, out=bend), step, out=bend)
    g = np.subtract(r, np.multiply(z, KAPPA, out=e), out=slope)
    np.add(g, change, out=g)
    np.add(r, change, out=r)
    close = np.less(np.abs(g, out=c), CLOSE)
    np.multiply(np.multiply(z, -0.5, out=e), z, out=e)
    np.exp(e, out=e)
    # x·Φ(x) = max(x, 0) − z·Φ(−z). Of two zeros, NumPy's maximum gives the second.
    np.multiply(np.multiply(r, e, out=r), z, out=r)
    np.subtract(np.maximum(-0.0, x, out=c), r, out=out)
    # The slope is exp(−z²/2)·G on the left, and 1 less that on the right.
    np.multiply(g, e, out=g)
    sign = np.bitwise_and(x.view(np.int64), -1 << 63, out=z.view(np.int64))
    np.bitwise_xor(sign, g.view(np.int64), out=sign)
    np.copyto(e, np.logical_not(np.signbit(x)))
    np.subtract(e, z, out=slope)
    near = np.flatnonzero(close)
    near = near[x[near] < 0]
    slope[near] = np.polyval(_root(), -x[near] - ROOT) * np.exp(-0.5 * np.square(x[near]))


def joined_gelu(x: Array, wide: Array, out: Array, slope: Array, rare: Array) -> int:
    """`short_gelu` by a compiled kernel, as `Joinable.joined_block` has it."""
    passes.gelu_exponent(x, wide)
    np.exp(wide, out=wide)
    return passes.gelu(x, wide, out, slope, rare, _fine(), _root())


@cache
def _fine() -> Array:
    """R at the multiples of 2^−PLACES up to SHALLOW, from Taylor series about those of 1/32."""
    near = 1 << PLACES - 5
    centres = np.arange(int(SHALLOW * 32) + 1) / 32
    steps = np.arange(-near / 2, near / 2) / (32 * near)
    terms = _terms(centres, tail(centres)[2])
    return (np.transpose(terms) @ np.vander(steps, FEW, True).T).reshape(-1)[near // 2 :]


@cache
def _root() -> Array:
    """The Taylor coefficients of G at ROOT, the highest first."""
    root = np.array([ROOT])
    *_, r, g = tail(root)
    terms = np.concatenate(_terms(root, r))
    terms[0], terms[1] = g[0], terms[1] - KAPPA
    return terms[::-1].copy()


def _terms(centres: Array, r: Array) -> list[Array]:
    """The Taylor coefficients of R at the centres, where it is `r`."""
    terms = [r, centres * r - KAPPA]
    for n in range(1, FEW - 1):
        terms.append((centres * terms[n] + terms[n - 1]) / (n + 1))
    return terms


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
