"""`actgrad diagnose` as a process: verdicts, formats, options and refusals."""

from __future__ import annotations

import csv
import importlib.util
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

Actgrad = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def dead(tmp_path: Path) -> Any:
    """Pre-activations of 64 units, of which 10 to 19 are always below 0, in `h.npy`."""
    h = np.random.default_rng(0).standard_normal((600, 64), np.float32)
    h[:, 10:20] -= 10
    np.save(tmp_path / "h.npy", h)
    return h


def test_a_dead_unit_is_named_in_every_format(actgrad: Actgrad, dead: Any) -> None:
    table = actgrad("diagnose", "relu", "--x", "h.npy")
    assert table.returncode == 1
    assert "dead-units: 10 of 64 units" in table.stdout.decode()
    assert "units: 10-19" in table.stdout.decode()
    report = json.loads(actgrad("diagnose", "relu", "--x", "h.npy", "-f", "json").stdout)
    (layer,) = report["diagnoses"]
    assert not report["ok"]
    assert layer["dead"] == 10
    assert layer["findings"][0]["units"] == list(range(10, 20))
    assert layer["unit"][3]["mean"] == pytest.approx(dead[:, 3].mean(), rel=1e-4)
    rows = actgrad("diagnose", "relu", "--x", "h.npy", "-f", "csv").stdout.decode().splitlines()
    units = list(csv.DictReader(rows))
    assert [int(row["unit"]) for row in units if row["findings"] == "dead-units"] == [
        *range(10, 20)
    ]
    assert b"## dead-units" in actgrad("diagnose", "relu", "--x", "h.npy", "-f", "markdown").stdout


@pytest.mark.parametrize("form", ["json", "html", "csv", "markdown"])
def test_a_file_name_that_is_not_utf_8_is_escaped(
    form: str, actgrad: Actgrad, dead: Any, tmp_path: Path
) -> None:
    np.save(tmp_path / os.fsdecode(b"\xff.npy"), dead)
    answer = actgrad("diagnose", "relu", "--x", ".", "-f", form)
    assert answer.returncode == 1
    assert r"\udcff" in answer.stdout.decode()


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_every_line_fits_the_page(actgrad: Actgrad, dead: Any, columns: str) -> None:
    env = {"COLUMNS": columns, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    shown = actgrad("diagnose", "relu", "--x", "h.npy", env=env).stdout
    assert max(map(len, shown.decode("ascii").splitlines())) <= int(columns)


def test_threads_and_memory_order_change_no_byte(
    actgrad: Actgrad, dead: Any, tmp_path: Path
) -> None:
    np.save(tmp_path / "f.npy", np.asfortranarray(dead))
    answers = {
        actgrad("diagnose", "gelu", "--x", file, "--threads", threads, "-f", "json").stdout
        for file, threads in (("h.npy", "1"), ("h.npy", "2"), ("f.npy", "3"))
    }
    assert len(answers) == 1


def test_dout_may_be_a_number_or_in_another_order(
    actgrad: Actgrad, dead: Any, tmp_path: Path
) -> None:
    np.save(tmp_path / "d.npy", np.full((600, 64), 0.5, np.float32))
    np.save(tmp_path / "f.npy", np.asfortranarray(dead) * np.float32(0.5))
    np.save(tmp_path / "c.npy", dead * np.float32(0.5))
    for number, array in (("0.5", "d.npy"), ("f.npy", "c.npy")):
        answers = [
            actgrad("diagnose", "relu", "--x", "h.npy", "--dout", dout, "-f", "json").stdout
            for dout in (number, array)
        ]
        assert answers[0] == answers[1]
        assert b"dx_norm" in answers[0]


def test_gradients_that_were_kept(actgrad: Actgrad, dead: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "dx.npy", np.where(dead > 0, dead, 0))
    given, computed = (
        json.loads(actgrad("diagnose", "relu", "--x", "h.npy", *more, "-f", "json").stdout)
        for more in (["--dx", "dx.npy"], ["--dout", "h.npy"])
    )
    assert given["diagnoses"][0]["dx_norm"] == computed["diagnoses"][0]["dx_norm"]
    assert "dout_norm" not in given["diagnoses"][0]
    assert given["diagnoses"][0]["slope_histogram"][0]["count"] == (dead <= 0).sum()
    shown = actgrad("diagnose", "relu", "--x", "h.npy", "--dx", "dx.npy", "--layer", "h")
    assert all(head in shown.stdout.decode() for head in ("∂out/∂x  ", "|dx|  "))


def test_a_layer_with_few_samples_is_not_judged(
    actgrad: Actgrad, dead: Any, tmp_path: Path
) -> None:
    np.savez(tmp_path / "acts.npz", a=dead[:16], b=dead[:, :8], c=dead[:19, :8] * np.inf)
    few = actgrad("diagnose", "relu", "--x", "acts.npz:a")
    assert few.returncode == 0
    assert few.stdout.decode().splitlines()[-1].startswith("relu: not judged; 64 units of 16")
    several = actgrad("diagnose", "relu", "--x", "acts.npz")
    assert several.returncode == 1
    last = "3 layers: 1 ok, 1 not judged, 1 FAILED (not-finite)"
    assert several.stdout.decode().splitlines()[-1] == last


def test_options_move_thresholds_and_axes(actgrad: Actgrad, dead: Any, tmp_path: Path) -> None:
    assert actgrad("diagnose", "relu", "--x", "h.npy", "--max-dead", "20%").returncode == 0
    assert actgrad("diagnose", "relu", "--x", "h.npy", "--max-dead", "0.1").returncode == 1
    np.save(tmp_path / "t.npy", dead.T)
    turned = actgrad("diagnose", "relu", "--x", "t.npy", "--units", "0")
    assert b"units: 10-19" in turned.stdout
    half = actgrad("diagnose", "relu", "--x", "h.npy", "--dtype", "float16")
    assert b"float16" in half.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("relu", "diagnose needs --x or --out"),
        ("relu h.npy", "actgrad diagnose relu --x h.npy"),
        ("h.npy", "actgrad diagnose LAYER --x h.npy"),
        ("relu h.npy --x h.npy", "a file of numbers is no layer; an option reads it: --x h.npy"),
        ("nowhere", "no folder and no layer is called 'nowhere'"),
        (". .", "diagnose reads one recording at a time"),
        ("relu --x h.npy --out h.npy", "diagnose needs --x or --out"),
        ("relu --x h.npy --dout [1,2]", "dout has shape (2,), but x has (600, 64)"),
        ("relu --x h.npy --units 2", "there is no axis 2"),
        ("relu --x h.npy --max-dead many", "--max-dead many is no share"),
        ("relu --x h.npy --max-fall 0", "--max-fall 0.0 is no factor"),
        ("relu --x h.npy --max-total-fall nan", "--max-total-fall nan is no factor"),
        ("relu --x []", "no sample"),
        ("gelu --out h.npy", "the out of gelu does not determine its slope"),
        ("softmax --x h.npy", "softmax works along an axis"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(
    actgrad: Actgrad, dead: Any, arguments: str, message: str
) -> None:
    refused = actgrad("diagnose", *arguments.split(" "))
    assert refused.returncode == 2
    assert message in refused.stderr.decode()
    assert not refused.stdout
    assert len(refused.stderr.splitlines()) <= 2


@pytest.fixture
def network(tmp_path: Path) -> dict[str, Any]:
    """Twelve layers of which `layer10` has dead units, as an archive, a folder and shards."""
    rng = np.random.default_rng(1)
    arrays = {f"layer{k}": rng.standard_normal((100, 20)).astype(np.float32) for k in range(12)}
    arrays["layer10"][:, 5:9] -= 10
    np.savez(tmp_path / "acts.npz", **arrays)
    (tmp_path / "acts").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "acts" / f"{name}.npy", array)
    for k, part in enumerate(np.split(arrays["layer10"], [3, 4, 60])):
        np.save(tmp_path / f"shard-{k}.npy", part)
    return arrays


@pytest.mark.parametrize("x", ["acts.npz", "acts", "acts/layer*.npy"])
def test_every_array_is_a_layer_in_natural_order(
    actgrad: Actgrad, network: dict[str, Any], x: str
) -> None:
    answer = actgrad("diagnose", "relu", "--x", x, "-f", "json")
    report = json.loads(answer.stdout)
    assert answer.returncode == 1
    assert report["layers"] == [f"layer{k}" for k in range(12)]
    assert [layer["name"] for layer in report["diagnoses"] if not layer["ok"]] == ["layer10"]
    worst = actgrad("diagnose", "relu", "--x", x, "--worst-first").stdout.decode().splitlines()
    assert worst[1].split()[0] == "layer10"
    assert worst[-1] == "12 layers: 11 ok, 1 FAILED (dead-units)"


def test_a_chain_as_long_as_the_list_of_arrays_is_noted(actgrad: Actgrad, tmp_path: Path) -> None:
    np.savez(tmp_path / "acts.npz", a=np.eye(30), b=np.eye(30))
    noted = actgrad("diagnose", "relu", "gelu", "--x", "acts.npz").stderr.decode()
    assert noted.startswith("actgrad: note: relu gelu is one chain, which runs on each of the 2")
    assert noted.endswith(": actgrad diagnose relu --x acts.npz:a\n")
    assert actgrad("diagnose", "relu", "gelu", "--x", "acts.npz", "--layer", "a").stderr == b""


def test_arrays_that_are_not_those_of_the_layers(
    actgrad: Actgrad, network: dict[str, Any], tmp_path: Path
) -> None:
    def refusal(*arguments: str) -> str:
        refused = actgrad("diagnose", "relu", *arguments)
        assert (refused.returncode, refused.stdout) == (2, b"")
        return refused.stderr.decode()

    pair = dict.fromkeys(("x", "dout"), network["layer0"])
    np.savez(tmp_path / "pair.npz", **pair)
    assert "--x pair.npz:x --dout pair.npz:dout" in refusal("--x", "pair.npz")
    (tmp_path / "shifted").mkdir()
    for k in range(1, 13):
        np.save(tmp_path / "shifted" / f"layer{k}.npy", network["layer0"])
    message = refusal("--x", "acts", "--dout", "shifted")
    assert "--x has an array layer0, but --dout has none" in message
    np.save(tmp_path / "acts" / "grad0.npy", network["layer0"])
    message = refusal("--x", "acts", "--shards")
    assert "layer0 and grad0 are not named as parts of one array" in message
    assert "'acts/layer*.npy'" in message
    (tmp_path / "acts" / "manifest.json").write_text("{}")
    assert "--x acts is a recording\n         actgrad diagnose acts" in refusal("--x", "acts")


def test_a_member_of_each_archive_is_a_layer(actgrad: Actgrad, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for own in (2, 10):
        np.savez(
            tmp_path / f"a-{own}.npz", x=rng.standard_normal((30, own)), dout=np.ones((30, own))
        )
    command = ["diagnose", "relu", "--x", "a-*.npz:x", "--dout", "a-*.npz:dout", "-f", "csv"]
    names = [row.split(",")[0] for row in actgrad(*command).stdout.decode().split()]
    assert names == ["name", *["a-2"] * 2, *["a-10"] * 10]


def test_a_layer_is_shown_in_detail(actgrad: Actgrad, network: dict[str, Any]) -> None:
    shown = actgrad("diagnose", "relu", "--x", "acts", "--layer", "layer10").stdout.decode()
    assert "layer9" not in shown
    (strip,) = (line for line in shown.splitlines() if line.startswith("     0 "))
    assert [k for k, shade in enumerate(strip[7:].replace(" ", "")) if shade == "█"] == [5, 6, 7, 8]


def test_shards_give_what_the_whole_array_gives(actgrad: Actgrad, network: dict[str, Any]) -> None:
    def answer(*arguments: str) -> Any:
        report = json.loads(actgrad("diagnose", "gelu", *arguments, "-f", "json").stdout)
        report["diagnoses"][0].pop("shapes")
        return report

    whole = answer("--x", "acts/layer10.npy")
    assert answer("--x", "shard-*.npy", "--shards") == whole
    assert answer("--x", "shard-*.npy", "--shards", "--threads", "1") == whole


def test_an_array_of_several_that_cannot_be_read_is_a_finding(
    actgrad: Actgrad, network: dict[str, Any], tmp_path: Path
) -> None:
    shards = ["diagnose", "gelu", "--x", "shard-*.npy", "--shards"]
    rest = np.concatenate([np.load(tmp_path / f"shard-{k}.npy") for k in (0, 2, 3)])
    np.save(tmp_path / "shard-1.npy", np.zeros(3, complex))
    answer = actgrad(*shards, "-f", "json")
    (layer,) = json.loads(answer.stdout)["diagnoses"]
    assert answer.returncode == 1
    assert layer["samples"] == rest.size
    assert layer["unit"][3]["mean"] == pytest.approx(rest[:, 3].mean(), rel=1e-5)
    assert layer["findings"][0]["rule"] == "unread-arrays"
    assert (
        "1 of 4 could not be read: shard-1.npy is of dtype complex128"
        in layer["findings"][0]["message"]
    )
    for k in range(4):
        (tmp_path / f"shard-{k}.npy").write_bytes(b"broken")
    refused = actgrad(*shards)
    assert refused.returncode == 2
    assert b"shard-0.npy is no .npy file" in refused.stderr


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_the_other_layers_are_diagnosed_where_one_cannot_be_read(
    actgrad: Actgrad, network: dict[str, Any], tmp_path: Path, suffix: str
) -> None:
    (tmp_path / "acts" / "layer3.npy").unlink()
    (tmp_path / "acts" / f"layer3.{suffix}").write_bytes(b"PK broken")
    answer = actgrad("diagnose", "relu", "--x", "acts").stdout.decode()
    assert "unread-arrays: 1 of 12 could not be read: acts/layer3" in answer
    last = "11 layers: 10 ok, 1 FAILED (dead-units); the network FAILED (unread-arrays)"
    assert answer.splitlines()[-1] == last


HAS_DASK = importlib.util.find_spec("distributed") is not None


def test_a_scheduler_that_is_not_there(actgrad: Actgrad, dead: Any) -> None:
    address = ("--scheduler", "tcp://127.0.0.1:1")
    refused = actgrad("diagnose", "relu", "--x", "h.npy", *address)
    message = b"no scheduler answers at tcp" if HAS_DASK else b'pip install "actgrad[cluster]"'
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 2


def test_a_gradient_that_vanishes_over_the_depth(actgrad: Actgrad, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x = {f"h{k}": rng.standard_normal((50, 8)) for k in range(6)}
    np.savez(tmp_path / "x.npz", **x)
    np.savez(tmp_path / "d.npz", **{name: 20.0 ** (int(name[1]) - 6) * x[name] for name in x})
    falls = actgrad("diagnose", "tanh", "--x", "x.npz", "--dout", "d.npz", "--min-gradient", "0")
    assert b"vanishing-over-depth: over 6 layers" in falls.stdout
    shown = actgrad("diagnose", "tanh", "--x", "x.npz", "--dout", "d.npz", "-f", "json")
    layers = json.loads(shown.stdout)["diagnoses"]
    for layer, following in itertools.pairwise(layers):
        assert layer["factor"] == layer["mean_gradient"] / following["mean_gradient"]
        assert layer["norm_ratio"] == layer["dx_norm"] / layer["dout_norm"]
    assert layers[-1]["factor"] is None
    np.savez(tmp_path / "d.npz", **{name: 20.0 ** -int(name[1]) * x[name] for name in x})
    rises = actgrad("diagnose", "tanh", "--x", "x.npz", "--dout", "d.npz", "--min-gradient", "0")
    assert b"exploding-over-depth" in rises.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--x empty", "--x: empty holds no array"),
        ("--x no*.npy", "--x: no file is called no*.npy"),
        ("--x acts --layer fc1", "no array is called 'fc1'"),
        ("--x acts --dout acts/layer1.npy", "--dout names 1 arrays, but --x 12"),
        ("--x broken.npz", "broken.npz"),
        ("--x acts/layer1.npy --dout acts/layer2.npy --units 5", "there is no axis 5"),
        ("--x mixed --shards", "part 1 has 7 units"),
        ("--x mixed --dout [1]", "--dout names 1 arrays"),
    ],
)
def test_what_no_collection_is(
    actgrad: Actgrad, network: dict[str, Any], tmp_path: Path, arguments: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04nothing")
    (tmp_path / "mixed").mkdir()
    for k in (1, 2):
        np.save(tmp_path / "mixed" / f"{k}.npy", np.ones((30, 5 + k), np.float32))
    refused = actgrad("diagnose", "relu", *arguments.split(" "))
    assert refused.returncode == 2
    assert message in refused.stderr.decode()
    assert len(refused.stderr.splitlines()) <= 2
