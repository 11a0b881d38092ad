"""What people write and paste as an array, and what is none."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from actgrad.cli.read import literal
from actgrad.cli.read.literal import DEEPEST, LiteralError, bracketed
from actgrad.layers.arrays import Array

SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
FLOATS = arrays.arrays(np.float64, SHAPES)


def same(got: Array, expected: Array) -> None:
    """Assert equal dtype, shape and bits, but for the sign and payload of NaN."""
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected, strict=True)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(expected)[number])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("-3", -3),
        (" 1e-3\n", 1e-3),
        ("+.5", 0.5),
        ("5.", 5),
        ("1E5", 1e5),
        ("1_000.5", 1000.5),
        ("−2", -2),
        ("[1, −2]", [1, -2]),
        ("nan", np.nan),
        ("[nan, inf, -inf]", [np.nan, np.inf, -np.inf]),
        ("[NaN, Infinity, -Infinity]", [np.nan, np.inf, -np.inf]),
        ('["NaN", "Infinity", "-Infinity"]', [np.nan, np.inf, -np.inf]),
        ("(1, 2, 3)", [1, 2, 3]),
        ("(1,)", [1]),
        ("(1)", 1),
        ("((1))", 1),
        ("([1, 2])", [1, 2]),
        ("[]", []),
        ("()", []),
        ("[[], []]", [[], []]),
        ("[1, 2,]", [1, 2]),
        ("[1,2 3\t4\n5]", [1, 2, 3, 4, 5]),
        ("[[1,-0.5],[-2,3]]", [[1, -0.5], [-2, 3]]),
        ("[[ 1.  -0.5]\n [-2.   3. ]]", [[1, -0.5], [-2, 3]]),
        ("[[1 2][3 4]]", [[1, 2], [3, 4]]),
        ("[True, False, true]", [1, 0, 1]),
        ("array([[1., 2.]], dtype=float32)", [[1, 2]]),
        ("tensor([[1., 2.]])", [[1, 2]]),
        ("tensor([[1., 2.]], device='cuda:0', grad_fn=<MulBackward0>)", [[1, 2]]),
        ("torch.tensor([1, 2], requires_grad=True)", [1, 2]),
        ("Array([1., 2.], dtype=float32)", [1, 2]),
        ("jnp.asarray([1, 2])", [1, 2]),
        ("np.float64(1.5)", 1.5),
        ("[np.float32(1.5), np.float32(nan)]", [1.5, np.nan]),
        ("[array([1, 2]), array([3, 4])]", [[1, 2], [3, 4]]),
        ("array([1.0, 2.0], dtype='<f4')", [1, 2]),
        ("[1\u00a02]", [1, 2]),
        ("[0.1, 1e308, 5e-324]", [0.1, 1e308, 5e-324]),
    ],
)
def test_what_people_paste(text: str, values: object) -> None:
    same(bracketed(text), np.array(values, dtype=np.float64))


@pytest.mark.parametrize(
    "text", ["array([], shape=(0, 3), dtype=float64)", "array([],shape=(0,3))"]
)
def test_the_shape_of_an_array_without_numbers_is_heeded(text: str) -> None:
    assert bracketed(text).shape == (0, 3)


@pytest.mark.parametrize("text", ["array([1., 2.], shape=(0, 3))", "[array([1, 2], shape=(2,))]"])
def test_the_shape_of_an_array_with_numbers_is_what_its_brackets_say(text: str) -> None:
    assert bracketed(text).size == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an array was expected, but the text is empty"),
        (" \n", "an array was expected, but the text is empty"),
        ("[1, 2", "'[' is never closed, at column 1"),
        ("[[1, 2], [3, 4]", "'[' is never closed, at column 1"),
        ("array([1, 2]", "'(' is never closed, at column 1"),
        ("[1, 2)", "'[' is closed by ')', at column 6"),
        ("1]", "']' closes nothing, at column 2"),
        ("]", "']' closes nothing, at column 1"),
        ("[[1, 2], [3]]", "the rows differ: row 1 has 1 number, row 0 has 2 numbers"),
        ("[[1, 2], [3, nan, 4]]", "the rows differ: row 1 has 3 numbers, row 0 has 2 numbers"),
        ("[1, [2]]", "the rows differ: row 1 has 1 number, row 0 is a number"),
        ("[[[1], [2]], [3]]", "the rows differ: row 1 has 1 number, row 0 has shape (2, 1)"),
        (
            "[[[1, 2], [3, 4]], [[1, 2], [3]]]",
            "the rows of [1] differ: row 1 has 1 number, row 0 has 2 numbers",
        ),
        ("[1, two]", "'two' is not a number, at column 5"),
        ("[[1, 2],\r\n [3, x]]", "'x' is not a number, at line 2, column 6"),
        ("[1,, 2]", "a number or '[' was expected before ',', at column 4"),
        ("[,]", "a number or '[' was expected before ',', at column 2"),
        ("[0x10]", "'0x10' is not a number, at column 2"),
        ("1__0", "'1__0' is not a number, at column 1"),
        ("1e", "'1e' is not a number, at column 1"),
        ("-1e400", "'-1e400' is beyond the numbers of float64, at column 1"),
        ("[0.1, 1e400]", "'1e400' is beyond the numbers of float64, at column 7"),
        ("1j", "'1j' is not a number, at column 1"),
        ("'1'", "\"'1'\" is not a number, at column 1"),
        ("[1 + 1]", "'+' is not a number, at column 4"),
        ("lambda", "'lambda' is not a number, at column 1"),
        ("array()", "a number or '[' was expected, at column 7"),
        ("array([1], [2])", "')' was expected, at column 11"),
        ("array([1], dtype=float32 or 1)", "'or' stands after the array's end, at column 26"),
        ("[1] x", "'x' stands after the array's end, at column 5"),
        ("array([], shape=(3,))", "there is no such array: "),
        ("array([], shape=(0, 99999999999999999999999))", "there is no such array: "),
        (f"array([], shape=(0, {'9' * 5000}))", "')' was expected, at column 10"),
        (f"[array([], shape=({'0,' * 64}))]", "there is no such array: "),
        ("[" * 100_000, "brackets are nested more than 64 deep"),
        ("(" * 100_000, "brackets are nested more than 64 deep"),
        ("array(" * 100_000, "brackets are nested more than 64 deep"),
        (f"[{'x' * 50}]", f"'{'x' * 24}…' is not a number, at column 2"),
    ],
)
def test_what_is_no_array(text: str, message: str) -> None:
    with pytest.raises(LiteralError) as refused:
        bracketed(text)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1, 2", "put brackets around the numbers"),
        ("1 2", "put brackets around the numbers"),
        ("[1, 2, ..., 9]", "save it with numpy.save and give the .npy file"),
        ("[[1 2 … 9]]", "save it with numpy.save and give the .npy file"),
        ("[1] nonsense", None),
    ],
)
def test_what_would_be_right(text: str, hint: str | None) -> None:
    with pytest.raises(LiteralError) as refused:
        bracketed(text)
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('touch evaluated')",
        "[__import__('os').system('touch evaluated')]",
        "array(open('evaluated', 'w'))",
        "[1 for _ in range(3)]",
        "1 if True else 2",
        "2**9999999999",
        "[1] * 9999999999",
        "-(1)",
    ],
)
def test_an_expression_is_never_evaluated(
    expression: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(folder)
    with pytest.raises(LiteralError):
        bracketed(expression)
    assert not list(folder.iterdir())


def test_brackets_may_be_as_deep_as_numpy_arrays_are() -> None:
    assert bracketed("[" * DEEPEST + "1" + "]" * DEEPEST).shape == (1,) * DEEPEST
    with pytest.raises(LiteralError):
        bracketed("[" * (DEEPEST + 1) + "1" + "]" * (DEEPEST + 1))


@given(FLOATS)
def test_pythons_own_text_round_trips(values: Array) -> None:
    same(bracketed(repr(values.tolist())), listed(values))


@given(FLOATS)
def test_json_round_trips(values: Array) -> None:
    same(bracketed(json.dumps(values.tolist())), listed(values))


@given(FLOATS)
def test_numpys_repr_round_trips(values: Array) -> None:
    with np.printoptions(threshold=10**9, floatmode="unique"):
        same(bracketed(repr(values)), values)


@given(FLOATS.filter(lambda values: values.size))
def test_numpys_print_round_trips(values: Array) -> None:
    with np.printoptions(threshold=10**9, floatmode="unique"):
        same(bracketed(str(values)), values)


def listed(values: Array) -> Array:
    """The values with no more axes than nested lists show: those up to the first empty one."""
    empty = values.shape.index(0) + 1 if 0 in values.shape else values.ndim
    return values.reshape(values.shape[:empty])


@given(st.floats())
def test_a_number_round_trips(number: float) -> None:
    got = bracketed(repr(number))
    assert got.shape == ()
    assert float(got) == number or math.isnan(number)


@pytest.mark.no_cover
@given(
    st.text()
    | st.text(alphabet="[]()-+.,eE_ \n019nainfтx\"'−…\ud800")
    | st.lists(
        st.sampled_from(
            [
                "[",
                "]",
                "(",
                ")",
                ",",
                " ",
                "1",
                "-2.5",
                "nan",
                '"NaN"',
                "array(",
                "tensor(",
                "true",
                ", dtype=float32",
                ", shape=(0, 3)",
                ", shape=(3,)",
                "...",
                "1e5",
                "\n",
            ]
        ),
        max_size=30,
    ).map("".join)
)
def test_any_text_is_an_array_or_a_literal_error(text: str) -> None:
    with suppress(LiteralError):
        assert bracketed(text).dtype == np.float64


@pytest.mark.parametrize("text", ["[1, 2.5,-3e4]", "[ 1 ,2 ]", "[1 2\t3]", "[[1,2],[3,4]]", "[.5]"])
@pytest.mark.parametrize("run", [1, 3, 1 << 20])
def test_a_long_row_is_read_in_parts(text: str, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bracketed(text)
    monkeypatch.setattr(literal, "SHORT", 0)
    monkeypatch.setattr(literal, "RUN", run)
    np.testing.assert_array_equal(bracketed(text), expected, strict=True)


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2 3]",
        "[1,, 2]",
        "[1, 2,]",
        "[-1, 2, ]",
        "[-1, , 2]",
        "[1, 1e999]",
        "[1, 1.5.2]",
        "[1_0, nan]",
        "[1, 2",
    ],
)
def test_a_fault_in_a_long_row_is_told_as_in_a_short_one(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def result() -> str:
        try:
            return str(bracketed(text).tolist())
        except literal.LiteralError as error:
            return str(error)

    expected = result()
    monkeypatch.setattr(literal, "SHORT", 0)
    monkeypatch.setattr(literal, "RUN", 2)
    assert result() == expected


@given(arrays.arrays(np.float64, st.integers(1, 60)))
def test_numpy_reads_the_digits_as_python_does(values: Array) -> None:
    values = values[np.isfinite(values)]
    for text in (str(values.tolist()), f"[{' '.join(map(repr, values.tolist()))}]"):
        np.testing.assert_array_equal(bracketed(text), values, strict=True)
