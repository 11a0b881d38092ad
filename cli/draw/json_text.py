"""A graph as one JSON object: its nodes, its edges, and what they carry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from actgrad.cli.answer import json_number
from actgrad.cli.draw.layout import OutputVertex, target
from actgrad.cli.draw.picture import Picture
from actgrad.layers.formula import Edge


def json_graph(picture: Picture) -> str:
    """The JSON text, on one line; numbers are null if the graph has no x."""
    answer = {
        "command": "graph",
        "layers": picture.layers,
        "names": dict(name.split(" = ") for name in picture.names),
        "nodes": list(node_objects(picture)),
        "edges": [edge_object(picture, edge) for edge in picture.graph.edges],
    }
    return json.dumps(answer, ensure_ascii=False) + "\n"


def node_objects(picture: Picture) -> Iterator[dict[str, Any]]:
    """The graph's nodes, each after its operands, then its outputs."""
    graph, labels, numbers = picture.graph, picture.labels, picture.graph.numbers
    for node in graph.nodes:
        yield {
            "id": labels.id(node),
            "operation": node.operation.symbol,
            "label": labels.vertex(node),
            "constants": labels.constants(node),
            "value": numbers and json_number(numbers.value(node)),
            "expression": str(graph.expressions.value(node)),
            "gradient": numbers and json_number(numbers.gradient(node)),
            "gradient_expression": str(graph.labels.gradient(node)),
        }
    for i, (name, output) in enumerate(zip(graph.output_names, graph.formula.outputs, strict=True)):
        yield {
            "id": name,
            "operation": "output",
            "label": name,
            "constants": [],
            "value": numbers and json_number(numbers.value(output)),
            "expression": str(graph.expressions.value(output)),
            "gradient": numbers and json_number(numbers.dout[i]),
            "gradient_expression": f"∂L/∂{name}",
        }


def edge_object(picture: Picture, edge: Edge) -> dict[str, Any]:
    """An edge: its ends, its place among the target's operands, and what it carries.

    Its place is null if it only decides which branch the target takes.
    """
    graph, labels, numbers = picture.graph, picture.labels, picture.graph.numbers
    end = target(edge)
    return {
        "source": labels.id(edge.source),
        "target": labels.vertex(end) if isinstance(end, OutputVertex) else labels.id(end),
        "place": 0 if isinstance(end, OutputVertex) else edge.place,
        "value": numbers and json_number(numbers.value(edge.source)),
        "expression": str(graph.expressions.value(edge.source)),
        "derivative": numbers and json_number(numbers.derivative(edge)),
        "derivative_expression": str(graph.labels.derivative(edge)),
        "gradient": numbers and json_number(numbers.contribution(edge)),
        "gradient_expression": str(graph.labels.contribution(edge)),
    }
