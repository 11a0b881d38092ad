"""What a layer does at 0, on normally distributed inputs, at its steepest, and far out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.explain.kinks import STEP, Kink
from actgrad.layers.layer import Layer

#: The normal distribution has less than 10⁻³² of its mass beyond.
TAIL = 12.0
#: The points at which slopes are compared: a dense middle, and far out.
MIDDLE = 32.0
PLACES = np.union1d(np.linspace(-MIDDLE, MIDDLE, 6401), [-1e6, -1e3, 1e3, 1e6])
DTYPES = ("float16", "bfloat16", "float32", "float64")
#: The digits of bfloat16 in bits, and the exponent of its smallest number.
BFLOAT16 = 8, -133


class Steepest(NamedTuple):
    """The largest |∂y/∂x|, and the ends of the stretch of x where it is attained.

    If both ends are ∞, or both −∞, the slope approaches it there. It is ∞ if there is no bound.
    """

    slope: float
    low: float
    high: float


class Saturation(NamedTuple):
    """The x beyond which y is its limit in a dtype, on the side of ∞ or of −∞."""

    side: int
    limit: float
    #: The first such x, by dtype.
    begins: dict[str, float]


class Characteristics(NamedTuple):
    """Numbers that say what a layer does; all come from its own forward and backward.

    With z normally distributed with mean 0 and variance 1, `forward_gain` is 1/√E[y(z)²]: weights
    scaled by it keep the mean square of the activations from layer to layer. `backward_gain` is
    1/√E[y′(z)²], which keeps that of the gradients.
    """

    value_at_0: float
    slope_at_0: float
    forward_gain: float
    backward_gain: float
    steepest: Steepest
    saturations: list[Saturation]


def characteristics_of(layer: Layer, kinks: Sequence[Kink]) -> Characteristics:
    """The characteristics of a layer that works element by element."""
    value, slope = value_and_slope_at(layer, np.zeros(1))
    with np.errstate(all="ignore"):
        forward, backward = (float(1 / np.sqrt(mean)) for mean in mean_squares(layer, kinks))
    return Characteristics(
        float(value[0]) + 0.0,
        float(slope[0]) + 0.0,
        forward,
        backward,
        steepest(layer, kinks),
        list(saturations(layer)),
    )


def value_and_slope_at(layer: Layer, x: Array) -> tuple[Array, Array]:
    """y and ∂y/∂x at each x, as the layer's own forward and backward give them."""
    return layer.forward(x), layer.backward(np.ones_like(x))


def slopes_at(layer: Layer, x: Array) -> Array:
    """|∂y/∂x| at each x, and 0 where there is none."""
    slopes = np.abs(value_and_slope_at(layer, x)[1])
    return np.where(np.isnan(slopes), 0, slopes)


def mean_squares(layer: Layer, kinks: Sequence[Kink]) -> list[float]:
    """E[y(z)²] and E[y′(z)²] of a normally distributed z, by Gauss' rule between the kinks."""
    places = [kink.x for kink in kinks if abs(kink.x) < TAIL]
    ends = np.union1d(np.arange(-TAIL, TAIL + 1), places)
    points, weights = np.polynomial.legendre.leggauss(32)
    low, high = ends[:-1, None], ends[1:, None]
    x = (low + high) / 2 + (high - low) / 2 * points
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * (high - low) / 2 * weights
    return [float((values**2 * density).sum()) for values in value_and_slope_at(layer, x)]


def steepest(layer: Layer, kinks: Sequence[Kink]) -> Steepest:
    """The largest |∂y/∂x|: inf if it grows without bound."""
    beside = [kink.x + s * STEP * max(abs(kink.x), 1) for kink in kinks for s in (-1, 0, 1)]
    x = np.union1d(PLACES, beside)
    slopes = slopes_at(layer, x)
    most = float(slopes.max())
    places = x[slopes == most]
    if len(places) == 2 and -MIDDLE < places[0] == -places[1]:
        places = places[1:]  # an even slope; its peaks are alike
    low, high = (nearest_kink(float(place), kinks) for place in (places[0], places[-1]))
    if -MIDDLE < low == high < MIDDLE and low not in {kink.x for kink in kinks}:
        return Steepest(*peak(layer, low))
    if abs(low) > MIDDLE and low == high and most > 2 * slopes[abs(x) < abs(low)].max():
        most = np.inf
    return Steepest(most, *(end if abs(end) < MIDDLE else end * np.inf for end in (low, high)))


def nearest_kink(x: float, kinks: Sequence[Kink]) -> float:
    """The kink that x lies beside, else x."""
    return next((kink.x for kink in kinks if abs(kink.x - x) <= 2 * STEP * max(1, abs(x))), x)


def peak(layer: Layer, x: float) -> tuple[float, float, float]:
    """The largest |∂y/∂x| near a point of the grid, and the x where it is, twice."""
    width = 0.01
    for _ in range(8):
        near = np.linspace(x - width, x + width, 41)
        slopes = slopes_at(layer, near)
        x, width = float(near[slopes.argmax()]), width / 10
    # A peak is flat: its place has half as many digits as its height.
    x = round(x, 7) + 0.0
    return float(slopes_at(layer, np.array([x]))[0]), x, x


def saturations(layer: Layer) -> Iterator[Saturation]:
    """Where y is its limit to the last bit, on each side that has a finite limit."""
    for side in (-1, 1):
        limit = float(layer.forward(np.float64(side * np.inf)))
        if np.isfinite(limit):
            begins = {dtype: first_saturated(layer, side, dtype) for dtype in DTYPES}
            yield Saturation(side, limit + 0.0, begins)


def first_saturated(layer: Layer, side: int, dtype: str) -> float:
    """The x nearest to 0, in that dtype, from which on y is its limit."""
    is_short = dtype == "bfloat16"
    work = np.dtype("float64" if is_short else dtype)
    far = float(np.finfo("float32" if is_short else dtype).max) / 2

    def rounded(x: Array) -> Array:
        return nearest_bfloat16(x) if is_short else x

    places = np.concatenate([np.zeros(1), np.geomspace(1e-3, far, 4000)]).astype(work)
    places = rounded(side * places)
    limit = rounded(layer.forward(np.array(side * np.inf, work)))
    differs = np.flatnonzero(rounded(layer.forward(places)) != limit)
    if not differs.size:
        return 0.0
    if differs[-1] == places.size - 1:
        return side * np.inf
    low, high = places[differs[-1]], places[differs[-1] + 1]
    while low != (middle := work.type(rounded(low + (high - low) / 2))) != high:
        is_limit = rounded(layer.forward(middle)) == limit
        low, high = (low, middle) if is_limit else (middle, high)
    return float(high)


def nearest_bfloat16(x: Array) -> Array:
    """Numbers of float64 rounded to bfloat16, which NumPy has only with ml_dtypes."""
    digits, smallest = BFLOAT16
    spacing = np.ldexp(1.0, np.maximum(np.frexp(x)[1] - digits, smallest))
    return np.asarray(np.rint(x / spacing) * spacing)


def equal_values(layer: Layer) -> tuple[float, float, float] | None:
    """A value y and two x that give it with different slopes; None if y rises or falls only."""
    x = np.linspace(-8, 8, 1600)
    signs = np.sign(value_and_slope_at(layer, x)[1])
    turns = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    if not turns.size:
        return None
    turn, sign = float(x[turns[0]]), float(signs[turns[0]])
    left = round(turn - 1)
    value = float(layer.forward(float(left)))

    def beyond(place: float) -> bool:
        """Whether y has come back to the value, on the way from the turn to larger x."""
        return sign * (float(layer.forward(place)) - value) <= 0

    low, high = turn, turn + 1.0
    while not beyond(high) and high < TAIL:
        low, high = high, high + 1.0
    while high - low > 2.0**-40:
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return value, float(left), high
