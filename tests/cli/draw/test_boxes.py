"""The drawing in box-drawing characters, and the layout below it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from actgrad.cli.draw.boxes import folded
from actgrad.cli.draw.drawing import Drawing
from actgrad.cli.draw.labels import Labels
from actgrad.cli.show import ascii_text
from actgrad.layers.formula import Graph, Node, trace
from actgrad.layers.formula.words import erf, exp, maximum, minimum, sqrt, where


def softmax(xs: list[Node]) -> list[Any]:
    exponentials = [exp(x) for x in xs]
    total = sum(exponentials)
    return [e / total for e in exponentials]


FORMULAS: dict[str, tuple[Any, int]] = {
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


@pytest.mark.parametrize("width", [40, 80, 120, 1000])
@pytest.mark.parametrize("name", FORMULAS)
def test_a_fold_loses_neither_a_label_nor_the_width(name: str, width: int) -> None:
    formula, count = FORMULAS[name]
    traced = trace(formula, count) if count > 1 else trace(formula)
    labels = Labels(Graph(traced, [0.5 + i for i in range(count)]))
    sections = [section.plain for section in folded(Drawing(labels, 13), width)]
    text = "\n".join(sections)
    assert max(map(len, text.splitlines())) <= width
    words = text.split()
    for edge in labels.graph.edges:
        label = labels.edge(edge)
        assert words.count(label.value) >= 1
        assert words.count(label.gradient) >= 1
    assert text.count("┤") >= sum(bool(node.inputs) for node in labels.graph.nodes)
    for before, after in pairwise(sections):
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


@pytest.mark.parametrize("name", FORMULAS)
def test_labels_are_spelled_in_ascii_before_the_layout(name: str) -> None:
    formula, count = FORMULAS[name]
    labels = Labels(Graph(trace(formula, count) if count > 1 else trace(formula)))
    drawing = Drawing(labels, 30, ascii_text)
    boxes = "".join(section.plain for section in folded(drawing, 80))
    assert set("∂·²×₁") & set(boxes) == set()


@pytest.mark.parametrize(
    ("dout", "style"),
    [(1.0, "bright_blue"), (-1.0, "red"), (0.0, "dim"), (float("nan"), "bold magenta")],
)
def test_a_gradient_has_the_colour_of_its_sign_as_in_tables(dout: float, style: str) -> None:
    labels = Labels(Graph(trace(lambda x: x + 1), [2.0], [dout]))
    (section,) = folded(Drawing(labels, 13), 80)
    gradients = section.plain.split("\n")[2]
    at = section.plain.index(gradients) + len(gradients) - len(gradients.lstrip())
    assert style in {str(span.style) for span in section.spans if span.start <= at < span.end}
