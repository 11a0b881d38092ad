"""Derivatives from values alone, each with an estimate of its own error.

A quick estimate extrapolates central differences at halved steps to step 0. The error of the best
entry of the table is the largest difference from its neighbours in the table and from the finest
differences. A function that is noisy, or that oscillates between the steps, so gets a large error
instead of a wrong derivative. Next to a kink or a jump the differences are one-sided.

A thorough estimate fits polynomials (`polynomial_fit.py`), which also show the noise of the values.

Source: Ridders, "Accurate computation of F′(x) and F′(x)F″(x)", 1982.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.polynomial_fit import Fit, fit

EPS, EPS32 = (float(np.finfo(dtype).eps) for dtype in (np.float64, np.float32))
#: The first step, where no kink or jump is nearer.
REACH = 0.5
#: How often the step is halved: for a quick estimate, and for a thorough one.
QUICK, THOROUGH = 8, 16
#: Beyond this |x|, steps exceed the length on which functions vary: a sine looks like a line.
RESOLVED = 2.0**20
#: Columns of the table: more only amplify noise.
ORDER = 5
#: Elements differentiated together, so that the table stays in the cache.
CHUNK = 8192
#: Noise that is this many times the rounding errors of the values shows that terms cancel.
CANCELS = 1e3
#: Where noise is looked for in any case.
PROBES = np.concatenate([sign * 1.37 * 1.4 ** np.arange(-4, 14) for sign in (-1, 1)])
#: How far f may be evaluated on the left and on the right.
Room: TypeAlias = tuple[Array, Array]


class Estimate(NamedTuple):
    """A derivative and a bound on its error, which is inf where the derivative is unknown."""

    value: Array
    error: Array


def differentiate(
    f: Callable[[Array], Array],
    x: Array,
    reach: Array,
    side: int = 0,
    levels: int = QUICK,
    eps: float = EPS,
) -> Estimate:
    """The derivative of f at x, from values no further from x than reach, an array of x's shape.

    `side` is 0 for central differences, 1 for the right, −1 for the left. `eps` is the relative
    rounding error of f.
    """
    ratio = 2.0 if side else 4.0
    base = f(x + np.zeros_like(reach)) if side else None
    plain: list[Array] = []
    noises: list[Array] = []
    row: list[Array] = []
    best = error = np.array(0.0)
    for level in range(levels):
        step = reach * 0.5**level
        ahead, behind = f(x + step * (side or 1)), f(x - step) if base is None else base
        slope = (ahead - behind) / (2 * step if base is None else step * side)
        # The rounding of x itself changes the steps.
        value = np.maximum(np.abs(ahead), np.abs(behind))
        rounding = eps * (value + np.abs(x) * np.abs(slope)) / step
        previous, row = row, [slope]
        for column in range(min(level, ORDER)):
            finer, coarser = row[column], previous[column]
            row.append(finer + (finer - coarser) / (ratio ** (column + 1) - 1))
            spread = np.maximum(np.abs(row[-1] - finer), np.abs(row[-1] - coarser)) + 2 * rounding
            spread = np.where(spread < np.inf, spread, np.inf)
            if level == 1 and column == 0:
                best, error = row[-1], spread
            else:
                better = spread < error
                best, error = np.where(better, row[-1], best), np.where(better, spread, error)
        plain.append(row[min(level, 2)])
        noises.append(8 * rounding)
    # An estimate from wide steps must agree with the finest steps too, up to their noise.
    for slope, rounding in zip(plain[-3:], noises[-3:], strict=True):
        difference = np.abs(best - slope) - rounding
        error = np.maximum(error, np.where(np.isfinite(difference), difference, np.inf))
    return Estimate(best, error)


def estimate(
    f: Callable[[Array], Array],
    x: Array,
    discontinuities: Array,
    levels: int = QUICK,
    reach: float = REACH,
    eps: float = EPS,
) -> Estimate:
    """The derivative of an element-wise f at each x, from steps that cross no kink or jump.

    `discontinuities` are their positions, sorted. At such a position the derivative is the one on
    the right. A quick estimate may take a step of a staircase for the function; a thorough one
    knows the noise of f.
    """

    if levels > QUICK:
        return Estimate(*_fitted(f, x, discontinuities, levels, reach, eps)[:2])

    def quick(at: Array, near: Array, room: Room, side: int) -> Estimate:
        return differentiate(f, at, near, side, levels, eps)

    return Estimate(*_by_side(quick, x, discontinuities, reach, len(Estimate._fields)))


def arithmetic_eps(values: Array, eps: float) -> float:
    """The rounding error of a function with these values, in float64: that of float32 if it
    computes in that dtype.

    It does if all values are numbers of float32, and not only integers. `eps` is the rounding error
    of the function otherwise.
    """
    finite = values[np.isfinite(values)]
    narrow = (finite == finite.astype(np.float32)).all() and (finite % 1).any()
    return max(eps, EPS32) if narrow else eps


def noise(f: Callable[[Array], Array], x: Array, discontinuities: Array, eps: float = EPS) -> Array:
    """A bound on the noise of an element-wise f near each x: on the errors of its values."""
    return _fitted(f, x, discontinuities, THOROUGH, REACH, eps).noise


def _fitted(
    f: Callable[[Array], Array],
    x: Array,
    discontinuities: Array,
    levels: int,
    reach: float,
    eps: float,
) -> Fit:
    """The fit at each x, with the noise that shows closer to 0.

    Where terms cancel, they are noisy. Further out they saturate: what is left of f looks smooth,
    and is not f.
    """

    eps = arithmetic_eps(f(PROBES), eps)

    def at_side(at: Array, near: Array, room: Room, side: int) -> Fit:
        return fit(f, at, near, room, side, levels, eps)

    places = np.concatenate([x, PROBES])
    fits = Fit(*_by_side(at_side, places, discontinuities, reach, len(Fit._fields)))
    cancels = (fits.fine_noise > CANCELS * eps * fits.size) & np.isfinite(fits.fine_noise)
    hidden = np.where(cancels & (np.abs(places) <= RESOLVED), fits.fine_noise, 0.0)
    noise = np.empty_like(places)
    for sign in (-1, 1):
        side = np.flatnonzero((places >= 0) == (sign > 0))
        outward = side[np.argsort(np.abs(places[side]), kind="stable")]
        noise[outward] = np.fmax(fits.noise[outward], np.maximum.accumulate(hidden[outward]))
    error = np.maximum(fits.error, np.where(noise > 0, noise * fits.sensitivity, 0.0))
    result = fits._replace(noise=noise, error=error)
    return Fit(*(column[: x.size] for column in result))


def _by_side(
    method: Callable[[Array, Array, Room, int], tuple[Array, ...]],
    x: Array,
    discontinuities: Array,
    reach: float,
    columns: int,
) -> list[Array]:
    """What the method gives at each x, from the side on which no kink or jump is near.

    The second column is the error of the first: it is inf beyond RESOLVED.
    """
    wide = np.maximum(reach, np.ldexp(1.0, np.frexp(np.abs(x) * 2.0**-16)[1]))
    walls = np.concatenate([[-np.inf], discontinuities, [np.inf]])
    above = np.searchsorted(walls, x, side="right")
    left, right = x - walls[above - 1], walls[above] - x
    nearer = np.where(left < right, 1, -1)
    sides = np.where(np.minimum(left, right) > wide, 0, nearer)
    near = np.where(sides == 0, wide, np.minimum(wide, 0.9 * np.maximum(left, right)))
    result = [np.empty_like(x) for _ in range(columns)]
    for side in (0, 1, -1):
        here = np.flatnonzero(sides == side)
        for at in range(0, here.size, CHUNK):
            part = here[at : at + CHUNK]
            rows = method(x[part], near[part], (left[part], right[part]), side)
            for column, values in zip(result, rows, strict=True):
                column[part] = values
    result[1] = np.where(np.abs(x) <= RESOLVED, result[1], np.inf)
    return result
