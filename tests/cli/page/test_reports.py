"""The pages of reports: wrong points are marked, binades have dots, and nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.page import check_page, diagnosis_page, verification_page
from actgrad.cli.plot import ErrorMark, errors_svg
from actgrad.cli.show import VerifiedDump, differing
from actgrad.layers import Policy, layer
from actgrad.layers.check import examine, load_subject
from actgrad.layers.diagnose import (
    NetworkDiagnosis,
    Thresholds,
    diagnose_layer,
    diagnose_network,
)
from actgrad.layers.run import MemoryArray
from actgrad.layers.verify import Block, Verification

VOID = {"meta", "link", "br", "input"}
HALF = "import numpy as np\ndef f(x): return x * x\ndef b(x, d): return d * (2 * x + (x > 3))\n"


class Tags(HTMLParser):
    """Checks that every element that is opened is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def require_whole(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    outside = page.replace('"http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|@import|url\(|<script|<img", outside)
    assert page.count("<h1>") == 1


def recorded_network() -> NetworkDiagnosis:
    """Two layers at three steps; units of the second one die, from the second step on."""
    x = np.random.default_rng(0).standard_normal((60, 10))
    steps = []
    for name, dies in (("first", 0.0), ("second", 10.0)):
        runs = [np.where(np.arange(10) < 4, x - dies * step, x) for step in range(3)]
        steps.append([
            diagnose_layer(
                layer("relu"), [{"x": MemoryArray(run), "dout": MemoryArray(x)}], name=name, step=k
            )
            for k, run in enumerate(runs)
        ])  # fmt: skip
    return diagnose_network(steps, Thresholds())


def test_a_diagnosis_has_a_cell_for_each_layer_and_step() -> None:
    page = diagnosis_page(recorded_network(), "acts")
    require_whole(page)
    assert "<title>diagnose acts: 2 layers, steps 0 to 2</title>" in page
    faults, gradients = page.split("<h2>Mean |dx|</h2>")
    cells = re.findall(r'<td tabindex="0" style="background: [^"]*">([^<]*)', faults)
    assert cells == ["0%", "0%", "0%", "0%", "dead 40%", "dead 40%"]
    assert "second, step 1: dead-units" in faults
    assert faults.count('aria-label="histogram of ∂out/∂x"') == 6
    assert "dead-units: 4 of 10 units" in gradients
    assert "since step 1" in gradients
    heads = re.findall('<th scope="col"[^>]*>([^<]*)', gradients)[-12:]
    assert heads[:3] == ["name", "layer", "verdict"]


def test_the_colours_of_a_heat_map_say_how_bad_a_layer_is() -> None:
    x = np.random.default_rng(0).standard_normal((60, 10))
    layers = []
    for k, factor in enumerate((1e-9, 1e-3, np.nan, 1.0)):
        arrays = {"x": MemoryArray(x * (factor / factor)), "dout": MemoryArray(x * factor)}
        layers.append([diagnose_layer(layer("tanh"), [arrays], name=f"h{k}", step=5)])
    page = diagnosis_page(diagnose_network(layers, Thresholds()), is_detailed=True)
    require_whole(page)
    cell = (
        r'<td tabindex="0" style="background: color-mix\(in srgb, var\((.*?)\) (\d*)%[^>]*>([^<]*)'
    )
    faults, gradients = page.split("<h2>Mean |dx|</h2>")
    assert re.findall(cell, faults) == [
        ("--down", "22", "vanishing"),
        ("--down", "0", "0%"),
        ("--odd", "55", "not-finite"),
        ("--down", "0", "0%"),
    ]
    colours = [(name, share) for name, share, _ in re.findall(cell, gradients)]
    assert colours == [("--slope", "55"), ("--slope", "28"), ("--odd", "55"), ("--slope", "0")]
    assert gradients.count("<title>unit 9: 0.0%</title>") == 4


def test_a_histogram_appears_when_its_cell_is_focused(
    browsed: Callable[[str, str], Any],
) -> None:
    script = (
        "const cell = document.querySelectorAll('.heat td')[4], tip = cell.querySelector('.tip');"
        " const shown = () => getComputedStyle(tip).display; const before = shown();"
        " cell.focus(); [before, shown()]"
    )
    assert browsed(diagnosis_page(recorded_network()), script) == ["none", "block"]


def dump_of_run(x: np.ndarray, out: np.ndarray) -> VerifiedDump:
    verification = Verification(layer("gelu"), x.dtype, Policy(max_ulp=2))
    verification.add(Block(x, out))
    causes = verification.likely_causes
    return VerifiedDump(verification, causes, lambda name, position: (position,))


def test_a_check_marks_every_point_where_backward_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(HALF)
    report = examine(load_subject(f"{tmp_path}/half.py:f,b"))
    page = check_page([report], {})
    require_whole(page)
    assert report.curve is not None
    wrong = differing(report.curve)[0]
    assert 0 < wrong.sum() == (report.curve.x > 3).sum()
    curve, errors = page.split("The error over x")
    assert curve.count('<path class="mark wrong"') == wrong.sum()
    assert "wrong-gradient</title>" in errors
    for finding in report.findings:
        assert finding.message[:30] in page
        assert finding.example[0] in page.replace("&#x27;", "'").replace("&gt;", ">")


def test_a_verification_has_a_dot_for_each_binade_and_marks_the_worst() -> None:
    x = np.linspace(-6, 6, 600, dtype=np.float32)
    out = layer("gelu").forward(x)
    out[100:140] += np.float32(0.5)
    out[0] = np.nan
    dump = dump_of_run(x, out)
    page = verification_page(dump)
    require_whole(page)
    curve, errors = page.split("<h3>The error over x</h3>")
    assert "The crosses are 40 of the 41 elements that fail." in curve
    assert curve.count('<path class="mark wrong"') == 40
    binades = dump.verification.tallies["out"].binades
    assert errors.count('class="dot ') == len(binades)
    assert errors.count('class="dot wrong"') == sum(each.failed > 0 for each in binades)
    assert errors.count('<path class="mark wrong"') == 41
    worst = dump.worst("out", 3)
    assert all(element.got_bits in errors for _, element in worst)


@pytest.mark.parametrize("spec", ["softmax", "glu"])
def test_a_layer_along_an_axis_has_a_page_without_a_curve(spec: str) -> None:
    described = layer(spec)
    x = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)
    verification = Verification(described, x.dtype)
    verification.add(Block(x, described.forward(x)))
    page = verification_page(VerifiedDump(verification, {}, lambda name, position: (position,)))
    require_whole(page)
    assert "The curve" not in page
    assert 'class="dot right"' in page


def test_errors_stand_in_the_order_of_x_and_of_their_size() -> None:
    xs = [-np.inf, -1e30, -1.0, -1e-30, 0.0, 1e-30, 1.0, 1e30, np.inf]
    marks = [ErrorMark(x, 10.0**i, False, "", is_element=False) for i, x in enumerate(xs)]
    drawing = errors_svg("error", [*marks, ErrorMark(2.0, np.inf, True, "no number")], 1.0)
    circles = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawing)
    columns, rows = (np.array(each, float) for each in zip(*circles, strict=True))
    assert np.all(np.diff(columns) > 0)
    assert np.all(np.diff(rows) < 0)
    assert ">inf</text>" in drawing
    assert 'class="limit"' in drawing


def test_check_and_verify_write_pages(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(HALF)
    half, page = f"{tmp_path}/half.py:f,b", tmp_path / "report.html"
    cases = [
        (["check", half], 1, "wrong-gradient"),
        (["check", half, "no_such_layer"], 2, "not checked"),
        (["verify", "relu", "--x", "[1,-2]", "--out", "[1,1]"], 1, "The worst elements"),
        (
            ["verify", "relu", "--x", "1", "--try", "max(x,0)", "--try", "x"],
            0,
            "the best first",
        ),
    ]
    for arguments, status, text in cases:
        result = CliRunner().invoke(app, [*arguments, "-o", str(page)], standalone_mode=False)
        assert result.return_value == status, result.output
        written = page.read_text(encoding="utf-8")
        require_whole(written)
        assert text in written
