"""`.npy` files, whole and broken."""

from __future__ import annotations

import io
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actgrad.cli.read.external import IncompleteArrayError, in_bytes, memory, read_whole
from actgrad.cli.read.npy import MAGIC, NpyError, streamed_npy
from actgrad.cli.read.source import read_array
from actgrad.layers import ActgradError

FLOATING = ["f2", "f4", "f8"]
WHOLE = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


def npy(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("utf-8" if version == (3, 0) else "latin1")
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return MAGIC + bytes(version) + length + text + data


def header(shape: object = (3,), descr: object = "<f8", fortran_order: object = False) -> str:
    return f"{{'descr': {descr!r}, 'fortran_order': {fortran_order!r}, 'shape': {shape}}}\n"


def saved(path: Path, array: object) -> str:
    np.save(path, array, allow_pickle=True)
    return str(path)


@pytest.mark.parametrize("dtype", [order + kind for kind in FLOATING for order in "<>"])
def test_floating_arrays_keep_dtype_and_bits(dtype: str, tmp_path: Path) -> None:
    values = np.array([0.0, -0.0, 1.5, np.nan, np.inf, -np.inf, 0, 0], dtype=dtype)
    info = np.finfo(values.dtype)
    values[-2:] = info.smallest_subnormal, info.max
    got = read_array(saved(tmp_path / "x.npy", values), "--x")
    assert got.dtype.newbyteorder("=") == values.dtype.newbyteorder("=")
    assert (
        got.astype(got.dtype.newbyteorder("<")).tobytes()
        == values.astype("<" + dtype[1:]).tobytes()
    )


@pytest.mark.parametrize("dtype", ["?", *(order + kind for kind in WHOLE for order in "<>")])
def test_integers_and_booleans_become_float64(dtype: str, tmp_path: Path) -> None:
    values = np.array([[0, 1], [1, 100]], dtype=dtype)
    got = read_array(saved(tmp_path / "x.npy", values), "--x")
    np.testing.assert_array_equal(got, values.astype(np.float64), strict=True)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3), (2, 3, 4), (1,) * 64])
def test_every_shape_and_order(shape: tuple[int, ...], order: Any, tmp_path: Path) -> None:
    values = np.arange(np.prod(shape, dtype=int), dtype=">f4").reshape(shape).copy(order)
    got = read_array(saved(tmp_path / "x.npy", values), "--x")
    np.testing.assert_array_equal(got, values)
    assert got.shape == shape


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version(version: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy(header(), np.arange(3.0).tobytes(), version))
    np.testing.assert_array_equal(read_array(str(path), "--x"), [0, 1, 2])


def test_the_suffix_does_not_matter_where_the_magic_tells(tmp_path: Path) -> None:
    (tmp_path / "dump.bin").write_bytes(npy(header((1,)), np.float64(7).tobytes()))
    np.testing.assert_array_equal(read_array(str(tmp_path / "dump.bin"), "--x"), [7])


def test_what_follows_the_array_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy(header((1,)), bytes(80)))
    np.testing.assert_array_equal(read_array(str(path), "--x"), [0])


BROKEN = {
    "empty": (b"", "is empty"),
    "truncated magic": (MAGIC[:4], "is no .npy file"),
    "magic alone": (MAGIC, "is of .npy version 0.0"),
    "wrong magic": (b"hello world", "is no .npy file: it begins with b'hello '"),
    "version 9": (MAGIC + bytes([9, 0, 16, 0]) + bytes(16), "is of .npy version 9.0"),
    "no header": (MAGIC + bytes([1, 0]), "broken .npy header: EOF"),
    "half a header": (npy(header())[:20], "broken .npy header: EOF"),
    "endless header": (MAGIC + b"\x02\0\xff\xff\xff\xff", "it claims to be 4.29 GB long"),
    "long header": (npy(header() + " " * 20_000), "broken .npy header: "),
    "truncated data": (
        npy(header(), bytes(23)),
        "is cut short: (3,) of float64 takes 24 bytes, 23",
    ),
    "10^15 elements": (npy(header((10**15,))), "takes 8000000000000000 bytes, 0 are there"),
    "10^4000 elements": (npy(header((int("9" * 4000),))), "is cut short"),
    "a number too long": (npy(header(f"({'9' * 5000},)")), "broken .npy header: Cannot parse"),
    "negative shape": (npy(header((-3,)), bytes(24)), "negative shape (-3,)"),
    "negative twice": (npy(header((-3, -1)), bytes(24)), "negative shape (-3, -1)"),
    "100 axes": (npy(header((1,) * 100), bytes(8)), "a shape that no array can have"),
    "0 × 10^30": (npy(header((0, 10**30))), "a shape that no array can have"),
    "True for a size": (npy(header((True,)), bytes(8)), "a shape that no array can have"),
    "no shape": (npy(header(None)), "shape is not valid: None"),
    "unknown dtype": (npy(header(descr="<q9")), "not a valid dtype descriptor: '<q9'"),
    "order is text": (npy(header(fortran_order="x")), "fortran_order is not a valid bool: 'x'"),
    "no literal": (npy("hello\n"), "broken .npy header: "),
    "a call": (npy(header("__import__('os')")), "broken .npy header: malformed node or string"),
    "deep": (npy(header("-" * 9000 + "1")), "broken .npy header: "),
    "deeper": (npy(header("(" * 3000 + ")" * 3000)), "broken .npy header: "),
    "a zero byte": (npy(header("(1,)\0")), "broken .npy header: "),
    "arrays of arrays": (npy(header(descr=("<f8", (2,))), bytes(48)), "holds arrays of arrays"),
    "void": (npy(header(descr="|V8"), bytes(24)), "is of dtype |V8, in which no layer computes"),
    "void of no size": (npy(header(descr="|V0")), "in which no layer computes"),
}


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_what_is_wrong(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    with pytest.raises(ActgradError) as refused:
        read_array(str(path), "--x")
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)
    assert " at 0x" not in str(refused.value)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2, [("a", "f8")]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array([1j]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([1], "m8[s]"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_other_dtypes_are_refused_by_name(array: np.ndarray[Any, Any], tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", array)
    with pytest.raises(ActgradError) as refused:
        read_array(path, "--x")
    assert f"is of dtype {array.dtype}, in which no layer computes" in str(refused.value)
    assert "float32" in str(refused.value.hint)


class Bomb:
    """Loading its pickle would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return Path.touch, (self.path,)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", np.array([Bomb(tmp_path / "loaded")], dtype=object))
    with pytest.raises(NpyError, match="pickled objects, which are never loaded"):
        read_array(path, "--x")
    assert not (tmp_path / "loaded").exists()


def test_a_sparse_file_larger_than_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    count = memory() // 8 + 1
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        file.write(npy(header((count,))))
        try:
            os.truncate(path, count * 8 + 200)
        except OSError:
            pytest.skip("the file system has no files as large")
    with pytest.raises(IncompleteArrayError, match=r"promises .* more than this machine's memory"):
        read_array(str(path), "--x")


def test_a_pipe_that_promises_more_than_it_gives() -> None:
    data = npy(header((5,)), bytes(32))
    with pytest.raises(IncompleteArrayError, match="takes 40 bytes, 32 are there"):
        read_whole(streamed_npy(data[:8], io.BytesIO(data[8:]), "a pipe"))


class Dripping(io.BytesIO):
    """A stream that gives fewer bytes than it is asked for, as pipes may."""

    def readinto(self, buffer: Any, /) -> int:
        return super().readinto(buffer[:7])


def test_a_stream_may_give_its_bytes_a_few_at_a_time() -> None:
    data = npy(header((100,)), np.arange(100.0).tobytes())
    np.testing.assert_array_equal(
        read_whole(streamed_npy(data[:8], Dripping(data[8:]), "x")), np.arange(100.0)
    )


VALID = npy(header((2, 3), "<f4"), bytes(24))


@given(
    st.binary(max_size=200).map(lambda data: MAGIC + data)
    | st.tuples(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=3)).map(
        lambda change: VALID[: change[0]] + change[1] + VALID[change[0] + len(change[1]) :]
    )
    | st.text(max_size=80).map(lambda text: npy(text, bytes(24), (3, 0)))
)
def test_any_bytes_are_an_array_or_an_error_of_ours(data: bytes) -> None:
    with suppress(ActgradError):
        assert read_whole(streamed_npy(data[:8], io.BytesIO(data[8:]), "x")).dtype.kind in "fiub"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (64_000, "64 kB"),
        (8 * 10**15, "8 PB"),
        (10**30, "1e+12 EB"),
    ],
)
def test_sizes_as_a_person_says_them(count: int, text: str) -> None:
    assert in_bytes(count) == text
