"""The equations of an explanation in LaTeX: its formula, its steps, and what their names mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from actgrad.layers import Layer
from actgrad.layers.explain import Explanation, with_names
from actgrad.layers.formula import LATEX, Node, latex_name, written

#: What the words of a document's text need in place of these characters.
ESCAPED = {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "^": r"\^{}"}
#: What a drawing's labels need, beside `ESCAPED`; they stand in mathematics mode.
SIGNS_IN_LATEX = {
    "∂": r"\partial ", "·": r"\cdot ", "×": r"\times ", "π": r"\pi ", "√": r"\surd ",
    "≤": r"\le ", "≥": r"\ge ", "→": r"\to ", "←": r"\leftarrow ", "−": "-", "σ": r"\sigma ",
    "λ": r"\lambda ", "α": r"\alpha ", "Φ": r"\Phi ", "φ": r"\varphi ", " ": r"\ ",
}  # fmt: skip
LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
DOCUMENT = r"""\documentclass{article}
\usepackage{amsmath}
\usepackage{tikz}
\allowdisplaybreaks
\begin{document}
\section*{%s}
%s
%s
\end{document}
"""


def latex_equations(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Each heading and its equations, aligned at their equals signs."""
    derivation = line_derivation if explanation.equations else step_derivation
    formula, gradients, names = derivation(explanation)
    meanings = [equation(name, [written(node, LATEX, names)]) for name, node in names.items()]
    meanings += constants(explanation.layer)
    blocks = {"Formula": [formula], "Derivation": gradients, "Names": meanings}
    yield from (
        (heading, aligned_equations(equations))
        for heading, equations in blocks.items()
        if equations
    )


def line_derivation(explanation: Explanation) -> tuple[str, list[str], dict[str, Node]]:
    """The formula, the gradients and the names of a layer along an axis."""
    formula, *gradients = (
        equation(left, [written(step, LATEX, names) for step in steps])
        for left, (steps, names, _) in explanation.equations.items()
    )
    used = (derivation.names.items() for derivation in explanation.equations.values())
    return formula, gradients, dict(pair for names in used for pair in names)


def step_derivation(explanation: Explanation) -> tuple[str, list[str], dict[str, Node]]:
    """The formula, the gradient and the names of an element-wise layer."""
    value = with_names(explanation.layer).traced().outputs[0]
    texts = (written(step.node, LATEX, step.names) for step in explanation.steps)
    rights = [rf"{latex_name('∂L/∂y')} \left({text}\right)" for text in texts]
    names = dict(explanation.steps[-1].names)
    return equation("y", [written(value, LATEX)]), [equation("∂L/∂x", rights)], names


def constants(layer: Layer) -> Iterator[str]:
    """The parameters and the fixed numbers of the formula."""
    for name, spec in layer.parameters.items():
        if spec.in_formula:
            yield equation(name, [str(getattr(layer, name))])
    for attribute, name in layer.constants.items():
        yield equation(name, [str(getattr(layer, attribute))])


def equation(left: str, rights: Sequence[str]) -> str:
    """A name and all that it is equal to, a line each."""
    lines = [f"&= {right}" for right in rights]
    return latex_name(left) + " " + " \\\\\n".join(lines)


def aligned_equations(equations: Sequence[str]) -> str:
    """The equations, one below another."""
    return "\\begin{aligned}\n" + " \\\\\n".join(equations) + "\n\\end{aligned}"


def latex_document(explanation: Explanation, title: str, drawing: str) -> str:
    """A document of the equations and a drawing, which LaTeX compiles as it stands."""
    parts = (
        f"\\paragraph{{{heading}}}\n\\[\n{lines}\n\\]"
        for heading, lines in latex_equations(explanation)
    )
    escaped = "".join(ESCAPED.get(char, char) for char in title)
    return DOCUMENT % (escaped, "\n".join(parts), drawing)


def latex_label(text: str) -> str:
    r"""A label of a drawing for mathematics mode: `y₁·y²` is `y_{1}\cdot y^{2}`."""
    text = escaped_label(text)
    text = re.sub("[₀-₉]+", lambda index: f"_{{{index[0].translate(LOWERED)}}}", text)
    text = re.sub("[⁰¹²³⁴-⁹]+", lambda power: f"^{{{power[0].translate(RAISED)}}}", text)
    return re.sub(r"(?<![\\a-zA-Z])([a-z]{2,})\b", r"\\mathrm{\1}", text)


def escaped_label(text: str) -> str:
    """The text with each sign in LaTeX."""
    signs = {**ESCAPED, **SIGNS_IN_LATEX}
    return "".join(signs.get(char, char) for char in text)
