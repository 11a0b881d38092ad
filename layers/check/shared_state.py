"""State that the objects of a class share: generators, mutable defaults, and kept containers.

A default argument such as `cache={}`, an attribute of a class and a variable of a module outlive
a layer. A layer is like new only if they are set back, too.
"""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dis import get_instructions
from types import FunctionType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from actgrad.layers.check.kept_values import KeptValues, Variables, places_among

#: Sets the shared state back to where it was.
Restore = Callable[[], None]
#: The functions that get and set the state of a generator.
Access: TypeAlias = tuple[Callable[[], Any], Callable[[Any], Any]]
GENERATORS = np.random.Generator | np.random.RandomState
#: So deep, functions are looked for in functions.
NESTED = 2


class SharedState(NamedTuple):
    """What a layer shares with other objects, as it is now."""

    generators: tuple[Any, ...]
    kept: tuple[KeptValues, ...]

    @staticmethod
    def of(layer: Any) -> SharedState:
        """The shared state of a layer; without its containers if it is one of actgrad's own."""
        layer = getattr(layer, "wrapped", layer)
        classes = [cls for cls in type(layer).__mro__ if not _is_library(cls.__module__)]
        reached = [*_reached_from(layer, classes)]
        generators = {id(value): value for value in reached if isinstance(value, GENERATORS)}
        kept = tuple(map(KeptValues.of, [*classes, *places_among(reached)]))
        return SharedState(tuple(generators.values()), kept)

    @property
    def is_changed(self) -> bool:
        """Whether a place holds other values than at first."""
        return any(each.is_changed for each in self.kept)

    def set_back(self) -> None:
        """Put back what each place held."""
        for each in self.kept:
            if each.is_changed:
                each.set_back()

    @property
    def sources(self) -> list[Access]:
        """How the states of the generators are read and set, with those of Python, NumPy and
        PyTorch."""
        sources: list[Access] = [
            (random.getstate, random.setstate),
            (np.random.get_state, np.random.set_state),
            *map(_access, self.generators),
        ]
        if torch := sys.modules.get("torch"):
            sources.append((torch.get_rng_state, torch.set_rng_state))
        return sources

    def drawn_by(self, use: Callable[[], Any]) -> list[Access]:
        """The generators from which `use` draws numbers; they are set back afterwards."""
        set_back = restorer(self.sources)
        before = [pickle.dumps(get()) for get, _ in self.sources]
        use()
        pairs = zip(self.sources, before, strict=True)
        drawn = [source for source, state in pairs if pickle.dumps(source[0]()) != state]
        set_back()
        return drawn


def restorer(sources: list[Access]) -> Restore:
    """A function that sets the generators back to where they are now."""
    states = [(put, deepcopy(get())) for get, put in sources]

    def restore() -> None:
        for put, state in states:
            put(state)

    return restore


def _access(generator: Any) -> Access:
    """The functions that get and set the state of a generator of NumPy."""
    bits = getattr(generator, "bit_generator", None)
    bits = generator._bit_generator if bits is None else bits
    return lambda: bits.state, lambda state: setattr(bits, "state", state)


def _is_library(module: str) -> bool:
    return module.partition(".")[0] in {"actgrad", "builtins", "abc", "typing", "torch", "jax"}


def _reached_from(layer: Any, classes: list[type]) -> Iterator[Any]:
    """The attributes of the classes, and what the functions of the layer reach."""
    values = [value for cls in classes for value in vars(cls).values()]
    for value in [*values, *getattr(layer, "_functions", (layer,))]:
        yield value
        function = getattr(value, "__func__", value)
        if isinstance(function, FunctionType):
            yield from _reached(function, NESTED)


def _reached(function: FunctionType, depth: int) -> Iterator[Any]:
    """The defaults of a function, the variables that it uses, and those of functions it calls."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    instructions = [*get_instructions(function)]
    stored = {each.argval for each in instructions if each.opname == "STORE_GLOBAL"}
    if stored:
        yield Variables(function.__globals__, tuple(stored))
    names = {each.argval for each in instructions if each.opname == "LOAD_GLOBAL"}
    values = [value for name, value in function.__globals__.items() if name in names]
    for cell in function.__closure__ or ():
        try:
            values += [cell.cell_contents, cell]
        except ValueError:  # a variable that has no value yet
            continue
    for value in values:
        yield value
        if depth and isinstance(value, FunctionType) and value.__module__ == function.__module__:
            yield from _reached(value, depth - 1)
