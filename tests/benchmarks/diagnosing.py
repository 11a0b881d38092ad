"""What a diagnosis costs beside the summary of `forward`, and beside NumPy doing its work.

    python tests/benchmarks/diagnosing.py ACTGRAD [--power 28] [--folder DIR] [--runs 5]

ACTGRAD is the installed command. The file, of 2^power float32, is made in DIR, is in the page
cache, and vanishes at the end. Every figure is the median of alternating runs: the wall time, and
the CPU time, which other work on the machine lengthens less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

UNITS = 1024

FILE = """
import sys, numpy as np
rows = (1 << int(sys.argv[1])) // int(sys.argv[2])
x = np.lib.format.open_memmap("x.npy", "w+", np.float32, (rows, int(sys.argv[2])))
rng = np.random.default_rng(0)
for k in range(0, rows, 1 << 12):
    x[k : k + (1 << 12)] = rng.standard_normal(x[k : k + (1 << 12)].shape, dtype=np.float32)
"""
#: The statistics of each unit, as a user of NumPy would write them; sums are rounded.
NUMPY = """
import numpy as np
x = np.load("x.npy", mmap_mode="r")
parts = []
for k in range(0, len(x), 1 << 12):
    h = x[k : k + (1 << 12)]
    out = np.maximum(h, 0)
    slope = (h > 0).astype(h.dtype)
    wide = h.astype(np.float64)
    parts.append([
        h.min(axis=0), h.max(axis=0), wide.sum(axis=0), (wide * wide).sum(axis=0),
        np.isnan(h).sum(axis=0), np.isinf(h).sum(axis=0), (out == 0).sum(axis=0),
        (slope == 0).sum(axis=0), (slope <= 0.01).sum(axis=0),
        np.abs(slope).sum(axis=0, dtype=np.float64), (slope**2).sum(axis=0, dtype=np.float64),
    ])
    np.histogram(h, bins=[-np.inf, -32, -8, -2, -0.5, -0.125, 0, 0.125, 0.5, 2, 8, 32, np.inf])
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("actgrad")
    options.add_argument("--power", type=int, default=28)
    options.add_argument("--folder")
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    actgrad = os.path.abspath(given.actgrad)  # noqa: PTH100 — a link stays one
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        os.chdir(folder)
        subprocess.run([sys.executable, "-c", FILE, str(given.power), str(UNITS)], check=True)
        relu = ["relu", "--x", "x.npy"]
        diagnose = [actgrad, "diagnose", *relu]
        commands = {
            "forward relu, its summary": [actgrad, "forward", *relu],
            "diagnose relu": diagnose,
            "diagnose relu, one thread": [*diagnose, "--threads", "1"],
            "NumPy, the same statistics": [sys.executable, "-c", NUMPY],
        }
        show(commands, given.runs)


def show(commands: dict[str, list[str]], runs: int) -> None:
    """Run them in turns; print medians, the ratio to the first, and the peak of the memory."""
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            begun = time.perf_counter()
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                _, _, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begun
            cpu = usage.ru_utime + usage.ru_stime
            measured[name].append((seconds, cpu, usage.ru_maxrss / 1024))
    first = None
    for name, figures in measured.items():
        wall, cpu, peak = map(statistics.median, zip(*figures, strict=True))
        first = first or (wall, cpu)
        sys.stdout.write(
            f"{name:28} {wall:6.2f} s {wall / first[0]:5.2f}  CPU {cpu:6.2f} s"
            f" {cpu / first[1]:5.2f}  peak {peak:4.0f} MiB\n"
        )


if __name__ == "__main__":
    main()
