"""The check gives every wrong layer the finding that it states, and right layers none.

The layers are in the folder `layers`, one kind of fault in a file.
"""

from __future__ import annotations

import ast
import re
import runpy
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from actgrad.layers.check import Report, examine, load_subject
from actgrad.layers.check.script import DIGITS, value_text

LAYERS = Path(__file__).with_name("layers")


class Case(NamedTuple):
    """A layer, and the finding that the check must give, or None."""

    name: str
    expected: str | None
    #: Makes the class or the pair of functions, with no state from an earlier test.
    make: Callable[[], Any]
    #: Makes the same layer without the fault, where it is known.
    mended: Callable[[], Any] | None = None
    #: The warnings that a right layer has.
    warnings: frozenset[str] = frozenset()


def written(path: Path) -> list[Case]:
    """The layers of a file that are marked as wrong or right."""

    def make(name: str) -> Any:
        layer = runpy.run_path(str(path))[name]
        return layer if isinstance(layer, type) else layer()

    return [
        Case(
            f"{path.stem}: {name}",
            layer.expected,
            partial(make, name),
            warnings=getattr(layer, "warnings", frozenset()),
        )
        for name, layer in runpy.run_path(str(path)).items()
        if hasattr(layer, "expected")
    ]


def run_source(source: str) -> Any:
    """The class or the pair of functions that the source ends with."""
    names: dict[str, Any] = {"np": np, "__name__": __name__}
    exec(source, names)
    *_, layer = (value for value in names.values() if isinstance(value, type | tuple))
    return layer


def mutated() -> list[Case]:
    """The common layers, each with one mutation."""
    text = (LAYERS / "right_common.py").read_text("utf-8")
    sources = {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef)
    }
    cases = []
    for finding, mutations in runpy.run_path(str(LAYERS / "mutations.py"))["MUTATIONS"].items():
        for layer, right, wrong in mutations:
            source = sources[layer]
            assert source.count(right) == 1, (layer, right)
            cases.append(
                Case(
                    f"{layer}: {wrong}",
                    finding,
                    partial(run_source, source.replace(right, wrong)),
                    partial(run_source, source),
                )
            )
    return cases


STYLES = runpy.run_path(str(LAYERS / "right_functions.py"))["SOURCES"]
CASES = [
    *mutated(),
    *(case for path in sorted(LAYERS.glob("*.py")) for case in written(path)),
    *(Case(name, None, partial(run_source, source)) for name, source in STYLES.items()),
]
WRONG = [case for case in CASES if case.expected]
RIGHT = [case for case in CASES if not case.expected]
#: The first wrong layer with each finding: they run nearly all of the check.
FIRST = {case.expected: case for case in reversed(WRONG)}.values()


def examined(layer: Any) -> Report:
    return examine(load_subject(layer))


def result_of(example: tuple[str, str], layer: Any) -> Any:
    """The result of an example's two lines, or the exception that they raise."""
    names = {"np": np, "layer": load_subject(layer).make()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(example[0], names)
            return eval(example[1], names)
        except Exception as error:
            return error


def texts(value: Any) -> list[str]:
    """The value in each number of digits that an example may have."""
    return [value_text(value, digits) for digits in DIGITS]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if case in FIRST else pytest.mark.no_cover)
        for case in WRONG
    ],
)
def test_a_wrong_layer_has_its_finding_with_an_example_that_shows_it(case: Case) -> None:
    report = examined(case.make())
    (finding,) = (each for each in report.findings if each.name == case.expected)
    result, expected = finding.example[1].partition("  # ")[2].split(", not ")
    assert result != expected
    if case.expected == "different-answers":  # a random layer gives another result here
        return
    assert result in texts(result_of(finding.example, case.make()))
    if case.mended and case.expected not in {"wrong-gradient", "depends-on-neighbours"}:
        # These two may be shown by either of forward and backward; others vanish with the fault.
        assert result not in texts(result_of(finding.example, case.mended()))


@pytest.mark.no_cover
@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_a_right_layer_has_no_error_and_only_the_warnings_that_are_due(case: Case) -> None:
    report = examined(case.make())
    assert report.errors == ()
    assert {finding.name for finding in report.findings} == case.warnings


def test_there_are_at_least_as_many_layers_as_the_documentation_says() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    page = (Path(__file__).parents[3] / "docs" / "check.md").read_text("utf-8")
    counts = re.search(r"(\d+)\s+wrong\s+layers.*?(\d+)\s+right\s+ones", page, re.DOTALL)
    assert counts
    assert int(counts[1]) <= len(WRONG)
    assert int(counts[2]) <= len(RIGHT)
