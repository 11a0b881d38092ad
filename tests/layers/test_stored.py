"""Rows that are read back from JSON have values of their fields' types, or are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from actgrad.layers.stored import read_row


class Measured(NamedTuple):
    name: str
    size: int
    shape: tuple[int, ...]
    error: float | None
    counts: Mapping[str, int]
    notes: Sequence[str] = ()


RIGHT = {"name": "a", "size": 3, "shape": [2, 0], "error": 1, "counts": {"b": 4}}


def test_a_row_of_right_types_is_read() -> None:
    assert read_row(Measured, RIGHT) == Measured("a", 3, [2, 0], 1, {"b": 4})  # type: ignore[arg-type]
    assert read_row(Measured, {**RIGHT, "error": None, "notes": ["x"]}).notes == ["x"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 1),
        ("name", None),
        ("size", -1),
        ("size", True),
        ("size", 1.0),
        ("size", 1 << 63),
        ("shape", "12"),
        ("shape", [1, "2"]),
        ("error", "nan"),
        ("counts", {"b": []}),
        ("counts", [1]),
        ("notes", "x"),
    ],
)
def test_a_value_of_another_type_is_named(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field} is "):
        read_row(Measured, {**RIGHT, field: value})


def test_a_missing_value_and_one_more_are_refused() -> None:
    for values in ({**RIGHT, "more": 1}, {"name": "a"}):
        with pytest.raises(TypeError):
            read_row(Measured, values)
