"""Histograms: the same whatever the pieces, true counts, and what is shown of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.cli.show import Distribution


def run(*words: str, **env: str) -> str:
    result = CliRunner(env={"COLUMNS": "100", **env}).invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def collected(*pieces: Iterable[float]) -> Distribution:
    histogram = Distribution()
    for piece in pieces:
        histogram.add(np.array([*piece], np.float64))
    return histogram


@given(st.lists(st.floats(), min_size=1, max_size=60), st.integers(0, 60))
@settings(max_examples=60)
def test_neither_the_pieces_nor_their_order_matter(numbers: list[float], cut: int) -> None:
    whole, cut_up = collected(numbers), collected(numbers[cut:], numbers[:cut])
    assert whole.bins() == cut_up.bins()
    assert (whole.count, whole.zeros, whole.beside) == (cut_up.count, cut_up.zeros, cut_up.beside)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=19))
@settings(max_examples=60)
def test_each_bin_has_the_numbers_between_its_ends(numbers: list[float]) -> None:
    bins = collected(numbers).bins()
    assert sum(each.elements for each in bins) == len(numbers)
    array = np.array(numbers)
    if all(low < high for low, high, _ in bins):  # else all numbers are equal
        edges = [bins[0].low, *(high for _, high, _ in bins)]
        expected = [int(np.sum((array >= low) & (array < high))) for low, high in pairwise(edges)]
        assert [each.elements for each in bins] == expected


def test_many_numbers_beside_a_distant_one_are_told_apart_by_binades() -> None:
    x = np.array([*np.linspace(-4, 4, 1001), -1e9, 5e-324])
    bins = collected(x).bins()
    assert sum(each.elements > 0 for each in bins) > 4
    for low, high, elements in bins:
        near, far = sorted((abs(low), abs(high)))
        inside = (near <= abs(x)) & (abs(x) < far) & (np.sign(x) == np.sign(low + high))
        assert elements == np.sum(inside if low < high else x == low)


@pytest.mark.parametrize("count", [40, 2_000_000])
def test_nan_and_infinities_are_counted_beside(count: int, tmp_path) -> None:
    x = np.linspace(-4, 4, count, dtype=np.float32)
    x[:6] = np.nan, np.nan, np.nan, np.inf, -np.inf, -np.inf
    np.save(tmp_path / "x.npy", x)
    text = run("forward", "relu", "--x", str(tmp_path / "x.npy"), "--plot")
    assert f"{count - 6} numbers, 3 nan, 1 inf, 2 -inf" in text
    histogram = collected(x.tolist())
    for low, high, number in histogram.bins():
        assert f"{low:g} … {high:g}" in text
        assert str(number) in text
    assert f"{np.sum(~(x <= 0))}" in text.partition("histogram of mask")[2]


@pytest.mark.parametrize("columns", ["30", "40", "200"])
def test_histograms_fit_any_width_in_ascii(columns: str) -> None:
    arguments = ["backward", "gelu", "--x", "-3:3:0.01", "--plot"]
    text = CliRunner(env={"COLUMNS": columns}, charset="ascii").invoke(app, arguments).stdout
    histograms = text[text.index("+- histogram") :]
    assert histograms.isascii()
    assert max(map(len, histograms.splitlines())) <= max(int(columns), 40)
    assert "##" in histograms


def test_a_histogram_needs_the_table() -> None:
    result = CliRunner().invoke(app, ["forward", "relu", "--x", "1", "--plot", "-f", "json"])
    assert "--plot adds to the table" in str(result.exception)
    assert "histogram of x" in run("sample", "gelu", "-n", "100", "--plot")
