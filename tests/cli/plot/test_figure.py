"""`actgrad plot`: curves in the terminal and in files, at any width and in any encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.show import axis_between, rounded_axis
from actgrad.layers import ActgradError, layer

SVG = "{http://www.w3.org/2000/svg}"


def plotted(*words: str, **environment: str) -> bytes:
    result = CliRunner().invoke(app, ["plot", *words], env=environment, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout_bytes


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_plot_fits_any_width(width: int) -> None:
    lines = plotted("gelu", "mish", COLUMNS=str(width)).decode().splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line.endswith("out")] == ["out"]
    assert not any(line.endswith(" ") for line in lines)


def test_a_terminal_without_braille_gets_a_mark_for_each_cell() -> None:
    text = plotted("relu", "gelu", "--order", "1", TERM="linux").decode()
    assert {"*", "+", "@", "o"} <= set(text)
    assert not any("\u2800" <= char <= "\u28ff" for char in text)
    assert any("\u2800" <= char <= "\u28ff" for char in plotted("relu").decode())


def test_the_ticks_of_the_terminal_are_where_the_curve_passes() -> None:
    """The identity on -4:4 passes through (−4, −4), (0, 0) and (4, 4)."""
    lines = plotted("identity", "--order", "0", "--range", "-4:4", TERM="linux").decode()
    rows = {line[:2].strip(): line[4:] for line in lines.splitlines() if "┤" in line}
    assert rows["4"].rstrip()[-1] == rows["-4"][0] == "*"
    assert rows["0"][(len(rows["4"]) - 1) // 2] == "*"


def test_the_columns_are_the_layers_own_values() -> None:
    described = json.loads(plotted("gelu", "relu", "--range", "-2:3", "-f", "json"))
    columns = {name: np.array(values) for name, values in described["columns"].items()}
    gelu = layer("gelu")
    np.testing.assert_array_equal(columns["gelu"], gelu.forward(columns["x"]))
    np.testing.assert_array_equal(columns["gelu.∂out/∂x"], gelu.backward(np.ones(601)))
    assert described["breaks"] == [
        {"layer": "relu", "order": 1, "x": 0.0, "left": 0.0, "here": 0.0, "right": 1.0}
    ]


def test_an_svg_draws_the_limits_at_a_jump_open_and_the_value_closed() -> None:
    document = ElementTree.fromstring(plotted("hardshrink", "--order", "0", "-f", "svg"))
    circles = [circle.get("class") for circle in document.iter(f"{SVG}circle")]
    assert circles == ["end open s0", "end open s0", "end closed s0"] * 2
    assert len([path for path in document.iter(f"{SVG}path") if "L" in path.get("d", "")]) == 3
    assert document.find(f"{SVG}title").text == "hardshrink: out"


def test_a_page_needs_no_other_file() -> None:
    page = plotted("elu", "-f", "html").decode()
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(("form", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_matplotlib_writes_the_same_bytes_each_time(form: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib")
    first = plotted("relu", "-f", form)
    assert first.startswith(magic)
    assert plotted("relu", "-f", form) == first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--range", "4"], "--range 4: not LOW:HIGH with LOW < HIGH"),
        (["--range", "2:-2"], "--range 2:-2: not LOW:HIGH with LOW < HIGH"),
        (["--range", "0:inf"], "--range 0:inf: not LOW:HIGH with LOW < HIGH"),
        (["--order", "7"], "--order 7: '7' is none of 0, 1, 2"),
    ],
)
def test_what_is_not_understood_is_refused(words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["plot", "relu", *words])
    assert isinstance(result.exception, ActgradError)
    assert str(result.exception).startswith(message)


def test_ticks_are_round_numbers() -> None:
    assert axis_between(-4, 4, 10).ticks == [-4, -3, -2, -1, 0, 1, 2, 3, 4]
    assert axis_between(0.13, 0.87, 5).ticks == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rounded_axis(-0.17, 4, 4) == (-2, 4, [-2, 0, 2, 4])
    assert rounded_axis(3, 3, 4)[:2] == (1, 5)


def test_a_plot_in_a_file_needs_no_rich(tmp_path: Path) -> None:
    code = "import sys; sys.modules['rich.text'] = None; from actgrad.cli import main; main()"
    arguments = ["plot", "relu", "-o", "relu.svg", "-o", "relu.json"]
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, check=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["relu.json", "relu.svg"]


def test_a_picture_needs_no_backend_of_a_notebook(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-m", "actgrad", "plot", "relu", "-o", "relu.png"]
    environment = {**os.environ, "MPLBACKEND": "module://none"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "relu.png").read_bytes().startswith(b"\x89PNG")
