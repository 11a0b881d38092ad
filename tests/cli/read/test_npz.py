"""`.npz` archives, whole and broken."""

from __future__ import annotations

import gc
import io
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.read.external import read_whole
from actgrad.cli.read.member import MemberError
from actgrad.cli.read.npz import NpzError, npz_array
from actgrad.cli.read.source import read_array
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array


def archived(compression: int = zipfile.ZIP_STORED, **arrays: object) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=True)
    return file.getvalue()


def array_of(data: bytes) -> Array:
    with npz_array(io.BytesIO(data), "standard input", None) as source:
        return read_whole(source)


def patched(data: bytes, record: bytes, offset: int, value: bytes) -> bytes:
    """The archive with bytes of its last record of that kind overwritten."""
    start = data.rindex(record) + offset
    return data[:start] + value + data[start + len(value) :]


CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"
ONE = archived(a=np.arange(3.0))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    np.savez(tmp_path / "two.npz", a=np.arange(3.0), b=np.array([[4, 5]], dtype=">f4"))
    return tmp_path / "two.npz"


def test_the_only_member_needs_no_name(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "one.npz", weights=np.array([1, -2], dtype=np.float16))
    got = read_array(str(tmp_path / "one.npz"), "--x")
    np.testing.assert_array_equal(got, np.array([1, -2], dtype=np.float16), strict=True)


def test_a_member_is_read_by_its_name(two: Path) -> None:
    np.testing.assert_array_equal(read_array(f"{two}:a", "--x"), [0, 1, 2])
    np.testing.assert_array_equal(read_array(f"{two}:b", "--x"), [[4, 5]])


def test_of_several_members_one_must_be_named(two: Path) -> None:
    with pytest.raises(MemberError, match=r"two\.npz holds a, b: which one\?") as refused:
        read_array(str(two), "--x")
    assert refused.value.hint == f"{two}:NAME names it"


def test_a_member_that_is_not_there(two: Path) -> None:
    with pytest.raises(MemberError, match=r"two\.npz holds no array 'c'") as refused:
        read_array(f"{two}:c", "--x")
    assert refused.value.hint == f"{two} holds a, b"


def test_an_archive_without_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "none.npz")
    with pytest.raises(MemberError, match=r"none\.npz holds no array$"):
        read_array(str(tmp_path / "none.npz"), "--x")


def test_an_archive_of_no_usual_name_says_how_a_member_is_named() -> None:
    with pytest.raises(MemberError, match="holds a, b: which one") as refused:
        array_of(archived(a=1.0, b=2.0))
    assert refused.value.hint == "FILE.npz:NAME names it"


def test_a_member_may_hold_no_pickles(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(archived(a=np.array([None])))
    with pytest.raises(ActgradError, match=r"x\.npz:a holds pickled objects"):
        read_array(str(path), "--x")


def test_a_member_without_a_byte(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", b"")
    with pytest.raises(ActgradError, match=r"x\.npz:a is empty$"):
        read_array(str(tmp_path / "x.npz"), "--x")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_and_its_broken_data(compression: int, tmp_path: Path) -> None:
    data = archived(compression, a=np.random.default_rng(1).random(100))
    path = tmp_path / "x.npz"
    path.write_bytes(data)
    assert read_array(str(path), "--x").shape == (100,)
    path.write_bytes(data[:60] + bytes(byte ^ 0x55 for byte in data[60:-150]) + data[-150:])
    with pytest.raises(NpzError, match=r"x\.npz is no readable \.npz archive: [^N]"):
        read_array(str(path), "--x")


BROKEN = {
    "no zip": b"this is no zip",
    "empty but for its magic": LOCAL,
    "cut short": ONE[:-30],
    "encrypted": patched(patched(ONE, CENTRAL, 8, b"\1"), LOCAL, 6, b"\1"),
    "unknown compression": patched(patched(ONE, CENTRAL, 10, b"M"), LOCAL, 8, b"M"),
    "member beyond the end": patched(ONE, CENTRAL, 42, b"\xff\xff\xff\x7f"),
    "member elsewhere": patched(ONE, CENTRAL, 42, b"\5\0\0\0"),
    "wrong checksum": patched(ONE, CENTRAL, 16, b"\1\2\3\4"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_archive(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(data)
    with pytest.raises(NpzError, match=r"bad\.npz is no readable \.npz archive: \w"):
        read_array(str(path), "--x")


def member(header_shape: str, mebibytes: int, tmp_path: Path) -> str:
    """An archive whose only member inflates to that many mebibytes of zeros."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {header_shape}}}\n".encode()
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w") as file,
    ):
        file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
        for _ in range(mebibytes):
            file.write(bytes(1 << 20))
    return str(path)


def test_no_more_is_inflated_than_the_header_promises(tmp_path: Path) -> None:
    path = member("(10,)", 64, tmp_path)
    tracemalloc.start()
    try:
        assert read_array(path, "--x").shape == (10,)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_header_that_promises_more_than_the_member_holds(tmp_path: Path) -> None:
    with pytest.raises(
        ActgradError, match=r"bomb\.npz:a is cut short: .* takes 8000000000000 bytes, 1048576 are"
    ):
        read_array(member(f"({10**12},)", 1, tmp_path), "--x")


@given(
    st.lists(st.tuples(st.integers(0, len(ONE) - 1), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_any_archive_is_an_array_or_an_error_of_ours(changes: list[tuple[int, int]]) -> None:
    data = bytearray(ONE)
    for place, byte in changes:
        data[place] = byte
    with suppress(ActgradError):
        assert array_of(bytes(data)).dtype.kind in "fiub"


def test_a_member_that_is_copied_into_a_file_leaves_none_open(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.eye(30))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = CliRunner().invoke(app, ["diagnose", "relu", "--x", str(tmp_path / "x.npz")])
        gc.collect()
    assert "relu: " in answer.stdout
    assert [warning for warning in caught if warning.category is ResourceWarning] == []
