"""`actgrad diagnose` of a recording: its steps, faults that layers share, and consequences."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from actgrad.layers.frameworks.manifest import Manifest, RecordedLayer

LAYERS = ("first", "second", "third", "fourth")
Arrays = Mapping[str, Any]
Diagnose = Callable[..., str]


def normal(seed: int, scale: float = 1.0) -> Any:
    return scale * np.random.default_rng(seed).standard_normal((50, 10))


def record(folder: Path, steps: Mapping[int, Arrays], spec: str = "relu") -> None:
    """Write a recording: for each step the arrays `NAME/x` and `NAME/dout`."""
    calls = []
    folder.mkdir()
    for step, arrays in steps.items():
        file = f"step-{step}.npz"
        np.savez(folder / file, **arrays)
        for name in dict.fromkeys(key.split("/")[0] for key in arrays):
            has_dout = f"{name}/dout" in arrays
            calls.append(RecordedLayer(name, spec, step, file, "float64", (50, 10), has_dout))
    Manifest(calls).write(folder)


def healthy(rate: float = 1.0) -> dict[str, Any]:
    """Four layers whose gradient falls by that factor towards the input."""
    arrays = {f"{name}/x": normal(k) for k, name in enumerate(LAYERS)}
    return arrays | {
        f"{name}/dout": normal(9 + k, rate ** (3 - k)) for k, name in enumerate(LAYERS)
    }


@pytest.fixture
def diagnose(actgrad: Callable[..., CompletedProcess[bytes]]) -> Diagnose:
    """The text that `actgrad diagnose` prints, or what it says where it refuses."""

    def run(*arguments: str, columns: str = "") -> str:
        ended = actgrad("diagnose", *arguments, env={"COLUMNS": columns})
        return (ended.stderr if ended.returncode == 2 else ended.stdout).decode()

    return run


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A recording that explodes at step 0 and holds nan at step 10."""
    nan = {name: array * np.nan for name, array in healthy().items()}
    record(tmp_path / "acts", {0: healthy(30.0), 10: nan})
    return str(tmp_path / "acts")


def test_the_last_finite_step_stands_beside_one_that_is_not_finite(
    diagnose: Diagnose, broken: str
) -> None:
    shown = diagnose(broken)
    assert shown.startswith("step 10; recorded: 0, 10 ")
    assert "not-finite in 4 layers: 500 nan and 0 infinities" in shown
    assert shown.count("IEEE 754") == 1
    assert "since step 10 (not at step 0)" in shown
    after = shown.split("step 0, the last with finite numbers only")[1]
    assert "exploding-over-depth: over 4 layers" in after
    assert "nothing was recorded between the steps 0 and 10" in after
    last = "4 layers at step 10: 0 ok, 4 FAILED (not-finite); at step 0: exploding-over-depth"
    assert shown.splitlines()[-1] == last
    report = json.loads(diagnose(broken, "-f", "json"))
    assert [report["step"], report["steps"], report["last_finite"]["step"]] == [10, [0, 10], 0]
    assert report["last_finite"]["diagnoses"][0]["ok"]
    assert report["diagnoses"][0]["dx_norm"] == report["diagnoses"][0]["mean_gradient"] == "NaN"
    assert "## step 0, the last with" in diagnose(broken, "-f", "markdown")


def test_a_step_is_chosen(diagnose: Diagnose, broken: str) -> None:
    report = json.loads(diagnose(broken, "--step", "0", "-f", "json"))
    assert report["step"] == report["diagnoses"][0]["step"] == 0
    assert [finding["rule"] for finding in report["findings"]] == ["exploding-over-depth"]
    assert report["last_finite"] is None
    refused = diagnose(broken, "--step", "7").splitlines()
    assert refused[0] == "actgrad: step 7 was not recorded"
    assert refused[1].strip() == "the recorded steps are 0, 10"


def test_a_fault_that_layers_share_is_one_block(diagnose: Diagnose, tmp_path: Path) -> None:
    arrays = healthy()
    for name, units in (("first", 3), ("third", 2)):
        arrays[f"{name}/x"][:, :units] -= 30
    record(tmp_path / "acts", {0: arrays, 1: arrays})
    lines = diagnose(str(tmp_path / "acts")).splitlines()
    start = lines.index(
        "dead-units in 2 layers: the gradient is stopped in 99% of the samples or more"
    )
    assert lines[start + 1].startswith("  first: 3 of 10 units: 0-2; since step 0. Their x has")
    assert lines[start + 2].startswith("  third: 2 of 10 units: 0-1; since step 0. Their x has")
    assert lines[start + 3].startswith("  advice: Units were dead before the first step")
    assert lines[-1] == "4 layers at step 1: 2 ok, 2 FAILED (dead-units)"


def test_what_follows_from_another_layer_is_no_fault_of_its_own(
    diagnose: Diagnose, tmp_path: Path
) -> None:
    arrays = healthy()
    arrays["second/x"][:, 4:7] -= 30
    for name in ("third", "fourth"):
        arrays[f"{name}/x"][:, 4:7] = 0.5
    arrays["first/dout"][:, 4:7] = 0
    record(tmp_path / "acts", {0: arrays}, "leaky_relu")
    folder = str(tmp_path / "acts")
    assert "from second" not in diagnose(folder)
    record(tmp_path / "dead", {0: arrays})
    folder = str(tmp_path / "dead")
    shown = diagnose(folder)
    assert "  constant-units in third, fourth: from second" in shown
    assert "  dormant-units in first: from second" in shown
    last = "4 layers at step 0: 0 ok, 3 affected by others, 1 FAILED (dead-units)"
    assert shown.splitlines()[-1] == last
    layers = json.loads(diagnose(folder, "-f", "json"))["diagnoses"]
    assert [layer["ok"] for layer in layers] == [True, False, True, True]
    assert layers[2]["consequences"][0]["cause"] == "second"
    # Other units are no consequence.
    arrays["third/x"][:, 2:4] = 0.5
    record(tmp_path / "more", {0: arrays})
    assert "third: constant-units: 5 of 10 units" in diagnose(str(tmp_path / "more"))


def test_a_layer_without_a_unit_alive_explains_the_gradients_before_it(
    diagnose: Diagnose, tmp_path: Path
) -> None:
    arrays = healthy()
    arrays["third/x"] -= 30
    for name in ("first", "second"):
        arrays[f"{name}/dout"] *= 0
    record(tmp_path / "acts", {0: arrays})
    shown = diagnose(str(tmp_path / "acts"))
    assert "  vanishing-gradient in first, second, third: from third" in shown
    assert "advice: A layer stops the gradient in all samples" in shown
    last = shown.splitlines()[-1]
    assert "2 affected by others, 1 FAILED (dead-units); the network FAILED" in last


def test_a_layer_is_judged_beside_the_last_one_when_it_is_shown_alone(
    diagnose: Diagnose, tmp_path: Path
) -> None:
    small = {name: array * (1e-9 if "dout" in name else 1) for name, array in healthy().items()}
    record(tmp_path / "acts", {0: small, 1: small})
    shown = diagnose(str(tmp_path / "acts"), "--layer", "second")
    last = "second (relu) at step 1: ok, no finding; 10 units of 50 samples, float64"
    assert shown.splitlines()[-1] == last
    assert "fourth" not in shown
    small["fourth/dout"] = normal(3)
    record(tmp_path / "falls", {0: small})
    assert "vanishing-gradient" in diagnose(str(tmp_path / "falls"), "--layer", "second")


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_narrow_table_keeps_names_and_verdicts(
    diagnose: Diagnose, tmp_path: Path, columns: int
) -> None:
    arrays = healthy()
    arrays["third/x"][:, :4] -= 30
    arrays["third/dout"][:, 5:] *= 1e-9
    record(tmp_path / "acts", {0: arrays})
    lines = diagnose(str(tmp_path / "acts"), columns=str(columns)).splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[1].split()[0] == "name"
    assert lines[1].split()[-1] == "verdict"
    assert "dead" in lines[1] or columns == 40
    assert [line.split()[0] for line in (lines[2], lines[3], lines[4])] == [*LAYERS[:3]]
    assert "dead-units" in lines[4]
    assert any(line.startswith("left out for lack of width: x, ") for line in lines)
