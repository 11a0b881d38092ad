"""`actgrad explain`: a layer's formula, and why its derivative is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actgrad.cli.options import (
    ExplainFormat,
    ExplainFormatOption,
    ExplainOutput,
    OneLayer,
    Order,
)

if TYPE_CHECKING:
    from actgrad.layers import Explanation


def explain(
    spec: OneLayer,
    x: Annotated[
        str | None,
        typer.Option("--x", metavar="NUMBER", help="Evaluate every step of the derivation here."),
    ] = None,
    order: Order = 1,
    form: ExplainFormatOption = None,
    output: ExplainOutput = None,
) -> None:
    """Explain a layer: formula, derivative, range and kinks.

    The derivative is derived step by step. Formulas that fail in floating point are listed. With
    --order 2 the function is the layer's derivative, and its own derivative is f″.
    """
    from functools import partial

    from actgrad.cli.page import page_of
    from actgrad.cli.show import explanation_answer
    from actgrad.cli.write import Output
    from actgrad.layers import ShapeError, any_layer
    from actgrad.layers.explain import Derivative, explain_layer
    from actgrad.layers.printed import distinct_lines_on_stderr

    number = None if x is None else first_number(x)
    try:
        with distinct_lines_on_stderr():
            described = any_layer(spec)
            described = Derivative(described) if order == 2 else described
            explanation = explain_layer(described, number)
    except ShapeError as error:
        hint = f"actgrad graph {described} --x ARRAY shows its gradients at numbers"
        raise ShapeError(str(error), hint) from None
    page = partial(page_of, described, None if number is None else [number])
    answer = explanation_answer(explanation).with_text("html", page)
    answer = answer.with_text("latex", lambda: latex_of(explanation))
    Output(ExplainFormat, form, output).deliver(answer)


def latex_of(explanation: Explanation) -> str:
    """The explanation as a LaTeX document: its equations, and its graph in symbols."""
    from actgrad.cli.draw import picture_of, tikz
    from actgrad.cli.show import latex_document, with_parameters

    described = explanation.layer
    drawing = tikz(picture_of(described, None, None, None, False, True))
    return latex_document(explanation, with_parameters(described), drawing)


def first_number(x: str) -> float:
    """The first number of the array that `--x` names; a note on stderr says if there are more.

    Raises:
        ActgradError: x cannot be read, or is empty.
    """
    from actgrad.cli.exit import to_stderr
    from actgrad.cli.read import read_array
    from actgrad.layers import ShapeError

    array = read_array(x, "--x")
    if not array.size:
        raise ShapeError("--x is empty", "give it a number")
    if array.size > 1:
        to_stderr(f"note: --x has {array.size} numbers; the first is used")
    return float(array.flat[0])
