"""Long texts: read in parts, they are the arrays that the reader of any text makes of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.read import long_text, read_array
from actgrad.cli.read.literal import LiteralError, text_array
from actgrad.cli.read.long_text import long_array
from actgrad.layers.arrays import Array
from actgrad.layers.run import processes


@pytest.fixture(autouse=True)
def in_short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_text, "LONG", 0)
    monkeypatch.setattr(long_text, "PART", 5)


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2.5, -3e4]",
        " [ 1 ,\t2,3 ]\n",
        "[[1, 2], [3, 4], [5, 6]]",
        "[[[1,2],[3,4]],\n [[5,6],[7,8]]]",
        "[[1.5], [2]]",
        "[nan, -inf, Infinity, 1, NaN]",
        "1\n-2.5\n3\n",
        "1 2\n3  4\n 5 6",
        "1\t2\r\n3\t4\r\n5\t6\r\n",
        "1;2\n3;nan\n\n",
        "1, 2\n3, 4\n",
    ],
)
def test_plain_numbers_are_read(text: str) -> None:
    read = long_array(bytearray(text.encode()))
    assert read is not None
    np.testing.assert_array_equal(read, text_array(text), strict=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1, 2, 3",
        "[1 2 3]",
        "[1, 2,]",
        "[-1, 2, ]",
        "[-1, , 2]",
        "[1, 2",
        "[1[, 2]",
        "[[1, ]2, [3, 4]]",
        "[[1, 2], 3[, 4]]",
        "[[1, 2], [3]]",
        "[[1, 2], 3]",
        "[[], []]",
        "[1, 2][3, 4]",
        "[1, 1e999]",
        "[1, nan(2)]",
        "[1, true]",
        '["NaN", 1]',
        "[−1, 2]",
        "tensor([1, 2])",
        "x,y\n1,2\n",
        "# 1\n2\n3\n",
        "1,2\n3\n4,5,6\n",
        "1 2\n\n3 4\n",
        "1,5;2\n3;4\n",
    ],
)
def test_any_other_text_is_left_to_another_reader(text: str) -> None:
    assert long_array(bytearray(text.encode())) is None


@given(st.lists(st.sampled_from(["[", "]", "],[", ",", " ", "\n", "1", "-2.5", "nan", ";"])))
def test_what_is_read_is_what_another_reader_reads(words: list[str]) -> None:
    text = "".join(words)
    read = long_array(bytearray(text.encode()))
    if read is not None:
        np.testing.assert_array_equal(read, text_array(text), strict=True)


@given(arrays.arrays(np.float64, arrays.array_shapes(max_dims=4, max_side=4)))
def test_json_is_read_exactly(values: Array) -> None:
    text = json.dumps(values.tolist())
    np.testing.assert_array_equal(long_array(bytearray(text.encode())), values, strict=True)


@pytest.mark.parametrize(
    "text", ["[-0, 1, 0]", "[-0.0, 0]", "[123456789012345678901234567890, 18446744073709551617]"]
)
@pytest.mark.parametrize("has_orjson", [True, False])
def test_integers_are_read_as_floats(
    text: str, has_orjson: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_orjson:
        monkeypatch.setitem(sys.modules, "orjson", None)
    read = long_array(bytearray(text.encode()))
    assert read is not None
    assert read.tobytes() == text_array(text).tobytes()


@given(arrays.arrays(np.float64, st.tuples(st.integers(2, 5), st.integers(2, 4))))
def test_rows_are_read_exactly(values: Array) -> None:
    text = "".join(" ".join(map(repr, row)) + "\n" for row in values.tolist())
    np.testing.assert_array_equal(long_array(bytearray(text.encode())), values, strict=True)


def test_processes_read_parts_into_one_array(monkeypatch: pytest.MonkeyPatch) -> None:
    # Those of pytest-xdist only wait.
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)
    values = np.arange(200.0) / 3
    text = json.dumps(values.tolist())
    np.testing.assert_array_equal(long_array(bytearray(text.encode())), values, strict=True)


def test_one_thread_reads_without_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)
    monkeypatch.delattr(processes.os, "fork")
    path = tmp_path / "x.txt"
    path.write_text(json.dumps([0.5] * 200))
    for command in ("forward", "backward", "diagnose"):
        words = [command, "relu", "--x", str(path), "--threads", "1", "-f", "json"]
        assert CliRunner().invoke(app, words).exit_code == 0


def test_a_fault_in_a_long_file_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text(f"[{'1.25, ' * 20}1e999]")
    with pytest.raises(
        LiteralError, match="'1e999' is beyond the numbers of float64, at column 122"
    ):
        read_array(str(path), "--x")


def test_a_file_with_names_is_read_by_its_names(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    assert read_array(f"{path}:b", "--x").tolist() == [2, 4]
