"""Tables as they are read, on terminals and in files."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from rich.text import Text

from actgrad.cli.commands.backward import run_in_memory
from actgrad.cli.show.frame import text_of_cells
from actgrad.cli.show.page import Page
from actgrad.cli.show.summary import summary_of
from actgrad.cli.show.table import Grid, show_arrays
from actgrad.cli.write.output import ArrayAnswer
from actgrad.layers import Chain, Prelu, Relu, Sigmoid


def piped(answer: ArrayAnswer) -> str:
    file = io.StringIO()
    show_arrays(answer.arrays, answer.shown, file)
    return file.getvalue()


def on_terminal(answer: ArrayAnswer, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return piped(answer)


def plain(text: str) -> str:
    return Text.from_ansi(text).plain


def relu_forward(x: Any) -> ArrayAnswer:
    return run_in_memory(Chain([Relu()]), np.asarray(x, dtype=np.float64), None)


def test_each_array_has_its_name_shape_and_dtype() -> None:
    text = piped(run_in_memory(Chain([Relu()]), np.ones((2, 3), np.float32), np.array(1.0)))
    for title in (
        "x (2, 3) float32",
        "mask (2, 3) bool",
        "out (2, 3) float32",
        "dout (2, 3) float64",
        "dx (2, 3) float32",
    ):
        assert f"─ {title} ─" in text


def test_rows_and_columns_carry_their_indices() -> None:
    text = piped(relu_forward([[1, -0.5], [-2, 3]]))
    assert text.splitlines()[1].startswith("│     0     1 ")
    assert text.splitlines()[2].startswith("│ 0   1  -0.5 ")
    assert text.splitlines()[3].startswith("│ 1  -2   3   ")


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (99, 0), (1, 1), (2, 1, 3), (2, 2, 2, 3, 2)])
def test_every_shape_has_a_table(shape: tuple[int, ...]) -> None:
    text = piped(relu_forward(np.ones(shape)))
    assert f"x {shape} float64" in text
    assert ("empty" in text) == (0 in shape)
    if len(shape) == 5:
        assert "\n│ 1,1,1,2  1  1" in text


def test_a_file_gets_the_tables_of_a_page_without_colour() -> None:
    text = piped(relu_forward([[1, -0.5], [-2, 3]]))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("shape", [(), (0,), (1,), (5, 3), (2, 1, 3), (50, 30)])
def test_a_file_gets_the_frames_that_rich_draws(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = relu_forward(np.linspace(-2, 3, int(np.prod(shape))).reshape(shape))
    text = piped(answer)
    monkeypatch.setattr(Page, "is_plain", False)
    assert piped(answer) == text


def test_a_file_is_never_cut_to_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    x = np.arange(20.0).reshape(1, 20) * 1e-7
    text = piped(relu_forward(x))
    assert "…" not in text
    assert "1.9e-6" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_is_never_overrun(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-1, 1, 12 * 23).reshape(12, 23)
    text = plain(on_terminal(relu_forward(x), width, monkeypatch))
    assert max(map(len, text.splitlines())) <= width
    # The first and the last column survive whatever the width.
    assert "-1 " in text
    assert " 22 " in text


def test_tables_stand_side_by_side_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = relu_forward([[1, -0.5], [-2, 3]])
    assert plain(on_terminal(answer, 100, monkeypatch)).count("\n") == 5
    assert plain(on_terminal(answer, 40, monkeypatch)).count("\n") == 15


def test_more_than_a_screenful_shows_its_ends_and_a_summary() -> None:
    text = piped(relu_forward(np.arange(-5000.0, 5000.0).reshape(100, 100)))
    assert "-5000 … 4999, mean -0.5" in text
    assert "50.0% masked" in text
    assert "⋮" in text
    assert len(text.splitlines()) < 60


def test_a_huge_array_is_not_copied_for_its_table() -> None:
    """A broadcast array of 10¹² elements takes no memory, and its table must take none."""
    grid = Grid(np.broadcast_to(np.float32(0.5), (10**6, 10**6)))
    assert "999999" in text_of_cells(grid.lines(grid.rows, grid.columns)[-1])


def test_masked_cells_are_dim_and_gradients_show_their_sign_and_size() -> None:
    dx = np.array([100.0, -50.0, 1.0, -0.001, 0.0, np.nan, 7.0])
    mask = np.array([False] * 6 + [True])
    lines = Grid(dx, mask, gradient=True).lines(list(range(7)), [0])
    styles = {text.strip(): style for line in lines for text, style in line if style}
    assert styles["100"] == "bold bright_blue"
    assert styles["-50"] == "bold red"
    assert styles["1"] == "bright_blue"
    assert styles["-0.001"] == "dim red"
    assert styles["nan"] == "bold magenta"
    assert styles["7"] == "dim"
    assert styles["0"] == "dim"  # the index 0 is dim, the cell 0 has no style


@pytest.mark.parametrize(
    ("mask", "dx"), [(np.array([True, False]), np.array(-1.0)), (np.array(True), np.ones(2))]
)
def test_a_mask_of_another_shape_dims_nothing(mask: Any, dx: Any) -> None:
    grid = Grid(dx, mask, gradient=True)
    assert grid.lines(grid.rows, grid.columns)[-1][-1][1] in {"bold red", "bold bright_blue"}


def test_a_trained_parameters_gradient_has_a_table() -> None:
    text = piped(run_in_memory(Chain([Prelu()]), np.array([-1.0, 2.0]), np.array(1.0)))
    assert "dweight () float64 ─╮" in text
    assert "│ -1                   │\n" in text


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = run_in_memory(Chain([Sigmoid()]), np.array([1.0]), np.array(-1.0))
    colour = re.compile(r"\x1b\[[\d;]*[39]\d")
    assert colour.search(on_terminal(answer, 80, monkeypatch))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(piped(answer))


def test_a_chain_shows_its_own_ends_once() -> None:
    text = piped(run_in_memory(Chain([Sigmoid(), Relu()]), np.array(2.0), np.array(1.0)))
    for name, times in {"x": 1, "1.out": 1, "2.mask": 1, "2.out": 0, "2.dx": 1, "1.dx": 0}.items():
        assert text.count(f"─ {name} ()") == times


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (np.array([1.0, 3.0, np.nan]), "1 … 3, mean 2, 1 nan"),
        (np.array([np.nan, np.nan]), "nan throughout"),
        (np.array([-np.inf, 1e300]), "-inf … 1e300, mean -inf"),
        (np.array([65504, 65504], np.float16), "65500 … 65500, mean 65504"),
        (np.array([True, False]), "50.0% masked"),
    ],
)
def test_a_summary_says_range_mean_and_nans(array: Any, line: str) -> None:
    assert str(summary_of(array)) == line
