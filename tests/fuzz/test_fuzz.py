"""A short run of the fuzzing harness: no drawn command line breaks a rule that `run.py` states."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: The cases of each kind. The first two take half a minute each, the others five seconds each.
CASES = {
    "literals": 20_000,
    "files": 20_000,
    "expressions": 1000,
    "specs": 2000,
    "targets": 1000,
    "commands": 600,
    "earlier": 100,
}


@pytest.mark.parametrize("kind", CASES)
def test_no_case_breaks_a_rule(kind: str) -> None:
    script = Path(__file__).with_name("run.py")
    # Coverage is measured elsewhere: it would double the time.
    environment = {name: text for name, text in os.environ.items() if "COV" not in name}
    ended = subprocess.run(
        [sys.executable, script, kind, "--cases", str(CASES[kind])],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
