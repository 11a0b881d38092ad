"""A graph as one JSON object: its nodes, its edges, and what goes along them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from actgrad.cli.draw.layout import target
from actgrad.cli.draw.picture import Picture
from actgrad.cli.write import json_number
from actgrad.layers.formula import Edge, Graph, Node


def written(picture: Picture) -> str:
    """The JSON text, on one line; numbers are null where the graph has none."""
    answer = {
        "command": "graph",
        "layers": picture.layers,
        "names": dict(name.split(" = ") for name in picture.names),
        "nodes": list(nodes(picture)),
        "edges": [edge_object(picture, edge) for edge in picture.graph.edges],
    }
    return json.dumps(answer, ensure_ascii=False) + "\n"


def nodes(picture: Picture) -> Iterator[dict[str, Any]]:
    """The graph's nodes, each after those that it takes, then its outputs."""
    graph, labels = picture.graph, picture.labels
    for node in graph.nodes:
        yield {
            "id": labels.id(node),
            "operation": node.operation.symbol,
            "label": labels.vertex(node),
            "constants": labels.constants(node),
            "value": value(graph, node),
            "expression": str(graph.expressions.value(node)),
            "gradient": None
            if graph.numbers is None
            else json_number(graph.numbers.gradient(node)),
            "gradient_expression": str(graph.labels.gradient(node)),
        }
    for i, name in enumerate(graph.output_names):
        output = graph.formula.outputs[i]
        yield {
            "id": name,
            "operation": "output",
            "label": name,
            "constants": [],
            "value": value(graph, output),
            "expression": str(graph.expressions.value(output)),
            "gradient": None if graph.numbers is None else json_number(graph.numbers.dout[i]),
            "gradient_expression": f"∂L/∂{name}",
        }


def edge_object(picture: Picture, edge: Edge) -> dict[str, Any]:
    """An edge: from where to which place among the target's inputs, and what it carries.

    Its place is null where it only decides which branch the target takes.
    """
    graph, labels = picture.graph, picture.labels
    numbers = graph.numbers
    end = target(edge)
    return {
        "source": labels.id(edge.source),
        "target": labels.vertex(end) if isinstance(end, int) else labels.id(end),
        "place": 0 if isinstance(end, int) else edge.place,
        "value": value(graph, edge.source),
        "expression": str(graph.expressions.value(edge.source)),
        "derivative": None if numbers is None else json_number(numbers.derivative(edge)),
        "derivative_expression": str(graph.labels.derivative(edge)),
        "gradient": None if numbers is None else json_number(numbers.flow(edge)),
        "gradient_expression": str(graph.labels.flow(edge)),
    }


def value(graph: Graph, node: Node) -> Any:
    return None if graph.numbers is None else json_number(graph.numbers.value(node))
