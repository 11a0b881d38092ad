"""An explanation as a table, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from actgrad.cli.show.explanation import Explanation, failure_lines, kink_lines
from actgrad.cli.show.page import numeral
from actgrad.cli.write import TextAnswer


def answer(explanation: Explanation) -> TextAnswer:
    """The explanation in every format of `actgrad explain`."""
    return TextAnswer(
        "explain",
        partial(show, explanation),
        json=partial(json_text, explanation),
        markdown=partial(markdown, explanation),
    )


def sections(found: Explanation) -> Iterator[tuple[str, list[str]]]:
    """The headings and what stands under each, of those that have anything."""
    yield "formula", [f"y = {found.formula}" if found.steps else found.formula]
    yield "derivative", [f"∂y/∂x = {found.derivative}" if found.steps else found.derivative]
    if len(found.steps) > 1 or found.values:
        yield "step by step", list(step_lines(found))
    rest = {
        "also called": [found.names],
        "parameters": [f"{name}: {meaning}" for name, meaning in found.parameters.items()],
        "range": [found.range],
        "kinks": list(kink_lines(found.kinks)) or ["none"] * bool(found.steps),
        "keeps": [f"{name}: {why}" if why else name for name, why in found.keeps.items()],
        "floating point": list(failure_lines(found.failures)),
        "source": [found.source],
    }
    for heading, lines in rest.items():
        if any(lines):
            yield heading, lines


def step_lines(found: Explanation) -> Iterator[str]:
    """The derivation, each line equal to the one before; at a number, with what it comes to."""
    for i, step in enumerate(found.steps):
        line = f"{'=' if i else '∂L/∂x ='} ∂L/∂y·{bracketed(step.text)}"
        if found.values:
            value = found.values[i]
            verdict = "agrees" if value.agrees else "lost in floats"
            line += f"   {numeral(value.value)} ± {numeral(value.bound)}, {verdict}"
        yield line
    if found.dx is not None and found.x is not None:
        yield f"the layer's own backward at x = {numeral(found.x)}: {found.dx!r}"


def bracketed(text: str) -> str:
    """The text as a factor: a sum stands in brackets."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and text[i : i + 3] in (" + ", " - "):
            return f"({text})"
    return f"({text})" if text.startswith("-") else text


def show(found: Explanation, file: IO[str]) -> None:
    """Print it as a table of headings and lines."""
    from rich.table import Table
    from rich.text import Text

    from actgrad.cli.show.page import Page

    page = Page(file)
    page.print(Text(str(found.layer), "bold"))
    page.print(found.summary)
    page.print("")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for heading, lines in sections(found):
        for i, line in enumerate(lines):
            table.add_row("" if i else heading, line)
    page.print(table)


def markdown(found: Explanation) -> str:
    """It as a Markdown section."""
    parts = [f"## {found.layer}", found.summary]
    for heading, lines in sections(found):
        parts.append(f"**{heading.capitalize()}**")
        is_code = heading in {"formula", "derivative", "step by step"}
        block = ["```", *lines, "```"] if is_code else [f"- {line}" for line in lines]
        parts.append("\n".join(block))
    return "\n\n".join(parts) + "\n"


def json_text(found: Explanation) -> str:
    """It as one JSON object on one line."""
    import json

    from actgrad.cli.write import json_number

    layer = found.layer
    steps: list[dict[str, Any]] = [{"expression": step.text} for step in found.steps]
    for step, value in zip(steps, found.values, strict=False):
        step |= {
            "value": json_number(value.value),
            "bound": json_number(value.bound),
            "agrees": value.agrees,
        }
    answer = {
        "command": "explain",
        "layer": str(layer),
        "aliases": list(layer.aliases),
        "formula": found.formula,
        "derivative": found.derivative,
        "steps": steps,
        "parameters": {
            name: {
                "value": float(getattr(layer, name)),
                "default": None if spec.default is None else float(spec.default),
                "meaning": spec.meaning,
            }
            for name, spec in layer.parameters.items()
        },
        "range": found.range,
        "kinks": [{k: json_number(v) for k, v in kink._asdict().items()} for kink in found.kinks],
        "keeps": found.keeps,
        "floating_point": [
            {k: v if isinstance(v, str) else json_number(v) for k, v in one._asdict().items()}
            for one in found.failures
        ],
        "x": None if found.x is None else json_number(found.x),
        "dx": None if found.dx is None else json_number(found.dx),
    }
    return json.dumps(answer, ensure_ascii=False) + "\n"
