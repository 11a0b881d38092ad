"""A graph for the programs that lay graphs out themselves: Graphviz and Mermaid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from actgrad.cli.draw.labels import Label
from actgrad.cli.draw.layout import Vertex, target
from actgrad.cli.draw.picture import Picture
from actgrad.layers.formula import Node


def dot(picture: Picture) -> str:
    """The graph in Graphviz' language; a choice's condition comes in on a dashed edge."""
    lines = [
        "digraph actgrad {",
        f"  label={quoted(picture.title)}; labelloc=t; rankdir=LR; bgcolor=white;",
        '  node [shape=circle, fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=11];',
    ]
    for name, vertex in named(picture):
        shape = "" if is_operation(vertex) else ", shape=plaintext"
        lines.append(f"  {name} [label={quoted(picture.labels.vertex(vertex))}{shape}];")
    for name, node, constant in constants(picture):
        lines.append(f"  {name} [label={quoted(constant)}, shape=plaintext, fontcolor=gray40];")
        lines.append(f"  {name} -> {node} [color=gray40];")
    for source, end, label, decides in edges(picture):
        text = f'<{escaped(label.value)}<br/><font color="blue">{escaped(label.gradient)}</font>>'
        dashed = ", style=dashed" if decides else ""
        lines.append(f"  {source} -> {end} [label={text}{dashed}];")
    return "\n".join([*lines, "}\n"])


def mermaid(picture: Picture) -> str:
    """The graph as a Mermaid flowchart."""
    lines = ["---", f"title: {quoted(picture.title)}", "---", "flowchart LR"]
    for name, vertex in named(picture):
        text = entities(picture.labels.vertex(vertex))
        lines.append(f"  {name}" + (f'(["{text}"])' if is_operation(vertex) else f'["{text}"]'))
        if not is_operation(vertex):
            lines.append(f"  style {name} fill:none,stroke:none")
    for name, node, constant in constants(picture):
        lines.append(f'  {name}["{entities(constant)}"] --> {node}')
        lines.append(f"  style {name} fill:none,stroke:none")
    for source, end, label, decides in edges(picture):
        text = f"{entities(label.value)}<br/><i>{entities(label.gradient)}</i>"
        lines.append(f'  {source} {"-.->" if decides else "-->"}|"{text}"| {end}')
    return "\n".join(lines) + "\n"


def named(picture: Picture) -> Iterator[tuple[str, Vertex]]:
    """Every node and output, under a name that both languages allow."""
    return ((f"n{i}", vertex) for i, vertex in enumerate(vertices(picture)))


def vertices(picture: Picture) -> list[Vertex]:
    """Inputs and operations, then outputs; a constant is one only where it is all there is."""
    found: list[Vertex] = list(picture.graph.nodes)
    for edge in picture.graph.edges:
        found += [edge.source, target(edge)]
    return sorted(dict.fromkeys(found), key=lambda vertex: isinstance(vertex, int))


def constants(picture: Picture) -> Iterator[tuple[str, str, str]]:
    """Every constant that enters an operation: its name, the operation's, its text."""
    number = count()
    for name, vertex in named(picture):
        if isinstance(vertex, Node):
            for constant in picture.labels.constants(vertex):
                yield f"c{next(number)}", name, constant


def edges(picture: Picture) -> Iterator[tuple[str, str, Label, bool]]:
    """Every edge: its ends' names, its label, and whether it only decides a choice."""
    names = {vertex: name for name, vertex in named(picture)}
    for edge in picture.graph.edges:
        ends = names[edge.source], names[target(edge)]
        yield *ends, picture.labels.edge(edge), edge.place is None


def is_operation(vertex: Vertex) -> bool:
    return isinstance(vertex, Node) and bool(vertex.inputs) and not vertex.is_constant


def replaced(*pairs: tuple[str, str]) -> Callable[[str], str]:
    """A function that writes some characters otherwise."""
    table = str.maketrans(dict(pairs))
    return lambda text: text.translate(table)


#: As XML, and so Graphviz' labels and SVG, want it.
escaped = replaced(("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))
#: Mermaid reads Markdown and HTML in a label; these are its own entities.
entities = replaced(
    ("#", "#35;"), ("&", "#amp;"), ("<", "#lt;"), (">", "#gt;"), ('"', "#quot;"),
    ("*", "#42;"), ("_", "#95;"), ("`", "#96;"), ("-", "#45;"), ("+", "#43;"),
)  # fmt: skip


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
