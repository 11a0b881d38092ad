"""Recording a PyTorch model: what is captured, and that the training does not notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import actgrad
from actgrad.cli.app import app

torch: Any = pytest.importorskip("torch")
safetensors: Any = pytest.importorskip("safetensors.torch")
nn, functional = torch.nn, torch.nn.functional
pytestmark = pytest.mark.frameworks


class Mixed(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """Modules, functions, methods, a reused module and one in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 16), nn.Linear(16, 16)
        self.act, self.in_place = nn.LeakyReLU(0.2), nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        x = self.act(self.first(x))
        x = self.act(self.second(x))
        x = self.in_place(self.second(x))
        x = functional.gelu(self.second(x), approximate="tanh")
        return torch.relu(self.second(x)).sigmoid()


def trained(model: Any, steps: int = 7) -> list[Any]:
    """Train on generated data; return the losses and the parameters."""
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(steps):
        loss = model(torch.randn(40, 6)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return [*losses, *(parameter.detach() for parameter in model.parameters())]


def fresh() -> Any:
    torch.manual_seed(0)
    return Mixed()


def test_the_training_does_not_notice(tmp_path: Path) -> None:
    plain = trained(fresh())
    model = fresh()
    with actgrad.record(model, tmp_path / "acts", every=2, samples=10):
        recorded = trained(model)
    assert all(torch.equal(a, b) for a, b in zip(plain, recorded, strict=True))
    assert not model._forward_pre_hooks
    assert not model.act._forward_hooks


def test_every_activation_is_recorded_with_its_gradient(tmp_path: Path) -> None:
    model = fresh()
    with actgrad.record(model, tmp_path, every=3):
        trained(model)
    manifest = actgrad.layers.frameworks.read_manifest(tmp_path)
    names = ["act", "act#2", "in_place", "gelu_tanh", "relu", "sigmoid"]
    assert [call.name for call in manifest.calls] == names * 3
    assert [call.step for call in manifest.calls[::6]] == [0, 3, 6]
    assert {call.layer for call in manifest.calls} == {
        "leaky_relu:negative_slope=0.2", "relu", "gelu_tanh", "sigmoid",
    }  # fmt: skip
    assert all(call.shape == (40, 16) and call.has_dout for call in manifest.calls)
    tensors = safetensors.load_file(tmp_path / manifest.calls[0].file)
    # The x of an in-place layer is what it was before: it has numbers below 0.
    assert (tensors["in_place/x"] < 0).any()
    relu = tensors["relu/x"].numpy()
    sigmoid = actgrad.layer("sigmoid")
    np.testing.assert_allclose(tensors["sigmoid/x"], np.maximum(relu, 0))
    sigmoid.forward(tensors["sigmoid/x"].numpy())
    dx = sigmoid.backward(tensors["sigmoid/dout"].numpy())
    np.testing.assert_allclose(dx, tensors["relu/dout"], rtol=1e-5, atol=1e-12)


def test_samples_are_the_same_rows_of_x_and_dout(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("all", "some", "again")]
    for folder, samples in zip(folders, (None, 8, 8), strict=True):
        model = fresh()
        with actgrad.record(model, folder, samples=samples):
            trained(model, 1)
    whole, part, again = (
        safetensors.load_file(folder / "step-00000000.safetensors") for folder in folders
    )
    assert part.keys() == again.keys()
    assert all(torch.equal(part[key], again[key]) for key in part)
    rows = [int((whole["act/x"] == row).all(dim=1).nonzero()[0]) for row in part["act/x"]]
    assert len(rows) == 8
    assert torch.equal(whole["act/dout"][rows], part["act/dout"])


def test_statistics_take_kilobytes_and_give_the_same_diagnosis(tmp_path: Path) -> None:
    reports = []
    for keep in ("arrays", "statistics"):
        model = fresh()
        with actgrad.record(model, tmp_path / keep, every=3, keep=keep):
            recorded = trained(model)
        assert all(torch.equal(a, b) for a, b in zip(recorded, trained(fresh()), strict=True))
        result = CliRunner().invoke(app, ["diagnose", str(tmp_path / keep), "-f", "json"])
        reports.append(result.stdout)
    assert reports[0] == reports[1]
    assert len(json.loads(reports[0])["diagnoses"]) == 6
    assert all(file.stat().st_size < 200_000 for file in (tmp_path / "statistics").iterdir())
    with pytest.raises(actgrad.RecordingError, match="keep is 'all'"):
        actgrad.record(model, tmp_path / "b", keep="all")


def test_an_exception_keeps_what_was_recorded(tmp_path: Path) -> None:
    model = fresh()

    def fail() -> None:
        with actgrad.record(model, tmp_path):
            trained(model, 2)
            model(torch.randn(3, 5))

    with pytest.raises(RuntimeError):
        fail()
    assert {call.step for call in actgrad.layers.frameworks.read_manifest(tmp_path).calls} == {0, 1}
    model(torch.randn(3, 6))
    with pytest.raises(actgrad.RecordingError, match="holds a recording of 2 steps"):
        actgrad.record(model, tmp_path)


def test_a_recording_replaces_one_of_ours_and_nothing_else(tmp_path: Path) -> None:
    model = fresh()
    with actgrad.record(model, tmp_path):
        trained(model, 3)
    (tmp_path / "step-1.safetensors").write_text("mine")
    before = {file.name for file in tmp_path.iterdir()}
    with pytest.warns(match="Mixed was not called"):  # noqa: SIM117
        with actgrad.record(model, tmp_path, overwrite=True):
            pass
    assert {file.name for file in tmp_path.iterdir()} == before
    with actgrad.record(model, tmp_path, every=2, keep="statistics", overwrite=True):
        trained(model, 3)
    assert saved_steps(tmp_path) == [0, 2]
    files = {"manifest.json", "step-1.safetensors"}
    files |= {call.file for call in actgrad.layers.frameworks.read_manifest(tmp_path).calls}
    assert {file.name for file in tmp_path.iterdir()} == files


def test_a_model_in_eval_mode_is_named_and_leaves_no_folder(tmp_path: Path) -> None:
    model = fresh().eval()
    with pytest.warns(match="Mixed was called 3 times in eval mode"):  # noqa: SIM117
        with actgrad.record(model, tmp_path / "acts"):
            trained(model, 3)
    assert not (tmp_path / "acts").exists()


def test_prelu_is_recorded_and_what_is_not_is_named(tmp_path: Path) -> None:
    class Other(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.act, self.wide, self.rnn = nn.PReLU(init=0.5), nn.PReLU(6), nn.GRU(6, 6)

        def forward(self, x: Any) -> Any:
            return self.rnn(self.wide(self.act(x)))[0].softmax(1)

    model = Other()
    with pytest.warns(match=r"computes prelu \(wide\), gru \(rnn\), softmax: not recorded"):  # noqa: SIM117
        with actgrad.record(model, tmp_path):
            trained(model, 1)
    manifest = actgrad.layers.frameworks.read_manifest(tmp_path)
    assert [(call.name, call.layer) for call in manifest.calls] == [("act", "prelu:weight=0.5")]
    assert "gru (rnn)" in manifest.notes[0]


def saved_steps(folder: Path) -> list[int]:
    """The recorded steps; a gradient has arrived at every layer of each."""
    calls = actgrad.layers.frameworks.read_manifest(folder).calls
    assert all(call.has_dout for call in calls)
    return list(dict.fromkeys(call.step for call in calls))


def test_calls_that_train_nothing_are_no_steps(tmp_path: Path) -> None:
    model = fresh()
    with actgrad.record(model, tmp_path, every=4) as recording:
        for _ in range(3):
            with torch.no_grad():
                model(torch.randn(50, 6))
            model(torch.randn(50, 6)).argmax(1)
            kept = model(torch.randn(50, 6)).sum()
            model.eval()(torch.randn(50, 6)).sum().backward()
            model.train()
            trained(model, 4)
    assert kept.requires_grad
    assert saved_steps(tmp_path) == [0, 4, 8]
    assert recording.notes == []


def test_a_gradient_may_arrive_after_further_calls(tmp_path: Path) -> None:
    model = fresh()
    with actgrad.record(model, tmp_path, every=3):
        for rows in range(20, 24):
            (model(torch.randn(rows, 6)).sum() - model(torch.randn(30, 6)).sum()).backward()
    assert saved_steps(tmp_path) == [0, 3, 6]
    calls = actgrad.layers.frameworks.read_manifest(tmp_path).calls
    assert [call.shape[0] for call in calls[::6]] == [20, 30, 23]


@pytest.mark.filterwarnings("ignore:actgrad:UserWarning")
def test_without_a_backward_the_last_call_is_kept_and_a_note_says_so(tmp_path: Path) -> None:
    model = fresh()
    with actgrad.record(model, tmp_path) as recording:
        model(torch.randn(50, 6))
        model(torch.randn(60, 6))
    calls = actgrad.layers.frameworks.read_manifest(tmp_path).calls
    assert {(call.has_dout, call.shape[0]) for call in calls} == {(False, 60)}
    assert recording.notes == ["no gradient arrived at Mixed: is there a backward?"]


def test_compiled_code_runs_uncompiled_at_a_recorded_step(tmp_path: Path) -> None:
    torch.manual_seed(0)
    blocks = [nn.Sequential(nn.Linear(6, 6), nn.SiLU(inplace=True)) for _ in range(2)]
    model = nn.Sequential(torch.compile(blocks[0], backend="eager"), blocks[1])
    compiled = torch.compile(model, backend="eager")
    with actgrad.record(compiled, tmp_path, every=2) as recording:
        trained(compiled, 3)
    assert str(recording) == "2 layers of Sequential at 2 steps"
    assert saved_steps(tmp_path) == [0, 2]
    names = [call.name for call in actgrad.layers.frameworks.read_manifest(tmp_path).calls]
    assert names == ["0.1", "1.1"] * 2


@pytest.mark.filterwarnings("ignore:actgrad:UserWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_an_error_of_the_recording_never_reaches_the_training(tmp_path: Path) -> None:
    model, folder = fresh(), tmp_path / "acts"
    with actgrad.record(model, folder) as recording:
        (folder / ".step-00000000.safetensors").mkdir()
        recorded = trained(model)
    assert all(torch.equal(a, b) for a, b in zip(recorded, trained(fresh()), strict=True))
    assert "the recording of Mixed ended: " in recording.notes[0]
    script = torch.jit.script(nn.Sequential(nn.Linear(6, 6), nn.ReLU()))
    with actgrad.record(script, tmp_path / "script") as recording:
        trained(script, 2)
    assert "not supported on ScriptModules" in recording.notes[0]


def test_bfloat16_under_autocast(tmp_path: Path) -> None:
    model = fresh()
    with (
        actgrad.record(model, tmp_path),
        torch.autocast("cpu", dtype=torch.bfloat16),
    ):
        trained(model, 1)
    calls = actgrad.layers.frameworks.read_manifest(tmp_path).calls
    assert {call.dtype for call in calls} >= {"bfloat16"}
