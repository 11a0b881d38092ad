"""The page of a layer or a chain: one HTML file that makes no request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any

from actgrad.cli.draw import Label, Labels, Picture, Sheet, names_between
from actgrad.cli.page.frame import framed_page
from actgrad.cli.show import definition_lines, explanation_sections, with_parameters
from actgrad.layers import Layer
from actgrad.layers.explain import Step, default_ends, explain_layer, find_kinks, steps, with_names
from actgrad.layers.formula import (
    Edge,
    Formula,
    Graph,
    Node,
    Program,
    program_of,
    trace,
    two_floats,
    variable,
    where,
    words_javascript,
)

#: How many characters an edge's number may have.
NUMBER = 12
#: The texts of a drawing that the page says itself.
HEADING = re.compile(r'class="(legend|title)"')
#: The height of a drawing's title, which the page says itself.
TITLE = 30
#: The steps of a slider.
SLIDER = 1000


class Places(Labels):
    """Labels that name where in a program's results the numbers of an edge are."""

    def __init__(self, graph: Graph, program: Program) -> None:
        super().__init__(graph)
        self.program = program

    def edge(self, edge: Edge) -> Label:
        if edge.target is None:
            gradient = f"dout{edge.place}"
        elif (edge.target, edge.place) in self.program.edges:
            gradient = f"flow{self.program.edges.index((edge.target, edge.place))}"
        else:
            gradient = ""
        return self._placed(edge.source, gradient)

    def branching(self, node: Node) -> Label:
        return self._placed(node, f"sum{self.program.places[node]}")

    def _placed(self, node: Node, gradient: str) -> Label:
        value = f"value{self.program.places[node]}"
        return Label(value.ljust(NUMBER, "_"), gradient.ljust(NUMBER, "_"))


def page_of(
    layer: Layer, x: Sequence[float] | None = None, dout: Sequence[float] | None = None
) -> str:
    """The page of a layer or a chain, which begins at x and dout, by default 1.

    A layer along an axis takes a line of as many numbers as x has, by default 1 and 2. There the
    default of dout is 1 for the first number of y and 0 for the others, because equal gradients of
    a softmax cancel.
    """
    start = x or ([1.0] if layer.is_elementwise else [1.0, 2.0])
    live = LivePage(layer, len(start))
    title = " → ".join(map(with_parameters, layer.layers))
    derived = steps(layer) if len(layer.layers) == 1 and layer.is_elementwise else []
    body = [
        f"<h1>{escape(title)}</h1>",
        *live.introduction(),
        *live.controls(start, dout or [1.0, *[0.0] * (len(live.graph.output_names) - 1)]),
        '<div class="columns">',
        *live.curve(),
        *step_list(derived),
        "</div>",
        *live.graph_section(title),
        *live.table(),
        *about(layer),
    ]
    behaviour = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
    programs = ", ".join(program_of(step.formula).text for step in derived)
    data = live.data().replace("</", "<\\/")
    script = (
        f"{words_javascript()}\nconst page = {data};\nconst program = {live.program.text};\n"
        f"const steps = [{programs}];\n{behaviour}"
    )
    return framed_page(f"{title}: forward and backward", body, script)


class LivePage:
    """The parts of a page whose numbers follow x."""

    def __init__(self, layer: Layer, length: int) -> None:
        self.layer = layer
        named = with_names(layer)
        between: list[object] = []

        def formula(x: object) -> object:
            between.extend(named.formula_steps(x))
            return between[-1]

        traced = trace(formula, *(() if layer.is_elementwise else (length,)))
        self.letters = names_between(layer)
        names = zip(between, self.letters, strict=False)
        self.graph = Graph(
            traced, None, None, {n: name for n, name in names if isinstance(n, Node)}
        )
        self.program = program_of(traced)
        self.parameters = dict(named_parameters(layer))
        kinks = find_kinks(layer) if layer.is_elementwise else []
        self.breaks = [kink.x for kink in kinks]
        self.ends = default_ends(self.breaks) if layer.is_elementwise else None

    @property
    def inputs(self) -> list[str]:
        """The names of the numbers that enter the graph."""
        return [str(node.leaf) for node in self.graph.formula.inputs]

    def data(self) -> str:
        """What the script needs beside the program, as JSON."""
        adjustable = list(self.parameters)
        constants = {
            name: two_floats(getattr(single, value))
            for _, single in self.layer.named()
            for value, name in single.constants.items()
        }
        described: dict[str, Any] = {
            "inputs": self.inputs,
            "outputs": self.graph.output_names,
            "parameters": {n: two_floats(v) for n, v in self.parameters.items()} | constants,
            "adjustable": adjustable,
            "ends": self.ends,
            "breaks": self.breaks,
        }
        return json.dumps(described, ensure_ascii=False)

    def introduction(self) -> Iterator[str]:
        """What the page computes: the formula, and what is asked of it."""
        names = ["x", *self.letters, "y"]
        if self.letters:
            steps = zip(names[1:], self.layer.layers, names, strict=False)
            formulas = [f"{result} = {single.name}({given})" for result, single, given in steps]
        else:
            y = "y" if self.layer.is_elementwise else "yᵢ"
            formulas = [f"{y} = {explain_layer(self.layer).formula}"]
        yield f"<p><code>{escape(', '.join(formulas))}</code></p>"
        chain_rule = "∂L/∂x = ∂L/∂y · ∂y/∂x"
        if not self.layer.is_elementwise:
            chain_rule = "∂L/∂xⱼ = Σᵢ ∂L/∂yᵢ · ∂yᵢ/∂xⱼ"
        yield (
            "<p>Forward computes y from x. Training lowers the loss L, one number, and asks how L"
            " changes with x: ∂L/∂x (<code>dx</code>). What follows the layer sends back how L"
            " changes with y: ∂L/∂y (<code>dout</code>). By the chain rule, backward gives"
            f" {chain_rule}.</p>"
        )

    def controls(self, x: Sequence[float], dout: Sequence[float]) -> Iterator[str]:
        """A slider and a number for each input and each ∂L/∂y, a number for each parameter."""
        low, high = self.ends or (-5.0, 5.0)
        yield '<form aria-label="Inputs">'
        starts = dict(zip(self.inputs, x, strict=True))
        gradients = [f"∂L/∂{name}" for name in self.graph.output_names]
        starts |= dict(zip(gradients, dout, strict=True))
        for name, start in starts.items():
            named = f'data-name="{name}" step="any" value="{start:g}"'
            span = f'min="{low:g}" max="{high:g}" step="{(high - low) / SLIDER:g}"'
            called = f"{name} = dout" if name in gradients else name
            yield (
                f'<label><span>{called}</span><input type="range" data-name="{name}" {span}'
                f' value="{start:g}" aria-label="{name}, slider">'
                f'<input type="number" {named} aria-label="{name}"></label>'
            )
        for name, value in self.parameters.items():
            text = f"{float(value)!r}"
            yield (
                f'<label><span>{name}</span><input type="number" data-name="{name}" step="any"'
                f' value="{text}"></label>'
            )
        yield "</form>"

    def curve(self) -> Iterator[str]:
        """The curve, which the script draws, and the results in words."""
        output = self.program.places[self.graph.formula.outputs[0]]
        if self.ends is None:
            return
        names = '<span class="positive">y</span> and <span class="slope">∂y/∂x</span> (dashed)'
        yield (
            f"<section><h2>{names} over x</h2>\n"
            f'<p>Forward gives y = <output data-value="{output}"></output>. Backward gives'
            ' ∂L/∂x = ∂L/∂y · ∂y/∂x = <output data-dout="0"></output> ·'
            ' <output id="slope"></output> = <output id="dx" data-sum="0"></output>.'
            " The dotted line is the tangent: its slope is ∂y/∂x.</p>\n"
            '<div class="curve"><svg id="curve" viewBox="0 0 560 320" role="img"'
            ' data-title="y and its slope over x"></svg></div></section>'
        )

    def graph_section(self, title: str) -> Iterator[str]:
        """The graph, with a place for every number."""
        picture = Picture((title,), Places(self.graph, self.program), "", ())
        sheet = Sheet(picture)
        marker = (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
            ' markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        )
        parts = "\n".join(placed(part) for part in sheet.parts() if not HEADING.search(part))
        height = sheet.bottom - TITLE
        yield "<h2>The graph</h2>"
        yield (
            "<p>Each circle is an operation, and each line an edge. Above an edge is the value"
            " that goes forward, from left to right. Below it is the gradient that comes back, from"
            " right to left. An operation multiplies the gradient that comes to it by its local"
            " derivative, that of its result by its input, and sends the product on. The table says"
            " which derivative that is.</p>"
        )
        yield (
            '<div class="graph wide" tabindex="0" role="group" aria-label="The graph">'
            f'<svg width="{sheet.width:g}" height="{height:g}"'
            f' viewBox="0 {TITLE} {sheet.width:g} {height:g}">{marker}\n{parts}\n</svg>'
            "</div>"
        )

    def table(self) -> Iterator[str]:
        """A row for each edge that carries a gradient back: why it is what it is."""
        labels = Labels(self.graph)
        headings = (
            *("operation", "its input", "rule: w its result, u its input", "local derivative", ""),
            *("∂L/∂w comes", "∂L/∂u goes on"),
        )
        yield '<div class="wide"><table><caption>Backward, edge by edge</caption><thead><tr>'
        yield "".join(f'<th scope="col">{text}</th>' for text in headings) + "</tr></thead><tbody>"
        for edge in reversed(self.graph.edges):
            if edge.target is None or (edge.target, edge.place) not in self.program.edges:
                continue
            flow = self.program.edges.index((edge.target, edge.place))
            assert edge.place is not None
            local = edge.target.derivatives[edge.place]
            assert local is not None
            constants = labels.constants(edge.target)
            operation = labels.vertex(edge.target) + "".join(f" ({c})" for c in constants)
            cells = (
                escape(operation),
                output_of("value", self.program.places[edge.source]),
                escape(rule_of(edge.target, edge.place)),
                escape(str(self.graph.labels.derivative(edge))),
                output_of("local", self.program.places[local]),
                output_of("sum", self.program.places[edge.target]),
                output_of("flow", flow),
            )
            yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        yield "</tbody></table></div>"


def rule_of(operation: Node, place: int) -> str:
    """The derivative of an operation by that input, with names: `w = exp(u), ∂w/∂u = w`."""
    if operation.operation is where:
        return "w = u in this case, ∂w/∂u = 1; else 0"
    letters = iter("vst")
    inputs = []
    for i, source in enumerate(operation.inputs):
        if not source.is_constant:
            source = Node(variable, leaf="u" if i == place else next(letters))
        inputs.append(source)
    named = Node(operation.operation, tuple(inputs))
    graph = Graph(Formula([n for n in Formula([], named).nodes if n.operation is variable], named))
    graph.output_names = ["w"]
    edge = next(edge for edge in graph.edges if edge.target is named and edge.place == place)
    return f"w = {graph.expressions.value(named)}, ∂w/∂u = {graph.labels.derivative(edge)}"


def named_parameters(layer: Layer) -> Iterator[tuple[str, Fraction]]:
    """The parameters by the names that the formula uses; axes and choices have none."""
    for prefix, single in layer.named():
        for name, spec in single.parameters.items():
            if spec.in_formula:
                yield prefix + name, Fraction(getattr(single, name))


def output_of(kind: str, place: int) -> str:
    """The element that the script fills with a number."""
    return f'<output data-{kind}="{place}"></output>'


def placed(part: str) -> str:
    """A label's text element, made one that the script fills."""
    pattern = r'class="(?:value|positive)"([^>]*)>(value|flow|sum|dout)(\d+)_*<'
    replaced = re.sub(pattern, r'class="\2" data-\2="\3"\1><', part)
    return re.sub(r">_+<", "><", replaced)


def step_list(derived: Sequence[Step]) -> Iterator[str]:
    """The derivation, each step with its number."""
    if not derived:
        return
    yield "<section><h2>Step by step</h2>"
    yield '<p>All these are ∂L/∂x, and equal, as their numbers show:</p>\n<ol class="steps">'
    for i, step in enumerate(derived):
        reason = f'<span class="note">{escape(step.reason)}</span>' if step.reason else ""
        yield f'<li>∂L/∂y · ({escape(step.text)}) <output id="step-{i}"></output>{reason}</li>'
    names = derived[-1].names
    yield "</ol>"
    if names:
        yield f'<p class="note">{escape("; ".join(definition_lines(names)))}</p>'
    yield "</section>"


def about(layer: Layer) -> Iterator[str]:
    """What `actgrad explain` tells of each layer."""
    for single in layer.layers:
        explanation = explain_layer(single)
        title, summary = escape(with_parameters(single)), escape(explanation.summary)
        yield f"<h2>{title}</h2>\n<p>{summary}</p>\n<dl>"
        for heading, lines in explanation_sections(explanation):
            if heading != "step by step" or not explanation.steps:
                yield f"<dt>{heading}</dt><dd>{'<br>'.join(map(escape, lines))}</dd>"
        yield "</dl>"
