"""State that the objects of a class share: generators, mutable defaults, and kept containers.

A default argument such as `cache={}`, an attribute of a class and a variable of a module outlive
a layer. A layer is like new only if they are set back, too.
"""

from __future__ import annotations

import pickle
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dis import get_instructions
from types import CellType, FunctionType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

#: Sets the shared state back to where it was.
Restore = Callable[[], None]
#: The functions that get and set the state of a generator.
Access: TypeAlias = tuple[Callable[[], Any], Callable[[Any], Any]]
CONTAINERS = (dict, list, set, deque)
GENERATORS = np.random.Generator | np.random.RandomState
#: So deep, containers are looked for in containers, and functions in functions.
NESTED = 2
#: A larger array is not looked at.
LARGEST_ARRAY = 4096
#: The value of a variable that is not there.
MISSING = object()


class Variables(NamedTuple):
    """The variables of a module that a function sets by a `global` statement."""

    module: dict[str, Any]
    names: tuple[str, ...]


class SharedState(NamedTuple):
    """What a layer shares with other objects, as it is now."""

    generators: tuple[Any, ...]
    #: The places that hold values, each with those that it holds.
    kept: tuple[tuple[Any, Any], ...]

    @staticmethod
    def of(layer: Any) -> SharedState:
        """The shared state of a layer; without its containers if it is one of actgrad's own."""
        layer = getattr(layer, "wrapped", layer)
        classes = [cls for cls in type(layer).__mro__ if not _is_library(cls.__module__)]
        reached = [*_reached_from(layer, classes)]
        generators = {id(value): value for value in reached if isinstance(value, GENERATORS)}
        kept = tuple((place, _content(place)) for place in [*classes, *_places(reached)])
        return SharedState(tuple(generators.values()), kept)

    @property
    def is_changed(self) -> bool:
        """Whether a place holds other values than at first."""
        return any(not _holds(place, content) for place, content in self.kept)

    def set_back(self) -> None:
        """Put back what each place held."""
        for place, content in self.kept:
            if not _holds(place, content):
                _refill(place, content)

    def restorer(self, use: Callable[[], Any] | None = None) -> Restore:
        """A function that sets back the generators, with those of Python and NumPy.

        If `use` is given, they are those from which it draws numbers.
        """
        sources: list[Access] = [
            (random.getstate, random.setstate),
            (np.random.get_state, np.random.set_state),
            *map(_access, self.generators),
        ]
        states = [deepcopy(get()) for get, _ in sources]
        drawn = [True] * len(sources)
        if use is not None:
            use()
            drawn = [
                pickle.dumps(get()) != pickle.dumps(state)
                for (get, _), state in zip(sources, states, strict=True)
            ]

        def restore() -> None:
            for (_, put), state, is_drawn in zip(sources, states, drawn, strict=True):
                if is_drawn:
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


def _places(values: Iterable[Any]) -> list[Any]:
    """What among the values holds others, and the containers in containers, each once."""
    places: dict[int, Any] = {}

    def collect(value: Any, depth: int) -> None:
        if isinstance(value, np.ndarray) and value.size > LARGEST_ARRAY:
            return
        if isinstance(value, (*CONTAINERS, np.ndarray, CellType, Variables)):
            known = id(value) in places
            places[id(value)] = value
            if depth and isinstance(value, CONTAINERS) and not known:
                for each in _values(value):
                    collect(each, depth - 1)

    for value in values:
        collect(value, NESTED)
    return [*places.values()]


def _values(place: Any) -> Iterable[Any]:
    if isinstance(place, Variables):
        return [place.module.get(name, MISSING) for name in place.names]
    if isinstance(place, CellType):
        return [place.cell_contents]
    if isinstance(place, type):
        return vars(place).values()
    values: Iterable[Any] = place.values() if isinstance(place, dict) else place
    return values


def _content(place: Any) -> Any:
    """A copy of an array, of a dictionary or of a namespace; else the values."""
    if isinstance(place, np.ndarray | dict):
        return place.copy()
    return dict(vars(place)) if isinstance(place, type) else [*_values(place)]


def _holds(place: Any, content: Any) -> bool:
    """Whether a place holds the same objects as before, or an array the same numbers."""
    if isinstance(place, np.ndarray):
        return np.array_equal(place, content, place.dtype.kind in "fc")
    return [*map(id, _values(place))] == [*map(id, _values(content))]


def _refill(place: Any, content: Any) -> None:
    if isinstance(place, np.ndarray):
        place[...] = content
    elif isinstance(place, CellType):
        (place.cell_contents,) = content
    elif isinstance(place, Variables):
        for name, value in zip(place.names, content, strict=True):
            place.module.update({name: value})
            if value is MISSING:
                del place.module[name]
    elif isinstance(place, type):
        for name in {*vars(place)} - {*content}:
            delattr(place, name)
        for name, value in content.items():
            if vars(place).get(name, MISSING) is not value:
                setattr(place, name, value)
    else:
        place.clear()
        (place.extend if isinstance(place, list | deque) else place.update)(content)
