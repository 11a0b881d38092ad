"""Wrong layers are convicted of what is wrong with them, right ones of nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from actgrad.layers.check import examine
from actgrad.layers.foreign import subject
from actgrad.layers.report import Report


def beside(name: str) -> ModuleType:
    """The module of that name in this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


right, wrong = beside("right"), beside("wrong")
SOUND = {**right.RIGHT, **wrong.RIGHT}


def examined(source: str) -> Report:
    names: dict[str, Any] = {"np": np}
    exec(source, names)
    *_, layer = (one for one in names.values() if isinstance(one, type | tuple))
    return examine(subject(layer))


@pytest.mark.parametrize("fault", wrong.WRONG, ids=lambda fault: f"{fault.layer}: {fault.wrong}")
def test_a_wrong_layer_is_convicted_of_its_fault(fault: Any) -> None:
    assert fault.finding in [one.name for one in examined(fault.source).findings]


@pytest.mark.parametrize("source", SOUND.values(), ids=SOUND)
def test_a_right_layer_passes(source: str) -> None:
    report = examined(source)
    assert report.ok, report.errors
    # Products like x·σ(x) are nan at −inf however they are written out.
    assert {one.name for one in report.warnings} <= {"nan-far-out"}


def test_there_are_enough_of_both() -> None:
    assert len(wrong.WRONG) >= 60
    assert len({fault.source for fault in wrong.WRONG}) == len(wrong.WRONG)
    assert len(right.RIGHT) >= 60
