"""`actgrad verify`: its reports, its exit status and its errors."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad import cli
from actgrad.cli.read import dump
from actgrad.cli.show import progress
from actgrad.layers import ActgradError, layer
from actgrad.layers.verify.sample import draw_sample


def run(monkeypatch: Any, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["actgrad", "verify", *arguments])
    return cli.run()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with a dump of gelu: x.npy, y.npy and dx.npy, and wrong.npy with one nan."""
    monkeypatch.chdir(tmp_path)
    x = draw_sample(layer("gelu"), np.dtype(np.float32), 2000).reshape(40, 50)
    gelu = layer("gelu")
    out = gelu.forward(x)
    np.save("x.npy", x)
    np.save("y.npy", out)
    np.save("dx.npy", gelu.backward(np.ones_like(x)))
    out[20, 7] = np.nan
    np.save("wrong.npy", out)
    return tmp_path


DUMP = ("gelu", "--x", "x.npy", "--out", "y.npy", "--dx", "dx.npy")


def test_a_right_dump_exits_with_0_and_a_summary(
    folder: Path, monkeypatch: Any, capsys: Any
) -> None:
    assert run(monkeypatch, *DUMP, "--max-ulp", "0.501") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "out: ok"
    assert lines[-1].startswith("gelu: ok: out: max 0.5 ULP at x = ")
    assert "(float32; error ≤ 0.501 ULP, nan payloads ignored;" in lines[-1]
    assert "needed exact arithmetic)" in lines[-1]


def test_a_wrong_dump_exits_with_1_and_says_where(
    folder: Path, monkeypatch: Any, capsys: Any
) -> None:
    assert run(monkeypatch, "gelu", "--x", "x.npy", "--out", "wrong.npy") == 1
    out = capsys.readouterr().out
    assert "1 nan: nan where the truth is a number" in out
    assert "  20,7  " in out
    assert "0x7fc00000" in out
    assert out.splitlines()[-1].startswith("gelu: FAILED: out: 1 of 2000 elements fail (nan 1)")


def test_json_has_what_the_table_has(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    arguments = ["gelu", "--x", "x.npy", "--out", "wrong.npy", "--range", "-99,99", "-f", "json"]
    assert run(monkeypatch, *arguments) == 1
    answer = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (answer["command"], answer["layers"], answer["ok"]) == ("verify", ["gelu"], False)
    result = answer["results"]["out"]
    assert result["failures"]["nan"] == 1
    assert result["left_out"] + result["count"] == 2000
    assert set(result["ulp"]) == {"max", "mean", "p50", "p99", "p99.9"}
    assert result["worst"][0]["index"] == "20,7"
    assert result["worst"][0]["got"] == "NaN"
    assert answer["policy"]["within"] == [-99, 99]


@pytest.mark.parametrize(
    "results", [["--out", "[7, 9]"], ["--try", "relu"], ["--run", "numpy"]], ids=lambda r: r[0]
)
def test_a_range_that_leaves_no_element_is_refused(
    results: list[str], monkeypatch: Any, capsys: Any
) -> None:
    arguments = ["tanh", "--x", "[1, 2]", "--range", "5:6", *results]
    with pytest.raises(ActgradError, match="--range leaves no element of out to verify: widen"):
        run(monkeypatch, *arguments)
    assert capsys.readouterr().out == ""


def test_an_error_without_a_size_is_infinite_in_its_bin(monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, "relu", "--x", "[1, nan]", "--out", "[1, 2]") == 1
    out = capsys.readouterr().out
    assert re.search(r"^  inf, nan +inf +1 +1$", out, re.MULTILINE)
    assert "bar:" not in out
    assert "relu: FAILED: out: 1 of 2 elements fail (not-nan 1) (float64;" in out


def test_few_elements_that_are_all_x_are_the_wrong_array(monkeypatch: Any) -> None:
    x = "[0, 1, 2, 3, 4, 5]"
    with pytest.raises(ActgradError, match="is the wrong array: it holds x"):
        run(monkeypatch, "gelu", "--x", x, "--out", x)


def test_counts_on_a_narrow_page_stand_behind_a_colon(monkeypatch: Any) -> None:
    assert "≤ 1: 0" in shown_on_a_terminal(monkeypatch, 40, "relu", "--x", "[1]", "--out", "[1]")


def test_a_sample_to_try_has_the_number_that_is_asked_for(monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, "relu", "--try", "relu", "-n", "1000", "-f", "json") == 0
    assert json.loads(capsys.readouterr().out)["results"]["out"]["count"] == 1000


def test_a_way_to_try_at_no_x_is_refused(monkeypatch: Any) -> None:
    with pytest.raises(ActgradError, match="x has no elements to verify"):
        run(monkeypatch, "relu", "--x", "[]", "--try", "relu")


class Terminal(BytesIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown_on_a_terminal(monkeypatch: Any, width: int, *arguments: str) -> str:
    """What the command prints on a terminal of that width, without its colours."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", TextIOWrapper(terminal := Terminal(), "utf-8"))
    run(monkeypatch, *arguments)
    sys.stdout.flush()
    return re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue().decode())


def test_a_range_without_an_end_is_json(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    run(monkeypatch, "gelu", *["--x", "x.npy", "--out", "y.npy", "--range=-inf,1", "-f", "json"])
    assert json.loads(capsys.readouterr().out)["policy"]["within"] == ["-Infinity", 1]


def test_an_error_has_three_digits(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    np.save("x.npy", np.float32([1, 2]))
    np.save("y.npy", np.float32([0.8, 1.9]))
    for form, line in (("table", "6.94e5  ulp"), ("markdown", "| 6.94e5 | ulp |")):
        assert run(monkeypatch, "gelu", "--x", "x.npy", "--out", "y.npy", "-f", form) == 1
        assert line in capsys.readouterr().out


def test_a_narrow_report_indents_what_it_continues(
    folder: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert run(monkeypatch, "gelu", "--x", "x.npy", "--out", "wrong.npy") == 1
    report = capsys.readouterr().out
    assert max(map(len, report.splitlines())) <= 40
    assert "  ULP: max 0.5, mean 0.0549, p50\n    3.98e-59, p99" in report
    assert ", failure: " in " ".join(report.split())


@pytest.mark.parametrize("width", [40, 80])
def test_no_number_is_cut_on_a_narrow_terminal(width: int, folder: Path, monkeypatch: Any) -> None:
    np.save("flushed.npy", np.where(np.abs(np.load("y.npy")) < 1e-38, 0, np.load("y.npy")))
    arguments = ["gelu", "--x", "x.npy", "--out", "flushed.npy", "--dtype", "float32"]
    shown = shown_on_a_terminal(monkeypatch, width, *arguments)
    assert max(map(len, shown.splitlines())) <= width
    # A … stands between the ends of a range of x only.
    assert shown.count("…") == len(re.findall(r"[-\d.e]+ …\s+[-\d.e]+", shown))
    assert re.search(r"-1\.17[\d]+e-38\s", shown)


def test_help_at_80_columns_cuts_no_option(monkeypatch: Any) -> None:
    shown = shown_on_a_terminal(monkeypatch, 80, "--help")
    assert "--flush-subnormals" in shown
    assert "…" not in shown


def test_markdown_has_the_summary_and_tables(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    arguments = ["gelu", "--x", "x.npy", "--out", "wrong.npy", "-f", "markdown"]
    assert run(monkeypatch, *arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("**gelu: FAILED: out: 1 of 2000 elements fail (nan 1)")
    assert "## out: FAILED" in lines
    assert "| nan | 1 | nan where the truth is a number |" in lines
    assert "| at | x | got | truth | ULP | failure |" in lines
    assert any(line.startswith("| 20,7 | ") and line.endswith(" | inf | nan |") for line in lines)


def test_conventions_fail_under_strict_alone(monkeypatch: Any, capsys: Any) -> None:
    arguments = ["relu", "--x", "[-0.0, 0]", "--out", "[-0.0, 0]", "--dx", "[0, 1]"]
    assert run(monkeypatch, *arguments) == 0
    out = capsys.readouterr().out
    assert "passed: 1 by another convention" in out
    assert "passed: 1 zero-sign" in out
    assert run(monkeypatch, *arguments, "--strict") == 1
    assert "signs of 0 kept, conventions kept" in capsys.readouterr().out


def test_markdown_counts_errors_and_names_regions(
    folder: Path, monkeypatch: Any, capsys: Any
) -> None:
    x, out = np.load("x.npy"), np.load("y.npy")
    out[(x > 1) & (x < 2)] *= np.float32(1.001)
    np.save("off.npy", out)
    assert run(monkeypatch, "gelu", "--x", "x.npy", "--out", "off.npy", "-f", "markdown") == 1
    report = capsys.readouterr().out
    assert "| truth | rounded | ≤ 1 | ≤ 2 | ≤ 10 | ≤ 100 | > 100 |" in report
    failed = np.count_nonzero((x > 1) & (x < 2))
    (row,) = re.findall(r"\| (1\.\S+) \| (1\.9\S+) \| (\d+) \| (\d+) \|", report)
    assert row[2] == str(failed)
    assert report.count("<br>0x") == 3 * failed


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_verification_shows_its_progress_on_a_terminal(
    quiet: bool, folder: Path, monkeypatch: Any
) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setenv("TERM", "xterm")
    with open(theirs, "w") as terminal:  # noqa: PTH123
        monkeypatch.setattr("sys.stderr", terminal)
        assert run(monkeypatch, *DUMP, *["--quiet"] * quiet) == 0
        terminal.write("end")
    shown = b""
    while b"end" not in shown:
        shown += os.read(ours, 4096)
    os.close(ours)
    assert (b"100%" in shown or "━".encode() in shown) is not quiet


def test_a_report_lists_the_worst_elements(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, "gelu", "--x", "x.npy", "--out", "wrong.npy", "--report", "w.csv") == 1
    (row,) = csv.DictReader((folder / "w.csv").read_text(encoding="utf-8").splitlines())
    assert (row["result"], row["index"], row["got"], row["kind"]) == ("out", "20 7", "NaN", "nan")
    x = np.load("x.npy")[20, 7]
    assert float(row["x"]) == x
    assert int(row["x_bits"], 16) == x.view(np.uint32)
    assert float(row["nearest"]) == np.load("y.npy")[20, 7]
    capsys.readouterr()
    assert run(monkeypatch, "gelu", "--x", "x.npy", "--out", "wrong.npy", "-f", "csv") == 1
    assert capsys.readouterr().out == (folder / "w.csv").read_text(encoding="utf-8")
    with pytest.raises(ActgradError, match="its suffix names no format"):
        run(monkeypatch, "gelu", "--x", "x.npy", "--out", "y.npy", "--report", "worst")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_lines_along_any_axis_in_any_memory_order(
    tmp_path: Path, monkeypatch: Any, capsys: Any, axis: int, order: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dump, "BLOCK", 30)
    x = np.asarray(
        draw_sample(layer("glu"), np.dtype(np.float16), 96).reshape(4, 6, 4), order=order
    )
    x = (x % 4).astype(np.float16)
    dout = np.float16(1.5)
    for name in ("glu", "softmax"):
        spec = f"{name}:axis={axis}"
        tried = layer(spec)
        out = tried.forward(x)
        dx = tried.backward(np.full(out.shape, dout))
        out[1, 2, 1] = 7
        np.save("x.npy", x)
        np.save("y.npy", np.ascontiguousarray(out))
        np.save("dx.npy", np.asfortranarray(dx))
        arguments = ["--x", "x.npy", "--out", "y.npy", "--dx", "dx.npy", "--dout", "1.5"]
        assert run(monkeypatch, spec, *arguments, "-f", "json") == 1
        results = json.loads(capsys.readouterr().out)["results"]
        assert results["out"]["failed"] == 1
        assert results["out"]["worst"][0]["index"] == "1,2,1"
        assert results["dx"]["ok"]


def test_blocks_of_any_size_give_one_answer(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    answers = []
    for size in (1 << 16, 77):
        monkeypatch.setattr(dump, "BLOCK", size)
        run(monkeypatch, *DUMP, "--max-ulp", "0.4999")
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]


def test_bfloat16_is_recognised_without_dtype(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    monkeypatch.chdir(tmp_path)
    x = np.arange(1 << 16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    np.save("x.npy", x)
    np.save("y.npy", layer("gelu").forward(x))
    assert run(monkeypatch, "gelu", "--x", "x.npy", "--out", "y.npy") == 0
    assert "(bfloat16; error ≤ 1 ULP" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--x x.npy --out nowhere.npy", r"nowhere\.npy: No such file"),
        ("--x x.npy --out short.npy", r"short\.npy is cut short"),
        ("--x x.npy --out wide.npy", r"--out wide\.npy is float64, but --x is float32"),
        ("--x x.npy --out flat.npy", r"--out flat\.npy has shape \(2000,\), but must have"),
        ("--x x.npy --out y.npy --dout flat.npy", r"--dout flat\.npy has shape"),
        ("--x x.npy --out dx.npy", r"--out dx\.npy is the wrong array: it holds dx"),
        ("--x x.npy --dx y.npy", r"--dx y\.npy is the wrong array: it holds out"),
        ("--x x.npy --out x.npy", r"--out x\.npy is the wrong array: it holds x"),
        ("--x x.npy --out two.npz", r"two\.npz holds a, b: which one"),
        ("--x x.npy", "there is nothing to verify"),
        ("--x x.npy --out y.npy --range 3", "--range 3 is not LOW:HIGH"),
        ("--x [] --out []", r"--x \[\] has no elements to verify"),
        ("--x x.npy --out y.npy --range 3,-3", "--range 3,-3 is empty"),
        ("--x x.npy --out y.npy --max-ulp -1", "--max-ulp is -1, but must be ≥ 0"),
    ],
)
def test_dumps_that_cannot_be_verified_are_refused(
    folder: Path, monkeypatch: Any, arguments: str, message: str
) -> None:
    y = np.load("y.npy")
    np.save("wide.npy", y.astype(np.float64))
    np.save("flat.npy", y.ravel())
    np.savez("two.npz", a=y, b=y)
    (folder / "short.npy").write_bytes((folder / "y.npy").read_bytes()[:-4])
    with pytest.raises(ActgradError, match=message):
        run(monkeypatch, "gelu", *arguments.split())


def test_a_try_reads_raw_data_and_bits_as_a_dump_does(
    folder: Path, monkeypatch: Any, capsys: Any
) -> None:
    x = np.array([1.5, -2], np.float16)
    x.tofile("x.bin")
    np.save("bits.npy", x.view(np.uint16))
    given = ["--try", "max(x, 0)", "--dtype", "float16", "-f", "json", "--x"]
    assert run(monkeypatch, "relu", *given, "x.bin", "--shape", "2") == 0
    raw = capsys.readouterr().out
    assert run(monkeypatch, "relu", *given, "bits.npy", "--bits") == 0
    assert capsys.readouterr().out == raw
