"""Recording what the activation layers of a PyTorch model get, and the gradients that come back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from actgrad.layers.frameworks.manifest import (
    Manifest,
    RecordedLayer,
    RecordingError,
    remove_recording,
    require_no_recording,
)

#: What a recording may keep of each layer.
KEPT = ("arrays", "statistics")
#: The manifest is written again when it has so many times the calls: it grows with every step.
GROWTH = 1.1
#: The most names in a note.
LISTED = 5


def record(
    model: Any,
    folder: str | Path,
    *,
    every: int = 1,
    samples: int | None = None,
    seed: int = 0,
    keep: str = "arrays",
    overwrite: bool = False,
) -> Recording:
    """Record the activation layers of a `torch.nn.Module` into a folder, within a `with` block.

    >>> with actgrad.record(model, "acts", every=100):
    ...     train(model)

    A step is a forward call of the model in training mode from which a gradient comes back. Every
    `every`-th is recorded: the input x of each activation, module or function, and the gradient
    dout that comes back to its output. Of more than `samples` rows, a random choice of that many is
    kept, which depends on `seed` and the step alone. With `keep="statistics"`, those of the arrays
    are computed at once and kept in their place: a few kilobytes a layer. The training computes
    what it computes without recording, bit for bit if it is not compiled: what `torch.compile` has
    compiled runs uncompiled at a recorded step. An error of the recording does not reach it.
    With `overwrite`, the first recorded step replaces the recording that the folder holds. A
    warning says what was not recorded, and why.

    Raises:
        RecordingError: PyTorch or safetensors is not installed, `every` or `samples` is less than
            1, `keep` is neither "arrays" nor "statistics", or the folder holds a recording
            and `overwrite` is False.
    """
    if not overwrite:
        require_no_recording(Path(folder), "overwrite=True replaces it; or name another folder")
    return Recording(model, Path(folder), every, samples, seed, keep)


class Recording:
    """A recording in progress: it listens to the model from `__enter__` to `__exit__`."""

    def __init__(
        self,
        model: Any,
        folder: Path,
        every: int,
        samples: int | None,
        seed: int,
        keep: str,
    ) -> None:
        if every < 1 or (samples is not None and samples < 1):
            raise RecordingError("every and samples must be at least 1")
        if keep not in KEPT:
            raise RecordingError(f"keep is {keep!r}", f"one of {', '.join(KEPT)}")
        try:
            import safetensors.torch  # noqa: F401
        except ImportError:
            raise RecordingError(
                "recording needs the packages torch and safetensors",
                'pip install "actgrad[torch]"',
            ) from None
        from actgrad.layers.frameworks.training_steps import TrainingSteps

        self._model, self._folder, self._keep = model, folder, keep
        # A model that is given is a way in from Python.
        self._warns, self._made_folder = model is not None, False
        self._calls: list[RecordedLayer] = []
        #: How many of them the manifest has.
        self._written = 0
        self._training = TrainingSteps(every, samples, seed, self._save)
        #: The calls of the model that no layer of the catalogue computes.
        self._unmapped: dict[str, None] = {}
        #: The models that were called beside this one.
        self.other_models: list[str] = []

    @property
    def steps(self) -> int:
        """The number of training steps so far."""
        return self._training.count

    @property
    def steps_recorded(self) -> list[int]:
        """The numbers of the recorded steps."""
        return list(dict.fromkeys(call.step for call in self._calls))

    @property
    def notes(self) -> list[str]:
        """What the user must know of a recording that ended: what it lacks, and why."""
        model = class_name(self._model)
        notes = []
        if self._training.error is not None:
            kind = type(self._training.error).__name__
            notes.append(f"the recording of {model} ended: {kind}: {self._training.error}")
        elif not self._calls and self._model is not None:
            others = ", ".join(f"{n} times {why}" for why, n in self._training.others.items())
            called = (
                f"was called {others}" if others else "was not called, or only as compiled code"
            )
            notes.append(f"{model} {called}: that is no training step")
        reached = {call.name for call in self._calls if call.has_dout}
        missed = dict.fromkeys(call.name for call in self._calls if call.name not in reached)
        if reached and missed:
            notes.append(f"no gradient arrived at {short_list(missed)}")
        elif missed:
            notes.append(f"no gradient arrived at {model}: is there a backward?")
        if self._unmapped:
            notes.append(f"no layer of actgrad computes {short_list(self._unmapped)}: not recorded")
        if self.other_models:
            others = ", ".join(self.other_models)
            notes.append(f"not recorded: {others}; {model_name(self._model)} was called first")
        return notes

    def __str__(self) -> str:
        """How many layers were recorded, of which model, and at how many steps."""
        layers, steps = len({call.name for call in self._calls}), len(self.steps_recorded)
        text = f"{layers} layer{'s' * (layers != 1)} of {class_name(self._model)}"
        return f"{text} at {steps} step{'s' * (steps != 1)}"

    def __enter__(self) -> Recording:
        self._made_folder = not os.path.exists(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._model is not None:
            self._training.listen(self._model)
        return self

    def listen(self, model: Any, arguments: Any) -> None:
        """Begin to record a model whose forward call has just begun."""
        self._model = model
        self._training.listen(model)
        self._training.begin(model, arguments)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._training.finish()
        try:
            if self._calls:
                Manifest(self._calls, self.notes).write(self._folder)
            elif self._made_folder:
                self._folder.rmdir()
        except OSError as failure:  # as a full disk raises
            self._training.error = failure
        for note in self.notes if self._warns else []:
            warnings.warn(f"actgrad: {note}", stacklevel=2)

    def _save(self, capture: Any) -> None:
        """Write the tensors of the captured step, and the manifest."""
        if not self._calls:
            remove_recording(self._folder)
        self._unmapped.update(capture.unmapped)
        self._calls += capture.save(self._folder, self._keep)
        if len(self._calls) >= GROWTH * self._written:
            Manifest(self._calls).write(self._folder)
            self._written = len(self._calls)


def short_list(names: Iterable[str]) -> str:
    """The first of these names, between commas."""
    every_name = [*names]
    return ", ".join(every_name[:LISTED]) + (", …" if len(every_name) > LISTED else "")


def class_name(model: Any) -> str:
    """The name of the model's class, or of the class that `torch.compile` has wrapped."""
    return type(getattr(model, "_orig_mod", model)).__name__


def model_name(model: Any) -> str:
    """The name of the model's class, and of a Sequential's parts: it is every other model's, too.

    >>> model_name(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    'Sequential(Linear, ReLU)'
    """
    name = class_name(model)
    if name != "Sequential":
        return name
    parts = getattr(model, "_orig_mod", model).children()
    return f"{name}({short_list(map(class_name, parts))})"


@contextmanager
def recording_first_model(
    folder: Path, *, every: int, samples: int | None, seed: int, keep: str
) -> Iterator[Recording]:
    """Record the first model that is called as in training: with gradients, in training mode.

    The first recorded step replaces the recording that the folder holds. Raises what `record`
    raises but for that.
    """
    recording = Recording(None, folder, every, samples, seed, keep)
    from actgrad.layers.frameworks.called_models import CalledModels

    with recording, CalledModels(recording.listen) as called:
        recording.other_models = called.others
        yield recording
