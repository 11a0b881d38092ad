"""`actgrad verify --run`: a kernel that is run, and not read from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad import cli
from actgrad.layers import ActgradError

KERNELS = """
import numpy as np

class Silu:
    def forward(self, x):
        print("called")
        self.x, self.s = x, 1 / (1 + np.exp(-x))
        return x * self.s

    def backward(self, dout):
        return dout * self.s * (1 + self.x * (1 - self.s))

def relu(x):
    return np.maximum(x, 0)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    (tmp_path / "kernels_to_run.py").write_text(KERNELS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: Any, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["actgrad", "verify", *arguments])
    return cli.run()


def test_a_class_is_run_forward_and_backward(monkeypatch: Any, capsys: Any) -> None:
    command = ("silu", "--run", "kernels_to_run.py:Silu", "-n", "500", "-f", "json")
    assert run(monkeypatch, *command) == 1
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert printed.err == "called\n"
    assert answer["results"].keys() == {"out", "dx"}
    assert answer["results"]["out"]["failures"]["nan"] == 1  # at -inf
    assert answer["results"]["out"]["count"] == 500
    assert answer["dtype"] == "float32"
    assert answer["run"]["target"] == "kernels_to_run.py:Silu"
    assert answer["run"]["versions"]["numpy"] == np.__version__
    assert (answer["run"]["device"], answer["run"]["blocks"]) == ("cpu", [500, 64, 9, 8, 7, 1])


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_every_report_says_what_was_run(form: str, monkeypatch: Any, capsys: Any) -> None:
    command = ("relu", "--run", "kernels_to_run:relu", "--x", "[-1, 2]", "-f", form)
    assert run(monkeypatch, *command) == 0
    assert f"kernels_to_run:relu; numpy {np.__version__}" in capsys.readouterr().out


def test_all_numbers_of_a_dtype_are_run(monkeypatch: Any, capsys: Any) -> None:
    command = ("tanh", "--run", "numpy", "--all", "--dtype", "float16", "-f", "json")
    assert run(monkeypatch, *command) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["results"]["out"]["count"] == 65536
    assert answer["run"]["target"] == "numpy.tanh"


def test_x_and_dout_are_read_where_they_are_given(monkeypatch: Any, capsys: Any) -> None:
    given = ("--x", "[[1, 2], [3, 4]]", "--dout", "2", "--dtype", "float32", "-f", "json")
    assert run(monkeypatch, "silu", "--run", "kernels_to_run.py:Silu", *given) == 0
    (worst,) = json.loads(capsys.readouterr().out)["results"]["dx"]["worst"][:1]
    assert (worst["dout"], worst["x"] in {1, 2, 3, 4}) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "mine"], "mine is no target"),
        (["--run", "numpy", "--out", "3"], "--run computes out itself"),
        (["--run", "numpy", "--all", "--x", "3"], "--all gives x itself"),
        (["--run", "numpy", "--all"], "float32 has too many numbers"),
        (["--run", "numpy"], "numpy has no function for relu"),
        (["--run", "kernels_to_run.py:relu", "--jit"], "not compiled"),
        (["--run", "kernels_to_run.py:gone"], "kernels_to_run.py has no gone"),
        (["--run", "kernels_to_run.py:relu", "--x", "[]"], "has no elements"),
        (["--run", "kernels_to_run.py:relu", "--x", "[1,2]", "--dout", "[1]"], "--dout has shape"),
        (["--x", "3", "--jit"], "--jit needs --run"),
        (["--x", "3", "--all"], "--all needs --run"),
        (["--x", "3", "-n", "5"], "-n needs --run TARGET or --try LAYER"),
        (["--x", "3", "--accumulate", "float32"], "--accumulate needs --try LAYER"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: list[str], message: str, monkeypatch: Any) -> None:
    with pytest.raises(ActgradError, match=message):
        run(monkeypatch, "relu", *arguments)


@pytest.mark.frameworks
def test_torch_runs_in_bfloat16(monkeypatch: Any, capsys: Any) -> None:
    pytest.importorskip("torch")
    command = ("relu", "--run", "torch", "--dtype", "bfloat16", "-n", "1000", "-f", "json")
    assert run(monkeypatch, *command) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["results"]["dx"]["correctly_rounded"] == answer["results"]["dx"]["count"]
    assert answer["run"]["threads"] >= 1
