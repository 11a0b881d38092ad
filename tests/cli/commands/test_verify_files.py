"""`actgrad verify` over the files of a pattern, as a process: one verdict over all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from actgrad.layers import layer

Actgrad = Callable[..., CompletedProcess[bytes]]
MANY = ("verify", "sigmoid", "--x", "x-*.npy", "--out", "y-*.npy")


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    """`x-1.npy`, `x-2.npy` and `x-10.npy`, and the sigmoid of each, which is wrong at x-2[1,3]."""
    x = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    out = layer("sigmoid").forward(x)
    out[11, 3] = 0.25
    for own, rows in {"1": slice(0, 10), "2": slice(10, 12), "10": slice(12, 40)}.items():
        np.save(tmp_path / f"x-{own}.npy", x[rows])
        np.save(tmp_path / f"y-{own}.npy", out[rows])
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "out.npy", out)
    return tmp_path


def test_one_verdict_names_the_file_of_the_worst_element(actgrad: Actgrad, dumps: Path) -> None:
    shown = actgrad(*MANY)
    assert (shown.returncode, shown.stderr) == (1, b"")
    assert "  x-2.npy[1,3]  " in shown.stdout.decode()
    assert "sigmoid: FAILED: out: 1 of 200 elements fail" in shown.stdout.decode()
    report = json.loads(actgrad(*MANY, "-f", "json").stdout)
    whole = json.loads(
        actgrad("verify", "sigmoid", "--x", "x.npy", "--out", "out.npy", "-f", "json").stdout
    )
    assert report["files"] == {"count": 3, "unread": []}
    worst = report["results"]["out"]["worst"][0]
    assert (worst["file"], worst["index"], worst["place"]) == ("x-2.npy", "1,3", 58)
    # Whether out moves against its layer is asked of neighbours in one file.
    for each in (report, whole):
        each["files"] = each["results"]["out"]["against_direction"] = None
        for element in each["results"]["out"]["worst"]:
            element["file"] = element["index"] = None
    assert report == whole


def test_the_axis_of_a_layer_is_that_of_each_file(actgrad: Actgrad, tmp_path: Path) -> None:
    for own in range(2):
        x = np.random.default_rng(own).normal(size=(3, 4)).astype(np.float32)
        np.save(tmp_path / f"x{own}.npy", x)
        np.save(tmp_path / f"y{own}.npy", layer("softmax:axis=0").forward(x))
    passed = actgrad("verify", "softmax:axis=0", "--x", "x*.npy", "--out", "y*.npy")
    assert (passed.returncode, passed.stderr) == (0, b"")


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_verified(
    actgrad: Actgrad, dumps: Path
) -> None:
    (dumps / "x-10.npy").write_bytes(b"broken")
    (dumps / "y-1.npy").unlink()
    failed = actgrad(*MANY)
    assert failed.returncode == 1
    assert b"1 of 10 elements fail" in failed.stdout
    passed = actgrad(*MANY, "--max-ulp", "1e9", "-f", "json")
    assert passed.returncode == 2
    missing, broken, summary = passed.stderr.decode().splitlines()
    assert "y-1.npy" in missing
    assert "x-10.npy is no .npy file" in broken
    assert summary == "actgrad: 2 of 3 files were not verified; the others are right"
    assert [text.partition(": it")[0] for text in json.loads(passed.stdout)["files"]["unread"]] == [
        missing.removeprefix("actgrad: "),
        "x-10.npy is no .npy file",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--x x-*.npy --out out.npy", "--out out.npy is one file, but --x names several"),
        ("--x z-*.npy --out y-*.npy", "no file is called z-*.npy"),
        ("--x x-*.npy", "there is nothing to verify"),
        ("--x x.npy --out out.npy --scheduler tcp://127.0.0.1:1", "--scheduler needs several"),
        ("--x x-*.npy --out x-*.npy", "--out x-*.npy is the wrong array: it holds x"),
        ("--x n*.npy --out y-*.npy", "y-.npy"),
        ("--x w*.npy --out w*.npy", "--x w2.npy is float64, but w1.npy is float32"),
    ],
)
def test_what_does_not_fit_is_refused(
    actgrad: Actgrad, dumps: Path, arguments: str, message: str
) -> None:
    np.save(dumps / "n.npy", np.zeros(2))
    np.save(dumps / "w1.npy", np.zeros(2, np.float32))
    np.save(dumps / "w2.npy", np.zeros(2))
    refused = actgrad("verify", "sigmoid", *arguments.split(" "))
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert message in refused.stderr.decode()
