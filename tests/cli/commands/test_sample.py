"""`actgrad sample`: what it writes, and its notes and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad import cli
from actgrad.layers import ActgradError


def run(monkeypatch: Any, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["actgrad", "sample", *arguments])
    return cli.run()


def test_all_16_bit_numbers(monkeypatch: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    run(monkeypatch, "--dtype", "float16", "--all", "-o", str(file))
    assert np.array_equal(np.load(file).view(np.uint16), np.arange(65536))


def test_a_shape_is_filled_by_repetition_with_a_note(
    monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "x.npy"
    run(monkeypatch, "gelu", "-n", "100", "--shape", "6,20", "-o", str(file))
    x = np.load(file)
    assert x.shape == (6, 20)
    assert np.array_equal(x.ravel()[:20], x.ravel()[100:], equal_nan=True)
    assert "100 numbers, repeated to fill 120 places" in capsys.readouterr().err
    run(monkeypatch, "gelu", "--shape", "6,20", "-o", str(file))
    assert len(np.unique(np.load(file))) == 119  # −0 equals 0
    assert capsys.readouterr().err == ""


def test_more_numbers_than_the_dtype_has_repeat_with_a_note(
    monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "x.npy"
    run(monkeypatch, "relu", "--dtype", "float16", "-n", "70000", "-o", str(file))
    assert np.load(file).shape == (70000,)
    assert "float16 has 63491 numbers, repeated to make 70000" in capsys.readouterr().err


def test_it_answers_as_the_other_commands_do(monkeypatch: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    run(monkeypatch, "relu", "-n", "5", "-o", str(file))
    rows = "axis0,x\n0,-Infinity\n1,-0.0\n2,0.0\n3,Infinity\n4,NaN\n"
    assert file.read_text(encoding="utf-8") == rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "float32", "--all"], "float32 has too many numbers"),
        (["relu", "--dtype", "float16", "--all"], "--all gives every number"),
        (["relu", "--shape", "2,x"], "--shape 2,x is not a shape"),
        (["relu", "--shape", "2,0"], "--shape 2,0 is not a shape"),
        (["relu", "-n", "10", "--shape", "2,2"], "10 numbers do not fit into --shape 2,2"),
        (["relu", "-n", "9" * 20], "9 numbers need more than this machine's memory"),
        (["relu", "--shape", "4294967296,4294967296"], "numbers need more than this machine's"),
        (["relu", "-n", "0"], "a sample of 0 numbers is empty"),
        (["rellu"], "no layer is called 'rellu'"),
    ],
)
def test_impossible_samples_are_refused(
    monkeypatch: Any, arguments: list[str], message: str
) -> None:
    with pytest.raises(ActgradError, match=message):
        run(monkeypatch, *arguments)
