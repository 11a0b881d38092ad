"""`actgrad layers`: the catalogue at every width, as JSON and as Markdown."""

import json
import re

import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.layers import catalogue


def run(*words: str, columns: int | None = None) -> str:
    env = {"COLUMNS": None if columns is None else str(columns)}
    result = CliRunner().invoke(app, ["layers", *words], env=env, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_page(columns: int) -> None:
    assert max(map(len, run(columns=columns).splitlines())) <= columns


@pytest.mark.parametrize("columns", [40, 80, 200, None])
def test_every_layer_and_formula_is_whole(columns: int | None) -> None:
    text = run(columns=columns)
    for cls in catalogue():
        assert re.search(rf"^ ?{cls.name}\b", text, re.MULTILINE), cls.name
    for formula in ("where(x > lambd, x - lambd,", "x₁·x₂·(1 + erf(x₂/sqrt(2)))/2", "x/(1 + |x|)"):
        assert formula in text


def test_a_piped_catalogue_has_one_line_a_layer() -> None:
    _, rule, *rows = run().splitlines()
    assert set(rule) == {"─"}
    assert len(rows) == len(catalogue())


def test_json_has_no_private_names_and_says_where_a_layer_comes_from() -> None:
    layers = {layer["name"]: layer for layer in json.loads(run("-f", "json"))["layers"]}
    assert layers["sigmoid"]["keeps"] == ["out"]
    assert layers["sigmoid"]["formula"] == "1/(1 + exp(-x))"
    assert all(layer["source"] or name == "identity" for name, layer in layers.items())


def test_markdown_is_one_table_in_which_a_bar_ends_no_cell() -> None:
    rows = run("-f", "markdown").splitlines()
    assert len(rows) == 2 + len(catalogue())
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {12}
    assert any(r"`x/(1 + \|x\|)`" in row for row in rows)
