"""What stands in for the characters that a stream in ASCII does not take."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from unicodedata import combining, normalize

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Span, Text

#: Lines and marks of the drawings and plots; each is one column wide, so that nothing shifts.
MARKS = dict(zip("─╴╶│╵╷╭╮╰╯└├┤┬┴┼●○•✗█⋮▁▂▃▄▅▆▇", "---|||++++++++++oo*x#:_.,-=+*", strict=True))
WORDS = {
    "∂": "d", "·": "*", "×": "*", "−": "-", "–": "-", "±": "+-", "→": "->", "←": "<-",
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "∞": "inf", "√": "sqrt", "…": "...", "π": "pi",
    "σ": "sigma", "Φ": "Phi", "φ": "phi", "α": "alpha", "β": "beta", "γ": "gamma", "λ": "lambda",
    "μ": "mu", "τ": "tau", "Σ": "sum", "½": "1/2", "′": "'", "″": "''", "ᵀ": "^T",
    "’": "'", "“": '"', "”": '"',
}  # fmt: skip
REPLACEMENTS = str.maketrans(MARKS | WORDS)
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵢⱼ", "0123456789ij")
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n")
ROOT = re.compile(r"√(\w+)")
RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ]+")


def ascii_text(text: str) -> str:
    """The text in ASCII: `∂L/∂y·y²` is `dL/dy*y^2`, `x ≤ √2` is `x <= sqrt(2)`, `é` is `e`.

    A character that has no such form is kept.
    """
    text = RAISED.sub(lambda raised: "^" + raised[0].translate(SUPERSCRIPTS), text)
    text = ROOT.sub(r"sqrt(\1)", text)
    text = text.translate(SUBSCRIPTS).translate(REPLACEMENTS)
    return "".join(char for char in normalize("NFD", text) if not combining(char))


def ascii_content(content: RenderableType) -> RenderableType:
    """Rich content with all its text in ASCII; a table and a panel are changed in place."""
    match content:
        case str():
            return ascii_text(content)
        case Text():
            return ascii_styled(content)
        case Group():
            return Group(*map(ascii_content, content.renderables))
        case Panel():
            content.renderable = ascii_content(content.renderable)
            content.title = ascii_styled(Text.assemble(content.title or ""))
        case Table():
            for column in content.columns:
                column.header = ascii_content(column.header)
                column._cells[:] = map(ascii_content, column.cells)
    return content


def ascii_styled(text: Text) -> Text:
    """The text in ASCII, with each style where it was."""
    ends = (end for span in text.spans for end in (span.start, span.end))
    bounds = sorted({0, len(text), *ends})
    pieces = [ascii_text(text.plain[start:end]) for start, end in pairwise(bounds)]
    at = dict(zip(bounds, accumulate(map(len, pieces), initial=0), strict=True))
    spans = [Span(at[span.start], at[span.end], span.style) for span in text.spans]
    return Text("".join(pieces), text.style, spans=spans, no_wrap=text.no_wrap)
