"""The pytest plugin: its fixtures, its marker, and the examples of docs/pytest.md."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from actgrad.layers import catalogue

ROOT = Path(__file__).parents[2]
PLUGIN = "actgrad.cli.pytest_plugin"
PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
#: A layer and a kernel that pass, under the names of the page's examples.
LAYERS = """
import numpy as np

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()
    def backward(self, dout):
        return dout * (1 - self.y**2)
"""
KERNELS = """
import numpy as np

def silu(x):
    wide = x.astype(np.float64)
    e = np.exp(-np.abs(wide))
    out = np.where(wide < 0, e, 1) / (1 + e) * np.where(wide == -np.inf, -0.0, wide)
    return out.astype(x.dtype)
"""


def block(language: str, number: int = 0) -> str:
    """A block of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number]


@pytest.fixture
def arguments() -> list[str]:
    """The arguments for a pytest that has the plugin, whether it is installed or not."""
    is_installed = any(point.value == PLUGIN for point in entry_points(group="pytest11"))
    return ["-q", "-p", "no:cacheprovider", *([] if is_installed else ["-p", PLUGIN])]


def test_the_plugin_is_an_entry_point_of_pytest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"actgrad": PLUGIN}


def test_a_suite_that_does_not_use_it_imports_nothing_of_actgrad(tmp_path: Path) -> None:
    code = (
        f"import sys; import {PLUGIN}; names = {{n for n in sys.modules if 'actgrad' in n}};"
        f" names -= {{n for n in names if n.startswith('__editable__')}};"
        f" print(sorted(names), 'numpy' in sys.modules)"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=tmp_path)
    assert printed == f"{['actgrad', 'actgrad.cli', PLUGIN]} False\n"


def test_failures_show_the_findings_and_lines_that_run(
    pytester: pytest.Pytester, arguments: list[str]
) -> None:
    file = pytester.makepyfile(test_kernels=block("python"))
    result = pytester.runpytest_inprocess(*arguments, file)
    result.assert_outcomes(failed=2, passed=4)
    printed = str(result.stdout)
    assert block("text") in printed
    assert "Traceback" not in printed
    assert "likely cause: x/(1 + exp(−x))" in printed
    # The lines under the verdict on silu: imports, x, and what its result is.
    *code, shown = re.findall(r"^ {4}(.*)$", printed.partition("silu: FAILED")[2], re.MULTILINE)[:3]
    expression, got = shown.split("  # ")
    run = f"{chr(10).join(code)}\nprint(float({expression}))"
    known = subprocess.check_output([sys.executable, "-W", "ignore", "-c", run], text=True)
    assert float(known) == pytest.approx(float(got.split(",")[0]), nan_ok=True)


def test_the_marker_runs_a_test_for_every_layer_and_dtype(
    pytester: pytest.Pytester, arguments: list[str]
) -> None:
    file = pytester.makepyfile(
        """
        import pytest

        @pytest.mark.actgrad(dtypes=("float32", "float16"))
        def test_all(layer, dtype):
            pass

        @pytest.mark.actgrad("gelu:approximate=tanh")
        def test_alone(layer):
            assert layer == "gelu:approximate=tanh"
        """
    )
    result = pytester.runpytest_inprocess(*arguments, "--strict-markers", file)
    complete = [
        cls for cls in catalogue() if all(p.default is not None for p in cls.parameters.values())
    ]
    result.assert_outcomes(passed=2 * len(complete) + 1)


def test_the_commands_of_the_examples_of_continuous_integration_run(
    tmp_path: Path, warm_start: Path
) -> None:
    (tmp_path / "my_layers.py").write_text(LAYERS)
    (tmp_path / "my_kernels.py").write_text(KERNELS)
    steps = [step for step in re.findall(r"- run: (.*)", block("yaml")) if "actgrad " in step]
    steps = [step for step in steps if not step.startswith("pip ")]
    (entry,) = re.findall(r"entry: (.*)", block("yaml", 1))
    (pattern,) = re.findall(r"files: (.*)", block("yaml", 1))
    assert re.search(pattern, "my_layers.py")
    assert len(steps) == 2
    for command in (*steps, f"{entry} my_layers.py"):
        subprocess.run(f"{warm_start}/{command}", shell=True, cwd=tmp_path, check=True)
