"""Functions on Python floats with the results of IEEE arithmetic, where Python's would raise."""

from __future__ import annotations

import math
from collections.abc import Callable


def overflowing(function: Callable[[float], float], odd: bool = False) -> Callable[..., float]:
    """A function of `math` with ±inf where it overflows: of u's sign if it is odd."""

    def number(u: float) -> float:
        try:
            return function(u)
        except OverflowError:
            return math.copysign(math.inf, u) if odd else math.inf

    return number


def logarithm(function: Callable[[float], float], pole: float) -> Callable[..., float]:
    """A logarithm: −inf at its pole, nan below it."""
    return lambda u: function(u) if u > pole else -math.inf if u == pole else math.nan


def wave(function: Callable[[float], float]) -> Callable[..., float]:
    """sin or cos: nan at ±inf, where no limit exists."""
    return lambda u: math.nan if math.isinf(u) else function(u)


def within_1(function: Callable[[float], float]) -> Callable[..., float]:
    """asin or acos: nan outside −1 to 1."""
    return lambda u: function(u) if -1 <= u <= 1 else math.nan


def nonnegative_power(u: float, v: float) -> float:
    """u^v: nan for a negative u."""
    if not u >= 0:
        return math.nan
    try:
        return math.pow(u, v)
    except (OverflowError, ValueError):  # an infinite result, or a negative power of 0
        return math.inf


def either(condition: bool | float, u: float, v: float) -> float:
    """u where the condition holds, else v; nan if it is nan."""
    return condition if math.isnan(condition) else u if condition else v


def comparison(holds: Callable[[float, float], bool]) -> Callable[[float, float], bool | float]:
    """A comparison of floats; a comparison with nan is nan."""
    return lambda u, v: math.nan if math.isnan(u) or math.isnan(v) else holds(u, v)


def square_root(u: float) -> float:
    """√u: nan for a negative u."""
    return math.sqrt(u) if u >= 0 else math.nan


def sign_of(u: float) -> float:
    """1 or −1; ±0 and nan are themselves."""
    return math.copysign(1.0, u) if u > 0 or u < 0 else u
