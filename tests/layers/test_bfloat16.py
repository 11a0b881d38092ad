"""bfloat16, which NumPy has only through ml_dtypes."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from actgrad.layers import DtypeError, catalogue, layer
from actgrad.layers.arrays import named


@pytest.fixture
def bfloat16() -> Any:
    pytest.importorskip("ml_dtypes")
    return named("bfloat16")


def test_results_are_of_xs_dtype(bfloat16: Any) -> None:
    for cls in catalogue():
        tried = layer("threshold:threshold=0,value=1" if cls.name == "threshold" else cls.name)
        x = np.array([[1, -2], [0.5, 3]], bfloat16)
        out = tried.forward(x)
        assert out.dtype == tried.backward(np.ones_like(out)).dtype == bfloat16


def test_a_result_is_rounded_once(bfloat16: Any) -> None:
    # Through float32, 1 + 2⁻⁸ + 2⁻⁴⁰ would become a tie, and then 1.
    slope = 1 + 2.0**-8 + 2.0**-40
    assert layer(f"leaky_relu:negative_slope={slope!r}").forward(
        np.array([-1], bfloat16)
    ) == -float(np.nextafter(bfloat16.type(1), bfloat16.type(2)))


def test_an_array_may_be_written_into(bfloat16: Any) -> None:
    x = np.linspace(-3, 3, 12).astype(bfloat16).reshape(3, 4)
    for name in ("gelu", "relu", "softmax"):
        out = np.empty_like(x)
        assert layer(name).forward(x, out=out) is out
        assert np.array_equal(out, layer(name).forward(x))


def test_without_ml_dtypes_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(DtypeError, match="bfloat16 needs the package ml_dtypes") as caught:
        named("bfloat16")
    assert caught.value.hint == 'pip install "actgrad[bfloat16]"'


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(DtypeError, match="no layer computes in dtype 'float8'"):
        named("float8")
    assert named("float32") == np.float32
