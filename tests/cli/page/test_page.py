"""The page of a layer: its arithmetic against the exact values, and its numbers in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.page import page_of
from actgrad.layers import Layer, catalogue, chain_of, layer
from actgrad.layers.exact import exact
from actgrad.layers.explain import at_defaults, with_names
from actgrad.layers.formula import Formula, Node, program_of, two_floats, words, words_javascript

Browsed = Callable[[str, str], Any]
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
ELEMENTWISE = [cls for cls in catalogue() if at_defaults(cls).is_elementwise]
ULP = 4
#: The arguments at which a word is compared, where they are not the usual.
PLACES = {
    "log": [[0.01], [0.9999], [1.5], [1e9]],
    "sqrt": [[0.5], [2.0], [1e-9]],
    "log1p": [[-0.5], [1e-12], [3.0]],
    "asin": [[-0.99], [0.3], [1e-9]],
    "acos": [[-0.99], [0.3], [1e-9]],
    "power": [[1.1, 3], [-2.5, 2]],
    "real_power": [[2.5, 0.3], [1e-5, -1.5]],
}
USUAL = [[-3.7], [-0.3], [1e-9], [0.7], [5.2]]


def evaluated(script: str) -> list:
    """What node prints for the script, after the words."""
    assert NODE is not None
    process = subprocess.run(
        [NODE, "-"], input=words_javascript() + script, capture_output=True, text=True, check=True
    )
    return json.loads(process.stdout)


def made(cls: type[Layer]) -> Layer:
    return cls(**{name: 1.0 for name, spec in cls.parameters.items() if spec.default is None})


def parameters(described: Layer) -> dict[str, tuple[float, float]]:
    """Every named number of the formula, as two floats."""
    values = {name: two_floats(Fraction(getattr(described, name))) for name in described.parameters}
    fixed = described.constants.items()
    return values | {name: two_floats(getattr(described, attribute)) for attribute, name in fixed}


@pytest.mark.no_cover
@needs_node
def test_the_program_of_every_layer_agrees_with_the_exact_values() -> None:
    generator = np.random.default_rng(5)
    script, places = "const cases = [];", []
    for cls in ELEMENTWISE:
        x = generator.uniform(-5, 5, 313).tolist()
        program = program_of(with_names(made(cls)).traced())
        numbers = json.dumps(parameters(made(cls)))
        script += f"\ncases.push([{program.text}, {numbers}, {x}]);"
        places.append((cls, x))
    assert sum(len(x) for _, x in places) >= 10_000
    answers = evaluated(
        script
        + "console.log(JSON.stringify(cases.map(([p, set, xs]) => xs.map((x) => {"
        + " const state = run(p, [[x, 0]], set, [[1, 0]]);"
        + " return [state.values[p.outputs[0]][0], (state.sums[0] || [0])[0]]; }))))"
    )
    for (cls, x), results in zip(places, answers, strict=True):
        formula = made(cls).traced()
        for place, result in zip(x, results, strict=True):
            value, slope = exact(formula, place)
            if mp.isnan(value):  # a slope in the browser does not tell where there is no value
                assert result[0] is None
                continue
            for number, true in zip(result, (value, slope), strict=True):
                assert abs(number - true) <= ULP * np.spacing(abs(float(true))), (cls.name, place)


def arguments(word: words.Operation) -> list[list[float]]:
    if word.name in PLACES:
        return PLACES[word.name]
    count = word.derivative.__code__.co_argcount - 1
    if word is words.where:
        return [[True, 2.5, 3.5], [False, 2.5, 3.5]]
    return USUAL if count == 1 else [[u, v] for (u,) in USUAL for v in (-1.5, 0.7)]


@needs_node
@pytest.mark.parametrize("word", words.WORDS, ids=lambda word: word.name)
def test_every_word_has_its_javascript(word: words.Operation) -> None:
    if word is words.literal:
        assert evaluated("console.log(JSON.stringify(words.literal(0.5, 0)))") == [0.5, 0]
        return
    inputs = [[v if isinstance(v, bool) else [v, 0] for v in row] for row in arguments(word)]
    answers = evaluated(
        f"console.log(JSON.stringify({json.dumps(inputs)}.map((row) => words.{word.name}(...row))"
        ".map((y) => Array.isArray(y) ? y : [Number(y), 0])))"
    )
    for values, answer in zip(arguments(word), answers, strict=True):
        with mpmath.workdps(40):
            exact_values = [v if isinstance(v, bool) else mp.mpf(v) for v in values]
            expected = REFERENCE[word.name](*exact_values)
            error = abs(mp.mpf(answer[0]) + mp.mpf(answer[1]) - expected)
            assert error <= abs(expected) * mp.mpf(2) ** -90, values


REFERENCE = {
    **{name: getattr(mp, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos")},
    **{name: getattr(mp, name) for name in ("tan", "asin", "acos", "atan", "sinh", "cosh", "tanh")},
    **{name: getattr(mp, name) for name in ("erf", "erfc", "sign")},
    "add": lambda u, v: u + v,
    "subtract": lambda u, v: u - v,
    "multiply": lambda u, v: u * v,
    "divide": lambda u, v: u / v,
    "reciprocal": lambda u: 1 / u,
    "power": lambda u, n: u**n,
    "real_power": lambda u, v: u**v,
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    "where": lambda condition, u, v: u if condition else v,
    "above": lambda u, v: mp.mpf(u > v),
    "not_above": lambda u, v: mp.mpf(u <= v),
}


def test_a_program_names_its_edges() -> None:
    x = Node(words.variable, leaf="x")
    program = program_of(Formula([x], 1 / (1 + words.exp(-x))))
    assert len(program.edges) == 4
    assert program.places[x] == 0


@pytest.mark.measured(8)
@pytest.mark.parametrize("cls", catalogue(), ids=lambda cls: cls.name)
def test_every_layer_has_a_page_that_asks_for_nothing(cls: type[Layer]) -> None:
    page = page_of(made(cls))
    assert len(page.encode()) < 150_000
    outside = page.replace('"http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!#)|<script src|fetch\(", outside)
    for name in re.findall(r'id="([^"]+)"', page):
        assert page.count(f'id="{name}"') == 1
    open_tags: list[str] = []
    for closes, tag in re.findall(r"<(/?)([a-z]\w*)[^>]*(?<!/)>", page.partition("<script>")[0]):
        if closes:
            assert open_tags.pop() == tag
        elif tag not in {"meta", "link", "input", "br"}:
            open_tags.append(tag)
    assert open_tags == ["html", "body"]


def document_after(browsed: Browsed, page: str, changes: dict[str, str]) -> str:
    """The document after these inputs were changed as a person changes them."""
    script = "".join(
        f"{{ const input = document.querySelector({json.dumps(query)}); input.value = '{value}';"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }"
        for query, value in changes.items()
    )
    # The page changes in the next frame, so its numbers are there in the second one.
    frame = "await new Promise(requestAnimationFrame);"
    answer = "return document.documentElement.outerHTML;"
    return str(browsed(page, f"(async () => {{ {script} {frame} {frame} {answer} }})()"))


def numbers(document: str, place: str) -> list[float]:
    """The full numbers of the elements with this attribute."""
    elements = re.findall(r"<(?:output|text)[^>]*>", document)
    return [
        float(match[1])
        for element in elements
        if place in element and (match := re.search(r'data-exact="([^"]*)"', element))
    ]


def test_the_slider_moves_every_number(browsed: Browsed) -> None:
    document = document_after(
        browsed,
        page_of(layer("sigmoid")),
        {'input[type=range][data-name="x"]': "2", 'input[type=number][data-name="∂L/∂y"]': "3"},
    )
    with mpmath.workdps(30):
        y = 1 / (1 + mp.exp(-2))
        slope = y * (1 - y)
    assert numbers(document, 'id="slope"') == [pytest.approx(float(slope), rel=1e-15)]
    (dx,) = numbers(document, 'id="dx"')
    assert dx == pytest.approx(float(3 * slope), rel=1e-15)
    for i in range(4):
        assert numbers(document, f'id="step-{i}"') == [pytest.approx(float(3 * slope), rel=1e-15)]
    flows = set(numbers(document, "data-flow"))
    expected = [-3 * y**2, -3 * y**2 * mp.exp(-2), 3 * y**2 * mp.exp(-2)]
    assert sorted(flows) == pytest.approx(sorted(map(float, expected)), rel=1e-15)
    assert 'value="0.880797' not in document
    assert "0.880797" in document


def test_a_parameter_moves_the_numbers_of_a_chain(browsed: Browsed) -> None:
    chain = chain_of(["elu", "leaky_relu"])
    document = document_after(
        browsed,
        page_of(chain, [-1.0]),
        {'[data-name="1.alpha"]': "2", '[data-name="2.negative_slope"]': "0.5"},
    )
    with mpmath.workdps(30):
        assert numbers(document, 'id="dx"') == [pytest.approx(float(mp.exp(-1)), rel=1e-15)]


def test_the_page_says_what_a_reader_needs_who_knows_calculus_only() -> None:
    page = page_of(layer("sigmoid"), [2.0], [3.0])
    assert page.index("y = 1/(1 + exp(-x))") < page.index("<form")
    assert "∂L/∂y (<code>dout</code>)" in page
    assert "<td>w = -u, ∂w/∂u = -1</td>" in page
    assert "<td>w = 1/u, ∂w/∂u = -w²</td>" in page
    assert "exp(-x)/(1 + exp(-x)) = (1 + exp(-x) - 1)/(1 + exp(-x)) = 1 - y" in page


def test_explain_and_graph_write_the_page(tmp_path: Path) -> None:
    for words_typed in (["explain", "gelu", "--x", "2"], ["graph", "gelu", "--x", "2"]):
        file = tmp_path / f"{words_typed[0]}.html"
        result = CliRunner().invoke(app, [*words_typed, "-o", str(file)])
        assert result.exit_code == 0, result.output
        assert 'data-name="x" step="any" value="2"' in file.read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["graph", "softmax", "--x", "[1,2,3]", "-f", "html"])
    assert 'data-name="x₃"' in result.stdout


def test_the_slope_is_cut_where_it_jumps(browsed: Browsed) -> None:
    document = document_after(browsed, page_of(chain_of(["tanh", "relu"])), {})
    (path,) = re.findall(r'<path class="slope-line" d="([^"]+)"', document)
    assert path.count("M") == 2
    assert document.count('class="end open slope-end"') == 2
    assert document.count('class="end closed slope-end"') == 1
    assert 'value-end"' not in document


def test_the_page_of_a_line_begins_with_a_gradient_that_does_not_cancel() -> None:
    page = page_of(layer("softmax"))
    assert 'data-name="∂L/∂y₁" step="any" value="1"' in page
    assert 'data-name="∂L/∂y₂" step="any" value="0"' in page
    assert "∂L/∂xⱼ = Σᵢ ∂L/∂yᵢ · ∂yᵢ/∂xⱼ" in page
