"""Notebooks show the objects of the API, and the notebook of the documentation runs.

`python tests/test_notebook.py` runs its cells and writes what they show.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import actgrad

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
#: The methods that IPython calls, and the type of what they return.
METHODS = {"html": "text/html", "svg": "image/svg+xml", "latex": "text/latex"}
Cell = dict[str, Any]


def views(shown: object) -> dict[str, str]:
    """What IPython would keep of an object, by type."""
    methods = {mime: getattr(shown, f"_repr_{name}_", None) for name, mime in METHODS.items()}
    shown_as = {mime: method() for mime, method in methods.items() if method is not None}
    kept = {mime: text for mime, text in shown_as.items() if text is not None}
    return {"text/plain": repr(shown), **kept}


def shown_by(cell: Cell, names: dict[str, Any]) -> dict[str, str]:
    """Run a cell; return what is kept of its last line, if that is an expression."""
    tree = ast.parse("".join(cell["source"]))
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    if not isinstance(last, ast.Expr):
        return {}
    return views(eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names))


def outputs(shown: dict[str, str], number: int) -> list[Cell]:
    """The outputs of a cell in the file's format."""
    if not shown:
        return []
    data = {mime: text.splitlines(keepends=True) for mime, text in shown.items()}
    return [
        {
            "data": data,
            "execution_count": number,
            "metadata": {},
            "output_type": "execute_result",
        }
    ]


def regenerate() -> None:
    """Write the outputs of every cell."""
    notebook, names = json.loads(NOTEBOOK.read_text(encoding="utf-8")), {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, 1):
        cell["execution_count"] = number
        cell["outputs"] = outputs(shown_by(cell, names), number)
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(text + "\n", encoding="utf-8")


def test_the_notebook_shows_what_its_cells_give() -> None:
    notebook, names = json.loads(NOTEBOOK.read_text(encoding="utf-8")), {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    kinds = set()
    for cell in cells:
        shown, (kept,) = shown_by(cell, names), cell["outputs"]
        kinds |= shown.keys()
        assert kept["data"].keys() == shown.keys()
        assert "".join(kept["data"]["text/plain"]) == shown["text/plain"]
        assert len(shown["text/plain"]) < 250
    assert kinds == {"text/plain", *METHODS.values()}
    assert NOTEBOOK.stat().st_size < 200_000


@pytest.mark.parametrize("spec", ["relu", "softmax", "swiglu", "threshold:threshold=1,value=0"])
def test_every_kind_of_layer_shows_its_formula(spec: str) -> None:
    layer = actgrad.layer(spec)
    shown = views(layer)
    assert shown["text/plain"] == repr(layer)
    assert layer.name in shown["text/html"]
    assert ("<svg" in shown["text/html"]) == layer.is_elementwise
    assert shown["text/latex"].startswith("$$\n\\begin{aligned}")
    explanation = views(actgrad.explain_layer(layer))
    assert explanation["text/plain"] == f"Explanation({layer!r})"
    assert "formula" in explanation["text/html"]


def test_a_layer_without_a_formula_shows_its_repr(tmp_path: Path) -> None:
    source = "def f(x): return 2 * x\ndef b(x, d): return 2 * d\n"
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    mine = actgrad.any_layer(f"{tmp_path}/mine.py:f,b")
    assert views(mine) == {"text/plain": repr(mine)}
    with pytest.raises(actgrad.ActgradError, match="states no formula"):
        actgrad.explain_layer(mine)
    assert views(actgrad.any_layer("x*sigmoid(x)"))["text/html"].count("<svg") == 1


def test_reports_graphs_and_verifications_are_short_in_text() -> None:
    graph = actgrad.Graph(actgrad.Sigmoid().traced(), [2.0], [3.0])
    assert repr(graph) == "Graph(x → y, 4 operations)"
    assert "0.314981" in views(graph)["image/svg+xml"]
    verification = actgrad.verify("relu", np.float32([-1, 2]), out=np.float32([0, 2]))
    assert repr(verification).startswith("Verification(relu: ok")
    assert "The error over x" in views(verification)["text/html"]


def test_what_is_shown_styles_nothing_else() -> None:
    for shown in views(actgrad.layer("elu")), views(actgrad.explain_layer(actgrad.layer("elu"))):
        for style in re.findall(r"<style>(.*?)</style>", shown["text/html"], re.DOTALL):
            rules = re.sub(r"@media[^{]*\{", "", style)
            selectors = re.findall(r"([^{}]+)\{", rules)
            parts = [part.strip() for each in selectors for part in each.split(",")]
            assert all(part.startswith(".plot") for part in parts), parts


def test_drawing_is_imported_when_a_notebook_shows_something() -> None:
    code = "import sys, actgrad; actgrad.Relu(); sys.exit('actgrad.cli' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    regenerate()
