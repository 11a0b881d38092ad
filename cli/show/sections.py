"""The sections of an explanation: their headings and their lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isinf, isnan

from actgrad.cli.show.page import numeral
from actgrad.layers import Layer
from actgrad.layers.activations import names_elsewhere
from actgrad.layers.explain import Characteristics, Explanation, Kink, Pitfall, Saturation
from actgrad.layers.formula import Node, written


def with_parameters(layer: Layer) -> str:
    """The layer with all its parameters, those at their defaults included: `celu:alpha=1.0`."""
    values = ",".join(f"{name}={getattr(layer, name)}" for name in layer.parameters)
    return f"{layer.name}:{values}" if values else layer.name


def explanation_sections(explanation: Explanation) -> Iterator[tuple[str, list[str]]]:
    """Each heading that has something to say, and its lines."""
    layer = explanation.layer
    yield from (line_sections if explanation.equations else step_sections)(explanation)
    names = names_elsewhere(type(layer))
    elsewhere = [f"{name} ({framework})" for framework, name in names.items()]
    lines = {
        "also called": [", ".join([*layer.aliases, *elsewhere])],
        "parameters": [
            f"{name} = {getattr(layer, name)}: {spec.meaning}"
            for name, spec in layer.parameters.items()
        ],
        "range": [layer.range],
        "kinks": [*map(kink_line, explanation.kinks)] or ["none"] * bool(explanation.steps),
        "inflections": [f"x = {numeral(x)}" for x in explanation.inflections],
        **characteristic_lines(explanation.characteristics),
        "keeps": [f"{name}: {why}" for name, why in explanation.keeps.items()]
        or ["nothing: ∂y/∂x is the same for every x"] * layer.states_keeps,
        "floating point": [*map(pitfall_line, explanation.pitfalls)],
        "source": [layer.source],
    }
    yield from ((heading, each) for heading, each in lines.items() if any(each))


def step_sections(explanation: Explanation) -> Iterator[tuple[str, list[str]]]:
    """The formula and the derivative of an element-wise layer."""
    yield "notation", ["y is out, ∂L/∂y is dout, ∂L/∂x is dx"]
    yield "formula", [f"y = {explanation.formula}", *constant_lines(explanation.layer)]
    forms = [(" and ".join(terms), step.text) for terms, step in explanation.forms.items()]
    lines = [f"∂y/∂x = {text}, in terms of {terms}" for terms, text in forms]
    yield "derivative", lines + definition_lines(explanation.steps[-1].names)
    is_derived = len(explanation.steps) > 1 or explanation.evaluations
    needless = "no step is needed: the graph's gradient is the form that is stated"
    yield "step by step", list(step_lines(explanation)) if is_derived else [needless]


def line_sections(explanation: Explanation) -> Iterator[tuple[str, list[str]]]:
    """The equations of a layer along an axis."""
    (left, (values, defined, _)), *gradients = explanation.equations.items()
    yield "notation", [f"{explanation.layer.line_notation}; y is out, ∂L/∂y is dout, ∂L/∂x is dx"]
    lines = [f"{left} = {written(values[-1], names=defined)}", *definition_lines(defined)]
    yield "formula", lines
    lines = []
    for left, (steps, names, _) in gradients:
        for i, step in enumerate(steps):
            lines.append(f"{'=' if i else f'{left} ='} {written(step, names=names)}")
        lines += definition_lines({name: names[name] for name in names.keys() - defined.keys()})
    yield "step by step", lines


def constant_lines(layer: Layer) -> list[str]:
    """The fixed numbers that the formula calls by names."""
    return [f"{name} = {getattr(layer, value)}" for value, name in layer.constants.items()]


def definition_lines(names: Mapping[str, Node]) -> list[str]:
    """What the names stand for."""
    return [f"{name} = {written(node, names=names)}" for name, node in names.items()]


def characteristic_lines(characteristics: Characteristics | None) -> dict[str, list[str]]:
    """What a layer does at 0, on normally distributed inputs, at its steepest, and far out."""
    if characteristics is None:
        return {}
    at_0 = (
        f"y = {numeral(characteristics.value_at_0)}, ∂y/∂x = {numeral(characteristics.slope_at_0)}"
    )
    gains = [characteristics.forward_gain, characteristics.backward_gain]
    names = ("1/√E[y²]", "1/√E[(∂y/∂x)²]")
    shown = [f"{numeral(gain)} = {name}" for gain, name in zip(gains, names, strict=True)]
    gain = f"forward {shown[0]}, backward {shown[1]}, for a normally distributed x"
    if any(map(isnan, gains)):
        gain = "none, as y has no value at some x"
    return {
        "at x = 0": [at_0],
        "gain": [gain],
        "largest slope": [steepest_line(characteristics)],
        "saturation": [*map(saturation_line, characteristics.saturations)] or ["none"],
    }


def steepest_line(characteristics: Characteristics) -> str:
    """The largest |∂y/∂x|, and where it is."""
    slope, low, high = characteristics.steepest
    if isinf(slope):
        return "no bound"
    if low == high:
        return f"{numeral(slope)} {'as x →' if isinf(low) else 'at x ='} {infinite(low)}"
    if isinf(low) and isinf(high):
        place = "everywhere" if characteristics.slope_at_0 == slope else "far from 0"
        return f"{numeral(slope)} {place}"
    return f"{numeral(slope)} from x = {infinite(low)} to {infinite(high)}"


def saturation_line(saturation: Saturation) -> str:
    """From which x on y is its limit, in each dtype."""
    relation = "≤" if saturation.side < 0 else "≥"
    begins = {dtype: numeral(x) for dtype, x in saturation.begins.items() if not isinf(x)}
    places = [f"{x} ({dtype})" for dtype, x in begins.items()]
    if len(set(begins.values())) == 1 < len(begins):
        places = [f"{next(iter(begins.values()))} in every dtype"]
    rest = f", for x {relation} {', '.join(places)}" if places else ", in no dtype"
    return f"y = {numeral(saturation.limit)} to the last bit{rest}"


def infinite(x: float) -> str:
    """A number, or ±∞."""
    return numeral(x) if not isinf(x) else "∞" if x > 0 else "−∞"


def step_lines(explanation: Explanation) -> Iterator[str]:
    """The derivation: each line equals the one before; at a number, with its value there."""
    for i, step in enumerate(explanation.steps):
        line = f"{'=' if i else '∂L/∂x ='} ∂L/∂y·{as_factor(step.text)}"
        if explanation.evaluations:
            value, bound, agrees = explanation.evaluations[i]
            verdict = f" ± {numeral(bound)}, {'agrees' if agrees else 'differs'}"
            line += f"   {numeral(value)}{'' if isnan(value) else verdict}"
        yield line
    if explanation.x is not None:
        yield (
            f"backward gives {explanation.dx!r} for ∂L/∂y = 1 at x = {numeral(explanation.x)};"
            " ± bounds the rounding errors"
        )


def as_factor(text: str) -> str:
    """The text as a factor of a product: a sum and a negative number are put in brackets."""
    depth = 0
    if ", else " in text:
        return f"({text})"
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
