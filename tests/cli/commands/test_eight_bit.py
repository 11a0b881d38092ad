"""8-bit floats on the command line: read, computed, verified, and what overflow gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad import cli
from actgrad.layers import ActgradError
from actgrad.layers.arrays import named
from actgrad.layers.casting import EIGHT_BIT

pytest.importorskip("ml_dtypes")


def run(monkeypatch: Any, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["actgrad", *arguments])
    return cli.run()


@pytest.mark.parametrize("dtype", EIGHT_BIT)
def test_all_numbers_are_sampled_computed_and_verified(
    dtype: str, monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    x, out, dx = (str(tmp_path / f"{name}.npy") for name in ("x", "out", "dx"))
    run(monkeypatch, "sample", "--dtype", dtype, "--all", "-o", x)
    assert np.array_equal(np.load(x).view(np.uint8), np.arange(256))
    options = ("--x", x, "--dtype", dtype, "--overflow", "saturate")
    run(monkeypatch, "backward", "x**3", *options, "-o", f"out={out}", "-o", f"dx={dx}")
    largest = np.nanmax(np.load(out).view(named(dtype)).astype(float))
    assert f"±{largest:g} (--overflow saturate)" in capsys.readouterr().err
    assert run(monkeypatch, "verify", "x**3", *options, "--out", out, "--dx", dx) == 0
    assert "correctly rounded: 100" in capsys.readouterr().out
    assert run(monkeypatch, "verify", "x**3", *options[:4], "--out", out) == 1
    assert "overflow: an overflow where the policy wants another" in capsys.readouterr().out


def test_large_files_overflow_as_small_ones_do(
    monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    x, out = str(tmp_path / "x.npy"), str(tmp_path / "out.npy")
    np.save(x, np.full((1 << 22) + 1, 100, named("float8_e4m3fn")))
    options = ("--x", x, "--dtype", "float8_e4m3fn", "-o", out, "-q")
    for gives, value in (("nan", np.nan), ("saturate", 448)):
        run(monkeypatch, "forward", "relu_squared", *options, "--overflow", gives)
        right = np.load(out).view(named("float8_e4m3fn"))[:: 1 << 20].astype(float)
        assert np.array_equal(right, np.full(5, value), equal_nan=True)
        assert f"(--overflow {gives})" in capsys.readouterr().err


def test_headers_that_name_the_dtype_or_not(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    values, path = np.array([1.5, -2], named("float8_e5m2")), tmp_path / "x.npy"
    np.save(path, values)  # as '<f1'
    for _ in range(2):
        with pytest.raises(ActgradError, match="one byte an element, of no known dtype"):
            run(monkeypatch, "forward", "relu", "--x", str(path))
        run(monkeypatch, "forward", "relu", "--x", str(path), "--dtype", "float8_e5m2", "-f", "csv")
        assert capsys.readouterr().out == "axis0,x,mask,out\n0,1.5,False,1.5\n1,-2.0,True,0.0\n"
        path.write_bytes(path.read_bytes().replace(b"'<f1'", b"'|V1'"))
    # The spaces at the end of the header make room for the name.
    header = path.read_bytes().replace(b"'|V1'", b"'float8_e5m2'")
    path.write_bytes(header.replace(b" " * 8 + b"\n", b"\n"))
    run(monkeypatch, "forward", "relu", "--x", str(path), "-f", "csv")
    assert "1.5,False,1.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dtype", "float8_e4m3fn", "--overflow", "inf"], "float8_e4m3fn has no infinity"),
        (["--dtype", "float16", "--overflow", "nan"], "float16 overflows to infinity"),
        (["--overflow", "saturate"], "float64 overflows to infinity"),
    ],
)
def test_an_overflow_that_the_dtype_has_not_is_refused(
    options: list[str], message: str, monkeypatch: Any
) -> None:
    for command in ("forward", "verify"):
        out = ["--out", "[1]"] if command == "verify" else []
        with pytest.raises(ActgradError, match=message):
            run(monkeypatch, command, "relu", "--x", "[1]", *out, *options)
