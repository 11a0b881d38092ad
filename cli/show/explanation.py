"""An explanation of a layer as a table, as Markdown and as JSON."""

from __future__ import annotations

from functools import partial
from typing import IO, Any

from actgrad.cli.answer import TextAnswer, json_number, json_setting
from actgrad.cli.show.equations import latex_equations
from actgrad.cli.show.folding import HANGING
from actgrad.cli.show.page import Page
from actgrad.cli.show.sections import explanation_sections, with_parameters
from actgrad.layers import Layer
from actgrad.layers.explain import Characteristics, Explanation
from actgrad.layers.formula import written

#: Prose in longer lines is hard to read.
LONGEST_LINE = 100
#: The headings' column, and the width below which a heading stands above its lines instead.
HEADING, NARROW = 16, 60


def explanation_answer(explanation: Explanation) -> TextAnswer:
    """The explanation in every format of `actgrad explain`."""
    texts = {"json": partial(_json_text, explanation), "markdown": partial(_markdown, explanation)}
    return TextAnswer("explain", partial(_show, explanation), texts)


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
    for heading, lines in explanation_sections(explanation):
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
    for heading, equations in latex_equations(explanation):
        parts += [f"**{heading}**", f"```math\n{equations}\n```"]
    for heading, lines in explanation_sections(explanation):
        if heading not in ("formula", "step by step") or explanation.evaluations:
            parts += [f"**{heading.capitalize()}**", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def characteristics_json(characteristics: Characteristics | None) -> dict[str, Any] | None:
    """The characteristics, by name."""
    if characteristics is None:
        return None
    numbers = characteristics._asdict()
    saturations, steepest = numbers.pop("saturations"), numbers.pop("steepest")
    return {
        **{name: json_number(value) for name, value in numbers.items()},
        "steepest": {name: json_number(value) for name, value in steepest._asdict().items()},
        "saturations": [
            {
                "limit": saturation.limit,
                "side": saturation.side,
                "begins": {dtype: json_number(x) for dtype, x in saturation.begins.items()},
            }
            for saturation in saturations
        ],
    }


def parameters_json(layer: Layer) -> dict[str, Any]:
    """The parameters: their values, defaults and meanings, by name."""
    return {
        name: {
            "value": json_setting(getattr(layer, name)),
            "default": json_setting(spec.default),
            "meaning": spec.meaning,
        }
        for name, spec in layer.parameters.items()
    }


def _json_text(explanation: Explanation) -> str:
    """The explanation as one JSON object on one line."""
    import json

    layer, x, dx = explanation.layer, explanation.x, explanation.dx
    steps: list[dict[str, Any]] = [
        {"expression": step.text, "terms": list(step.terms)} for step in explanation.steps
    ]
    for step, evaluation in zip(steps, explanation.evaluations, strict=False):
        step |= {name: json_number(value) for name, value in evaluation._asdict().items()}
    described = {
        "command": "explain",
        "layer": str(layer),
        "aliases": list(layer.aliases),
        "formula": explanation.formula,
        "derivative": explanation.derivative,
        "steps": steps,
        "parameters": parameters_json(layer),
        "range": layer.range,
        "characteristics": characteristics_json(explanation.characteristics),
        "equations": {
            left: [written(step, names=names) for step in steps]
            for left, (steps, names, _) in explanation.equations.items()
        },
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
