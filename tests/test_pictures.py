"""The pictures of the documentation are current, small, and each is on a page."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "docs" / "pictures.py"
FILES = sorted((ROOT / "docs" / "pictures").iterdir())

specification = importlib.util.spec_from_file_location("pictures", SCRIPT)
assert specification is not None
assert specification.loader is not None
pictures = importlib.util.module_from_spec(specification)
specification.loader.exec_module(pictures)


def test_a_picture_is_as_it_is_drawn_now() -> None:
    kept = (ROOT / "docs" / "pictures" / "expression.svg").read_text(encoding="utf-8")
    assert kept == pictures.expression(), "run `python docs/pictures.py`"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_picture_is_small_and_asks_for_nothing(file: Path) -> None:
    assert file.stat().st_size <= pictures.LARGEST
    if file.suffix == ".svg":
        drawing = file.read_text(encoding="utf-8")
        assert not re.search(r"url\((?!#)|href=|@import|@font-face|<image", drawing)


def test_every_picture_is_on_a_page() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = " ".join(page.read_text(encoding="utf-8") for page in pages)
    assert [file.name for file in FILES if f"pictures/{file.name}" not in shown] == []
    assert {file.stem for file in FILES} == {*pictures.DRAWN, "page"}
