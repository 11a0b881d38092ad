"""`actgrad check`: what is printed, and the exit status."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad import cli
from actgrad.layers import LayerRaisedError, SampleError, ShapeError

RELU = """
class Relu:
    def forward(self, x):
        print("here I am")
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout
"""
DOUBLED = "import numpy as np\ndef f(x): return np.tanh(x)\ndef b(x, d): return d / np.cosh(x)\n"


def run(monkeypatch: Any, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["actgrad", "check", *arguments])
    return cli.run()


def test_a_right_layer_exits_with_0_and_a_summary(monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, "relu") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith("relu: ok, no finding;")
    assert (
        "kink at x = 0, derivative 0 on the left, 1 on the right: the layer's gradient is 0" in out
    )


def test_a_wrong_layer_exits_with_1_and_its_findings(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(RELU)
    assert run(monkeypatch, f"{tmp_path}/mine.py:Relu", "--x", "[[1,-2],[0,3]]") == 1
    printed = capsys.readouterr()
    assert "error: writes-into-dout" in printed.out
    assert "FAILED, 1 error (writes-into-dout); 4 points, float64" in printed.out
    assert printed.err == "here I am\n"
    assert "here I am" not in printed.out
    assert run(monkeypatch, f"{tmp_path}/mine.py:Relu", "--ignore", "writes-into-dout") == 0


def test_a_layer_that_ends_the_program_is_refused(monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(x): raise SystemExit(0)\ndef b(x, d): return d\n")
    with pytest.raises(LayerRaisedError, match=r"mine\.py:1: SystemExit: 0"):
        run(monkeypatch, f"{tmp_path}/mine.py:f,b")


def test_of_all_that_a_layer_prints_the_first_lines_are_shown(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        "def f(x):\n    print(x.shape, x.sum())\n    return 2 * x\ndef b(x, d): return 2 * d\n"
    )
    assert run(monkeypatch, f"{tmp_path}/mine.py:f,b") == 0
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (11, "... the layer prints more")


def test_the_plot_marks_where_backward_differs(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "pair.py").write_text(DOUBLED)
    assert run(monkeypatch, f"{tmp_path}/pair.py:f,b") == 1
    out = capsys.readouterr().out
    assert "✗ backward, ○ the numerical derivative" in out
    heads, row = (line.split() for line in out.splitlines()[:2])
    assert heads == ["finding", "at", "x", "got", "expected", "dtypes"]
    assert (row[0], row[-1]) == ("wrong-gradient", "float64")


def test_a_plot_that_shows_nothing_is_left_out(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(f"{RELU}\ndef f(x): return 3 * x\ndef b(x, d): return 3 * d")
    assert run(monkeypatch, f"{tmp_path}/mine.py:Relu") == 1
    assert run(monkeypatch, f"{tmp_path}/mine.py:f,b") == 0
    assert "dx for dout = 1" not in capsys.readouterr().out


def test_markdown_has_the_verdict_a_table_the_examples_and_the_notes(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(RELU)
    assert run(monkeypatch, f"{tmp_path}/mine.py:Relu", "-f", "markdown") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"## check `{tmp_path}/mine.py:Relu`: FAILED"
    (row,) = (line for line in lines if line.startswith("| `writes-into-dout` | error |"))
    assert row.endswith("| the layer changes the caller's dout in place |")
    code = lines[lines.index("```python") + 1 : lines.index("```")]
    assert code[0] == "import numpy as np; from mine import Relu; layer = Relu()"
    assert code[-1].startswith("dout  # [")
    note = "- kink at x = 0, derivative 0 on the left, 1 on the right: the layer's gradient is 0, "
    assert lines[-1].startswith(note)


def test_a_narrow_page_has_the_numbers_of_each_finding_below_it(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "pair.py").write_text(DOUBLED)
    monkeypatch.setenv("COLUMNS", "40")
    assert run(monkeypatch, f"{tmp_path}/pair.py:f,b") == 1
    out = capsys.readouterr().out
    assert "\nat x " in out
    assert ", expected " in " ".join(out.split())
    # Code is not folded, so that it can be copied; a path has no place to break.
    kept = ("layer", "np.", "pair.py")
    assert all(len(line) <= 40 or any(map(line.count, kept)) for line in out.splitlines())
    assert not any(line != line.rstrip() for line in out.splitlines())


def test_json_has_the_findings_and_the_curve(monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "pair.py").write_text(DOUBLED)
    assert run(monkeypatch, f"{tmp_path}/pair.py:f,b", "-f", "json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["command"], answer["ok"]) == ("check", False)
    finding = answer["findings"][0]
    assert (finding["name"], finding["severity"]) == ("wrong-gradient", "error")
    assert set(finding["where"]) == {"x", "got", "expected", "tolerance"}
    assert len(answer["curve"]["x"]) == len(answer["curve"]["derivative"])


def test_json_states_strictness_unjudged_points_and_the_setup(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "rough.py").write_text(
        "import numpy as np\ndef f(x): return 1 / (1 + np.exp(-x))\n"
        "def b(x, d): y = f(x); return d * y * (1 - y)\n"
    )
    spec = f"{tmp_path}/rough.py:f,b"
    for options, status in (((), 0), (("--strict",), 1)):
        assert (
            run(monkeypatch, spec, "--x", "[-1000, 1, 3000000]", "-f", "json", *options) == status
        )
        answer = json.loads(capsys.readouterr().out)
        assert answer["strict"] is bool(options)
        assert {finding["severity"] for finding in answer["findings"]} == {
            "error" if status else "warning"
        }
        assert answer["setup"].startswith("import numpy as np; from rough import f, b; ")
    assert answer["unjudged"] == 0
    (tmp_path / "wild.py").write_text(
        "import numpy as np\ndef f(x): return np.sin(1e9 * x)\n"
        "def b(x, d): return d * 1e9 * np.cos(1e9 * x)\n"
    )
    assert run(monkeypatch, f"{tmp_path}/wild.py:f,b", "--x", "[0.5, 1.5]", "-f", "json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["unjudged"], answer["points"]) == (2, 2)


def test_an_unknown_finding_and_a_missing_file_are_refused(monkeypatch: Any) -> None:
    with pytest.raises(Exception, match="no finding is called 'wrong'"):
        run(monkeypatch, "relu", "--ignore", "wrong")
    with pytest.raises(Exception, match=r"nowhere\.py: no such file"):
        run(monkeypatch, "nowhere.py:Layer")


def test_bfloat16_is_checked_as_any_other_dtype(monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, "sigmoid", "--dtype", "bfloat16") == 0
    assert "no finding" in (last := capsys.readouterr().out.splitlines()[-1])
    assert last.endswith("bfloat16")


def test_several_layers_have_one_table_and_the_worst_status(
    monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        f"{RELU}\nclass Fine(Relu):\n    def backward(self, dout):\n"
        "        return super().backward(dout.copy())\n"
    )
    file = f"{tmp_path}/mine.py"
    assert run(monkeypatch, f"{file}:Fine", "relu") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 layers: 2 ok"
    assert run(monkeypatch, file) == 1
    printed = capsys.readouterr()
    *_, heads, relu, fine, counts = printed.out.splitlines()
    assert heads.split() == ["layer", "verdict", "findings"]
    assert relu.split() == [f"{file}:Relu", "FAILED", "writes-into-dout"]
    assert fine.split() == [f"{file}:Fine", "ok"]
    assert counts == "2 layers: 1 ok, 1 FAILED"
    assert "error: writes-into-dout" in printed.out
    (tmp_path / "other.py").write_text(
        "class Power:\n    def __init__(self, k): pass\n    def forward(self, x): return x\n"
        "    def backward(self, dout): return dout\n"
    )
    assert run(monkeypatch, str(tmp_path), "-f", "json") == 2
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert [report["ok"] for report in answer["reports"]] == [False, True]
    (refused,) = answer["refused"]
    assert refused["layer"] == f"{tmp_path}/other.py:Power"
    assert refused["hint"] == f"write {tmp_path}/other.py:Power:k=VALUE"
    assert "missing 1 required positional argument: 'k'" in printed.err
    assert run(monkeypatch, str(tmp_path), "-f", "markdown") == 2
    lines = capsys.readouterr().out.splitlines()
    assert "3 layers: 1 ok, 1 FAILED, 1 not checked" in lines
    assert f"| `{tmp_path}/other.py:Power` | not checked |  |" in lines
    assert f"## check `{file}:Relu`: FAILED" in lines


def test_the_shape_is_of_raw_data_or_of_a_sample(monkeypatch: Any, tmp_path: Path) -> None:
    raw = tmp_path / "x.bin"
    np.float32([[1, -2, 3], [4, 5, 6]]).tofile(raw)
    assert run(monkeypatch, "softmax", "--x", str(raw), "--dtype", "float32", "--shape", "2,3") == 0
    with pytest.raises(ShapeError, match=r"--shape is that of raw data, which a \.bin file holds"):
        run(monkeypatch, "relu", "--x", "[1, 2]", "--shape", "2")
    with pytest.raises(SampleError, match="18446744073709551616 numbers need more than"):
        run(monkeypatch, "relu", "--shape", "4294967296,4294967296")


def test_a_terminal_names_the_layer_that_is_checked(monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(f"{RELU}\n\nclass Other(Relu):\n    pass\n")
    monkeypatch.chdir(tmp_path)
    ours, theirs = pty.openpty()
    with open(theirs, "w") as terminal:  # noqa: PTH123
        monkeypatch.setattr("sys.stderr", terminal)
        run(monkeypatch, "two.py")
        terminal.write("end")
    shown = b""
    while b"end" not in shown:
        shown += os.read(ours, 4096)
    os.close(ours)
    assert b"two.py:Relu, 1 of 2: " in shown
    assert shown.endswith(b" \rend")
