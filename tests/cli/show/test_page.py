"""The page that tables and drawings are printed on."""

from __future__ import annotations

import io
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from actgrad.cli.show.ascii import ascii_content, ascii_text
from actgrad.cli.show.page import Page

Command = Callable[..., "CompletedProcess[bytes]"]


def page_of(encoding: str = "utf-8") -> tuple[Page, io.TextIOWrapper]:
    """A page over a file of that encoding."""
    file = io.TextIOWrapper(io.BytesIO(), encoding)
    return Page(file), file


def printed(page: Page, file: io.TextIOWrapper, content: object) -> str:
    """What the page writes for the content."""
    page.print(content)  # type: ignore[arg-type]
    file.flush()
    return file.buffer.getvalue().decode()  # type: ignore[attr-defined, no-any-return]


def table() -> Table:
    """A table whose last column is wider in its first row."""
    rows = Table(box=None)
    rows.add_row("∂L/∂x", Text("y·(1 − y²)", "bold"))
    rows.add_row("x", "y")
    return rows


def test_a_files_lines_have_no_trailing_spaces() -> None:
    lines = printed(*page_of(), table()).split("\n")
    assert [line.rstrip() for line in lines] == lines
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("columns", "width", "limit"), [(None, 80, 1 << 20), ("40", 40, 40), ("none", 80, 1 << 20)]
)
def test_columns_is_the_width_of_a_file(
    columns: str | None, width: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    page, _ = page_of()
    assert (page.width, page.limit) == (width, limit)


def test_a_file_is_never_cut_to_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "5")
    assert "y·(1 − y²)\n" in printed(*page_of(), table())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("∂L/∂y·y²·exp(−x)", "dL/dy*y^2*exp(-x)"),
        ("x ≤ 0 → y ≥ 1", "x <= 0 -> y >= 1"),
        ("x₁₂ × 10⁻¹⁵", "x12 * 10^-15"),
        ("x/√2 + √(2π)", "x/sqrt(2) + sqrt(2pi)"),
        ("1 … 3 ± 2", "1 ... 3 +- 2"),
        ("dx = Jᵀ·dout > ½", "dx = J^T*dout > 1/2"),
    ],
)
def test_mathematical_characters_have_an_ascii_form(text: str, expected: str) -> None:
    assert ascii_text(text) == expected


def test_columns_stay_aligned_in_ascii() -> None:
    lines = printed(*page_of("ascii"), table()).splitlines()
    assert [line.rstrip() for line in lines] == ["", " dL/dx  y*(1 - y^2)", " x      y"]


def test_a_style_keeps_its_characters_in_ascii() -> None:
    content = ascii_content(Text.assemble("y² ", ("≤ 1", "red"), (" …", "dim")))
    assert isinstance(content, Text)
    assert [(content.plain[span.start : span.end], span.style) for span in content.spans] == [
        ("<= 1", "red"),
        (" ...", "dim"),
    ]


def test_a_panel_is_framed_in_ascii() -> None:
    panel = Panel(table(), title="x → y", expand=False)
    assert printed(*page_of("latin-1"), panel).isascii()


@pytest.mark.parametrize(
    "words",
    [
        ("backward", "relu", "--x", "[[1, -2]]"),
        ("graph", "gelu", "--x", "0.5"),
        ("graph", "softmax"),
        ("explain", "gelu"),
        ("check", "relu"),
        ("layers",),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_every_command_prints_lines_without_trailing_spaces(
    words: tuple[str, ...], encoding: str, actgrad: Command
) -> None:
    done = actgrad(*words, env={"PYTHONIOENCODING": encoding})
    lines = done.stdout.decode(encoding).split("\n")
    assert done.returncode == 0
    assert [line.rstrip() for line in lines] == lines
    assert "\\u" not in done.stdout.decode(encoding)
