"""`actgrad explain`: the derivation, held to the layer's own backward."""

import json

import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app


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


def test_where_floats_fail_is_told_with_numbers() -> None:
    failures = {one["what"]: one for one in explained("sigmoid")["floating_point"]}
    assert failures["y·(1 - y)"]["found"] != pytest.approx(failures["y·(1 - y)"]["right"], abs=0)
    assert explained("relu")["floating_point"] == []


def test_kinks_are_found_with_the_gradient_there() -> None:
    assert explained("relu")["kinks"] == [
        {"x": 0.0, "left": 0.0, "here": 0.0, "right": 1.0, "is_jump": False}
    ]
    (kink,) = explained("leaky_relu:negative_slope=0.25")["kinks"]
    assert (kink["left"], kink["here"], kink["right"]) == (0.25, 0.25, 1.0)
    assert explained("sigmoid")["kinks"] == []


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_every_section_is_printed(form: str) -> None:
    text = run("leaky_relu", "--x", "-1", "-f", form)
    for words in (
        "where(x > 0, x, 0.01·x)",
        "0.01·[x ≤ 0]",
        "the slope for x ≤ 0",
        "kink at x = 0",
    ):
        assert words in text
    assert "LeakyReLU" in text
    assert "mask" in text
