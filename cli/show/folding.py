"""Folding long lines of prose and formulas, at the places where a reader expects a break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

#: The indent of what continues a folded line.
HANGING = "  "
#: Where a line may break: at a space, before a factor of a product, and before a parameter.
BREAK = re.compile(r"(?<=\S)\s+(?=\S)|(?<=\S)(?=·)|(?<=[\w)])(?=\*[\w(])|(?<=[:,])(?=[a-z_]+=)")
OPERATORS = "+-−·*/×"
#: What it costs to break beside one of these. Each open bracket costs 3.
COSTS = dict.fromkeys("+-−(", 1) | dict.fromkeys("·*/×=<>≤≥±", 2)


def fold(text: str, width: int, hanging: str = HANGING) -> list[str]:
    """The text in lines of at most `width` columns, those after the first indented by `hanging`.

    Prose breaks between words. A formula breaks where the fewest brackets are open, and before an
    operator rather than beside a relation. What has no place to break stays whole.

    >>> fold("y = where(x > 0, x, exp(x) - 1)", 22)
    ['y = where(x > 0, x,', '  exp(x) - 1)']
    """
    lines, indent = [], ""
    while len(indent + text) > width and (places := list(breaks(text, width - len(indent)))):
        *_, end, start = max(places)
        lines.append(indent + text[:end])
        text, indent = text[start:], hanging
    return [*lines, indent + text]


def breaks(text: str, width: int) -> Iterator[tuple[bool, bool, int, int, int]]:
    """The places where the first line may break, each as a key that is largest for the best place.

    The key ends with the first line's end and the next line's start. The best place fits into the
    width, fills a third of it at least, costs least, and is the last such place.
    """
    depths = list(accumulate((c in "([") - (c in ")]") for c in text))
    for place in BREAK.finditer(text):
        end, start = place.span()
        before, after = text[end - 1], text[start]
        if before in OPERATORS:  # an operator belongs to the term after it
            continue
        cost = 3 * max(depths[end - 1], 0) + COSTS.get(after, 0) + COSTS.get(before, 0)
        if end <= width:
            yield True, end >= width / 3, -cost, end, start
        else:
            yield False, False, -end, end, start
