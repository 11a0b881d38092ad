"""Recording what the activation layers of a PyTorch model get, and the gradients that come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from actgrad.layers.frameworks.manifest import MANIFEST, Manifest, RecordedLayer, RecordingError

#: What a recording may keep of each layer.
KEPT = ("arrays", "statistics")
#: The manifest is written again when it has so many times the calls: it grows with every step.
GROWTH = 1.1


def record(
    model: Any,
    folder: str | Path,
    *,
    every: int = 1,
    samples: int | None = None,
    seed: int = 0,
    keep: str = "arrays",
) -> Recording:
    """Record the activation layers of a `torch.nn.Module` into a folder, within a `with` block.

    >>> with actgrad.record(model, "acts", every=100):
    ...     train(model)

    A step is a forward call of the model in training mode; every `every`-th is recorded: the input
    x of each activation, module or function, and the gradient dout that comes back to its output.
    Of more than `samples` rows, a random choice of that many is kept, which depends on `seed` and
    the step alone. With `keep="statistics"`, those of the arrays are computed at once and kept in
    their place: a few kilobytes a layer. The training computes what it computes without recording,
    bit for bit.

    Raises:
        RecordingError: PyTorch or safetensors is not installed, `every` or `samples` is less than
            1, `keep` is neither "arrays" nor "statistics", or the folder holds a recording.
    """
    return Recording(model, Path(folder), every, samples, seed, keep)


class Recording:
    """A recording in progress: it listens to the model from `__enter__` to `__exit__`."""

    def __init__(
        self, model: Any, folder: Path, every: int, samples: int | None, seed: int, keep: str
    ) -> None:
        if every < 1 or (samples is not None and samples < 1):
            raise RecordingError("every and samples must be at least 1")
        if keep not in KEPT:
            raise RecordingError(f"keep is {keep!r}", f"one of {', '.join(KEPT)}")
        if (folder / MANIFEST).exists():
            raise RecordingError(f"{folder} holds a recording", "remove it, or name another folder")
        try:
            import safetensors.torch  # noqa: F401
        except ImportError:
            raise RecordingError(
                "recording needs the packages torch and safetensors",
                'pip install "actgrad[torch]"',
            ) from None
        self._model, self._folder, self._every = model, folder, every
        self._samples, self._seed, self._keep = samples, seed, keep
        self._handles: list[Any] = []
        self._capture: Any = None
        self._calls: list[RecordedLayer] = []
        #: How many of them the manifest has.
        self._written = 0
        #: The number of forward calls so far.
        self.steps = 0

    def __enter__(self) -> Recording:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._model is not None:
            self._listen(self._model)
        return self

    def listen(self, model: Any, arguments: Any) -> None:
        """Begin to record a model whose forward call has just begun."""
        self._listen(model)
        self._begin(model, arguments)

    def _listen(self, model: Any) -> None:
        self._handles = [
            model.register_forward_pre_hook(self._begin),
            model.register_forward_hook(self._end, always_call=True),
        ]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._save()
        Manifest(self._calls).write(self._folder)

    def _begin(self, model: Any, arguments: Any) -> None:
        """Save the last recorded step, whose gradients are there now; start the next one."""
        if not model.training:
            return
        self._save()
        step, self.steps = self.steps, self.steps + 1
        if step % self._every == 0:
            from actgrad.layers.frameworks.capture import Capture

            self._capture = Capture(model, step, self._samples, self._seed + step)
            self._capture.start()

    def _end(self, model: Any, arguments: Any, result: Any) -> None:
        if self._capture is not None:
            self._capture.stop()

    def _save(self) -> None:
        """Write the tensors of the captured step, and the manifest."""
        capture, self._capture = self._capture, None
        if capture is None or not capture.calls:
            return
        capture.stop()
        self._calls += capture.save(self._folder, self._keep)
        if len(self._calls) >= GROWTH * self._written:
            Manifest(self._calls).write(self._folder)
            self._written = len(self._calls)


@contextmanager
def recording_first_model(
    folder: Path, *, every: int, samples: int | None, seed: int, keep: str
) -> Iterator[None]:
    """Record the first module with modules in it that is called in training mode.

    Raises what `record` raises.
    """
    recording = Recording(None, folder, every, samples, seed, keep)
    from torch.nn.modules.module import register_module_forward_pre_hook

    def begin(module: Any, arguments: Any) -> None:
        if module.training and any(True for _ in module.children()):
            handle.remove()
            recording.listen(module, arguments)

    handle = register_module_forward_pre_hook(begin)
    try:
        with recording:
            yield
    finally:
        handle.remove()
