"""Rows that were stored as JSON and are read back: each value must have the type of its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Row = TypeVar("Row")
#: Whole numbers are counts, sizes and steps; no larger one is stored.
MOST = 1 << 63


def read_row(kind: Callable[..., Row], values: Mapping[str, Any]) -> Row:
    """The row of a kind of named tuple that has these values.

    Raises:
        ValueError: a value has another type than its field.
        TypeError: a field has no value, or a value no field.
    """
    row: Any = kind(**values)
    types = get_type_hints(kind)
    for name, value in row._asdict().items():
        if not _fits(value, types[name]):
            raise ValueError(f"{name} is {value!r:.40}")
    return cast(Row, row)


def _fits(value: object, field: Any) -> bool:
    """Whether the value has the type of the field."""
    origin, parts = get_origin(field), get_args(field)
    if origin is UnionType:
        return any(_fits(value, part) for part in parts)
    if origin is Mapping:
        return isinstance(value, dict) and all(_fits(each, parts[1]) for each in value.values())
    if origin in (Sequence, tuple):
        return isinstance(value, list | tuple) and all(_fits(each, parts[0]) for each in value)
    if field is int:
        return type(value) is int and 0 <= value < MOST
    return type(value) in ((int, float) if field is float else (field,))
