"""Numbers in a table's cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actgrad.cli.show.page import numeral
from actgrad.cli.show.table import aligned
from actgrad.layers.arrays import short_exponent


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float64(0), "0"),
        (np.float64(-0.0), "-0"),
        (np.float64(1), "1"),
        (np.float64(-0.5), "-0.5"),
        (np.float64(1e-300), "1e-300"),
        (np.float64(-1e300), "-1e300"),
        (np.float64(5e-324), "4.94066e-324"),
        (np.float64(0.1 + 0.2), "0.3"),
        (np.float64(123456.7), "123457"),
        (np.float64("nan"), "nan"),
        (np.float64("-inf"), "-inf"),
        (np.float32(0.1), "0.1"),
        (np.float16(0.1), "0.1"),
        (np.bool_(True), "True"),
    ],
)
def test_a_number_is_shown_in_six_digits_at_the_most(value: np.generic, shown: str) -> None:
    assert numeral(value) == shown


def test_a_number_is_shown_in_as_many_digits_as_asked() -> None:
    assert numeral(1 / 3, 3) == "0.333"
    assert numeral(1.23456789e-7, 9) == "1.23456789e-7"
    assert short_exponent("1.5e-007") == "1.5e-7"


def test_decimal_points_stand_in_one_column() -> None:
    assert aligned(["1", "-0.5", "1e-300", "nan", "123456"]) == [
        "     1     ",
        "    -0.5   ",
        "     1e-300",
        "   nan     ",
        "123456     ",
    ]


@given(st.lists(st.floats(width=32), min_size=1))
def test_aligned_texts_keep_their_numbers_and_share_a_width(values: list[float]) -> None:
    texts = [numeral(np.float32(value)) for value in values]
    lines = aligned(texts)
    assert [line.strip() for line in lines] == texts
    assert len({len(line) for line in lines}) == 1
