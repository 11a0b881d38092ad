"""Arrays in what actgrad wrote, in raw files, and in files that need a word more."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.read.source import Encoding, in_memory, open_array, read_array
from actgrad.cli.write.formats import write_csv, write_json
from actgrad.cli.write.output import ArrayAnswer
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array, named


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(argument: str, encoding: Encoding) -> Array:
    with open_array(argument, "--x", encoding) as array:
        return in_memory(array, encoding.dtype)


def refused(argument: str, encoding: Encoding) -> tuple[str, str | None]:
    with pytest.raises(ActgradError) as error:
        read(argument, encoding)
    return str(error.value), error.value.hint


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)))
def test_json_and_csv_of_actgrad_are_read_back(values: Array) -> None:
    from actgrad.cli.read import written
    from actgrad.cli.read.rows import named_columns

    answer = ArrayAnswer("sample", (), {"x": values, "dx": values + 1}, "x")
    text, table = io.BytesIO(), io.BytesIO()
    write_json(answer, text)
    write_csv(answer, table)
    back = written.json_array(text.getvalue().decode(), "f.json", "x")
    np.testing.assert_array_equal(back, values, strict=True)
    columns = named_columns(table.getvalue().decode())
    assert columns is not None
    wide = values.astype(np.float64).reshape(values.shape or 1)
    np.testing.assert_array_equal(written.csv_array(columns, "f.csv", "x"), wide, strict=True)


def test_a_member_is_named_after_a_colon() -> None:
    run = ["backward", "relu", "--x", "[[1, -2], [nan, 4]]", "-o", "r.json", "-o", "r.csv"]
    assert CliRunner().invoke(app, run).exit_code == 0
    for file in ("r.json", "r.csv"):
        np.testing.assert_array_equal(read_array(f"{file}:out", "--x"), [[1, 0], [np.nan, 4]])
        np.testing.assert_array_equal(read_array(f"{file}:mask", "--x"), [[0, 1], [0, 0]])
        with pytest.raises(ActgradError, match="holds x, mask, out, dout, dx: which one"):
            read_array(file, "--x")
        with pytest.raises(ActgradError, match="holds no array 'y'"):
            read_array(f"{file}:y", "--x")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "axis0,x\n0,1\n2,2\n",
            "a.csv: the rows are not one for each element, in C order",
        ),
        (
            "a.csv",
            "axis0,x\n1,1\n0,2\n",
            "a.csv: the rows are not one for each element, in C order",
        ),
        *(
            (
                "a.csv",
                f"axis0,x\n{index},1\n",
                "a.csv: the rows are not one for each element, in C order",
            )
            for index in ("nan", "1e300", "-1", "0.5")
        ),
        ("a.csv", "x,y\n1\n", "a.csv: the rows have 1 fields below 2 names"),
        ("a.json", '{"command": "x"}', "a.json: this is no JSON that actgrad wrote: 'arrays'"),
        ("a.json:x", "[1, 2]", "a.json: it has no names, so no array 'x'"),
    ],
)
def test_a_broken_file_of_actgrad_is_refused(name: str, text: str, message: str) -> None:
    Path(name.partition(":")[0]).write_text(text, encoding="utf-8")
    with pytest.raises(ActgradError) as error:
        read_array(name, "--x")
    assert str(error.value) == message


def test_raw_data_need_a_dtype_and_a_shape() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    values.tofile("x.bin")
    np.testing.assert_array_equal(read("x.bin", Encoding("float32", (2, 3))), values, strict=True)
    assert refused("x.bin", Encoding()) == (
        "x.bin holds raw data, of no known dtype and shape",
        "--dtype float32 --shape 64,1024, for example, says what they are",
    )
    message = "x.bin has 24 bytes, but (7,) of float32 takes 28"
    assert refused("x.bin", Encoding("float32", (7,))) == (message, None)


def test_integers_beside_a_16_bit_dtype_are_bits_only_if_it_is_said() -> None:
    pytest.importorskip("ml_dtypes")
    np.save("x.npy", np.array([0x3FC0, 0xC000], np.uint16))
    assert read("x.npy", Encoding("bfloat16", bits=True)).tolist() == [1.5, -2]
    assert read("x.npy", Encoding("float32")).tolist() == [0x3FC0, 0xC000]
    assert refused("x.npy", Encoding("bfloat16")) == (
        "x.npy holds uint16 numbers, which may be the bits of bfloat16",
        "--bits reads them so; as numbers, cast them to float32 before --dtype bfloat16",
    )
    assert refused("x.npy", Encoding(bits=True)) == (
        "x.npy holds integers of 16 bits, which are no known dtype",
        "--bits needs a --dtype of that width",
    )


@pytest.mark.parametrize("descr", ["'bfloat16'", "'<g2'"])
def test_bfloat16_in_a_header_of_another_program(descr: str) -> None:
    pytest.importorskip("ml_dtypes")
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}\n".encode()
    data = np.array([1.5, -2]).astype(named("bfloat16")).tobytes()
    size = len(header).to_bytes(2, "little")
    Path("x.npy").write_bytes(b"\x93NUMPY\x01\x00" + size + header + data)
    got = read_array("x.npy", "--x")
    assert (got.dtype.name, got.tolist()) == ("bfloat16", [1.5, -2])


@pytest.mark.parametrize(("name", "word"), [("w.pt", "torch.load"), ("w.pkl", "pickle.load")])
def test_a_pickle_is_refused_with_the_line_that_converts_it(name: str, word: str) -> None:
    Path(name).write_bytes(b"\x80\x04.")
    message, hint = refused(name, Encoding())
    assert message == f"{name} holds pickled objects, which are never loaded"
    assert hint is not None
    assert word in hint
    assert f"'{name}'" in hint


def test_the_only_array_of_json_on_standard_input_needs_no_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = io.BytesIO()
    write_json(ArrayAnswer("sample", (), {"x": np.float32([1.5])}, "x"), text)
    text.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(text))
    assert read_array("-", "--x").dtype == np.float32
