"""`actgrad graph`: the textbook's figures, chains, folding, and what it refuses."""

import json
import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.draw.boxes import folded
from actgrad.cli.draw.drawing import Drawing
from actgrad.cli.draw.labels import Labels
from actgrad.layers import ActgradError
from actgrad.layers.formula import trace
from actgrad.layers.formula.graph import Graph
from actgrad.layers.formula.words import Node, erf, exp, maximum, minimum, sqrt, where


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["graph", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def softmax(xs: list[Node]) -> list[Node]:
    exponentials = [exp(x) for x in xs]
    total = sum(exponentials)
    return [e / total for e in exponentials]


FORMULAS = {
    "sigmoid": (lambda x: 1 / (1 + exp(-x)), 1),
    "gelu": (lambda x: x * (1 + erf(x / sqrt(2))) / 2, 1),
    "hard_swish": (lambda x: x * minimum(maximum(x + 3, 0), 6) / 6, 1),
    "elu": (lambda x: where(x > 0, x, exp(x) - 1), 1),
    "square": (lambda x: x * x, 1),
    "diamond": (lambda x: exp(x) * abs(x) + exp(-x), 1),
    "constant": (lambda x: 5, 1),
    "softmax": (softmax, 3),
    "softmax of eight": (softmax, 8),
}


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
    found = json.loads(run("relu", "--x", x, "--dout", "3", "-f", "json"))
    inner, outer = found["edges"]
    assert (inner["value"], outer["value"]) == (float(x), out)
    assert (inner["gradient"], outer["gradient"]) == (dx, 3)
    assert inner["gradient_expression"] == ("∂L/∂y" if dx else "0")


def test_a_chain_is_one_graph() -> None:
    found = json.loads(run("sigmoid", "relu", "--x", "0.5", "-f", "json"))
    assert found["layers"] == ["sigmoid", "relu"]
    assert [node["label"] for node in found["nodes"]] == ["x", "×", "exp", "+", "/", "u > 0", "y"]
    y = 1 / (1 + math.exp(-0.5))
    assert found["nodes"][0]["gradient"] == pytest.approx(y * (1 - y))
    assert found["names"] == {"u": "sigmoid(x)", "y": "relu(u)"}


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
        (["--x", "[1, 2]", "--at", "0,1"], "2 indices"),
        (["--x", "[1, 2]", "--at", "one"], "no index"),
        (["--at", "0"], "--at needs --x"),
        (["--x", "[]"], "empty"),
        (["--x", "1", "--dout", "[1, 2]"], "--dout has shape"),
        (["--x", "1", "-o", "graph.pdf"], "suffix"),
    ],
)
def test_what_cannot_be_drawn_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ActgradError, match=message):
        CliRunner().invoke(app, ["graph", "relu", *words], catch_exceptions=False)


@pytest.mark.parametrize("width", [40, 80, 120, 1000])
@pytest.mark.parametrize("name", FORMULAS)
def test_a_fold_loses_neither_a_label_nor_the_width(name: str, width: int) -> None:
    formula, count = FORMULAS[name]
    traced = trace(formula, count) if count > 1 else trace(formula)
    labels = Labels(Graph(traced, [0.5 + i for i in range(count)]))
    bands = [band.plain for band in folded(Drawing(labels, 13), width)]
    text = "\n".join(bands)
    assert max(map(len, text.splitlines())) <= width
    words = text.split()
    for edge in labels.graph.edges:
        label = labels.edge(edge)
        assert words.count(label.value) >= 1
        assert words.count(label.gradient) >= 1
    assert text.count("┤") >= sum(bool(node.inputs) for node in labels.graph.nodes)
    for before, after in pairwise(bands):
        leaving = {line[-1] for line in before.splitlines() if line[-2:-1] == "╴"}
        assert leaving == {line[0] for line in after.splitlines() if line[1:3] in (" ╶", " ╷")}
        assert leaving


@pytest.mark.parametrize("name", FORMULAS)
def test_no_line_runs_through_a_node(name: str) -> None:
    formula, count = FORMULAS[name]
    labels = Labels(Graph(trace(formula, count) if count > 1 else trace(formula)))
    layout = Drawing(labels, 13).layout
    _, joins = layout.vertical_segments(layout.lanes)
    for segment in joins:
        for lane in segment.lanes_between:
            vertices = [vertex for path in layout.lanes[lane] for vertex in path.vertices]
            assert segment.column not in {layout.column(vertex) for vertex in vertices}


def test_svg_holds_every_number_and_is_xml() -> None:
    root = ET.fromstring(run("sigmoid", "--x", "1", "-f", "svg"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for text in ("x", "×", "exp", "+", "/", "y", "-1", "0.367879", "-0.534447", "0.196612"):
        assert text in texts


def test_graphviz_and_mermaid_have_every_edge() -> None:
    dot, mermaid = run("relu", "--x", "-2", "-f", "dot"), run("relu", "--x", "-2", "-f", "mermaid")
    assert "n0 -> n1 [label=<-2<br/>" in dot
    assert "style=dashed" in dot
    assert "n1 -> n2" in dot
    assert 'n1(["x #gt; 0"])' in mermaid
    assert "n0 -.->" in mermaid


def test_a_files_suffix_names_the_format(tmp_path) -> None:
    file = tmp_path / "graph.svg"
    assert run("sigmoid", "--x", "1", "-o", str(file)) == ""
    assert file.read_text().startswith("<svg")


def test_lost_digits_are_noted() -> None:
    result = CliRunner().invoke(app, ["graph", "sigmoid", "--x", "-1000"])
    assert "loses digits" in result.stderr
    assert "nan" in result.stdout
