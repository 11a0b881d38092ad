"""The frame of every page, and the parts of a report as HTML: one file, which makes no request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from actgrad.cli.plot import Figure, figure_svg
from actgrad.cli.show import Code, Heading, Items, Paragraph, Part, Rows


def framed_page(title: str, body: Iterable[str], script: str = "") -> str:
    """The page with this body and this script."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    parts = "\n".join(body)
    scripted = f"<script>\n{script}</script>\n" if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n'
        f"<style>\n{style}</style>\n<body>\n<main>\n{parts}\n</main>\n{scripted}</body>\n</html>\n"
    )


def figure_page(figure: Figure) -> str:
    """The page of a plot, which fits any window."""
    return framed_page(figure.title, [f"<h1>{escape(figure.title)}</h1>", figure_svg(figure)])


def html_of(part: Part) -> str:
    """One part of a report as HTML."""
    match part:
        case Heading(level, text):
            return f"<h{level}>{with_code(text)}</h{level}>"
        case Paragraph(text, is_verdict):
            return f"<p>{f'<strong>{escape(text)}</strong>' if is_verdict else escape(text)}</p>"
        case Items(lines):
            return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
        case Code(lines):
            text = escape("\n".join(lines))
            # Long lines scroll inside the element, so the keyboard must reach it.
            return f'<pre tabindex="0"><code>{text}</code></pre>'
        case Rows():
            return html_table(part)


def html_table(cells: Rows) -> str:
    """A table whose numbers stand at the right."""
    kinds = ["" if head in cells.numeric else ' class="words"' for head in cells.heads]

    def row(tag: str, texts: Sequence[str], scope: str = "") -> str:
        columns = zip(kinds, texts, strict=True)
        return "".join(f"<{tag}{scope}{kind}>{with_code(text)}</{tag}>" for kind, text in columns)

    head = row("th", cells.heads, ' scope="col"')
    rows = "".join(f"<tr>{row('td', texts)}</tr>" for texts in cells.rows)
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def with_code(text: str) -> str:
    """The text, in which what stands in backticks is code."""
    marked = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
    return marked.replace("\n", "<br>")
