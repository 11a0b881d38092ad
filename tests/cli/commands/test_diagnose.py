"""`actgrad diagnose` as a process: verdicts, formats, options and refusals."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

Actgrad = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def dead(tmp_path: Path) -> Any:
    """Pre-activations of 64 units, of which 10 to 19 are always below 0, in `h.npy`."""
    h = np.random.default_rng(0).standard_normal((600, 64), np.float32)
    h[:, 10:20] -= 10
    np.save(tmp_path / "h.npy", h)
    return h


def test_a_dead_unit_is_named_in_every_format(actgrad: Actgrad, dead: Any) -> None:
    table = actgrad("diagnose", "relu", "--x", "h.npy")
    assert table.returncode == 1
    assert "dead-units: 10 of 64 units" in table.stdout.decode()
    assert "units: 10-19" in table.stdout.decode()
    report = json.loads(actgrad("diagnose", "relu", "--x", "h.npy", "-f", "json").stdout)
    (layer,) = report["diagnoses"]
    assert not report["ok"]
    assert layer["dead"] == 10
    assert layer["findings"][0]["units"] == list(range(10, 20))
    assert layer["unit"][3]["mean"] == pytest.approx(dead[:, 3].mean(), rel=1e-4)
    rows = actgrad("diagnose", "relu", "--x", "h.npy", "-f", "csv").stdout.decode().splitlines()
    units = list(csv.DictReader(rows))
    assert [int(row["unit"]) for row in units if row["findings"] == "dead-units"] == [
        *range(10, 20)
    ]
    assert b"## dead-units" in actgrad("diagnose", "relu", "--x", "h.npy", "-f", "markdown").stdout


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_every_line_fits_the_page(actgrad: Actgrad, dead: Any, columns: str) -> None:
    env = {"COLUMNS": columns, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    shown = actgrad("diagnose", "relu", "--x", "h.npy", env=env).stdout
    assert max(map(len, shown.decode("ascii").splitlines())) <= int(columns)


def test_threads_and_memory_order_change_no_byte(
    actgrad: Actgrad, dead: Any, tmp_path: Path
) -> None:
    np.save(tmp_path / "f.npy", np.asfortranarray(dead))
    answers = {
        actgrad("diagnose", "gelu", "--x", file, "--threads", threads, "-f", "json").stdout
        for file, threads in (("h.npy", "1"), ("h.npy", "2"), ("f.npy", "3"))
    }
    assert len(answers) == 1


def test_options_move_thresholds_and_axes(actgrad: Actgrad, dead: Any, tmp_path: Path) -> None:
    assert actgrad("diagnose", "relu", "--x", "h.npy", "--max-dead", "20%").returncode == 0
    assert actgrad("diagnose", "relu", "--x", "h.npy", "--max-dead", "0.1").returncode == 1
    np.save(tmp_path / "t.npy", dead.T)
    turned = actgrad("diagnose", "relu", "--x", "t.npy", "--units", "0")
    assert b"units: 10-19" in turned.stdout
    half = actgrad("diagnose", "relu", "--x", "h.npy", "--dtype", "float16")
    assert b"float16" in half.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("relu", "diagnose needs --x or --out"),
        ("relu --x h.npy --out h.npy", "diagnose needs --x or --out"),
        ("relu --x h.npy --dout [1,2]", "dout has shape (2,), but x has (600, 64)"),
        ("relu --x h.npy --units 2", "there is no axis 2"),
        ("relu --x h.npy --max-dead many", "--max-dead many is no share"),
        ("relu --x []", "no sample"),
        ("gelu --out h.npy", "the out of gelu does not determine its slope"),
        ("softmax --x h.npy", "softmax works along an axis"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(
    actgrad: Actgrad, dead: Any, arguments: str, message: str
) -> None:
    refused = actgrad("diagnose", *arguments.split(" "))
    assert refused.returncode == 2
    assert message in refused.stderr.decode()
    assert not refused.stdout
    assert len(refused.stderr.splitlines()) <= 2
