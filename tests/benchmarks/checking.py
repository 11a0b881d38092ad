"""How many points a second `check` judges of an element-wise layer that it knows nothing of.

    python tests/benchmarks/checking.py [POINTS]

Prints, for the textbook's Sigmoid and a right Relu, the median of alternating runs: a whole
examination of an x of a million normal numbers, in points by seconds of wall time and of processor
time, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np

from actgrad.layers.check import examine, load_subject

ROUNDS = 5


class Sigmoid:
    """As the textbook has it."""

    def forward(self, x: Any) -> Any:
        """1/(1 + exp(−x))."""
        self.out = 1 / (1 + np.exp(-x))
        return self.out.copy()

    def backward(self, dout: Any) -> Any:
        """dout·(1 − y)·y."""
        return dout * (1.0 - self.out) * self.out


class Relu:
    """The textbook's, out of place."""

    def forward(self, x: Any) -> Any:
        """X where it is above 0."""
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout: Any) -> Any:
        """Dout where x was above 0."""
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


def main(points: int) -> None:
    """Measure every layer in two dtypes, turn about."""
    x = np.random.default_rng(1).normal(0, 4, points)
    cases = [(cls, x.astype(dtype)) for cls in (Sigmoid, Relu) for dtype in ("f8", "f4")]
    rates: dict[int, list[tuple[float, float]]] = {k: [] for k in range(len(cases))}
    for _ in range(ROUNDS):
        for k, (cls, given) in enumerate(cases):
            wall, cpu = time.perf_counter(), time.process_time()
            judged = examine(load_subject(cls), given).points
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            rates[k].append((judged / wall / 1e6, judged / cpu / 1e6))
    for k, (cls, given) in enumerate(cases):
        wall, cpu = map(statistics.median, zip(*rates[k], strict=True))
        rate = f"{wall:.2f} M points/s, {cpu:.2f} by processor time"
        sys.stdout.write(f"{cls.__name__:8} {given.dtype}: {rate}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
