"""JSON, CSV, `.npy` and `.npz`: strict, and exact."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from actgrad.cli.options import ArrayFormat
from actgrad.cli.read import npy, npz
from actgrad.cli.read.external import read_whole
from actgrad.cli.read.literal import bracketed
from actgrad.cli.write import formats
from actgrad.cli.write.output import ArrayAnswer
from actgrad.layers.arrays import Array

FLOATING = ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
ARRAYS = st.sampled_from([*FLOATING, "?"]).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES))


def answer(**named: Array) -> ArrayAnswer:
    return ArrayAnswer("forward", ("relu",), named, list(named)[-1])


def written(form: str, **named: Array) -> bytes:
    stream = io.BytesIO()
    answer(**named).write(form, stream)
    return stream.getvalue()


def no_such_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def from_json(data: bytes) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(data, parse_constant=no_such_constant)
    return loaded


def rebuilt(entry: dict[str, Any]) -> Array:
    """The array that an entry of the JSON answer stands for, read as any JSON reader would."""
    flat = entry["data"]
    for _ in entry["shape"]:
        flat = (
            [cell for row in flat for cell in row] if flat and isinstance(flat[0], list) else flat
        )
    values = [flat] if entry["shape"] == [] else flat
    return (
        np.array([float(value) for value in values]).astype(entry["dtype"]).reshape(entry["shape"])
    )


def same(got: Array, expected: Array) -> None:
    """Assert equal shape, dtype (but for byte order) and bits (but for a NaN's)."""
    assert got.dtype.name == expected.dtype.name
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)
    if expected.dtype.kind == "f":
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(expected)[number])


def edges(dtype: str) -> Array:
    info = np.finfo(dtype)
    values = [0.0, -0.0, 0.1, -1 / 3, np.nan, np.inf, -np.inf, info.max, -info.max]
    values += [info.tiny, info.smallest_subnormal, -info.smallest_subnormal, 1 + info.eps]
    return np.array(values, dtype=dtype)


@pytest.mark.parametrize("dtype", FLOATING)
def test_the_edges_of_every_dtype_round_trip(dtype: str) -> None:
    values = edges(dtype)
    entry = from_json(written(ArrayFormat.json, x=values))["arrays"]["x"]
    same(rebuilt(entry), values)
    column = [
        row["x"] for row in csv.DictReader(io.StringIO(written(ArrayFormat.csv, x=values).decode()))
    ]
    same(np.array([float(cell) for cell in column]).astype(values.dtype), values)


def test_the_whole_of_the_json() -> None:
    x = np.array([[1.0, -0.5], [-2.0, np.inf]])
    data = written(ArrayFormat.json, x=x, mask=x <= 0, out=np.float32([[1, 0], [np.nan, -np.inf]]))
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")
    assert from_json(data) == {
        "command": "forward",
        "layers": ["relu"],
        "arrays": {
            "x": {"dtype": "float64", "shape": [2, 2], "data": [[1.0, -0.5], [-2.0, "Infinity"]]},
            "mask": {"dtype": "bool", "shape": [2, 2], "data": [[False, True], [True, False]]},
            "out": {
                "dtype": "float32",
                "shape": [2, 2],
                "data": [[1.0, 0.0], ["NaN", "-Infinity"]],
            },
        },
    }


def test_the_whole_of_the_csv() -> None:
    x = np.array([[1.0, -0.5], [np.nan, -np.inf]])
    assert written(ArrayFormat.csv, x=x, mask=x <= 0).decode() == (
        "axis0,axis1,x,mask\n0,0,1.0,False\n0,1,-0.5,True\n1,0,NaN,False\n1,1,-Infinity,True\n"
    )
    assert written(ArrayFormat.csv, x=np.array(5.0)) == b"x\n5.0\n"
    assert written(ArrayFormat.csv, x=np.empty((0, 3))) == b"axis0,axis1,x\n"


@given(ARRAYS)
def test_json_round_trips(values: Array) -> None:
    same(rebuilt(from_json(written(ArrayFormat.json, a=values))["arrays"]["a"]), values)


@given(ARRAYS)
def test_json_nests_as_pythons_lists_do(values: Array) -> None:
    data = from_json(written(ArrayFormat.json, a=values))["arrays"]["a"]["data"]
    if values.dtype.kind == "b" or np.isfinite(values).all():
        assert data == values.tolist()


@given(arrays.arrays(np.float64, SHAPES))
def test_the_literal_reader_takes_the_data_of_the_json(values: Array) -> None:
    data = from_json(written(ArrayFormat.json, a=values))["arrays"]["a"]["data"]
    if values.shape:
        np.testing.assert_array_equal(bracketed(json.dumps(data)).reshape(values.shape), values)


def test_csv_leaves_a_single_number_out_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(ArrayFormat.csv, x=np.array([1.0, 2.0]), dweight=np.array(-1.0)).decode()
    assert text == "axis0,x\n0,1.0\n1,2.0\n"
    assert "note: csv has a row for each element; the number dweight" in capsys.readouterr().err


@given(ARRAYS)
def test_csv_round_trips(values: Array) -> None:
    rows = list(csv.DictReader(io.StringIO(written(ArrayFormat.csv, a=values).decode())))
    got = np.empty(values.shape, values.dtype)
    for row in rows:
        place = tuple(int(row[f"axis{axis}"]) for axis in range(values.ndim))
        cell = row["a"]
        got[place] = cell == "True" if values.dtype.kind == "b" else float(cell)
    assert len(rows) == values.size
    same(got, values)


@given(ARRAYS.filter(lambda values: values.dtype.kind == "f"), st.sampled_from("CFT"))
def test_npy_round_trips(values: Array, order: str) -> None:
    values = values.T if order == "T" else values.copy(order)  # type: ignore[call-overload]
    data = written(ArrayFormat.npy, a=values)
    stream = io.BytesIO(data[8:])
    got = read_whole(npy.streamed_npy(data[:8], stream, "a"))
    assert got.tobytes() == values.tobytes()
    assert (got.dtype, got.shape) == (values.dtype, values.shape)
    assert stream.read() == b""
    assert np.load(io.BytesIO(data), allow_pickle=False).tobytes() == values.tobytes()


@given(ARRAYS.filter(lambda values: values.dtype.kind == "f"))
def test_npz_round_trips(values: Array) -> None:
    data = written(ArrayFormat.npz, **{"x": values, "1.dx": -values, "mask": values <= 0})
    with npz.npz_array(io.BytesIO(data), "a.npz", "x") as x:
        assert read_whole(x).tobytes() == values.tobytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        assert archive.files == ["x", "1.dx", "mask"]
        same(archive["mask"], values <= 0)
        same(archive["1.dx"], -values)


def test_npy_is_the_main_result_and_a_view_is_no_trouble() -> None:
    x = np.arange(24.0).reshape(4, 6)
    data = written(ArrayFormat.npy, x=x, out=x[::2, ::-3])
    np.testing.assert_array_equal(np.load(io.BytesIO(data)), x[::2, ::-3], strict=True)
    ones = written(ArrayFormat.npy, dout=np.broadcast_to(1.0, (2, 3)))
    np.testing.assert_array_equal(np.load(io.BytesIO(ones)), np.ones((2, 3)), strict=True)


@pytest.mark.parametrize(
    "shape",
    [(), (0,), (1,), (7,), (8,), (23,), (2, 3), (3, 8), (2, 9), (5, 1), (3, 2, 9), (9, 0, 2)],
)
def test_large_arrays_are_written_piece_by_piece_the_same(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = np.arange(math.prod(shape)) / 8
    values = np.where(numbers == 1, np.nan, numbers).reshape(shape)
    whole = {
        form: written(form, a=values, b=values > 2) for form in (ArrayFormat.json, ArrayFormat.csv)
    }
    monkeypatch.setattr(formats, "CHUNK", 8)
    assert whole == {form: written(form, a=values, b=values > 2) for form in whole}


def test_a_large_array_takes_little_memory_as_text() -> None:
    pieces = formats.json_blocks(np.broadcast_to(0.0, (10**9,)))
    assert max(len(next(pieces)) for _ in range(10)) < 1 << 20
    rows = formats.json_blocks(np.empty((10**12, 0)))
    assert max(len(next(rows)) for _ in range(10)) < 1 << 20


class EnoughError(Exception):
    """Enough has been written."""


class Few(io.BytesIO):
    """A stream that has enough after its second piece."""

    def write(self, data: Any, /) -> int:
        if self.tell():
            raise EnoughError
        return super().write(data)


def test_a_large_array_takes_little_memory_as_csv() -> None:
    with pytest.raises(EnoughError):
        answer(x=np.broadcast_to(0.0, (10**6, 10**6))).write("csv", Few())


def test_orjson_gives_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("orjson")
    rng = np.random.default_rng(2)
    rim = [0.0, -0.0, 1e-4, np.nextafter(1e-4, 0), 1e16, np.nextafter(1e16, 0), 1e15, 5e-324, 1.0]
    values = np.concatenate(
        [
            rng.normal(size=4000),
            10.0 ** rng.uniform(-320, 308, 4000),
            -(10.0 ** rng.uniform(-6, 18, 4000)),
            [*rim, np.nan, np.inf, -np.inf] * 8,
        ]
    )
    with np.errstate(over="ignore"):
        arrays_of = [values.astype(dtype).reshape(-1, 2, 4) for dtype in ("f2", "f4", "f8")]
    arrays_of.append(arrays_of[0] <= 0)

    def texts() -> list[bytes]:
        return [
            text
            for array in arrays_of
            for flat in [array.reshape(-1)]
            for text in (
                formats.json_text(array),
                formats.csv_rows([flat, flat < 1], array.shape, 0),
                formats.csv_rows([flat], (flat.size,), 0),
            )
        ]

    by_orjson = texts()
    monkeypatch.setattr(formats, "MANY", values.size + 1)
    assert texts() == by_orjson
