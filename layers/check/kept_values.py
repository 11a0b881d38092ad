"""Places that hold values which outlive a layer: what they hold, and setting them back.

Such a place is a container, an array, a class, a closure's variable, or the variables of a module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from types import CellType, MappingProxyType
from typing import Any, NamedTuple

import numpy as np

#: The containers of Python that are looked at.
CONTAINERS = (dict, list, set, deque)
#: So deep, containers are looked for in containers.
NESTED = 2
#: A larger array is not looked at.
LARGEST_ARRAY = 4096
#: The value of a variable that is not there.
MISSING = object()


class Variables(NamedTuple):
    """The variables of a module that a function sets by a `global` statement."""

    module: dict[str, Any]
    names: tuple[str, ...]


def places_among(values: Iterable[Any]) -> list[Any]:
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


class KeptValues(NamedTuple):
    """A place, and what it holds: objects with their identities, or the numbers of an array."""

    place: Any
    content: Any
    identities: list[int]

    @staticmethod
    def of(place: Any) -> KeptValues:
        """A place with a copy of an array, a dictionary or a namespace; else with its values."""
        if isinstance(place, np.ndarray):
            return KeptValues(place, place.copy(), [])
        held = vars(place) if isinstance(place, type) else place
        content = held.copy() if isinstance(held, dict | MappingProxyType) else [*_values(place)]
        return KeptValues(place, content, [*map(id, _values(place))])

    @property
    def is_changed(self) -> bool:
        """Whether the place holds other objects than at first, or an array other numbers."""
        place, content, identities = self
        if isinstance(place, np.ndarray):
            return not np.array_equal(place, content, place.dtype.kind in "fc")
        return [*map(id, _values(place))] != identities

    def set_back(self) -> None:
        """Put back what the place held."""
        place, content, _ = self
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


def _values(place: Any) -> Iterable[Any]:
    if isinstance(place, type):
        return vars(place).values()
    if isinstance(place, Variables):
        return [place.module.get(name, MISSING) for name in place.names]
    if isinstance(place, CellType):
        return [place.cell_contents]
    values: Iterable[Any] = place.values() if isinstance(place, dict) else place
    return values
