"""The sentences of a report."""

from __future__ import annotations

import pytest

from actgrad.layers.check.discontinuities import Discontinuity
from actgrad.layers.check.report import (
    Finding,
    KinkGradient,
    Report,
    Severity,
    Where,
    merge_dtypes,
    with_severity,
)


def finding(name: str = "not-finite", dtype: str = "float64", x: float = 1.0) -> Finding:
    return Finding(name, f"at {x:g}", ("", ""), dtype, Where(x, 0.0, 1.0, 0.0))


@pytest.mark.parametrize(
    ("gradient", "place"),
    [
        (0.0, "the left derivative, as relu in PyTorch, TensorFlow and JAX"),
        (1.0, "the right derivative, as clamp(x, min=0) in PyTorch 2.13"),
        (0.5, "between the two derivatives, as maximum(x, 0) in PyTorch and JAX"),
        (0.25, "between the two derivatives"),
        (2.0, "outside the two derivatives"),
        (-1.0, "outside the two derivatives"),
    ],
)
def test_a_kink_says_where_the_layers_gradient_is(gradient: float, place: str) -> None:
    kink = Discontinuity(x=0.0, left=0.0, right=1.0, jump=0.0, within=0.0)
    assert str(KinkGradient(kink, gradient)).endswith(f"gradient is {gradient:g}, {place}")


@pytest.mark.parametrize(
    ("faulty", "asked", "given", "severity"),
    [
        (finding(), (), False, "error"),
        (finding(dtype="float32"), (), False, "error"),
        (finding(dtype="float16"), (), False, "warning"),
        (finding(dtype="bfloat16"), ("bfloat16",), False, "error"),
        (finding(x=-1e6), (), False, "error"),
        (finding(x=-2e6), (), False, "warning"),
        (finding(x=-2e6), ("float64",), True, "error"),
        (finding(x=float("inf")), (), False, "warning"),
        (finding("lost-gradient"), ("float64",), True, "warning"),
    ],
)
def test_a_fault_that_no_network_meets_is_a_warning(
    faulty: Finding, asked: tuple[str, ...], given: bool, severity: Severity
) -> None:
    assert with_severity(faulty, asked, given).severity == severity


def test_the_merged_finding_of_several_dtypes_is_the_error_among_them() -> None:
    warning = finding(x=1e9)._replace(severity="warning")
    error = finding(dtype="float32", x=90)
    (merged,) = merge_dtypes([warning, error])
    assert merged.severity == "error"
    assert merged.message == "at 90; also in float64 at x = 1e+09"


def test_the_merged_finding_leads_with_a_finite_x() -> None:
    (merged,) = merge_dtypes(
        each._replace(severity="warning")
        for each in (finding(x=float("-inf")), finding(dtype="float16", x=12))
    )
    assert merged.message == "at 12; also in float64 at x = -inf"


def test_only_a_strict_report_counts_warnings() -> None:
    warning = finding()._replace(severity="warning")
    report = Report("relu", "", "element-wise", ("float64",), 1, findings=(warning,))
    assert report.ok
    assert report.warnings == (warning,)
    strict = report.filtered(strict=True)
    assert strict.errors == (warning,)
    assert not strict.ok


def test_the_summary_names_the_findings_that_are_ignored() -> None:
    report = Report("relu", "", "element-wise", ("float64",), 1, findings=(finding(),))
    ignored = report.filtered(ignore=[finding().name, "dx-shape"])
    assert f"ok, no finding, {finding().name} ignored; 1 points" in ignored.summary
