"""Layers that draw random numbers: made again and again with the same ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.subject import Subject, copy_maker

#: Sets the generators back to where they were.
Restore = Callable[[], None]


@contextmanager
def kept_randomness() -> Iterator[None]:
    """The generators of Python and NumPy are after the block where they were before it."""
    restore = _snapshot(())
    try:
        yield
    finally:
        restore()


def with_fixed_randomness(subject: Subject, x: Array) -> Subject:
    """The layer, so that each new one gives the same results at x if that can be had.

    Where new layers differ, the generators that the layer shares with others are set back for each
    one; where they still differ, one layer is made and then copied.
    """
    if _is_reproducible(subject, x):
        return subject
    restore = _snapshot(_shared_generators(subject.make()))
    fixed = subject._replace(make=_maker(subject.make, restore))
    if _is_reproducible(fixed, x):
        return fixed
    return subject._replace(make=_maker(copy_maker(fixed.make()), restore))


def continued(subject: Subject, calls: Callable[[Any], None]) -> Subject:
    """The layer after those calls: each new one has the state that they leave behind."""
    layer = subject.make()
    calls(layer)
    restore = _snapshot(_shared_generators(layer))
    return subject._replace(make=_maker(copy_maker(layer), restore))


def _maker(make: Callable[[], Any], restore: Restore) -> Callable[[], Any]:
    def restored() -> Any:
        restore()
        return make()

    return restored


def _is_reproducible(subject: Subject, x: Array) -> bool:
    first, second = subject.run(x), subject.run(x)
    return all(np.array_equal(a, b, True) for a, b in zip(first, second, strict=True))


def _snapshot(generators: tuple[Any, ...]) -> Restore:
    python, legacy = random.getstate(), np.random.get_state()
    states = [deepcopy(_bits(generator).state) for generator in generators]

    def restore() -> None:
        random.setstate(python)
        np.random.set_state(legacy)
        for generator, state in zip(generators, states, strict=True):
            _bits(generator).state = deepcopy(state)

    return restore


def _bits(generator: Any) -> Any:
    bits = getattr(generator, "bit_generator", None)
    return generator._bit_generator if bits is None else bits


def _shared_generators(layer: Any) -> tuple[Any, ...]:
    """The generators of NumPy that are kept on the layer's class, or in its module."""
    places = [vars(cls) for cls in type(layer).__mro__]
    functions = [
        *getattr(layer, "_functions", ()),
        *(v for place in places for v in place.values()),
    ]
    places += [function.__globals__ for function in functions if hasattr(function, "__globals__")]
    kinds = (np.random.Generator, np.random.RandomState)
    return tuple(
        {id(v): v for each in places for v in each.values() if isinstance(v, kinds)}.values()
    )
