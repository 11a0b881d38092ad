"""Graphs in DOT and Mermaid."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from actgrad.cli.draw.dot import dot
from actgrad.cli.draw.mermaid import mermaid
from actgrad.cli.draw.picture import Picture, picture_of
from actgrad.layers import chain_of


def drawn(*layers: str, x: str | None = None, dout: str | None = None) -> Picture:
    """The picture of a chain at x."""
    return picture_of(chain_of(layers), x, dout, None, False, False)


def test_every_edge_has_its_value_and_its_gradient() -> None:
    text, chart = dot(drawn("relu", x="-2")), mermaid(drawn("relu", x="-2"))
    assert "n0 -> n1 [label=<-2<br/>" in text
    assert "style=dashed" in text
    assert "n1 -> n2" in text
    assert 'n1(["x #gt; 0"])' in chart
    assert 'n0 -.->|"#45;2<br/><i>0</i>"| n1' in chart


def test_an_input_that_branches_has_the_sum_of_its_gradients() -> None:
    picture = drawn("gelu", x="0.5")
    ink = '<font color="#0550ae">0.867495</font>'
    assert f"n0 -> b0 [label=<0.5<br/>{ink}>, arrowhead=none];" in dot(picture)
    assert "b0 [shape=point];" in dot(picture)
    assert len(re.findall(r"b0 -> n\d", dot(picture))) == 2
    assert 'n0 ---|"0.5<br/><i>0.867495</i>"| b0' in mermaid(picture)
    assert len(re.findall(r"b0 -->\|", mermaid(picture))) == 2


@pytest.mark.parametrize(
    ("x", "dout", "colour"), [("2", "1", "#0550ae"), ("2", "-1", "#b42318"), ("-2", "1", "#6e7781")]
)
def test_dot_colours_a_gradient_by_its_sign(x: str, dout: str, colour: str) -> None:
    (entering, *_) = re.findall(r'n0 -> n1 .*color="(#\w+)"', dot(drawn("relu", x=x, dout=dout)))
    assert entering == colour


def test_a_legend_says_what_the_labels_and_the_names_are() -> None:
    picture = drawn("sigmoid", "relu", x="1")
    key = "on each edge its value →, and below it the gradient ← ∂L/∂value"
    for line in ("u = sigmoid(x)", "y = relu(u)", key):
        assert f">{line}<" in dot(picture)
    assert f'key["u = sigmoid(x)<br/>y = relu(u)<br/>{key}"]' in mermaid(picture)
    dashed = "a dashed edge decides which branch is taken"
    assert dashed not in dot(picture)
    assert dashed in dot(drawn("relu", x="-2"))
    assert dashed in mermaid(drawn("relu", x="-2"))


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
@pytest.mark.parametrize("layers", [["gelu"], ["softmax"], ["sigmoid", "elu"], ["sparsemax"]])
def test_graphviz_renders_it(layers: list[str]) -> None:
    text = dot(drawn(*layers, x="[1, 2]" if layers[0].endswith("max") else "-1"))
    done = subprocess.run(
        ["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=True, timeout=600
    )
    assert not done.stderr
    assert ET.fromstring(done.stdout).tag.endswith("svg")
