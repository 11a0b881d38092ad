"""Surveys of frameworks: what a cell holds, and that an independent measure agrees."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from actgrad.layers import DtypeError, ParameterError, UnknownLayerError, layer
from actgrad.layers.arrays import Array, named
from actgrad.layers.exact import FloatFormat
from actgrad.layers.frameworks import FRAMEWORKS, TargetError, catalogued_target
from actgrad.layers.survey import Refusal, Survey, changes, default_x, survey

#: The layer's value and slope, for mpmath.
TRUTHS: dict[str, tuple[Callable[[mpf], mpf], Callable[[mpf], mpf]]] = {
    "sigmoid": (
        lambda x: 1 / (1 + mp.exp(-x)),
        lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
    ),
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), lambda x: 1 / (1 + mp.exp(-x))),
    "logsigmoid": (lambda x: -mp.log1p(mp.exp(-x)), lambda x: 1 / (1 + mp.exp(x))),
    "gelu": (
        lambda x: x * mp.ncdf(x),
        lambda x: mp.ncdf(x) + x * mp.npdf(x),
    ),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
}
#: So many numbers of each cell are measured.
MEASURED = 150


def largest_error(truth: Callable[[mpf], mpf], x: Array, got: Array) -> float:
    """The largest finite error in ULP of results at finite x, by mpmath alone.

    The unit is the spacing of the dtype's numbers in the binade of the truth.
    """
    form, largest = FloatFormat.of(x.dtype), 0.0
    with mp.workprec(300):
        for number, result in zip(x.tolist(), got.astype(np.float64).tolist(), strict=True):
            if not np.isfinite([number, result]).all():
                continue
            exact = truth(mpf(number))
            exponent = int(mp.floor(mp.log(abs(exact), 2))) if exact else form.least
            unit = mpf(2) ** (max(exponent, form.least) - form.precision + 1)
            largest = max(largest, float(abs(result - exact) / unit))
    return largest


@pytest.mark.frameworks
@pytest.mark.parametrize("framework", ["torch", "jax", "onnxruntime"])
def test_the_largest_error_of_a_cell_is_that_of_mpmath(framework: str) -> None:
    pytest.importorskip(FRAMEWORKS[framework].package)
    rng = np.random.default_rng(0)
    pairs = [(name, dtype) for name in TRUTHS for dtype in ("float32", "float16", "bfloat16")]
    for name, dtype in (pairs[i] for i in rng.permutation(len(pairs))[:3]):
        try:
            cells = survey(framework, [dtype], [name], count=MEASURED).cells
        except TargetError:
            assert framework == "onnxruntime"
            continue
        made = layer(name)
        x = default_x(made, named(dtype), MEASURED)
        with np.errstate(all="ignore"):
            results = catalogued_target(framework, made).run(x, np.ones_like(x))
        for cell, truth, got in zip(cells, TRUTHS[name], results, strict=False):
            assert got is not None
            if not cell.depends_on_block:
                assert cell.max_ulp == pytest.approx(largest_error(truth, x, got), rel=1e-6)


def test_a_cell_holds_the_errors_of_a_layer() -> None:
    now = survey("numpy", ["float32", "float16"], count=400)
    assert [cell.key for cell in now.cells] == [
        (layer, dtype, "out")
        for layer in ("exponential", "tanh")
        for dtype in ("float32", "float16")
    ]
    for cell in now.cells:
        assert cell.target == {"exponential": "numpy.exp", "tanh": "numpy.tanh"}[cell.layer]
        assert cell.elements >= 400
        assert 0.25 < cell.max_ulp < 3
        assert cell.correctly_rounded > 0.8 * cell.elements
        assert cell.failed == sum(cell.failures.values())
    assert (now.target, now.numbers, now.refusals) == ("numpy", 400, [])
    assert now.environment.versions["numpy"] == np.__version__


def test_several_processes_give_the_same_survey() -> None:
    shares: list[float] = []
    dtypes = ["float32", "float16", "float64", "float32"]
    ours = survey("numpy", dtypes, count=50)
    theirs = survey("numpy", dtypes, count=50, processes=2, progress=shares.append)
    assert theirs == ours
    assert shares == [i / 8 for i in range(1, 9)]


def test_what_cannot_be_surveyed_is_refused() -> None:
    cases: list[tuple[Any, type[Exception], str]] = [
        (("mine", ["float32"]), TargetError, "mine cannot be surveyed"),
        (("numpy", ["float32"], ["gelu"]), TargetError, "numpy has no function for gelu"),
        (("numpy", ["float32"], ["gleu"]), UnknownLayerError, "no layer is called 'gleu'"),
        (("numpy", ["float32"], ["tanh:a=1"]), ParameterError, "tanh"),
        (("numpy", ["float12"]), DtypeError, "float12"),
    ]
    for arguments, error, message in cases:
        with pytest.raises(error, match=message):
            survey(*arguments)


@pytest.fixture(scope="module")
def before() -> Survey:
    return survey("numpy", ["float32"], count=100)


def test_nothing_changed_without_a_change(before: Survey) -> None:
    assert changes(before, before) == []


def test_each_figure_that_changes_is_worse_or_better(before: Survey) -> None:
    exponential, tanh = before.cells
    worse = exponential._replace(max_ulp=99.0, failed=exponential.failed + 5)
    better = tanh._replace(correctly_rounded=tanh.elements)
    changed = changes(before, before._replace(cells=[worse, better]))
    assert [(each.layer, each.figure, each.worse) for each in changed] == [
        ("exponential", "max ULP", True),
        ("exponential", "share that fails", True),
        ("tanh", "share correctly rounded", False),
    ]
    assert str(changed[0]).startswith("exponential float32 out: worse: max ULP ")
    assert str(changed[0]).endswith(" → 99")


def test_a_cell_that_no_longer_runs_is_worse_and_one_not_asked_for_is_nothing(
    before: Survey,
) -> None:
    gone = before._replace(cells=before.cells[1:])
    assert changes(before, gone) == []
    refused = gone._replace(refusals=[Refusal("exponential", "float32", "no kernel")])
    (change,) = changes(before, refused)
    assert (change.layer, change.figure, change.worse) == ("exponential", "runs", True)


def test_a_framework_that_is_missing_is_named_with_the_line_that_installs_it() -> None:
    if find_spec("onnxruntime"):
        pytest.skip("ONNX Runtime is installed")
    with pytest.raises(TargetError, match="onnxruntime is not installed") as refused:
        survey("onnxruntime", ["float32"])
    assert refused.value.hint == 'pip install "actgrad[onnx]"'
