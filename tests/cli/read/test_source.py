"""ARRAY: which of standard input, literal and path an argument is."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from actgrad.cli.options import Dtype
from actgrad.cli.read import source
from actgrad.cli.read.source import SourceError, read_array
from actgrad.layers import ActgradError
from actgrad.layers.arrays import FLOATING


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def npy(*values: float) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(values))
    return file.getvalue()


def npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(
        file, allow_pickle=False, **{name: np.asarray(value) for name, value in arrays.items()}
    )
    return file.getvalue()


def refusal(argument: str) -> ActgradError:
    with pytest.raises(ActgradError) as refused:
        read_array(argument, "--x")
    assert "\n" not in str(refused.value)
    return refused.value


def test_dtype_casts_to_whatever_layers_compute_in() -> None:
    assert tuple(Dtype) == FLOATING


def test_a_literal_goes_before_a_file_of_that_name() -> None:
    Path("3").write_bytes(npy(1, 2))
    Path("[7]").write_bytes(npy(1, 2))
    assert read_array("3", "--x") == 3
    np.testing.assert_array_equal(read_array("[7]", "--x"), [7])
    np.testing.assert_array_equal(read_array("./3", "--x"), [1, 2])


def test_a_dash_is_standard_input_even_where_a_file_is_called_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("-").write_bytes(npy(1, 2))
    stdin(monkeypatch, b"5")
    assert read_array("-", "--x") == 5
    np.testing.assert_array_equal(read_array("./-", "--x"), [1, 2])


@pytest.mark.parametrize(
    "name", ["[1, 2", "(x).npy", "a:b.npy", "x y.npy", "[red]x[bold].npy", "\x1b[31m.npy", "é.npy"]
)
def test_a_file_may_have_any_name(name: str) -> None:
    Path(name).write_bytes(npy(1, 2))
    np.testing.assert_array_equal(read_array(name, "--x"), [1, 2])


def test_a_file_may_have_a_name_that_is_no_text() -> None:
    name = os.fsdecode(b"\xff\xfe.npy")
    Path(name).write_bytes(npy(1, 2))
    np.testing.assert_array_equal(read_array(name, "--x"), [1, 2])


@pytest.mark.parametrize("member", ["a", "a:b", "[red]", "x/y", "\x1b[31m", "é", " "])
def test_a_member_may_have_any_name(member: str) -> None:
    Path("x.npz").write_bytes(npz(**{member: [1, 2], "other": 3}))
    np.testing.assert_array_equal(read_array(f"x.npz:{member}", "--x"), [1, 2])


def test_a_colon_may_be_the_files_own() -> None:
    Path("x.npz").write_bytes(npz(a=1.0))
    Path("x.npz:a").write_bytes(npy(7))
    np.testing.assert_array_equal(read_array("x.npz:a", "--x"), [7])


def test_the_last_archive_in_a_path_is_the_one_with_the_member() -> None:
    Path("dir.npz:d").mkdir()
    Path("dir.npz:d/X.NPZ").write_bytes(npz(a=[1], b=[2]))
    np.testing.assert_array_equal(read_array("dir.npz:d/X.NPZ:b", "--x"), [2])


@pytest.mark.parametrize(
    "text",
    [
        "[[1, 2],\n [3, 4]]\n",
        "[[1 2]\r\n [3 4]]",
        "\ufeff[[1, 2], [3, 4]]",
        "array([[1, 2], [3, 4]])",
    ],
)
def test_any_other_file_is_text(text: str) -> None:
    Path("notes").write_bytes(text.encode())
    np.testing.assert_array_equal(read_array("notes", "--x"), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.txt", b"", "x.txt is empty"),
        ("x.npy", b"", "x.npy is empty"),
        ("x.txt", b" \n", "x.txt: an array was expected, but the text is empty"),
        ("x.txt", b"[1,\n x]", "x.txt: 'x' is not a number, at line 2, column 2"),
        ("x.txt", bytes(range(256)), "x.txt is no text, no .npy and no .npz"),
        ("x.txt", "[1, 2]".encode("utf-16"), "x.txt is no text, no .npy and no .npz"),
        ("x.npz", npy(1), "x.npz is no readable .npz archive: File is not a zip file"),
    ],
)
def test_a_file_that_holds_no_array(name: str, data: bytes, message: str) -> None:
    Path(name).write_bytes(data)
    assert str(refusal(name)) == message


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "--x is empty"),
        ("  ", "--x is empty"),
        ("missing", "--x: 'missing' is no number, no array and no file"),
        ("file:a", "--x: file holds no arrays with names"),
        ("missing.npy", "missing.npy: No such file or directory"),
        ("missing.npz:a", "missing.npz: No such file or directory"),
        ("file/x.npy", "file/x.npy: Not a directory"),
        ("folder", "folder: Is a directory"),
        ("folder.npy", "folder.npy: Is a directory"),
        (".", ".: Is a directory"),
        ("[1, 2", "--x: '[' is never closed, at column 1"),
        ("[[1, 2], [3]]", "--x: the rows differ: row 1 has 1 number, row 0 has 2 numbers"),
        ("tensor([1, two])", "--x: 'two' is not a number, at column 12"),
        ("-1e400 ", "--x: '-1e400' is beyond the numbers of float64, at column 1"),
        ("1, 2", "--x: '1, 2' is no number, no array and no file"),
        ("x" * 5000, f"--x: '{'x' * 5000}' is no number, no array and no file"),
        ("x" * 5000 + ".npy", f"{'x' * 5000}.npy: File name too long"),
    ],
)
def test_what_is_nothing_at_all(argument: str, message: str) -> None:
    Path("file").touch()
    Path("folder").mkdir()
    Path("folder.npy").mkdir()
    assert str(refusal(argument)) == message


def test_a_file_that_was_made_unreadable() -> None:
    Path("x.npy").write_bytes(npy(1))
    Path("x.npy").chmod(0)
    if os.access("x.npy", os.R_OK):
        pytest.skip("this user may read every file")
    assert str(refusal("x.npy")) == "x.npy: Permission denied"


def test_a_link_that_leads_nowhere_or_round() -> None:
    Path("nowhere.npy").symlink_to("gone")
    Path("round.npy").symlink_to("round.npy")
    assert str(refusal("nowhere.npy")) == "nowhere.npy: No such file or directory"
    assert str(refusal("round.npy")) == "round.npy: Too many levels of symbolic links"


@pytest.mark.parametrize(
    ("name", "argument", "data"),
    [("x", "x", npy(1, 2)), ("x.npz", "x.npz:b", npz(a=0, b=[1, 2])), ("x", "x", b"[1, 2]")],
)
def test_a_named_pipe(name: str, argument: str, data: bytes) -> None:
    os.mkfifo(name)
    writer = threading.Thread(target=Path(name).write_bytes, args=[data])
    writer.start()
    np.testing.assert_array_equal(read_array(argument, "--x"), [1, 2])
    writer.join()


def test_two_arrays_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, npy(1, 2) + npy(3))
    np.testing.assert_array_equal(read_array("-", "--x"), [1, 2])
    np.testing.assert_array_equal(read_array("-", "--dout"), [3])


@pytest.mark.parametrize("data", [b"[1, 2]", npy(1, 2), npz(a=[1, 2])], ids=["text", "npy", "npz"])
def test_one_array_on_standard_input_where_two_are_asked_for(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin(monkeypatch, data)
    np.testing.assert_array_equal(read_array("-", "--x"), [1, 2])
    with pytest.raises(SourceError, match="standard input ended without an array for --dout"):
        read_array("-", "--dout")


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert str(refusal("-")) == "--x is -, but standard input is closed"


def test_standard_input_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    only_written_to = io.FileIO(os.open(os.devnull, os.O_WRONLY), "r")
    with io.TextIOWrapper(io.BufferedReader(only_written_to)) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert str(refusal("-")) == "standard input: Bad file descriptor"


def test_a_text_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LONGEST", 1000)
    assert str(refusal("/dev/zero")) == "/dev/zero is too long for a text"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_cast(dtype: str) -> None:
    got = read_array("[1e300, 0.1, nan]", "--x", dtype)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(
            got, np.array([1e300, 0.1, np.nan]).astype(dtype), strict=True
        )
