"""A graph as a Mermaid flowchart, for Markdown pages."""

from __future__ import annotations

from actgrad.cli.draw.flowchart import Flowchart, quoted, replacing
from actgrad.cli.draw.picture import Picture

#: A text in a Mermaid label, which reads Markdown and HTML, by Mermaid's own entities.
mermaid_text = replacing(
    ("#", "#35;"), ("&", "#amp;"), ("<", "#lt;"), (">", "#gt;"), ('"', "#quot;"),
    ("*", "#42;"), ("_", "#95;"), ("`", "#96;"), ("-", "#45;"), ("+", "#43;"),
)  # fmt: skip


def mermaid(picture: Picture) -> str:
    """The graph as a flowchart; an edge's second line, in italics, is its gradient.

    A value that branches goes through a small circle, whose edge carries the sum of the gradients.
    An edge that only decides which branch is taken is dashed.
    """
    chart = Flowchart(picture.labels)
    lines = ["---", f"title: {quoted(picture.title)}", "---", "flowchart LR"]
    bare = []
    for vertex, name in chart.names.items():
        text = mermaid_text(picture.labels.vertex(vertex))
        lines.append(f'  {name}(["{text}"])' if vertex.is_operation else f'  {name}["{text}"]')
        bare += [] if vertex.is_operation else [name]
    lines += [f'  {name}((" "))' for name in chart.branchings.values()]
    for name, operation, text in chart.constants:
        lines.append(f'  {name}["{mermaid_text(text)}"] --> {operation}')
        bare.append(name)
    for arrow in chart.arrows:
        line = "---" if arrow.splits else "-.->" if arrow.decides else "-->"
        value, gradient = mermaid_text(arrow.label.value), mermaid_text(arrow.label.gradient)
        lines.append(f'  {arrow.source} {line}|"{value}<br/><i>{gradient}</i>"| {arrow.target}')
    lines.append(f'  key["{"<br/>".join(map(mermaid_text, chart.key(picture.names)))}"]')
    lines += [f"  style {name} fill:none,stroke:none" for name in [*bare, "key"]]
    return "\n".join(lines) + "\n"
