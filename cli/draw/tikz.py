"""A graph as TikZ, for LaTeX: its SVG drawing, element by element."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from actgrad.cli.draw.picture import Picture
from actgrad.cli.draw.svg import picture_svg
from actgrad.cli.show import latex_label

#: A pixel in LaTeX's points.
SCALE = 0.75
STEP = re.compile(r"([MHVQ])([^MHVQ]*)")


def tikz(picture: Picture) -> str:
    """The drawing as a `tikzpicture`, as wide as the text."""
    root = ElementTree.fromstring(picture_svg(picture))
    lines = [line for element in root for line in drawn(element)]
    body = "\n".join(f"  {line}" for line in lines)
    start = f"\\begin{{tikzpicture}}[x={SCALE}pt, y=-{SCALE}pt, >=latex]"
    return f"\\noindent\\resizebox{{\\textwidth}}{{!}}{{%\n{start}\n{body}\n\\end{{tikzpicture}}}}"


def drawn(element: ElementTree.Element) -> Iterator[str]:
    """The commands that draw an element; the ground and the texts below the drawing have none."""
    kind, get = element.get("class", ""), element.attrib.get
    match element.tag.rpartition("}")[2]:
        case "path":
            yield f"\\draw[->] {path(get('d', ''))};"
        case "circle":
            yield f"\\fill ({get('cx')},{get('cy')}) circle[radius=3.5];"
        case "line":
            yield f"\\draw ({get('x1')},{get('y1')}) -- ({get('x2')},{get('y2')});"
        case "rect" if kind == "node":
            x, y, width = (float(get(name, "0")) for name in ("x", "y", "width"))
            height, rx = float(get("height", "0")), float(get("rx", "0"))
            corners = f"({x:g},{y:g}) rectangle ({x + width:g},{y + height:g})"
            yield f"\\draw[rounded corners={rx * SCALE - 0.5:g}pt] {corners};"
        case "text" if kind not in ("legend", "title"):
            label = latex_label("".join(element.itertext()))
            yield f"\\node[anchor=base] at ({get('x')},{get('y')}) {{$\\scriptstyle {label}$}};"


def path(steps: str) -> str:
    """The lines and turns of a path."""
    text, x, y = "", "0", "0"
    for letter, numbers in STEP.findall(steps):
        values = numbers.split()
        if letter == "Q":
            control, (x, y) = f"({values[0]},{values[1]})", values[2:]
            text += f" .. controls {control} .. ({x},{y})"
            continue
        x = values[0] if letter in "MH" else x
        y = values[-1] if letter in "MV" else y
        text += f"{' --' if text else ''} ({x},{y})"
    return text.strip()
