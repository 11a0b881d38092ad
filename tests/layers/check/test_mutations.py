"""Wrong layers are convicted of what is wrong with them, right ones of nothing."""

from __future__ import annotations

import collections
import dataclasses
import functools
import importlib.util
import math
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from actgrad.layers.check import Report, examine, load_subject
from actgrad.layers.check.script import value_text


def beside(name: str) -> ModuleType:
    """The module of that name in this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


right, wrong, unlike = beside("right"), beside("wrong"), beside("unlike")
SOUND = {
    **right.RIGHT,
    **wrong.RIGHT,
    **{f"unlike {number}": source for number, source in enumerate(unlike.RIGHT)},
}


def made(source: str) -> Any:
    """The class or the pair that the source ends with."""
    names: dict[str, Any] = {
        "np": np,
        "collections": collections,
        "dataclasses": dataclasses,
        "functools": functools,
        "math": math,
        "__name__": __name__,
    }
    exec(source, names)
    *_, layer = (one for one in names.values() if isinstance(one, type | tuple))
    return layer


def examined(source: str) -> Report:
    return examine(load_subject(made(source)))


def shown(example: tuple[str, str], layer: Any) -> Any:
    """What comes of an example's two lines, if somebody runs them."""
    names = {"np": np, "layer": load_subject(layer).make()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(example[0], names)
            return eval(example[1], names)
        except Exception as error:
            return error


def spelled(value: Any) -> list[str]:
    """However many digits the example has."""
    return [value_text(value, digits) for digits in (6, 9, 17)]


@pytest.mark.parametrize("fault", wrong.WRONG, ids=lambda fault: f"{fault.layer}: {fault.wrong}")
def test_a_wrong_layer_is_convicted_of_its_fault(fault: Any) -> None:
    (finding,) = (one for one in examined(fault.source).findings if one.name == fault.finding)
    comment = finding.example[1].partition("  # ")[2]
    got, right = comment.split(", not ")
    assert got != right
    if fault.finding == "different-answers":  # who draws lots draws others then
        return
    assert got in spelled(shown(finding.example, made(fault.source)))
    if fault.finding not in {"wrong-gradient", "depends-on-neighbours"}:
        # These two may blame either of forward and backward; the others are cured with the fault.
        assert got not in spelled(shown(finding.example, made(wrong.RIGHT[fault.layer])))


@pytest.mark.parametrize(("finding", "source"), unlike.WRONG)
def test_a_strangers_wrong_layer_is_convicted_of_its_fault(finding: str, source: str) -> None:
    (one,) = (one for one in examined(source).findings if one.name == finding)
    got, right = one.example[1].partition("  # ")[2].split(", not ")
    assert got != right
    if finding != "different-answers":
        assert got in spelled(shown(one.example, made(source)))


@pytest.mark.parametrize("source", SOUND.values(), ids=SOUND)
def test_a_right_layer_passes(source: str) -> None:
    report = examined(source)
    assert report.findings == ()


def test_there_are_as_many_as_the_readme_says() -> None:
    faulty = {fault.source for fault in wrong.WRONG} | {source for _, source in unlike.WRONG}
    assert len(faulty) == len(wrong.WRONG) + len(unlike.WRONG) >= 60
    assert len(SOUND) >= 60
    readme = " ".join(Path(__file__).parents[3].joinpath("README.md").read_text("utf-8").split())
    assert f"{len(faulty)} wrong layers" in readme
    assert f"{len(SOUND)} right ones" in readme
