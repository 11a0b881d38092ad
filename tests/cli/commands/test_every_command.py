"""Every layer of the catalogue, in every command that takes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actgrad import cli
from actgrad.layers import catalogue

SPECS = [
    f"{layer.name}:threshold=0.5,value=-1" if layer.name == "threshold" else layer.name
    for layer in catalogue()
]


every_layer = pytest.mark.parametrize("spec", SPECS)


@pytest.mark.measured(24)
@every_layer
@pytest.mark.parametrize(
    ("command", "form"),
    [("graph", "table"), ("graph", "json"), ("explain", "json")],  # test_explain.py has the table
)
def test_every_layer_is_drawn_and_explained(
    spec: str, command: str, form: str, monkeypatch: Any, capsys: Any
) -> None:
    x = [] if command == "explain" else ["--x", "[0.5, -2]"]
    monkeypatch.setattr("sys.argv", ["actgrad", command, spec, *x, "-f", form])
    assert cli.run() == 0
    assert capsys.readouterr().out


@pytest.mark.measured(20)
@every_layer
@pytest.mark.parametrize("command", ["forward", "backward"])
def test_every_layer_runs(spec: str, command: str, monkeypatch: Any, tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    monkeypatch.setattr("sys.argv", ["actgrad", command, spec, "--x", "[0.5, -2]", "-o", str(file)])
    assert cli.run() == 0
    arrays = json.loads(file.read_text())["arrays"]
    assert {"x", "out"} <= arrays.keys()
    assert command == "forward" or arrays["dx"]["shape"] == [2]
