"""A graph in DOT, the language of Graphviz."""

from __future__ import annotations

from actgrad.cli.draw.flowchart import Flowchart, quoted, xml_text
from actgrad.cli.draw.labels import Label
from actgrad.cli.draw.picture import Picture
from actgrad.cli.show import SIGNS

HEAD = """\
digraph actgrad {{
  label={label}; labelloc=t; labeljust=l; rankdir=LR; bgcolor=white; fontname="sans-serif";
  node [shape=circle, fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=11];"""

LINE_BREAK = '<br align="left"/>'


def dot(picture: Picture) -> str:
    """The graph in DOT; gradients have the colours of their signs.

    A value that branches goes through a point, whose edge carries the sum of the gradients. An edge
    that only decides which branch is taken is dashed.
    """
    chart = Flowchart(picture.labels)
    lines = [HEAD.format(label=title(picture, chart))]
    for vertex, name in chart.names.items():
        shape = "" if vertex.is_operation else ", shape=plaintext"
        lines.append(f"  {name} [label={quoted(picture.labels.vertex(vertex))}{shape}];")
    lines += [f"  {name} [shape=point];" for name in chart.branchings.values()]
    for name, operation, text in chart.constants:
        lines.append(f"  {name} [label={quoted(text)}, shape=plaintext, fontcolor=gray40];")
        lines.append(f"  {name} -> {operation} [color=gray40];")
    for arrow in chart.arrows:
        style = ", style=dashed" * arrow.decides + ", arrowhead=none" * arrow.splits
        lines.append(f"  {arrow.source} -> {arrow.target} [label={html(arrow.label)}{style}];")
    return "\n".join([*lines, "}\n"])


def title(picture: Picture, chart: Flowchart) -> str:
    """The title, and below it in small type what the drawing's names and labels are."""
    lines = [f"<b>{xml_text(picture.title)}</b>"]
    for line in chart.key(picture.names):
        lines.append(f'<font point-size="11">{xml_text(line)}</font>')
    return f"<{''.join(line + LINE_BREAK for line in lines)}>"


def html(label: Label) -> str:
    """An edge's label: the value, and below it the gradient in the colour of its sign."""
    gradient = f'<font color="{SIGNS[label.sign].paper}">{xml_text(label.gradient)}</font>'
    return f"<{xml_text(label.value)}<br/>{gradient}>"
