"""An explanation of a layer as a table, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from actgrad.cli.answer import TextAnswer
from actgrad.cli.show.folding import HANGING
from actgrad.cli.show.page import Page, numeral
from actgrad.layers import Layer
from actgrad.layers.activations import names_elsewhere
from actgrad.layers.explain import Explanation, Kink, Pitfall

#: Prose in longer lines is hard to read.
LONGEST_LINE = 100
#: The headings' column, and the width below which a heading stands above its lines instead.
HEADING, NARROW = 16, 60
#: The sections that are formulas.
FORMULAS = ("formula", "derivative", "step by step")


def explanation_answer(explanation: Explanation) -> TextAnswer:
    """The explanation in every format of `actgrad explain`."""
    texts = {"json": partial(_json_text, explanation), "markdown": partial(_markdown, explanation)}
    return TextAnswer("explain", partial(_show, explanation), texts)


def with_parameters(layer: Layer) -> str:
    """The layer with all its parameters, those at their defaults included: `celu:alpha=1.0`."""
    values = ",".join(f"{name}={getattr(layer, name)}" for name in layer.parameters)
    return f"{layer.name}:{values}" if values else layer.name


def sections(explanation: Explanation) -> Iterator[tuple[str, list[str]]]:
    """Each heading that has something to say, and its lines."""
    layer = explanation.layer
    is_elementwise = bool(explanation.steps)
    start = "y is out" if is_elementwise else "x = [x₁, x₂] is a line of two, y is out"
    yield "notation", [f"{start}, ∂L/∂y is dout, ∂L/∂x is dx"]
    yield "formula", ["y = " * is_elementwise + explanation.formula]
    yield "derivative", ["∂y/∂x = " * is_elementwise + explanation.derivative]
    if len(explanation.steps) > 1 or explanation.evaluations:
        yield "step by step", list(step_lines(explanation))
    names = names_elsewhere(type(layer))
    elsewhere = [f"{name} ({framework})" for framework, name in names.items()]
    lines = {
        "also called": [", ".join([*layer.aliases, *elsewhere])],
        "parameters": [
            f"{name} = {getattr(layer, name)!r}: {spec.meaning}"
            for name, spec in layer.parameters.items()
        ],
        "range": [layer.range],
        "kinks": [*map(kink_line, explanation.kinks)] or ["none"] * is_elementwise,
        "inflections": [f"x = {numeral(x)}" for x in explanation.inflections],
        "keeps": [f"{name}: {why}" if why else name for name, why in explanation.keeps.items()],
        "floating point": [*map(pitfall_line, explanation.pitfalls)],
        "source": [layer.source],
    }
    yield from ((heading, each) for heading, each in lines.items() if any(each))


def step_lines(explanation: Explanation) -> Iterator[str]:
    """The derivation: each line equals the one before; at a number, with its value there."""
    for i, step in enumerate(explanation.steps):
        line = f"{'=' if i else '∂L/∂x ='} ∂L/∂y·{as_factor(step.text)}"
        if explanation.evaluations:
            value, bound, agrees = explanation.evaluations[i]
            verdict = "agrees" if agrees else "differs"
            line += f"   {numeral(value)} ± {numeral(bound)}, {verdict}"
        yield line
    if explanation.x is not None:
        yield (
            f"backward gives {explanation.dx!r} for ∂L/∂y = 1 at x = {numeral(explanation.x)};"
            " ± bounds the rounding errors"
        )


def as_factor(text: str) -> str:
    """The text as a factor of a product: a sum and a negative number are put in brackets."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and text[i : i + 3] in (" + ", " - "):
            return f"({text})"
    return f"({text})" if text.startswith("-") else text


def kink_line(kink: Kink) -> str:
    """A kink or a jump in words."""
    return (
        f"{'jump' if kink.is_jump else 'kink'} at x = {numeral(kink.x)}: the slope is"
        f" {numeral(kink.left)} on the left, {numeral(kink.right)} on the right,"
        f" {numeral(kink.here)} at the point itself"
    )


def pitfall_line(pitfall: Pitfall) -> str:
    """Where an expression loses its digits, in words; all digits are shown if six are equal."""
    computed, correct = numeral(pitfall.computed), numeral(pitfall.correct)
    if computed == correct:
        computed, correct = repr(pitfall.computed), repr(pitfall.correct)
    return (
        f"{pitfall.expression} evaluated in float64 gives {computed} at x = {numeral(pitfall.x)};"
        f" the layer gives {correct}"
    )


def _show(explanation: Explanation, file: IO[str]) -> None:
    """Print the layer's description, then the sections, each beside or below its heading."""
    from rich.text import Text

    page = Page(file)
    page.print(Text(page.fold(with_parameters(explanation.layer)), "bold"))
    for paragraph in explanation.summary.split("\n\n"):
        prose = page.lines(" ".join(paragraph.split()), min(page.width, LONGEST_LINE), "")
        page.print("\n".join([*prose, ""]))
    is_narrow = page.limit < NARROW
    margin = HANGING if is_narrow else " " * HEADING
    for heading, lines in sections(explanation):
        if is_narrow:
            page.print(Text(heading, "bold"))
        folded = [each for line in lines for each in page.lines(line, page.limit - len(margin))]
        body = Text("\n".join(margin + line for line in folded))
        if not is_narrow:
            body = Text.assemble((f"{heading:{HEADING}}", "bold"), body[HEADING:])
        page.print(body)


def _markdown(explanation: Explanation) -> str:
    """The explanation as a Markdown section."""
    parts = [f"## {with_parameters(explanation.layer)}", explanation.summary]
    for heading, lines in sections(explanation):
        block = ["```", *lines, "```"] if heading in FORMULAS else [f"- {line}" for line in lines]
        parts += [f"**{heading.capitalize()}**", "\n".join(block)]
    return "\n\n".join(parts) + "\n"


def _json_text(explanation: Explanation) -> str:
    """The explanation as one JSON object on one line."""
    import json

    from actgrad.cli.answer import json_number

    layer, x, dx = explanation.layer, explanation.x, explanation.dx
    steps: list[dict[str, Any]] = [{"expression": step.text} for step in explanation.steps]
    for step, evaluation in zip(steps, explanation.evaluations, strict=False):
        step |= {name: json_number(value) for name, value in evaluation._asdict().items()}
    described = {
        "command": "explain",
        "layer": str(layer),
        "aliases": list(layer.aliases),
        "formula": explanation.formula,
        "derivative": explanation.derivative,
        "steps": steps,
        "parameters": {
            name: {
                "value": float(getattr(layer, name)),
                "default": None if spec.default is None else float(spec.default),
                "meaning": spec.meaning,
            }
            for name, spec in layer.parameters.items()
        },
        "range": layer.range,
        "kinks": [
            {name: json_number(value) for name, value in kink._asdict().items()}
            for kink in explanation.kinks
        ],
        "inflections": explanation.inflections,
        "keeps": explanation.keeps,
        "floating_point": [
            {
                "what": pitfall.expression,
                "x": json_number(pitfall.x),
                "found": json_number(pitfall.computed),
                "right": json_number(pitfall.correct),
            }
            for pitfall in explanation.pitfalls
        ],
        "source": layer.source,
        "x": None if x is None else json_number(x),
        "dx": None if dx is None else json_number(dx),
    }
    return json.dumps(described, ensure_ascii=False) + "\n"
