"""`-o [NAME=]FILE`: which array goes where, whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from actgrad.cli.answer import OutputError
from actgrad.cli.commands.backward import run_in_memory
from actgrad.cli.options import ArrayFormat
from actgrad.cli.write.output import ArrayAnswer, Output
from actgrad.layers import Chain, Relu, Sigmoid

ANSWER = run_in_memory(Chain([Relu()]), np.array([1.0, -2.0]), np.array([3.0, 4.0]))
ARRAYS = ["x", "mask", "out", "dout", "dx"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test leaves nothing behind that it did not ask for."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.rglob(".actgrad*"))


def output(*arguments: str, form: ArrayFormat | None = None, answer: ArrayAnswer = ANSWER) -> None:
    Output(ArrayFormat, form, arguments).deliver(answer)


def refusal(*arguments: str, form: ArrayFormat | None = None) -> OutputError:
    before = contents()
    with pytest.raises(OutputError) as refused:
        output(*arguments, form=form)
    assert contents() == before
    assert "\n" not in str(refused.value)
    return refused.value


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def members(file: str) -> list[str]:
    with np.load(file) as archive:
        return list(archive.files)


def test_a_suffix_names_the_format_and_what_is_in_the_file() -> None:
    output("a.npy", "a.npz", "a.json", "a.csv", "B.NPY")
    np.testing.assert_array_equal(np.load("a.npy"), [3, 0])
    np.testing.assert_array_equal(np.load("B.NPY"), [3, 0])
    assert members("a.npz") == ARRAYS
    assert list(json.loads(Path("a.json").read_text())["arrays"]) == ARRAYS
    assert (
        Path("a.csv").read_text().startswith("axis0,x,mask,out,dout,dx\n0,1.0,False,1.0,3.0,3.0\n")
    )


@pytest.mark.parametrize(
    ("name", "values"), [("mask", [False, True]), ("dx", [3, 0]), ("x", [1, -2])]
)
def test_a_name_picks_an_array(name: str, values: list[float]) -> None:
    output(f"{name}=a.npy", f"{name}=a.npz", f"{name}=a.json", f"{name}=a.csv")
    np.testing.assert_array_equal(np.load("a.npy"), values)
    assert members("a.npz") == [name]
    assert list(json.loads(Path("a.json").read_text())["arrays"]) == [name]
    assert Path("a.csv").read_text().startswith(f"axis0,{name}\n0,")


def test_a_layers_own_arrays_have_names_with_dots() -> None:
    answer = run_in_memory(Chain([Sigmoid(), Relu()]), np.array([0.0]), np.array(1.0))
    output("2.mask=a.npy", "1.dx=b.npy", answer=answer)
    np.testing.assert_array_equal(np.load("a.npy"), [False])
    np.testing.assert_array_equal(np.load("b.npy"), [0.25])


@pytest.mark.parametrize(
    "file", ["a=b.npy", "=.npy", "[red].npy", "\x1b[31m.npy", "a b.npy", "é.npy"]
)
def test_a_file_may_have_any_name(file: str) -> None:
    output(f"dx={file}", f"./{file}.npy")
    np.testing.assert_array_equal(np.load(file), [3, 0])
    np.testing.assert_array_equal(np.load(f"{file}.npy"), [3, 0])


@pytest.mark.parametrize("name", ["漢" * 83 + ".npy", "a" * 251 + ".npy", os.fsdecode(b"\xff.npy")])
def test_a_name_as_long_as_names_may_be(name: str) -> None:
    output(name)
    np.testing.assert_array_equal(np.load(name), [3, 0])


def test_long_names_that_differ_at_their_ends_are_two_files() -> None:
    output("a" * 200 + ".npy", "a" * 200 + ".json")
    assert len(contents()) == 2


def test_a_format_serves_where_the_suffix_names_none() -> None:
    output("a", "b.npy", form=ArrayFormat.json)
    assert json.loads(Path("a").read_text())["command"] == "backward"
    np.testing.assert_array_equal(np.load("b.npy"), [3, 0])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "-o '' names no file"),
        ("dx=", "-o 'dx=' names no file"),
        ("a", "a: neither its suffix nor -f names a file's format"),
        ("a.txt", "a.txt: neither its suffix nor -f names a file's format"),
        (".", ".: neither its suffix nor -f names a file's format"),
        ("nope=a.npy", "-o: backward gives no array 'nope'"),
        ("missing/a.npy", "missing/a.npy: No such file or directory"),
        ("kept.npy/a.npy", "kept.npy/a.npy: Not a directory"),
        ("kept.npy/", "kept.npy/: It names a directory"),
        ("new.npy/", "new.npy/: It names a directory"),
        ("folder.npy", "folder.npy: Is a directory"),
        ("a" * 300 + ".npy", "a" * 300 + ".npy: File name too long"),
        ("round.npy", "round.npy: Too many levels of symbolic links"),
        ("astray.npy", "astray.npy: No such file or directory"),
        ("/dev/full", "/dev/full: No space left on device"),
    ],
)
def test_what_cannot_be_written(argument: str, message: str) -> None:
    Path("kept.npy").write_bytes(b"kept")
    Path("folder.npy").mkdir()
    Path("round.npy").symlink_to("round.npy")
    Path("astray.npy").symlink_to("missing/a.npy")
    assert str(refusal(argument)) == message
    assert str(refusal("good.npy", argument, "good.csv")) == message


def test_a_refusal_says_what_would_be_right() -> None:
    assert refusal("nope=a.npy").hint == "it gives x, mask, out, dout, dx"
    assert refusal("a.txt").hint == "use one of .json, .csv, .npy, .npz"
    assert refusal("a.txt", form=ArrayFormat.table).hint == "use one of .json, .csv, .npy, .npz"


def test_a_folder_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gone").mkdir()
    monkeypatch.chdir("gone")
    Path("../gone").rmdir()
    with pytest.raises(OutputError, match=r"^a\.npy: No such file or directory"):
        output("a.npy")


@pytest.mark.parametrize("other", ["a.npy", "./a.npy", "folder/../a.npy", "dx=a.npy", "link.npy"])
def test_no_file_is_written_twice(other: str) -> None:
    Path("folder").mkdir()
    Path("link.npy").symlink_to("a.npy")
    assert "would be written twice" in str(refusal("a.npy", other))


def test_a_file_is_replaced_and_keeps_its_mode() -> None:
    Path("a.npy").write_bytes(b"old")
    Path("a.npy").chmod(0o640)
    output("a.npy")
    np.testing.assert_array_equal(np.load("a.npy"), [3, 0])
    assert stat.S_IMODE(Path("a.npy").stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_new_files_have() -> None:
    Path("usual").touch()
    output("a.npy")
    assert Path("a.npy").stat().st_mode == Path("usual").stat().st_mode


def test_a_file_that_nobody_may_write_to_is_not_replaced() -> None:
    Path("a.npy").write_bytes(b"old")
    Path("a.npy").chmod(0o444)
    assert str(refusal("a.npy")) == "a.npy: It is read-only"
    assert Path("a.npy").read_bytes() == b"old"


def test_a_link_stays_a_link() -> None:
    Path("folder").mkdir()
    Path("link.npy").symlink_to("folder/target.npy")
    for _ in "a new target", "an old one":
        output("link.npy")
        assert Path("link.npy").is_symlink()
        np.testing.assert_array_equal(np.load("folder/target.npy"), [3, 0])


def test_another_name_of_the_old_file_keeps_the_old_content() -> None:
    Path("a.npy").write_bytes(b"old")
    os.link("a.npy", "b.npy")
    output("a.npy")
    assert Path("b.npy").read_bytes() == b"old"


def test_who_has_the_old_file_open_reads_on_in_it() -> None:
    np.save("a.npy", np.zeros(1000))
    mapped = np.load("a.npy", mmap_mode="r")
    output("a.npy")
    np.testing.assert_array_equal(mapped, np.zeros(1000))


def test_a_failure_on_the_way_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.json").write_bytes(b"old")
    broken = ANSWER._replace(arrays={"dx": np.array([1.0, None], dtype=object)})
    with pytest.raises(TypeError):
        output("a.json", answer=broken)
    assert contents() == {"a.json": b"old"}


def test_devices_are_written_to_and_stay_what_they_are() -> None:
    output("/dev/null", "dx=/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("form", [None, *list(ArrayFormat)[1:]])
def test_a_named_pipe_gets_the_bytes(form: ArrayFormat | None) -> None:
    os.mkfifo("pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(Path("pipe").read_bytes()))
    reader.start()
    output("dx=pipe", form=form)
    reader.join()
    output("dx=file", form=form or ArrayFormat.npy)
    if form == "npz":  # the archive of a pipe has its sizes behind the data
        assert got[0].startswith(b"PK")
    else:
        assert got == [Path("file").read_bytes()]
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_named_pipe_whose_reader_leaves() -> None:
    os.mkfifo("pipe")
    reader = threading.Thread(target=lambda: Path("pipe").open("rb").close())
    large = ANSWER._replace(arrays={"dx": np.zeros(1 << 20)})
    reader.start()
    with pytest.raises(BrokenPipeError):
        output("a.npy", "pipe", answer=large)
    reader.join()
    assert not Path("a.npy").exists()


def test_a_terminal_gets_no_bytes() -> None:
    ours, theirs = os.openpty()
    try:
        assert str(refusal(os.ttyname(theirs))) == "npy is not written to a terminal"
        output(os.ttyname(theirs), form=ArrayFormat.csv)
        shown = b""
        while b"\n" not in shown:
            shown += os.read(ours, 1000)
        assert shown.startswith(b"axis0,x,mask,out,dout,dx\r\n")
    finally:
        os.close(ours)
        os.close(theirs)


def test_standard_output_as_one_of_several(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output("-", "mask=a.npy", "dx=-")
    once = capfdbinary.readouterr().out
    output("a.npy")
    assert once == Path("a.npy").read_bytes() * 2


def test_standard_output_takes_several_arrays_as_npy_alone() -> None:
    with pytest.raises(OutputError, match="standard output takes one answer, or several arrays"):
        output("-", "dx=-", form=ArrayFormat.json)


def test_nothing_is_printed_if_a_file_is_refused(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with pytest.raises(OutputError, match="No such file"):
        output("-", "dx=missing/a.npy")
    assert capfdbinary.readouterr().out == b""


def test_a_device_takes_an_archive() -> None:
    output("/dev/null", form=ArrayFormat.npz)


def test_standard_output_in_another_format(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output("dx=-", form=ArrayFormat.csv)
    assert capfdbinary.readouterr().out == b"axis0,dx\n0,3.0\n1,0.0\n"
