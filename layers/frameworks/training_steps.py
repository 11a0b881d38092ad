"""The training steps of a PyTorch model, told from its other forward calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch

from actgrad.layers.frameworks.capture import Capture


class TrainingSteps:
    """Captures every `every`-th training step of a model, and hands it to `save`.

    A training step is a forward call in training mode from which a gradient comes back. Whether one
    does is known later, so a capture waits: until its gradient arrives, or until PyTorch has freed
    its graph. The calls meanwhile are captured, too, and the first that gets a gradient is the
    step. Of the waiting captures the oldest and the newest are kept.

    An error in here, or in `save`, never reaches the training: it ends the recording.
    """

    def __init__(
        self, every: int, samples: int | None, seed: int, save: Callable[[Capture], None]
    ) -> None:
        self._every, self._samples, self._seed, self._save = every, samples, seed, save
        #: The number of training steps so far.
        self.count = 0
        #: The forward calls that are no training steps, by what they lack.
        self.others = Counter[str]()
        #: What ended the recording.
        self.error: Exception | None = None
        self._waiting: list[Capture] = []
        self._handles: list[Any] = []
        #: The last capture without a gradient, as long as no step was saved.
        self._without_gradient: Capture | None = None
        self._saved = False

    def listen(self, model: torch.nn.Module) -> None:
        """Listen to the forward calls of the model."""
        try:
            self._handles = [model.register_forward_pre_hook(self.begin)]
        except Exception as error:  # as TorchScript raises
            self._fail(error)

    def finish(self) -> None:
        """Listen no more, and save what waits.

        A capture without a gradient is saved if there is no other.
        """
        self._stop()
        try:
            self._settle()
            left = next(iter(self._waiting), self._without_gradient)
            if left is not None and left.calls and not self._saved:
                self._save(left)
        except Exception as error:  # of the disk, or of this project
            self._fail(error)
        self._waiting = []

    def begin(self, model: torch.nn.Module, _: Any) -> None:
        """Save the last captured step if its gradients are there; capture the next one."""
        # A compiler traces this function, and leaves out what follows.
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            return
        if not torch.is_grad_enabled():
            self.others["under torch.no_grad()"] += 1
        elif not model.training:
            self.others["in eval mode"] += 1
        else:
            try:
                self._settle()
                self._count(model)
            except Exception as error:  # of the disk, or of this project
                self._fail(error)

    def _count(self, model: torch.nn.Module) -> None:
        call, self.count = self.count, self.count + 1
        if not self._waiting and call % self._every:
            return
        step = self._waiting[0].step if self._waiting else call
        capture = Capture(model, step, call, self._samples, self._seed + step)
        self._waiting = [*self._waiting[:1], capture]
        capture.start()
        self._handles.append(model.register_forward_hook(self._end, always_call=True))

    def _end(self, *_: Any) -> None:
        if not torch.compiler.is_compiling() and self._waiting:
            self._waiting[-1].stop()

    def _settle(self) -> None:
        """Save the first waiting capture that has a gradient; drop those that can get none."""
        for handle in self._handles[1:]:
            handle.remove()
        del self._handles[1:]
        for capture in self._waiting:
            capture.stop()
            if capture.error is not None:
                raise capture.error
            if capture.has_gradient:
                # The calls before it were no training steps.
                self.count -= capture.call - capture.step
                self._waiting, self._without_gradient, self._saved = [], None, True
                self._save(capture)
                return
        waiting = [capture for capture in self._waiting if capture.awaits_gradient]
        if self._waiting and not waiting:
            self.others["without a backward"] += self.count - self._waiting[0].step
            self.count = self._waiting[0].step
            self._without_gradient = None if self._saved else self._waiting[-1]
        self._waiting = waiting

    def _fail(self, error: Exception) -> None:
        self.error = error
        self._stop()
        self._waiting, self._without_gradient = [], None

    def _stop(self) -> None:
        for capture in self._waiting:
            capture.stop()
        for handle in self._handles:
            handle.remove()
        self._handles = []
