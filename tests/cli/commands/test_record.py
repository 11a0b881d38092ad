"""`actgrad record`, and the diagnosis of what it recorded: models of PyTorch with known faults."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.layers.frameworks import RecordedLayer

Actgrad = Callable[..., CompletedProcess[bytes]]
HAS_TORCH = importlib.util.find_spec("torch") is not None


def needs_torch(test: Callable[..., None]) -> Callable[..., None]:
    """A test that runs where PyTorch is installed."""
    skipped = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
    return cast(Callable[..., None], pytest.mark.frameworks(skipped(test)))


TRAIN = """
import sys
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(sys.argv[1]))
{model}
opt = torch.optim.SGD(model.parameters(), lr=1e-3)
for _ in range(100):
    x = torch.randn({shape})
    loss = (model(x).flatten(1).mean(1) - x.flatten(1).sum(1)).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
MLP = """
model = nn.Sequential(
    nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), {activation}, nn.Linear(64, 1)
)
for layer in model[::2]:
    nn.init.kaiming_normal_(layer.weight)
with torch.no_grad():
    {fault}
"""
CNN = """
model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(inplace=True))
with torch.no_grad():
    model[2].bias[2:7] = -10
"""
DEEP = """
parts = [part for _ in range(20) for part in (nn.Linear(32, 32), {activation})]
model = nn.Sequential(*parts, nn.Linear(32, 1))
with torch.no_grad():
    {fault}
"""


def diagnosed(folder: Path, model: str, shape: str, seed: int = 0) -> Any:
    """Record 100 steps of the model's training, every 33rd, and diagnose them.

    The commands run in this process, which imports PyTorch once.
    """
    script = TRAIN.replace("{model}", model).replace("{shape}", shape)
    (folder / "train.py").write_text(script)
    recorded = ["record", "train.py", "--every", "33", "-o", f"acts{seed}", "--", str(seed)]
    with chdir(folder):
        assert CliRunner().invoke(app, recorded).exit_code == 0
        answer = CliRunner().invoke(app, ["diagnose", f"acts{seed}", "-f", "json"])
    return json.loads(answer.stdout)


def faults(report: Any) -> dict[str, dict[str, list[int]]]:
    """By layer and rule, the units at fault."""
    return {
        layer["name"]: {finding["rule"]: finding["units"] for finding in layer["findings"]}
        for layer in report["diagnoses"]
        if layer["findings"]
    }


@needs_torch
def test_planted_faults_are_found_in_their_units(tmp_path: Path) -> None:
    dead = MLP.replace("{activation}", "nn.ReLU()").replace("{fault}", "model[2].bias[5:15] = -30")
    report = diagnosed(tmp_path, dead, "64, 10", 1)
    assert faults(report)["3"]["dead-units"] == list(range(5, 15))
    assert "since step 0" in report["diagnoses"][1]["findings"][0]["message"]
    report = diagnosed(tmp_path, CNN, "8, 3, 9, 9", 2)
    assert faults(report) == {"3": {"dead-units": [2, 3, 4, 5, 6]}}
    squashed = MLP.replace("{activation}", "nn.Sigmoid()").replace(
        "{fault}", "model[2].weight *= 50"
    )
    report = diagnosed(tmp_path, squashed, "64, 10", 3)
    assert len(faults(report)["3"]["saturated-units"]) > 50


@needs_torch
def test_gradients_over_the_depth(tmp_path: Path) -> None:
    sigmoids = DEEP.replace("{activation}", "nn.Sigmoid()").replace("{fault}", "pass")
    vanishing = diagnosed(tmp_path, sigmoids, "64, 32", 1)
    assert "vanishing-gradient" in faults(vanishing)["1"]
    scale = "[layer.weight.mul_(30) for layer in model[:-1:2]]"
    stack = DEEP.replace("{activation}", "nn.LeakyReLU(0.5)").replace("{fault}", scale)
    exploding = diagnosed(tmp_path, stack, "64, 32", 2)
    names = {finding["rule"] for finding in exploding["findings"]}
    names |= {rule for rules in faults(exploding).values() for rule in rules}
    assert names & {"exploding", "exploding-over-depth", "not-finite"}


@needs_torch
def test_a_healthy_model_has_no_finding_over_ten_seeds(tmp_path: Path) -> None:
    healthy = MLP.replace("{activation}", "nn.Tanh()").replace("{fault}", "pass")
    for seed in range(10):
        assert diagnosed(tmp_path, healthy, "256, 10", seed)["ok"]


TWO_MODELS = """
import sys, torch
from torch import nn
teacher = nn.Sequential(nn.Linear(4, 4), nn.Tanh()).requires_grad_(False)
class Student(nn.Sequential): pass
student = Student(nn.Linear(4, 4), nn.Sequential(nn.ReLU()))
for _ in range(3):
    x = torch.randn(30, 4)
    (student(x) - teacher(x)).square().mean().backward()
{end}
"""


@needs_torch
@pytest.mark.parametrize("end", ["", "sys.exit('done')", "raise KeyboardInterrupt", "1 / 0"])
def test_what_was_recorded_is_named_however_the_script_ends(end: str, tmp_path: Path) -> None:
    script, acts = tmp_path / "train.py", tmp_path / "acts"
    script.write_text(TWO_MODELS.replace("{end}", end))
    result = CliRunner().invoke(app, ["record", str(script), "--every", "2", "-o", str(acts)])
    lines = result.stderr.splitlines()
    assert lines[-2:] == [
        "actgrad: not recorded: Sequential(Linear, Tanh); Student was called first",
        f"actgrad: {acts} holds 1 layer of Student at 2 steps; actgrad diagnose {acts} judges them",
    ]
    assert (result.exit_code == 0) == (end == "")


TINY = """
import sys, torch
model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.ReLU()))
if sys.argv[1:2] != ["--none"]:
    model(torch.randn(30, 2)).sum().backward()
print(sys.argv[1:])
"""


@needs_torch
@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("SCRIPT --lr 0.1 --every 2", ["--lr", "0.1", "--every", "2"]),
        ("SCRIPT --every 2 --keep=statistics --lr 0.1", ["--lr", "0.1"]),
        ("SCRIPT --every 2 -oacts -- --seed 1 -- x", ["--seed", "1", "--", "x"]),
        ("--every 2 SCRIPT --every 3 -o b", ["--every", "3", "-o", "b"]),
        ("--every 2 SCRIPT -- -h", ["-h"]),
        ("-- SCRIPT --overwrite", ["--overwrite"]),
    ],
)
def test_what_follows_the_script_is_the_scripts(
    words: str, arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(TINY)
    with chdir(tmp_path):
        answer = CliRunner().invoke(app, ["record", *words.replace("SCRIPT", "train.py").split()])
        assert answer.stdout.splitlines() == [repr(arguments)]
        assert answer.exit_code == 0
        assert Path("acts/manifest.json").exists()


@needs_torch
def test_a_second_run_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TINY)

    def recorded(*words: str) -> Any:
        return CliRunner().invoke(app, ["record", "train.py", *words])

    with chdir(tmp_path):
        assert "trained no model" in str(recorded("--none").exception)
        assert not Path("acts").exists()
        assert recorded().exit_code == 0
        again = recorded()
        assert "acts holds a recording of 1 step" in str(again.exception)
        assert "--overwrite" in cast(Any, again.exception).hint
        assert recorded("--overwrite").exit_code == 0
        manifest = Path("acts/manifest.json")
        manifest.write_text('{"format": 1, "calls": []}')
        assert recorded().exit_code == 0


@needs_torch
def test_a_script_that_fails_is_shown_as_python_shows_it(actgrad: Actgrad, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import torch\nraise ValueError('mine')\n")
    failed = actgrad("record", "bad.py")
    assert failed.returncode == 1
    assert failed.stderr.decode().splitlines()[-1] == "ValueError: mine"
    (tmp_path / "none.py").write_text("print('no model')\n")
    assert b"trained no model of PyTorch" in actgrad("record", "none.py", "-o", "b").stderr


def test_what_is_missing_is_told(actgrad: Actgrad, tmp_path: Path) -> None:
    assert b"there is no such script" in actgrad("record", "gone.py").stderr
    (tmp_path / "train.py").write_text("")
    if not HAS_TORCH:
        assert b'pip install "actgrad[torch]"' in actgrad("record", "train.py").stderr
    (tmp_path / "acts").mkdir()
    refused = actgrad("diagnose", "acts")
    assert refused.returncode == 2
    assert b"acts holds no recording" in refused.stderr
    call = RecordedLayer("1", "relu", 3, "step-3.npz", "float32", (64, 8), True)._asdict()
    others = {"name": 1, "step": "x", "shape": "ab", "has_dout": [], "dtype": None, "file": "../x"}
    broken = [json.dumps({"calls": [{**call, name: value}]}) for name, value in others.items()]
    for text in ("{}", "[]", "[" * 100_000, *broken):
        (tmp_path / "acts" / "manifest.json").write_text(text)
        assert b"is no manifest" in actgrad("diagnose", "acts").stderr
