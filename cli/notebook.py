"""What notebooks show of layers, explanations, graphs, reports and verifications."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from actgrad.layers import ActgradError, Explanation, Layer, Report, Verification, explain_layer
from actgrad.layers.formula import Graph


def view(shown: object, form: str) -> str | None:
    """The object as `html`, `svg` or `latex`; None if it has no such view."""
    match shown, form:
        case Layer(), "html" | "latex":
            return layer_view(shown, form)
        case Explanation(), "html":
            return explanation_html(shown)
        case Explanation(), "latex":
            return explanation_latex(shown)
        case Graph(), "svg":
            return graph_svg(shown)
        case Report(), "html":
            from actgrad.cli.page import check_body

            return fragment(check_body(shown, 3))
        case Verification(), "html":
            from actgrad.cli.page import verification_body
            from actgrad.cli.show import VerifiedDump

            dump = VerifiedDump(shown, shown.likely_causes, lambda name, position: (position,))
            return fragment(verification_body(dump))
    return None


def fragment(parts: Iterable[str]) -> str:
    """The parts as one element."""
    return "\n".join(["<div>", *parts, "</div>"])


def layer_view(layer: Layer, form: str) -> str | None:
    """A layer: its formula and its curves. A chain: those of its layers, and its own curves.

    A layer without a formula has no view.
    """
    try:
        explanations = [explain_layer(single) for single in layer.layers]
    except ActgradError:
        return None
    if form == "latex":
        return explanation_latex(explanations[0]) if len(explanations) == 1 else None
    lines = [f"<p><b>{escape(' → '.join(map(str, layer.layers)))}</b></p>"]
    for explanation in explanations:
        lines.append(f"<p>{escape(explanation.summary.partition(chr(10))[0])}</p>")
    return fragment([*lines, *curve_svg(layer)])


def curve_svg(layer: Layer) -> Iterable[str]:
    """The curves of out and of its derivative, if the layer works element by element."""
    if not layer.is_elementwise:
        return
    from actgrad.cli.plot import figure_of, figure_svg
    from actgrad.layers.explain import curves

    yield figure_svg(figure_of(curves([layer], [0, 1], count=241)))


def explanation_html(explanation: Explanation) -> str:
    """The sections of an explanation, and the curves of its layer."""
    from actgrad.cli.show import explanation_sections, with_parameters

    title, summary = with_parameters(explanation.layer), explanation.summary
    sections = (
        f"<dt><b>{heading}</b></dt><dd>{'<br>'.join(map(escape, lines))}</dd>"
        for heading, lines in explanation_sections(explanation)
    )
    lines = [f"<p><b>{escape(title)}</b></p><p>{escape(summary)}</p>", "<dl>", *sections, "</dl>"]
    return fragment([*lines, *curve_svg(explanation.layer)])


def explanation_latex(explanation: Explanation) -> str:
    """The formula, the derivation and the names, each an equation of its own."""
    from actgrad.cli.show import latex_equations

    return "\n".join(f"$$\n{lines}\n$$" for _, lines in latex_equations(explanation))


def graph_svg(graph: Graph) -> str:
    """The drawing of a graph, with its numbers, or in symbols where it has none."""
    from actgrad.cli.draw import Labels, Picture, picture_svg

    title = "graph"
    if graph.formula.is_scalar:
        title = f"y = {graph.expressions.value(graph.formula.outputs[0])}"
    return picture_svg(Picture((title,), Labels(graph), "", ()))
