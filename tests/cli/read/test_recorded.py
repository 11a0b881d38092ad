"""Which steps of a recording are judged, and which of them together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.layers import chain_of
from actgrad.layers.diagnose import run_statistics, save_statistics
from actgrad.layers.frameworks import Manifest, RecordedLayer
from actgrad.layers.run import MemoryArray


def record(
    folder: Path, rows: list[int], keep: str = "arrays", dout: str = "all", layer: str = "relu"
) -> Path:
    """A recording of a relu with 5 units, the third of them dead, with `rows` samples a step."""
    folder.mkdir()
    rng, calls = np.random.default_rng(0), []
    for number, count in enumerate(rows):
        x, gradient = rng.standard_normal((2, count, 5)).astype(np.float32)
        x[:, 2] -= 9
        has_dout = dout == "all" or (dout == "first" and not number)
        arrays = {"x": x, "dout": gradient} if has_dout else {"x": x}
        file = f"step-{10 * number:08}.safetensors"
        if keep == "statistics":
            sources = {name: MemoryArray(array) for name, array in arrays.items()}
            statistics = run_statistics(chain_of([layer.format(number)]), sources)
            save_statistics(folder / file, {"act": statistics})
        else:
            save_file({f"act/{name}": array for name, array in arrays.items()}, folder / file)
        step, is_statistics = 10 * number, keep == "statistics"
        calls.append(
            RecordedLayer(
                "act", layer.format(number), step, file, "float32", x.shape, has_dout, is_statistics
            )
        )
    Manifest(calls, ["no layer of actgrad computes lstm: not recorded"]).write(folder)
    return folder


def diagnosed(folder: Path, *words: str) -> tuple[Any, str]:
    """The report of the layer, and what was printed beside it."""
    answer = CliRunner().invoke(app, ["diagnose", str(folder), "-f", "json", *words])
    (report,) = json.loads(answer.stdout)["diagnoses"]
    return report, answer.stderr


@pytest.mark.parametrize("keep", ["arrays", "statistics"])
def test_small_steps_are_judged_together(keep: str, tmp_path: Path) -> None:
    report, notes = diagnosed(record(tmp_path / "acts", [8] * 7, keep))
    (finding,) = report["findings"]
    assert (finding["rule"], finding["units"]) == ("dead-units", [2])
    # The steps 0 to 20, and 30 to 60.
    assert (report["step"], len(report["shapes"]), finding["since"]) == (60, 4, 20)
    assert "steps of fewer than 20 samples are judged together" in notes
    assert "actgrad: no layer of actgrad computes lstm: not recorded" in notes


@pytest.mark.parametrize("keep", ["arrays", "statistics"])
def test_parameters_may_change_from_step_to_step(keep: str, tmp_path: Path) -> None:
    folder = record(tmp_path / "acts", [10, 10], keep, layer="prelu:weight=0.{}")
    report, _ = diagnosed(folder)
    assert (report["layer"], len(report["shapes"])) == ("prelu:weight=0.1", 2)
    # The weight was 0 at the first of the steps, where one unit is below 0, and half of the others.
    assert 10 < report["stopped"] < 40


def test_large_steps_are_judged_by_themselves(tmp_path: Path) -> None:
    report, notes = diagnosed(record(tmp_path / "acts", [20, 30, 40]))
    assert report["shapes"] == [[40, 5]]
    assert "together" not in notes
    assert diagnosed(tmp_path / "acts", "--quiet")[1] == ""


def test_steps_without_a_gradient_are_left_out(tmp_path: Path) -> None:
    report, _ = diagnosed(record(tmp_path / "acts", [30, 40], dout="first"))
    assert report["step"] == 0
    report, _ = diagnosed(record(tmp_path / "none", [30, 40], dout="none"))
    assert report["step"] == 10
