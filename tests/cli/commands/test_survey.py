"""`actgrad survey`: its formats, its baseline and its errors."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad import cli
from actgrad.layers import ActgradError

SURVEY = ("numpy", "-n", "100", "--processes", "1")


def run(monkeypatch: Any, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["actgrad", "survey", *arguments])
    return cli.run()


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: Any) -> Path:
    """A survey in JSON."""
    file = tmp_path / "before.json"
    assert run(monkeypatch, *SURVEY, "-o", str(file)) == 0
    return file


def changed(file: Path, **fields: Any) -> None:
    """Write the survey with other fields in its first cell."""
    written = json.loads(file.read_text())
    written["cells"][0].update(fields)
    file.write_text(json.dumps(written))


def test_json_has_a_stable_schema(baseline: Path) -> None:
    written = json.loads(baseline.read_text())
    assert [*written] == [
        *("command", "schema", "target", "environment", "numbers", "policy"),
        *("cells", "refused", "baseline"),
    ]
    assert (written["command"], written["schema"], written["target"]) == ("survey", 1, "numpy")
    assert written["environment"]["versions"]["numpy"] == np.__version__
    assert [*written["cells"][0]] == [
        *("layer", "target", "dtype", "result", "elements", "failed", "failures"),
        *("correctly_rounded", "max_ulp", "at", "worst_x", "worst_bits"),
        *("cause", "share", "depends_on_block"),
    ]


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_reports_have_a_row_for_each_layer(form: str, monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, *SURVEY, "-f", form) == 0
    out = capsys.readouterr().out
    assert f"numpy {np.__version__}" in out
    assert "tanh" in out
    assert "exponential" in out


def test_a_narrow_terminal_gets_lines(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert run(monkeypatch, *SURVEY) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("tanh float32 out: max ULP") for line in lines)
    assert max(map(len, lines)) <= 40


def test_csv_has_a_row_for_each_cell(monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, *SURVEY, "--dtype", "float32,float64", "-f", "csv") == 0
    rows = [*csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert [(row["layer"], row["dtype"]) for row in rows] == [
        (layer, dtype) for layer in ("exponential", "tanh") for dtype in ("float32", "float64")
    ]
    assert all(float(row["max_ulp"]) < 3 for row in rows)


def test_the_same_survey_exits_with_0(baseline: Path, monkeypatch: Any, capsys: Any) -> None:
    assert run(monkeypatch, *SURVEY, "--baseline", str(baseline)) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "against the baseline: 0 worse, 0 better"


@pytest.mark.parametrize(
    ("figure", "status", "line"),
    [
        (0.25, 1, "exponential float32 out: worse: max ULP 0.25 → "),
        (1e9, 0, "exponential float32 out: better: max ULP 1e+09 → "),
        ("Infinity", 0, "exponential float32 out: better: max ULP inf → "),
    ],
)
def test_what_got_worse_exits_with_1(
    figure: Any, status: int, line: str, baseline: Path, monkeypatch: Any, capsys: Any
) -> None:
    changed(baseline, max_ulp=figure)
    assert run(monkeypatch, *SURVEY, "--baseline", str(baseline)) == status
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, ["scipy"], "is a survey of numpy, not of scipy"),
        (None, ["numpy", "-n", "200"], "has 100 numbers a layer, not 200"),
        ("{}", ["numpy"], "holds no survey"),
        ("no json", ["numpy"], "holds no survey"),
        ("[" * 100_000, ["numpy"], "holds no survey"),
    ],
)
def test_a_baseline_that_does_not_fit_is_refused(
    content: str | None, arguments: list[str], message: str, baseline: Path, monkeypatch: Any
) -> None:
    if content is not None:
        baseline.write_text(content)
    with pytest.raises(ActgradError, match=message):
        run(monkeypatch, "-n", "100", *arguments, "--baseline", str(baseline))


def test_a_baseline_with_a_value_of_another_type_is_refused(
    baseline: Path, monkeypatch: Any
) -> None:
    changed(baseline, elements="many")
    with pytest.raises(ActgradError, match="holds no survey"):
        run(monkeypatch, *SURVEY, "--baseline", str(baseline))


def test_a_baseline_of_no_elements_is_compared(baseline: Path, monkeypatch: Any) -> None:
    changed(baseline, elements=0)
    assert run(monkeypatch, *SURVEY, "--baseline", str(baseline)) == 1


def test_a_framework_that_is_not_there_is_named(monkeypatch: Any) -> None:
    with pytest.raises(ActgradError, match="mine cannot be surveyed"):
        run(monkeypatch, "mine")


@pytest.mark.frameworks
def test_a_dtype_without_a_kernel_is_listed(monkeypatch: Any, capsys: Any) -> None:
    pytest.importorskip("onnxruntime")
    assert run(monkeypatch, "onnxruntime", "relu", "--dtype", "float32,bfloat16", "-n", "50") == 0
    out = capsys.readouterr().out
    assert "not run: relu bfloat16: onnx.Relu: NotImplemented: Could not find" in out
