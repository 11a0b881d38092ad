"""`actgrad explain`: the derivation, held to the layer's own backward."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.layers import ShapeError, catalogue


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["explain", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def explained(*words: str) -> dict:
    return json.loads(run(*words, "-f", "json"))


@pytest.mark.parametrize("x", ["1", "-3.5", "0", "40", "-300"])
def test_the_sigmoids_derivation_holds_step_by_step(x: str) -> None:
    steps = explained("sigmoid", "--x", x)["steps"]
    assert [step["expression"] for step in steps] == [
        "y²·exp(-x)",
        "1/(1 + exp(-x))²·exp(-x)",
        "1/(1 + exp(-x))·exp(-x)/(1 + exp(-x))",
        "y·(1 - y)",
    ]
    assert all(step["agrees"] for step in steps)


def test_a_loss_of_digits_is_shown_with_numbers() -> None:
    failures = {each["what"]: each for each in explained("sigmoid")["floating_point"]}
    assert failures["y·(1 - y)"]["found"] != pytest.approx(failures["y·(1 - y)"]["right"], abs=0)
    assert explained("relu")["floating_point"] == []


def test_a_kink_is_shown_with_the_slope_there() -> None:
    assert explained("relu")["kinks"] == [
        {"x": 0.0, "left": 0.0, "here": 0.0, "right": 1.0, "is_jump": False}
    ]
    (kink,) = explained("leaky_relu:negative_slope=0.25")["kinks"]
    assert (kink["left"], kink["here"], kink["right"]) == (0.25, 0.25, 1.0)
    assert explained("sigmoid")["kinks"] == []


def test_without_a_number_x_is_refused() -> None:
    result = CliRunner().invoke(app, ["explain", "relu", "--x", "[]"])
    assert isinstance(result.exception, ShapeError)
    assert str(result.exception) == "--x is empty"
    assert result.exception.hint == "give it a number"


def test_a_layer_along_an_axis_is_explained_without_x() -> None:
    result = CliRunner().invoke(app, ["explain", "softmax", "--x", "1"])
    assert isinstance(result.exception, ShapeError)
    assert "actgrad graph softmax --x ARRAY" in str(result.exception.hint)


@pytest.mark.measured(8)
@pytest.mark.parametrize("charset", ["utf-8", "ascii"])
@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("spec", ["sigmoid", "gelu_tanh", "sparsemax", "prelu"])
def test_no_line_is_wider_than_the_page(spec: str, columns: int, charset: str) -> None:
    runner = CliRunner(charset=charset)
    result = runner.invoke(app, ["explain", spec], env={"COLUMNS": str(columns)})
    assert max(map(len, result.stdout.splitlines())) <= columns


@pytest.mark.measured(8)
@pytest.mark.parametrize("name", [layer.name for layer in catalogue()])
def test_every_layer_is_explained_in_ascii(name: str) -> None:
    spec = "threshold:threshold=1,value=2" if name == "threshold" else name
    result = CliRunner(charset="ascii").invoke(app, ["explain", spec])
    assert result.exit_code == 0
    assert result.stdout.isascii()
    assert "\\x" not in result.stdout
    assert "\\u" not in result.stdout


def test_private_names_are_not_shown() -> None:
    assert "_rest" not in run("sigmoid")
    assert list(explained("sigmoid")["keeps"]) == ["out"]


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_every_section_is_printed(form: str) -> None:
    text = run("leaky_relu", "--x", "-1", "-f", form)
    for words in (
        "where(x > 0, x, negative_slope·x)",
        "[x ≤ 0]·negative_slope",
        "1 for y > 0, else negative_slope",
        "the slope for x ≤ 0",
        "kink at x = 0",
    ):
        assert words in text
    assert "LeakyReLU" in text
    assert "mask" in text


def test_the_title_has_the_parameters_that_are_typed_at_their_defaults() -> None:
    shown = run("hardtanh:min_val=-1,max_val=2")
    assert shown.startswith("hardtanh:min_val=-1.0,max_val=2.0\n")


@pytest.mark.parametrize("spec", ["mish", "gelu_tanh", "sparsemax", "geglu", "prelu", "selu"])
def test_latex_is_balanced_and_has_no_sign_that_latex_lacks(spec: str) -> None:
    text = run(spec, "-f", "latex")
    assert text.isascii()
    assert text.count("{") == text.count("}")
    for left, right in ((r"\left", r"\right"), (r"\begin", r"\end")):
        opened, closed = (re.findall(re.escape(w) + "(?![a-z])", text) for w in (left, right))
        assert len(opened) == len(closed)
    assert r"\begin{tikzpicture}" in text


def test_latex_has_the_steps_and_the_names() -> None:
    text = run("gelu", "-f", "latex")
    assert r"\Phi (x) + x \cdot \varphi (x)" in text
    assert r"\Phi (x) &= \frac{1 + \operatorname{erf}" in text
    assert r"\lambda  &= 1.0507009873554804934193349852946" in run("selu", "-f", "latex")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
@pytest.mark.parametrize("spec", ["gelu", "sparsemax", "hardsigmoid"])
def test_latex_compiles(spec: str, tmp_path: Path) -> None:
    (tmp_path / "layer.tex").write_text(run(spec, "-f", "latex"))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "layer.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, timeout=600)
    assert (tmp_path / "layer.pdf").stat().st_size > 10_000


def test_markdown_has_its_equations_as_mathematics() -> None:
    text = run("silu", "-f", "markdown")
    assert "```math\n\\begin{aligned}\ny &= \\frac{x}{1 + e^{" in text
    assert text.count("```") % 2 == 0
