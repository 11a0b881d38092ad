"""The ways in which the words are read: on each kind of number, a function for each word."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from actgrad.layers.formula.words import Operation, above, multiply, not_above


class Reading(dict[Operation, Callable[..., Any]]):
    """How every word reads on one kind of number: `reading[word](*inputs)`.

    Raises:
        NotImplementedError: the word has no such reading.
    """

    def __init__(self, kind: str, read: Callable[[Operation], Callable[..., Any] | None]) -> None:
        super().__init__()
        self.kind, self._read = kind, read

    def __missing__(self, word: Operation) -> Callable[..., Any]:
        function = self._read(word)
        if function is None:
            raise NotImplementedError(f"{word!r} has no reading on {self.kind}")
        self[word] = function
        return function


def _on_balls(word: Operation) -> Callable[..., Any]:
    """The word's ball; without one nothing is claimed, and intervals must settle the value."""
    from actgrad.layers.arithmetic import ball_functions, balls

    named = getattr(balls, word.name, None) or getattr(ball_functions, word.name, None)
    return named or balls.nothing_claimed


#: On Python floats, as IEEE arithmetic has it. A choice about nan is nan.
FLOATS = Reading("floats", lambda word: word.number)
#: On expressions.
SYMBOLS = Reading("symbols", lambda word: word.on_symbols)
#: On nodes, so that a gradient is a formula again.
NODES = Reading("nodes", lambda word: word.on_nodes)
#: On arrays of double-double numbers with proven error bounds.
BALLS = Reading("balls", _on_balls)


@lru_cache(maxsize=64)
def intervals(precision: int, floor: Any) -> Reading:
    """On intervals with ends of `precision` bits; `Intervals` states the arguments."""
    from actgrad.layers.arithmetic import Intervals

    arithmetic = Intervals(precision, floor)
    return Reading("intervals", lambda word: getattr(arithmetic, word.name, None))


@lru_cache(maxsize=8)
def limits(precision: int) -> Reading:
    """On intervals that hold the limits of values; see `Limits`."""
    from actgrad.layers.arithmetic import Limits

    arithmetic = Limits(precision)
    return Reading("limits", lambda word: getattr(arithmetic, word.name, None))


def arrays(dtype: np.dtype[Any]) -> Reading:
    """On arrays of a dtype, every result but a comparison's rounded to it."""

    def read(word: Operation) -> Callable[..., Any] | None:
        function = word.array
        if function is None or word in (above, not_above):
            return function
        if word is multiply:
            return lambda u, v: np.asarray(product(u, v)).astype(dtype)
        return lambda *inputs: np.asarray(function(*inputs)).astype(dtype)

    return Reading(f"arrays of {dtype.name}", read)


def product(u: Any, v: Any) -> Any:
    """u·v on arrays; a condition v passes u where it holds, and stops it elsewhere."""
    return np.where(v, u, 0) if np.asarray(v).dtype == bool else np.multiply(u, v)
