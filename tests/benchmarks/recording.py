"""What a recorded step of a training in PyTorch costs beside one that is not recorded.

    python tests/benchmarks/recording.py [--steps 100] [--runs 5]

Run it in an environment with `actgrad[torch]`. Each figure is the median over alternating runs of
the CPU time of a step, in ms: of the training alone, with `record(keep="statistics")` at every
step, and at every hundredth. A run is `steps` steps of a model that is already warm.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn

import actgrad


def mlp(width: int) -> nn.Module:
    """Four hidden layers of relu."""
    widths = [32, width, width, width, width]
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def cnn() -> nn.Module:
    """Two convolutions with relu."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 8 * 8, 10),
    )


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP 4 × 64, batch 256": (lambda: mlp(64), (256, 32)),
    "CNN, 64 images of 16 × 16": (cnn, (64, 3, 16, 16)),
    "MLP 4 × 1024, batch 256": (lambda: mlp(1024), (256, 32)),
}


def seconds_of_a_step(model: nn.Module, x: Any, every: int | None, steps: int) -> float:
    """The CPU time of a step of the training, recorded at every `every`-th step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    target = torch.arange(len(x)) % 10
    with tempfile.TemporaryDirectory() as folder:
        recording = (
            actgrad.record(model, Path(folder, "acts"), every=every, keep="statistics")
            if every
            else nullcontext()
        )
        begun = time.process_time()
        with recording:
            for _ in range(steps):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x), target).backward()
                optimizer.step()
        return (time.process_time() - begun) / steps


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=100)
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    torch.set_num_threads(1)
    sys.stdout.write(f"{'model':26} {'plain':>8} {'every step':>18} {'every 100th':>18}\n")
    for name, (make, shape) in MODELS.items():
        torch.manual_seed(0)
        model, x = make(), torch.randn(shape)
        seconds_of_a_step(model, x, 1, 3)
        runs: dict[int | None, list[float]] = {None: [], 1: [], 100: []}
        for _ in range(given.runs):
            for every, measured in runs.items():
                # At every hundredth step, whole hundreds are run.
                steps = max(given.steps // 100, 1) * 100 if every == 100 else given.steps
                measured.append(seconds_of_a_step(model, x, every, steps))
        plain, each, hundredth = (1000 * statistics.median(measured) for measured in runs.values())
        sys.stdout.write(
            f"{name:26} {plain:8.2f} {each:8.2f} ({each / plain:5.2f} ×)"
            f" {hundredth:8.2f} ({hundredth / plain:5.2f} ×)\n"
        )


if __name__ == "__main__":
    main()
