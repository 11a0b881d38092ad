"""Reading `.safetensors` files, and bfloat16 from wherever it comes."""

from __future__ import annotations

import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from actgrad.cli.read.member import MemberError
from actgrad.cli.read.safetensors import SafetensorsError
from actgrad.cli.read.source import SourceError, read_array
from actgrad.layers import DtypeError
from actgrad.layers.casting import EIGHT_BIT

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "model.safetensors"
    tensors = {
        "w": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array([1.5, -0.5], BFLOAT16),
        "counts": np.array([1, 2]),
    }
    save_file(tensors, path)
    return str(path)


def test_a_tensor_is_read_by_its_name(file: str) -> None:
    w = read_array(f"{file}:w", "--x")
    assert (w.dtype, w.tolist()) == (np.float32, [[0, 1, 2], [3, 4, 5]])
    assert read_array(f"{file}:counts", "--x").dtype == np.float64


def test_a_bfloat16_tensor_keeps_its_dtype(file: str) -> None:
    b = read_array(f"{file}:b", "--x")
    assert (b.dtype, b.tolist()) == (BFLOAT16, [1.5, -0.5])


@pytest.mark.parametrize("name", EIGHT_BIT)
def test_an_8_bit_tensor_keeps_its_dtype(name: str, tmp_path: Path) -> None:
    dtype, path = np.dtype(getattr(ml_dtypes, name)), tmp_path / "x.safetensors"
    save_file({"x": np.array([1.5, -0.5], dtype)}, path)
    x = read_array(str(path), "--x")
    assert (x.dtype, x.tolist()) == (dtype, [1.5, -0.5])


def test_an_only_tensor_needs_no_name(tmp_path: Path) -> None:
    save_file({"w": np.float32([1])}, tmp_path / "one.safetensors")
    assert read_array(str(tmp_path / "one.safetensors"), "--x").tolist() == [1]


def test_which_tensor_and_none_such(file: str) -> None:
    with pytest.raises(MemberError, match="holds b, counts, w: which one") as caught:
        read_array(file, "--x")
    assert caught.value.hint == f"{file}:NAME names it"
    with pytest.raises(MemberError, match="holds no array 'q'"):
        read_array(f"{file}:q", "--x")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 64, b"\x02" + bytes(7) + b"{}"])
def test_a_broken_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises((SafetensorsError, MemberError), match=r"bad\.safetensors"):
        read_array(str(path), "--x")


def test_a_missing_package_is_named(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(SafetensorsError, match="needs the package safetensors") as caught:
        read_array(f"{file}:w", "--x")
    assert caught.value.hint == 'pip install "actgrad[safetensors]"'


def test_two_bytes_of_no_kind_are_bfloat16_if_dtype_says_so(tmp_path: Path) -> None:
    values = np.array([1.5, -0.25], BFLOAT16)
    np.save(tmp_path / "b.npy", values)
    path = str(tmp_path / "b.npy")
    read_back = read_array(path, "--x", "bfloat16")
    assert (read_back.dtype, read_back.tolist()) == (BFLOAT16, [1.5, -0.25])
    for dtype in (None, "float32"):
        with pytest.raises(SourceError, match="two bytes an element") as caught:
            read_array(path, "--x", dtype)
        assert "--dtype bfloat16" in str(caught.value.hint)


def test_dtype_casts_to_bfloat16(tmp_path: Path) -> None:
    assert read_array("[0.1, 1e300]", "--x", "bfloat16").tolist() == [0.10009765625, np.inf]


def test_bfloat16_without_its_package_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(DtypeError, match="needs the package ml_dtypes") as caught:
        read_array("1", "--x", "bfloat16")
    assert caught.value.hint == 'pip install "actgrad[bfloat16]"'
