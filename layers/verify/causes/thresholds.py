"""Faults beyond a threshold of x: a constant, x itself, a tail cut to 0; and isolated numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, decimal
from actgrad.layers.verify.causes.observations import TELLING, Observations

#: The most different x that are called isolated, and the fewest elements that show it.
MOST_ISOLATED, FEWEST_ELEMENTS = 3, 100
#: A threshold has a single number if it is known to this share of itself.
SHARP = 0.02
#: A float64 has fewer significant digits than this that mean something.
DIGITS = 17


class Beyond(NamedTuple):
    """What a kernel gives for all x beyond a threshold."""

    #: Which elements are beyond it.
    where: Array
    results: Array
    #: Such as "1 above x = 8".
    text: str
    is_cut: bool


def beyond_thresholds(seen: Observations) -> Iterator[tuple[str, Array]]:
    """The right results, but something simple beyond a threshold on one side or on both."""
    right = seen.rounded(getattr(seen.run, seen.name))
    sides = [beyond for is_above in (False, True) for beyond in simple_tail(seen, is_above)]
    for side in sides:
        yield threshold_cause([side]), np.where(side.where, side.results, right)
    if len(sides) == 2:
        both = right
        for side in sides:
            both = np.where(side.where, side.results, both)
        yield threshold_cause(sides), both


def threshold_cause(sides: list[Beyond]) -> str:
    """The cause that names what stands beyond the thresholds."""
    texts = " and ".join(side.text for side in sides)
    if all(side.is_cut for side in sides):
        return f"a tail is cut to 0: the result is {texts}"
    return f"saturated beyond a threshold: the result is {texts}"


def simple_tail(seen: Observations, is_above: bool) -> Iterator[Beyond]:
    """What is given at every x beyond the failing x that is furthest inside, on one side of 0."""
    x, side = seen.x, 1 if is_above else -1
    fails = seen.telling & (side * x > 0) & np.isfinite(x)
    if not fails.any():
        return
    inmost = float(np.min(side * x[fails]))
    where = (side * x >= inmost) & np.isfinite(x)
    got, first = seen.got, int(np.argmin(np.where(where, side * x, np.inf)))
    scale = seen.dout if seen.name == "dx" else np.ones(x.size)
    with np.errstate(all="ignore"):
        constant = float(got[first] / scale[first])
    times = " times dout" if constant and (scale != 1).any() else ""
    for text, results in (
        (f"{decimal(constant, 9)}{times}", constant * scale),
        *([("x itself", x)] if seen.name == "out" else []),
    ):
        holds = (got == results) | (np.isnan(got) & np.isnan(results))
        if holds[where].all():
            inside = ~holds & (side * x < inmost)
            last = float(np.max((side * x)[inside], initial=0.0))
            beyond = f"{text} {'above' if is_above else 'below'} {place(side, last, inmost)}"
            yield Beyond(where, results, beyond, text in ("0", "-0"))
            return


def place(side: int, low: float, high: float) -> str:
    """Where a threshold is, if it lies in low ≤ side·x < high: `x = 8`, or between two numbers."""
    if high - low > SHARP * high:
        ends = sorted((side * low, side * high))
        return f"an x from {decimal(ends[0], 4)} to {decimal(ends[1], 4)}"
    return f"x = {decimal(side * simplest(low, high))}"


def simplest(low: float, high: float) -> float:
    """The number of fewest significant digits with low ≤ number < high; high if there is none."""
    for digits in range(1, DIGITS):
        for number in (low, high, (low + high) / 2):
            candidate = float(f"{number:.{digits}g}")
            if low <= candidate < high:
                return candidate
    return high


def isolated_cause(seen: Observations) -> str | None:
    """The x that alone fail by much, with right neighbours, and a result that has a name."""
    fails = np.flatnonzero(seen.fails)
    places = np.unique(seen.x[fails])
    if not 0 < places.size <= MOST_ISOLATED or seen.x.size < FEWEST_ELEMENTS:
        return None
    texts = []
    for place in places.tolist():
        here = fails[seen.x[fails] == place]
        if not np.isfinite(place) or (seen.elements.error[here] <= TELLING).any():
            return None
        got = seen.got[here[0]]
        given = place if seen.name == "out" else float(seen.dout[here[0]])
        known = {"x itself" if seen.name == "out" else "dout": given, "0": 0, "nan": np.nan}
        names = [
            name for name, value in known.items() if got == value or (got != got and name == "nan")
        ]
        texts.append(f"{decimal(place, 9)}, where the result is {(*names, decimal(got, 9))[0]}")
    what = "one isolated x" if len(texts) == 1 else f"{len(texts)} isolated x"
    return f"{what}: {'; '.join(texts)}"
