"""`actgrad graph`: the textbook's figures, chains, folding, and what it refuses."""

import json
import math
import xml.etree.ElementTree as ET

import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.layers import ActgradError


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["graph", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_sigmoid_is_drawn_as_in_the_textbook() -> None:
    assert run("sigmoid", "--x", "1").splitlines()[3:7] == [
        "      1     ╭#1─╮    -1     ╭#2───╮ 0.367879  ╭#3─╮  1.36788  ╭#4─╮ 0.731059",
        "x ──────────┤ × ├───────────┤ exp ├───────────┤ + ├───────────┤ / ├────────── y",
        "   0.196612 ╰─┬─╯ -0.196612 ╰─────╯ -0.534447 ╰─┬─╯ -0.534447 ╰───╯    1",
        "             -1                                 1",
    ]


def test_without_x_the_edges_carry_the_textbooks_expressions() -> None:
    back = run("sigmoid").splitlines()[5]
    for expression in ("∂L/∂y·y²·exp(-x)", "-∂L/∂y·y²·exp(-x)", "-∂L/∂y·y²", "∂L/∂y"):
        assert f" {expression}" in back
    assert run("sigmoid").splitlines()[1:] == run("sigmoid", "--symbolic").splitlines()[1:]


def test_grouped_the_sigmoid_is_one_node_with_its_simplified_gradient() -> None:
    assert run("sigmoid", "--grouped").splitlines()[3:6] == [
        "          x        ╭#1───────╮   y",
        "x ─────────────────┤ sigmoid ├─────── y",
        "   ∂L/∂y·y·(1 - y) ╰─────────╯ ∂L/∂y",
    ]


@pytest.mark.parametrize(("x", "out", "dx"), [("2", 2, 3), ("-2", 0, 0), ("0", 0, 0)])
def test_relu_passes_the_gradient_or_stops_it(x: str, out: float, dx: float) -> None:
    drawn = json.loads(run("relu", "--x", x, "--dout", "3", "-f", "json"))
    inner, outer = drawn["edges"]
    assert (inner["value"], outer["value"]) == (float(x), out)
    assert (inner["gradient"], outer["gradient"]) == (dx, 3)
    assert inner["gradient_expression"] == ("∂L/∂y" if dx else "0")


def test_a_chain_is_one_graph() -> None:
    drawn = json.loads(run("sigmoid", "relu", "--x", "0.5", "-f", "json"))
    assert drawn["layers"] == ["sigmoid", "relu"]
    assert [node["label"] for node in drawn["nodes"]] == ["x", "×", "exp", "+", "/", "u > 0", "y"]
    y = 1 / (1 + math.exp(-0.5))
    assert drawn["nodes"][0]["gradient"] == pytest.approx(y * (1 - y))
    assert drawn["names"] == {"u": "sigmoid(x)", "y": "relu(u)"}


def test_at_names_the_element_that_is_drawn() -> None:
    result = CliRunner().invoke(app, ["graph", "relu", "--x", "[[1, -2], [3, 4]]"])
    assert "x[0, 0] of (2, 2): x = 1" in result.stdout
    assert "--at names another" in result.stderr
    named = CliRunner().invoke(app, ["graph", "relu", "--x", "[[1, -2], [3, 4]]", "--at", "0,1"])
    assert "x[0, 1] of (2, 2): x = -2" in named.stdout
    assert not named.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--x", "[1, 2]", "--at", "2"], "outside x"),
        (["--x", "[1, 2]", "--at", "0,1"], r"2 indices, but x of shape \(2,\) needs 1 index"),
        (["--x", "[1, 2]", "--at", "one"], "no index"),
        (["--at", "0"], "--at needs --x"),
        (["--dout", "3"], "--dout needs --x"),
        (["--x", "[]"], "empty"),
        (["--x", "1", "--dout", "[1, 2]"], "--dout has shape"),
        (["--x", "1", "-o", "graph.pdf"], "suffix"),
    ],
)
def test_what_cannot_be_drawn_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ActgradError, match=message):
        CliRunner().invoke(app, ["graph", "relu", *words], catch_exceptions=False)


def test_svg_holds_every_number_and_is_xml() -> None:
    root = ET.fromstring(run("sigmoid", "--x", "1", "-f", "svg"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for text in ("x", "×", "exp", "+", "/", "y", "-1", "0.367879", "-0.534447", "0.196612"):
        assert text in texts


def test_a_files_suffix_names_the_format(tmp_path) -> None:
    file = tmp_path / "graph.svg"
    assert run("sigmoid", "--x", "1", "-o", str(file)) == ""
    assert file.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("words", "first_line"),
    [
        (
            ["softmax:axis=0", "--x", "[[1, 2], [3, 4]]", "--at", "1"],
            "softmax:axis=0 at x[:, 1] of (2, 2): x₁ = 2, x₂ = 4, ∂L/∂y₁ = 1, ∂L/∂y₂ = 1",
        ),
        (
            ["softmax:axis=1", "--x", "[[1, 2], [3, 4]]", "--at", "1"],
            "softmax:axis=1 at x[1, :] of (2, 2): x₁ = 3, x₂ = 4, ∂L/∂y₁ = 1, ∂L/∂y₂ = 1",
        ),
        (
            ["softmax", "--x", "[[1], [2]]", "--at", "1"],
            "softmax at x[1, :] of (2, 1): x₁ = 2, ∂L/∂y₁ = 1",
        ),
    ],
)
def test_a_line_is_drawn_along_the_layers_axis(words: list[str], first_line: str) -> None:
    result = CliRunner().invoke(app, ["graph", *words], catch_exceptions=False)
    assert result.stdout.splitlines()[0] == first_line
    assert not result.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["relu", "--x", "[1, 2]", "--at", "0,0"], "write --at 0"),
        (["relu", "--x", "1", "--at", "0"], "leave --at out"),
        (["softmax", "--x", "[1, 2]", "--at", "0"], "leave --at out"),
        (
            ["softmax", "--x", "[[1, 2], [3, 4]]", "--at", "0,0"],
            "write --at 0; the line along axis 1 is drawn whole",
        ),
    ],
)
def test_the_hint_says_how_many_indices_are_expected(words: list[str], hint: str) -> None:
    with pytest.raises(ActgradError) as refused:
        CliRunner().invoke(app, ["graph", *words], catch_exceptions=False)
    assert refused.value.hint == hint


def test_at_40_columns_nothing_is_broken_inside_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = run("sigmoid", "gelu", "--x", "1")
    assert max(map(len, text.splitlines())) <= 40
    assert "    ∂L/∂y·u·exp(-u²/2)/sqrt(π)\n" in text


@pytest.mark.parametrize("words", [["gelu", "--x", "0.5"], ["softmax"], ["relu", "sigmoid"]])
def test_a_drawing_in_ascii_keeps_its_columns(words: list[str]) -> None:
    drawn = CliRunner(charset="ascii").invoke(app, ["graph", *words]).stdout
    assert drawn.isascii()
    narrow = CliRunner(charset="ascii", env={"COLUMNS": "40"}).invoke(app, ["graph", *words]).stdout
    assert max(map(len, narrow.splitlines())) <= 40
    box_rows = [line for line in drawn.splitlines() if "+#1-" in line or "+-+-+" in line]
    assert box_rows


def test_the_sigmoid_is_drawn_in_ascii() -> None:
    drawn = CliRunner(charset="ascii").invoke(app, ["graph", "sigmoid", "--grouped"]).stdout
    assert drawn.splitlines()[1:6] == [
        "above an edge its value ->, below it <- dL/dvalue",
        "",
        "          x        +#1-------+   y",
        "x -----------------+ sigmoid +------- y",
        "   dL/dy*y*(1 - y) +---------+ dL/dy",
    ]


def test_lost_digits_are_noted() -> None:
    result = CliRunner().invoke(app, ["graph", "sigmoid", "--x", "-1000"])
    assert "loses digits" in result.stderr
    assert "nan" in result.stdout


def test_a_tiny_result_of_lost_digits_has_the_note_too() -> None:
    result = CliRunner().invoke(app, ["graph", "gelu", "--x", "-8.2"])
    assert "-9.10383e-16" in result.stdout
    assert "y = -9.85587e-16" in result.stderr
