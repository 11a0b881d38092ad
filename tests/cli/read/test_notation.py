"""Ranges, bit patterns, and the rows of spreadsheets, MATLAB and Julia as arrays."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actgrad.cli.read import rows
from actgrad.cli.read.literal import LiteralError, text_array


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("-3:3:1.5", [-3, -1.5, 0, 1.5, 3]),
        ("0:3", [0, 1, 2, 3]),
        ("3:0:-1", [3, 2, 1, 0]),
        ("0:1:0.3", [0, 0.3, 0.6, 0.9]),
        ("2:2", [2]),
        (" 0 : 1e-3 : 5e-4 ", [0, 0.0005, 0.001]),
        ("[1 -0.5; -2 3]", [[1, -0.5], [-2, 3]]),
        ("[1, -0.5; -2, 3];", [[1, -0.5], [-2, 3]]),
        ("[1; 2]", [[1], [2]]),
        ("1\t−2\n3\t4\n", [[1, -2], [3, 4]]),
        ("1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        ("1.5;2\n3;4", [[1.5, 2], [3, 4]]),
        ("# saved by numpy.savetxt\n1.0e+00 2.0e+00\n3.0e+00 nan\n", [[1, 2], [3, np.nan]]),
        ("1\n2\n3\n", [1, 2, 3]),
        ("1 2 3\n", [[1, 2, 3]]),
        ("1,2\n", [[1, 2]]),
        ("1\n", 1),
        ("2×2 Matrix{Float64}:\n  1.0  -0.5\n -2.0   3.0", [[1, -0.5], [-2, 3]]),
        ("1×2 Matrix{Float64}:\n 1.0  -0.5", [[1, -0.5]]),
        ("2-element Vector{Float64}:\n 1.0\n 2.0", [1, 2]),
        ("\nA =\n\n    1.0000   -0.5000\n   -2.0000       NaN\n\n", [[1, -0.5], [-2, np.nan]]),
        ("[[1, 2],\n [3, 4]]", [[1, 2], [3, 4]]),
        ("<tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>", [1, 2]),
        ("<tf.Tensor: shape=(), dtype=float32, numpy=1.5>", 1.5),
        ("tf.Tensor(\n[[1. 2.]\n [3. 4.]], shape=(2, 2), dtype=float32)", [[1, 2], [3, 4]]),
        (
            "<tf.Variable 'w:0' shape=(1,) dtype=float32, numpy=array([1.], dtype=float32)>",
            [1],
        ),
        (
            "Tensor(shape=[1, 2], dtype=float32, place=Place(gpu:0), stop_gradient=True,\n"
            "       [[1., 2.]])",
            [[1, 2]],
        ),
        ("Parameter containing:\ntensor([1., 2.], requires_grad=True)", [1, 2]),
    ],
)
def test_what_other_programs_print_is_read(text: str, values: object) -> None:
    np.testing.assert_array_equal(text_array(text), np.array(values, np.float64), strict=True)


def test_a_range_has_the_floats_nearest_to_its_decimals() -> None:
    assert text_array("0:1:0.1").tolist() == [float(f"0.{i}") for i in range(10)] + [1.0]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("0:5:0", "the range 0:5:0 never reaches its end", "write 0:5:1"),
        ("5:0", "the range 5:0 never reaches its end", "write 5:0:-1"),
        ("0:5:-0.5", "the range 0:5:-0.5 never reaches its end", "write 0:5:0.5"),
        ("0:1:1e-9", "the range 0:1:1e-9 has more than 16777216 numbers", None),
        ("0:1e400:1e399", "the range 0:1e400:1e399 has numbers beyond those of float64", None),
        ("1 2\n3", "the rows differ: row 2 has 1 field, row 1 has 2", None),
        ("1\t2\n3\tx", "'x' is not a number of float64, in row 2, field 2", None),
        ("1\t\n3\t4", "there is no number, in row 1, field 2", None),
        (
            "1,5\t2,5\n3,5\t4,5",
            "'1,5' is not a number of float64, in row 1, field 1",
            "write decimal points: 1.5",
        ),
        (
            "1,5 2,5\n3,5 4,5",
            "'5 2' is not a number of float64, in row 1, field 2",
            "write decimal points, such as 1.5",
        ),
        ("[1, 2; 3]", "the rows differ: row 2 has 1 field, row 1 has 2", None),
        ("[0xb4ab, 1]", "bit patterns and numbers stand side by side", None),
        ("0x3f801", "0x3f801 has more than the 16 bits of float16", None),
    ],
)
def test_what_is_no_array_is_refused(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(LiteralError) as refused:
        text_array(text, "float16")
    assert (str(refused.value), refused.value.hint) == (message, hint)


def test_bit_patterns_need_a_dtype() -> None:
    with pytest.raises(LiteralError, match=r"^0x3c00 is a bit pattern, which needs a dtype$"):
        text_array("[[0x3c00]]")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@given(data=st.data())
def test_every_bit_pattern_round_trips(dtype: str, data: st.DataObject) -> None:
    width = np.dtype(dtype).itemsize
    words = data.draw(st.lists(st.integers(0, 256**width - 1), min_size=1, max_size=5))
    got = text_array(f"[{', '.join(map(hex, words))}]", dtype)
    assert got.dtype == dtype
    assert got.view(f"u{width}").tolist() == words


@given(st.text(alphabet="[];:,.-0x1e2 \n\t×AMatrix{}=#%<>'()") | st.text())
def test_any_text_is_an_array_or_a_literal_error(text: str) -> None:
    with suppress(LiteralError):
        assert text_array(text, "float16").dtype in (np.float64, np.float16)


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n5,6\n",
        "1\n2\n3\n4\n5\n",
        "1.5 2\n 3  4\n",
        "1\t2\r\n3\t4\r\n5\t6\r\n",
        "1; 2\n3;4\n\n",
        "# x, y\n1,2\n3,4\n5,6",
        "1,2\n\n3,4\n5,6",
        "1,2\n3\n4,5\n",
        "1,2\n3,x\n",
        "1,2\n3,nan\n4,True\n",
        "1,2\n,\n5,6",
        "x,y\n1,2\n3,4\n",
        "[1, 2,\n 3, 4]",
        "[[1, 2],\n [3, 4]]",
    ],
)
def test_long_rows_are_read_in_parts(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def result() -> tuple[str, object]:
        names = rows.named_columns(text)
        try:
            array = text_array(text)
            return str(array.tolist()), str(names)
        except LiteralError as error:
            return str(error), str(names)

    expected = result()
    monkeypatch.setattr(rows, "BEGINNING", 2)
    assert result() == expected
